//! Files that root alone can read: tokens and passwords that must not stand in hau.toml.
use crate::core::Problem;
use crate::host::Host;
use std::path::Path;
use zeroize::Zeroizing;

/// Group and others.
const OTHERS: u32 = 0o077;
/// A URL, a password: no longer.
const MOST_BYTES: usize = 4096;

/// The one line in such a file, without blanks around it. No message says anything of it.
///
/// # Errors
/// It is not there, others than root can read it, or it is not one line.
pub fn read(host: &dyn Host, path: &Path) -> Result<Zeroizing<String>, Problem> {
    let shown = path.display();
    let wrong = |what: String, remedy: String| Err(Problem { what, remedy });
    if host.link_target(path).is_some() {
        let what = format!("{shown} is a symbolic link");
        return wrong(what, "name the file itself in hau.toml".to_owned());
    }
    let put_it = format!("put it there, as root: (umask 077 && cat > {shown})");
    let found = match host.inspect(&[path.to_owned()]) {
        Ok(mut found) => found.remove(path),
        Err(e) => return wrong(e.to_string(), put_it),
    };
    let Some(file) = found else {
        return wrong(format!("{shown} is not there, or is no file"), put_it);
    };
    if file.uid != 0 || file.mode & OTHERS != 0 {
        let what = format!("others than root can read {shown}, which holds a secret");
        let remedy = format!(
            "chown root:root {shown} && chmod 0600 {shown}; renew what is in it if somebody may have read it"
        );
        return wrong(what, remedy);
    }
    let bytes = match host.read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(e) => return wrong(e.to_string(), put_it),
    };
    let line = str::from_utf8(&bytes).unwrap_or_default().trim();
    if line.is_empty() || line.len() > MOST_BYTES || line.chars().any(char::is_control) {
        let what = format!("{shown} does not hold one line of text");
        return wrong(what, put_it);
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    const FILE: &str = "/etc/hau/chat.secret";

    fn with(bytes: &[u8], mode: u32) -> FakeHost {
        let (host, path) = (FakeHost::new(), Path::new(FILE));
        host.make_dir(path.parent().expect("a folder"), 0o755)
            .expect("made");
        host.write(path, bytes, mode).expect("written");
        host
    }

    fn problem(host: &FakeHost) -> String {
        let Problem { what, remedy } = read(host, Path::new(FILE)).expect_err("refused");
        format!("{what}; {remedy}")
    }

    #[test]
    fn one_line_that_root_alone_can_read() {
        assert_eq!(
            read(&with(b"sekret\n", 0o600), Path::new(FILE)),
            Ok(Zeroizing::new("sekret".to_owned()))
        );
        assert_eq!(
            read(&with(b" two words", 0o400), Path::new(FILE)),
            Ok(Zeroizing::new("two words".to_owned()))
        );
        for mode in [0o640, 0o604, 0o620, 0o610] {
            let told = problem(&with(b"sekret", mode));
            assert!(told.contains("chmod 0600") && !told.contains("sekret"));
        }
        let others = with(b"sekret", 0o600);
        others.own(Path::new(FILE), 1000, 0).expect("owned");
        assert!(problem(&others).contains("others than root"));
    }

    #[test]
    fn anything_else_is_told_without_its_content() {
        let long = vec![b'x'; MOST_BYTES + 1];
        for bytes in [&b"sekret\nsekret"[..], b" \n", b"sekret\xff", &long] {
            let told = problem(&with(bytes, 0o600));
            assert!(told.contains("one line") && !told.contains("sekret"));
        }
        assert!(problem(&FakeHost::new()).contains("is not there"));
        let linked = with(b"sekret", 0o600);
        linked.remove(Path::new(FILE)).expect("removed");
        linked
            .link(Path::new("/root/x"), Path::new(FILE))
            .expect("linked");
        assert!(problem(&linked).contains("symbolic link"));
    }
}
