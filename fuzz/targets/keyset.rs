//! A key set of any text, or a chain of them: what is taken says the same when it is written and read again.
#![no_main]
use hau::bundle::KeySet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(sets) = KeySet::chain(&text) else {
        return;
    };
    for pair in sets.windows(2) {
        let _ = pair[1].signatures(Some(&pair[0]));
    }
    let written: String = sets.iter().map(KeySet::to_text).collect();
    let again = KeySet::chain(&written).expect("it was just written");
    assert!(again.len() == sets.len() && again.iter().zip(&sets).all(|(a, b)| a.is_same(b)));
});
