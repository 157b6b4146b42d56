//! What keepalived needs to ask hau: the include beside its configuration, and the lines in it. Nothing
//! of the site's is replaced: the changed text is put beside the file, for a person to look at.
use super::{Part, scene::Scene};
use crate::keepalived::conf::Item;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What goes to `/etc/keepalived/hau.conf`, as it is shipped.
pub(super) const INCLUDE: &str = include_str!("../../../keepalived/hau.conf");

/// A file of the site as it is and as it should be.
pub(super) struct Change {
    pub(super) file: PathBuf,
    pub(super) old: String,
    pub(super) new: String,
}

/// One line of `global_defs`: its key, and the whole of it.
const GLOBALS: [(&str, &str); 6] = [
    ("vrrp_notify_fifo", "vrrp_notify_fifo /run/hau/notify.fifo"),
    (
        "vrrp_notify_priority_changes",
        "vrrp_notify_priority_changes true",
    ),
    (
        "vrrp_higher_prio_send_advert",
        "vrrp_higher_prio_send_advert true",
    ),
    ("vrrp_garp_master_delay", "vrrp_garp_master_delay 1"),
    ("enable_script_security", "enable_script_security"),
    ("script_user", "script_user root"),
];
const FIFO: &str = "/run/hau/notify.fifo";

/// Lines to put in, by file and the line (from 1) that they follow; lines to take out.
#[derive(Default)]
struct Edits {
    put: BTreeMap<(PathBuf, usize), Vec<String>>,
    cut: Vec<(PathBuf, usize)>,
}

impl Edits {
    /// Right behind the brace that opens the block of `item`.
    fn inside(&mut self, scene: &Scene<'_>, item: &Item, lines: &[String]) {
        let (file, at) = place(item);
        let text = scene.text(&file);
        let opens = text
            .lines()
            .skip(at - 1)
            .position(|line| line.contains('{'));
        let after = at + opens.unwrap_or(0);
        let lines = lines.iter().map(|line| format!("  {line}"));
        self.put.entry((file, after)).or_default().extend(lines);
    }
}

/// Each file that has to change, and what a person must decide.
pub(super) fn changes(scene: &Scene<'_>) -> (Vec<Change>, Part) {
    let (mut edits, mut part) = (Edits::default(), Part::default());
    globals(scene, &mut edits, &mut part);
    instance(scene, &mut edits, &mut part);
    let mut files: Vec<PathBuf> = edits.put.keys().map(|(file, _)| file.clone()).collect();
    files.extend(edits.cut.iter().map(|(file, _)| file.clone()));
    files.sort();
    files.dedup();
    let changes = files.into_iter().map(|file| {
        let old = scene.text(&file);
        let new = apply(&edits, &file, &old);
        Change { file, old, new }
    });
    (changes.collect(), part)
}

fn globals(scene: &Scene<'_>, edits: &mut Edits, part: &mut Part) {
    let missing = GLOBALS
        .iter()
        .filter(|(key, _)| scene.tree.global(key).is_none());
    let lines: Vec<String> = missing.map(|(_, line)| (*line).to_owned()).collect();
    let fifo = scene
        .tree
        .global("vrrp_notify_fifo")
        .map(|item| item.arg().to_owned());
    if let Some(other) = fifo.filter(|other| other != FIFO) {
        part.ask(
            &format!("vrrp_notify_fifo {FIFO}"),
            sentence!(
                "keepalived writes its events to {}: can its reader use `notify_fifo` instead?",
                other
            ),
        );
    }
    if lines.is_empty() {
        return;
    }
    match scene.tree.all("global_defs").next() {
        Some(item) => edits.inside(scene, item, &lines),
        None => {
            let all = std::iter::once("global_defs {".to_owned());
            let all = all.chain(lines.iter().map(|line| format!("  {line}")));
            let all = all.chain(["}".to_owned(), String::new()]);
            edits
                .put
                .entry((scene.conf.clone(), 0))
                .or_default()
                .extend(all);
        }
    }
}

