//! Key sets on a running pair: the first by hand, the next in a bundle; and what a pair does not forget.
use crate::pair::{Pair, wait};
use crate::watch::now;
use hau::bundle::{KeySet, Remembered};
use std::fs;

/// In force on both nodes from where it is staged, and the counter of what was activated is remembered under it.
pub(crate) fn a_bundle_brings_its_key_set(pair: &mut Pair) {
    pair.settle();
    for node in &pair.nodes {
        wait("the sidecar notes how far time has come", || {
            Remembered::load(&node.srv("lib")).unwrap().is_some()
        });
    }
    let [first, second] = pair.publisher.key_sets();
    for node in &pair.nodes {
        fs::write(node.srv("first.keys"), first.to_text()).unwrap();
        let args = ["keys", "install", "/srv/first.keys", "--state", "/srv/lib"];
        let said = node.ctl(&args);
        assert!(
            said.expect(0).text.contains("key set 1 is in force"),
            "{}",
            said.text
        );
        assert!(!node.srv("hau/keys/publisher.pub").exists());
    }
    let said = pair.nodes[0].ctl(&["doctor"]);
    let equal = "key set 1 (1 of 2 keys) on both nodes";
    assert!(said.text.contains(equal), "{}", said.text);

    let (bundle, version) = pair.publisher.bundle_that_brings(&[second]);
    let (master, begun) = (pair.master(), now());
    let bundle = bundle.to_str().unwrap();
    let said = pair.nodes[1].ctl(&["--json", "plan", bundle]);
    let sentence = "the bundle brings key set 2: in force on both nodes";
    assert!(said.expect(0).text.contains(sentence), "{}", said.text);
    let sets = |node: &crate::node::Node| fs::read(node.srv("hau/keys/shop.keys")).unwrap();
    assert_eq!(sets(&pair.nodes[1]), first.to_text().into_bytes());
    pair.nodes[1].ctl(&["upgrade", bundle]).expect(0);
    pair.has_upgraded(&version, master, begun);
    pair.figures.rollouts += 1;
    for node in &pair.nodes {
        let sets = KeySet::load(&node.srv("hau/keys/shop.keys")).unwrap();
        assert_eq!(sets[0].number(), 2, "node {}", node.name);
        let known = Remembered::load(&node.srv("lib")).unwrap().unwrap();
        let counter: u64 = version.split('.').nth(1).unwrap().parse().unwrap();
        assert_eq!(
            (known.key_set, known.counter),
            (2, Some(counter)),
            "node {}",
            node.name
        );
    }

    let (old, _) = pair.publisher.old_bundle();
    let said = pair.nodes[0].ctl(&["upgrade", old.to_str().unwrap()]);
    let sentence = "the highest that was ever installed here";
    assert!(said.expect(3).text.contains(sentence), "{}", said.text);
    // Nor where the node that is asked was made anew and remembers nothing: the other one does.
    let (kept, release) = (pair.nodes[0].srv("lib/trust.json"), pair.nodes[0].version());
    let (text, manifest) = (
        fs::read(&kept).unwrap(),
        pair.nodes[0]
            .srv("shop/releases")
            .join(release)
            .join("manifest.toml"),
    );
    let signed = fs::read(&manifest).unwrap();
    fs::remove_file(&kept).unwrap();
    fs::remove_file(&manifest).unwrap();
    let said = pair.nodes[0].ctl(&["upgrade", old.to_str().unwrap()]);
    let sentence = "node b: the bundle's counter";
    assert!(said.expect(3).text.contains(sentence), "{}", said.text);
    fs::write(&manifest, signed).unwrap();
    fs::write(&kept, text).unwrap();
}
