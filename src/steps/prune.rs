//! Which releases may go: unpacked ones take room, those that somebody goes back to or has staged do not lie there in vain.
use crate::host::{Host, HostResult};
use semver::Version;
use std::{collections::BTreeSet, path::Path};

/// Removes the oldest releases below `root` until no more than `most` are left; never the one that runs,
/// the one before it, or one of `needed`. What is left of an unpacking that was cut off goes, too.
///
/// # Errors
/// A folder cannot be read or removed; what was removed stays removed.
pub fn prune(host: &dyn Host, root: &Path, most: u32, needed: &[&str]) -> HostResult<()> {
    let releases = root.join("releases");
    let linked = ["current", "previous"].map(|link| host.link_target(&root.join(link)));
    let linked = linked.into_iter().flatten();
    let linked = linked.filter_map(|to| Some(to.file_name()?.to_string_lossy().into_owned()));
    let keep: BTreeSet<String> = linked
        .chain(needed.iter().map(ToString::to_string))
        .collect();
    let others = host.list(&releases)?.into_iter();
    let mut old: Vec<String> = others.filter(|name| !keep.contains(name)).collect();
    // By their versions: 1.10.0 is newer than 1.9.0. What is none is older than all.
    old.sort_by_cached_key(|name| Version::parse(name).ok());
    let spare = usize::try_from(most).unwrap_or(usize::MAX);
    for name in old.iter().rev().skip(spare.saturating_sub(keep.len())) {
        host.remove(&releases.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    /// What is left of these releases, of which at most so many stay.
    fn left(most: u32, needed: &[&str]) -> Vec<String> {
        let host = FakeHost::new();
        for name in [
            "1.8.0",
            "1.9.0",
            "1.10.0",
            "1.11.0",
            ".1.12.0.partial",
            "by-hand",
        ] {
            let dir = Path::new("/opt/shop/releases").join(name);
            host.make_dir(&dir, 0o755).unwrap();
        }
        for (link, to) in [
            ("current", "releases/1.10.0"),
            ("previous", "releases/1.8.0"),
        ] {
            host.link(Path::new(to), &Path::new("/opt/shop").join(link))
                .unwrap();
        }
        prune(&host, Path::new("/opt/shop"), most, needed).unwrap();
        host.list(Path::new("/opt/shop/releases")).unwrap()
    }

    #[test]
    fn what_runs_what_came_before_it_and_what_is_needed_stay_whatever_the_limit() {
        assert_eq!(left(0, &[]), ["1.10.0", "1.8.0"]);
        assert_eq!(left(2, &["1.11.0"]), ["1.10.0", "1.11.0", "1.8.0"]);
    }

    #[test]
    fn of_the_others_the_newest_stay_by_version_and_not_by_name() {
        assert_eq!(left(3, &[]), ["1.10.0", "1.11.0", "1.8.0"]);
        assert_eq!(left(4, &[]), ["1.10.0", "1.11.0", "1.8.0", "1.9.0"]);
        assert_eq!(left(9, &[]).len(), 6);
    }
}