/// The trackers belong to the sync group where there is one; the include comes before it.
fn instance(scene: &Scene<'_>, edits: &mut Edits, part: &mut Part) {
    let named = |key: &str, name: &str| {
        scene
            .tree
            .items
            .iter()
            .find(|item| item.key() == key && item.arg() == name)
    };
    let Some(own) = named("vrrp_instance", &scene.instance.name) else {
        return;
    };
    let group = scene.instance.in_sync_group.as_ref();
    let holder = group
        .and_then(|group| named("vrrp_sync_group", &group.name))
        .unwrap_or(own);
    let defines =
        |item: &Item| matches!(item.key(), "track_file" | "vrrp_track_file") && item.arg() == "hau";
    if !scene.tree.items.iter().any(defines) {
        let first = scene
            .tree
            .items
            .iter()
            .find(|item| matches!(item.key(), "vrrp_instance" | "vrrp_sync_group"));
        let (file, at) = place(first.unwrap_or(own));
        let lines = edits.put.entry((file, at - 1)).or_default();
        lines.extend(["include /etc/keepalived/hau.conf".to_owned(), String::new()]);
    }
    let mut lines = Vec::new();
    let tracks = |key: &str, name: &str| {
        let blocks = holder.items().iter().filter(|item| item.key() == key);
        blocks.flat_map(Item::items).any(|item| item.key() == name)
    };
    if !tracks("track_file", "hau") {
        lines.push("track_file { hau weight 1 }".to_owned());
    }
    if !tracks("track_script", "hau_check") {
        lines.push("track_script { hau_check }".to_owned());
    }
    lines.extend(hooks(holder, part));
    if !lines.is_empty() {
        edits.inside(scene, holder, &lines);
    }
    for item in own.items().iter().filter(|item| item.key() == "nopreempt") {
        edits.cut.push(place(item));
    }
}

fn hooks(holder: &Item, part: &mut Part) -> Vec<String> {
    let hooks: Vec<&Item> = holder
        .items()
        .iter()
        .filter(|item| item.key().starts_with("notify"))
        .collect();
    if hooks
        .iter()
        .any(|item| item.rest().contains("hau-sidecar notify"))
    {
        return Vec::new();
    }
    for hook in hooks
        .iter()
        .filter(|item| item.key() != "notify_priority_changes")
    {
        part.ask(
            &format!("{} {}", hook.key(), hook.rest()),
            sentence!(
                "keepalived calls this, too: if it promotes a database take it out, for exactly one may do that"
            ),
        );
    }
    if hooks.iter().all(|item| item.key() != "notify") {
        return vec!["notify \"/usr/sbin/hau-sidecar notify\"".to_owned()];
    }
    let states = ["master", "backup", "fault", "stop"].into_iter();
    let free = states.filter(|state| {
        hooks
            .iter()
            .all(|item| item.key() != format!("notify_{state}"))
    });
    free.map(|state| format!("notify_{state} \"/usr/sbin/hau-sidecar notify {state}\""))
        .collect()
}

fn place(item: &Item) -> (PathBuf, usize) {
    let Some(word) = item.words.first() else {
        return (PathBuf::new(), 1);
    };
    (
        word.at.file.to_path_buf(),
        usize::try_from(word.at.line).unwrap_or(1),
    )
}

fn apply(edits: &Edits, file: &Path, old: &str) -> String {
    let put = |after: usize| {
        edits
            .put
            .get(&(file.to_path_buf(), after))
            .into_iter()
            .flatten()
            .cloned()
    };
    let mut lines: Vec<String> = put(0).collect();
    for (n, line) in old.lines().enumerate() {
        // Only a line that says nothing else is taken out.
        let is_cut = edits.cut.contains(&(file.to_path_buf(), n + 1))
            && line.split_whitespace().count() == 1;
        lines.extend((!is_cut).then(|| line.to_owned()));
        lines.extend(put(n + 1));
    }
    lines.join("\n") + "\n"
}
