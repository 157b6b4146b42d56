//! Which old file or entry a new one is compared with: the one of its name, else one whose name is alike.

use std::collections::{BTreeMap, BTreeSet};

/// For each new name the place of an old one; an old one may serve many.
pub(super) fn pairs<N: AsRef<[u8]>>(old: &[N], new: &[N]) -> Vec<Option<usize>> {
    let old: Vec<&[u8]> = old.iter().map(AsRef::as_ref).collect();
    let new: Vec<&[u8]> = new.iter().map(AsRef::as_ref).collect();
    let by_name: BTreeMap<&[u8], usize> = old
        .iter()
        .enumerate()
        .map(|(at, name)| (*name, at))
        .collect();
    let kept: BTreeSet<&[u8]> = new
        .iter()
        .copied()
        .filter(|name| by_name.contains_key(name))
        .collect();
    // One that is gone is more likely the old self of a new one than one that is still there.
    let gone_last = old
        .iter()
        .enumerate()
        .filter(|(_, name)| kept.contains(*name));
    let gone_last = gone_last.chain(
        old.iter()
            .enumerate()
            .filter(|(_, name)| !kept.contains(*name)),
    );
    let (mut alike, mut same_file) = (BTreeMap::new(), BTreeMap::new());
    for (at, name) in gone_last {
        let name = without_version(name);
        same_file.insert(file_name(&name).to_vec(), at);
        alike.insert(name, at);
    }
    let find = |name: &&[u8]| {
        let exact = by_name.get(name);
        exact.copied().or_else(|| {
            let name = without_version(name);
            alike
                .get(&name)
                .or_else(|| same_file.get(file_name(&name)))
                .copied()
        })
    };
    new.iter().map(find).collect()
}

/// The name with each number in it as one mark: `lib/core-6.1.2.jar` and `lib/core-6.1.10.jar` are alike.
fn without_version(name: &[u8]) -> Vec<u8> {
    let mut plain: Vec<u8> = name
        .iter()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte })
        .collect();
    plain.dedup_by(|one, other| *one == b'0' && *other == b'0');
    plain
}

fn file_name(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_comes_first_then_another_version_then_another_folder() {
        let old = [
            "lib/core-6.1.2.jar",
            "lib/core-6.1.3.jar",
            "a/Main.class",
            "b/Main.class",
        ];
        assert_eq!(
            pairs(
                &old,
                &[
                    "lib/core-6.1.3.jar",
                    "lib/core-6.1.10.jar",
                    "c/Main.class",
                    "novel"
                ]
            ),
            [Some(1), Some(0), Some(3), None]
        );
    }
}
