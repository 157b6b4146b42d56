//! What a rollback would do on this node, as commands for a person: where hau cannot, or may not.
use super::restore::{differences, read};
use super::{CODE, CONFIG, keys};
use crate::config::Settings;
use crate::host::{Host, HostResult};
use std::path::Path;

/// Exact, in their order, for root's shell on this node; empty where it is as the backup holds it.
pub fn by_hand(
    host: &dyn Host,
    settings: &Settings,
    state: &Path,
    dir: &Path,
) -> HostResult<Vec<String>> {
    let (manifest, contents) = read(host, dir)?;
    let todo = differences(host, settings, dir)?;
    if todo.is_none() {
        return Ok(Vec::new());
    }
    let units =
        |units: &mut dyn Iterator<Item = &str>| units.map(quoted).collect::<Vec<_>>().join(" ");
    let order = settings.start_order();
    let mut stop = order.iter().rev().map(|s| s.unit.as_str());
    let mut start = order.iter().map(|s| s.unit.as_str());
    let unpack = |tar: &str| format!("tar -C / -xpf {}", path(&dir.join(tar)));
    let mut lines = vec![format!("systemctl stop {}", units(&mut stop))];
    if !todo.release.is_empty() {
        lines.push(unpack(CODE));
    }
    if !todo.config.is_empty() {
        lines.push(unpack(CONFIG));
    }
    let newer = todo
        .config
        .iter()
        .filter(|p| !contents.config.contains_key(*p));
    lines.extend(newer.map(|newer| format!("rm {}", path(newer))));
    if let Some((to, info)) = manifest.root_key.as_ref().filter(|_| todo.has_other_key) {
        lines.push(format!(
            "install -m {:04o} -o {} -g {} {} {}",
            info.mode,
            info.uid,
            info.gid,
            path(&keys::file(state, &info.sha256)),
            path(to)
        ));
    }
    if todo.is_elsewhere {
        let current = settings.release.root.join("current");
        lines.push(format!(
            "ln -sfn {} {}",
            path(&contents.current),
            path(&current)
        ));
    }
    // Where the code is put somewhere else, too, that comes first, and has a row of its own.
    if settings.release.in_place.is_none() {
        lines.push(format!("systemctl start {}", units(&mut start)));
    }
    Ok(lines)
}

fn path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_a_word() {
        assert_eq!(quoted("/etc/shop/shop.conf"), "/etc/shop/shop.conf");
        assert_eq!(quoted("/etc/a b"), "'/etc/a b'");
        assert_eq!(quoted("it's $(x)"), "'it'\\''s $(x)'");
        assert_eq!(quoted(""), "''");
    }
}
