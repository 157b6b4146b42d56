//! Which paths a bundle may contain. Everything here is judged from the bytes alone.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use super::error::Refusal;

/// Bytes of one name between slashes: the limit of Linux file systems.
pub(super) const MAX_COMPONENT: usize = 255;
/// Bytes of a whole path, well below `PATH_MAX` wherever releases are kept.
pub(super) const MAX_PATH: usize = 1024;

/// `bytes` as a relative path of plain components, or why it is none.
pub(super) fn check_path(bytes: &[u8]) -> Result<&str, Refusal> {
    let shown = || printable(bytes);
    if bytes.len() > MAX_PATH {
        return Err(Refusal::LongPath {
            path: printable(&bytes[..40]),
        });
    }
    let bad = |what| {
        Err(Refusal::BadCharacter {
            path: shown(),
            what,
        })
    };
    let Ok(path) = std::str::from_utf8(bytes) else {
        return bad("bytes that are not UTF-8");
    };
    if path.contains('\0') {
        return bad("a NUL byte");
    }
    if path.contains('\\') {
        return bad("a backslash");
    }
    if path.chars().any(char::is_control) {
        return bad("a control character");
    }
    if path.starts_with('/') || has_drive(path) {
        return Err(Refusal::AbsolutePath { path: shown() });
    }
    for part in path.split('/') {
        match part {
            ".." => return Err(Refusal::ParentPath { path: shown() }),
            "" | "." => return Err(Refusal::OddPath { path: shown() }),
            long if long.len() > MAX_COMPONENT => {
                return Err(Refusal::LongPath {
                    path: long.chars().take(40).collect(),
                });
            }
            _ => {}
        }
    }
    Ok(path)
}

/// `C:` is a name like any other here, and another place where somebody unpacks the bundle to look at it.
fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// What a path is where neither case counts nor how an accent is written.
fn folded(path: &str) -> String {
    path.nfc()
        .collect::<String>()
        .to_lowercase()
        .nfc()
        .collect()
}

/// Refuses paths of which one could take the place of another, also where case does not count.
pub(super) fn check_distinct<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut files: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        if let Some(other) = files.insert(folded(path), path) {
            return Err(if other == path {
                Refusal::DuplicateMember {
                    path: path.to_owned(),
                }
            } else {
                Refusal::Collision {
                    path: path.to_owned(),
                    other: other.to_owned(),
                }
            });
        }
    }
    for (folded, path) in &files {
        let mut folders = folded.match_indices('/').map(|(at, _)| &folded[..at]);
        if let Some(other) = folders.find_map(|folder| files.get(folder)) {
            return Err(Refusal::Collision {
                path: (*path).to_owned(),
                other: (*other).to_owned(),
            });
        }
    }
    Ok(())
}

/// A product or key name: it becomes part of file names.
pub(super) fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// For a message: one line, no control sequences, whatever the bytes are.
pub(super) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_pass() {
        for path in [
            "a",
            "app/shop.jar",
            ".hidden",
            "..a/b..",
            "schema/0007 add.sql",
            "文档/说明.txt",
            "a...b",
            "man/Shop::Order.3pm",
        ] {
            assert_eq!(check_path(path.as_bytes()), Ok(path));
        }
        assert!(check_path("x".repeat(MAX_COMPONENT).as_bytes()).is_ok());
    }

    #[test]
    fn each_hostile_path_has_its_own_answer() {
        let refusal = |bytes: &[u8]| check_path(bytes).expect_err("hostile");
        assert!(matches!(
            refusal(b"/etc/passwd"),
            Refusal::AbsolutePath { .. }
        ));
        assert!(matches!(refusal(b"//etc"), Refusal::AbsolutePath { .. }));
        assert!(matches!(refusal(b"c:/etc"), Refusal::AbsolutePath { .. }));
        assert!(matches!(refusal(b"C:etc"), Refusal::AbsolutePath { .. }));
        for path in ["..", "../a", "a/..", "a/../b"] {
            assert!(
                matches!(refusal(path.as_bytes()), Refusal::ParentPath { .. }),
                "{path}"
            );
        }
        for path in ["", ".", "./a", "a//b", "a/", "a/./b"] {
            assert!(
                matches!(refusal(path.as_bytes()), Refusal::OddPath { .. }),
                "{path}"
            );
        }
        for path in [
            &b"a\\b"[..],
            b"a\0b",
            b"a\nb",
            b"\x1b[2Jb",
            b"a\xff",
            "a\u{85}".as_bytes(),
        ] {
            assert!(
                matches!(refusal(path), Refusal::BadCharacter { .. }),
                "{path:?}"
            );
        }
        assert!(matches!(
            refusal("x".repeat(MAX_COMPONENT + 1).as_bytes()),
            Refusal::LongPath { .. }
        ));
        assert!(matches!(
            refusal("é".repeat(200).as_bytes()),
            Refusal::LongPath { .. }
        ));
        assert!(matches!(
            refusal("ab/".repeat(400).as_bytes()),
            Refusal::LongPath { .. }
        ));
    }

    #[test]
    fn no_message_carries_a_control_character() {
        for path in [&b"/a\x1b[2J"[..], b"../\r\n", b"\xff\x07"] {
            let message = check_path(path).expect_err("hostile").to_string();
            assert!(!message.chars().any(char::is_control), "{message:?}");
        }
    }

    #[test]
    fn paths_that_could_replace_each_other_collide() {
        let check = |paths: &[&str]| check_distinct(paths.iter().copied());
        assert_eq!(check(&["a", "b/a", "b/c", "ab"]), Ok(()));
        assert!(matches!(
            check(&["a", "a"]),
            Err(Refusal::DuplicateMember { .. })
        ));
        assert!(matches!(
            check(&["a/B", "A/b"]),
            Err(Refusal::Collision { .. })
        ));
        assert!(matches!(
            check(&["Straße", "STRASSE", "straße"]),
            Err(Refusal::Collision { .. })
        ));
        assert!(matches!(
            check(&["caf\u{e9}", "cafe\u{301}"]),
            Err(Refusal::Collision { .. })
        ));
        assert!(matches!(
            check(&["lib", "lib/x"]),
            Err(Refusal::Collision { .. })
        ));
        assert!(matches!(
            check(&["lib/x/y", "LIB/X"]),
            Err(Refusal::Collision { .. })
        ));
    }

    #[test]
    fn names_are_safe_as_file_names() {
        assert!(is_plain_name("shop") && is_plain_name("shop-2_b.c"));
        for name in ["", ".", "..", "-x", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(!is_plain_name(name), "{name}");
        }
    }
}
