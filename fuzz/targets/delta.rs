//! A patch with any bytes changed makes a file of the announced length or nothing; of any two files the one is made of
//! the other again.
#![no_main]
use hau::delta::{Part, apply, diff};
use libfuzzer_sys::fuzz_target;

const OLD: &[u8] = include_bytes!("../data/old.jar");
const NEW: &[u8] = include_bytes!("../data/new.jar");

thread_local!(static HONEST: Vec<u8> = patch(OLD, NEW));

fn patch(old: &[u8], new: &[u8]) -> Vec<u8> {
    let part = |bytes: &[u8], hash| Part {
        name: "file",
        at: 0,
        length: bytes.len() as u64,
        hash,
    };
    let same = if old == new { b"o" } else { b"n" };
    let (before, after) = (part(old, b"o"), part(new, same));
    diff((&old, &[before]), (&new, &[after])).expect("any two files")
}

fuzz_target!(|data: &[u8]| {
    // Each three bytes: where in the patch, and what stands there instead.
    let mut changed = HONEST.with(Clone::clone);
    for edit in data.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % changed.len();
        changed[at] = edit[2];
    }
    let mut made = Vec::new();
    if apply(&OLD, &changed, NEW.len() as u64, &mut made).is_ok() {
        assert_eq!(made.len(), NEW.len());
    }
    let Some((cut, rest)) = data.split_first().filter(|(_, rest)| rest.len() < 4096) else {
        return;
    };
    let (old, new) = rest.split_at(usize::from(*cut) * rest.len() / 256);
    let mut made = Vec::new();
    let again = apply(&old, &patch(old, new), new.len() as u64, &mut made);
    again.expect("it was just made");
    assert_eq!(made, new);
});
