//! Hostile archives behind a signature that holds, one for each thing that archives are known to do to those who unpack
//! them; made here, each refused by its own sentence, here and by the process that takes bundles apart.

use super::*;
use hau::unpacker::Order;

/// A name, the manifest's files, and what comes behind the signature.
#[derive(Clone)]
struct Case {
    name: String,
    listed: String,
    members: Vec<Vec<u8>>,
}

const APP: &[u8] = b"12345";

fn app() -> Vec<u8> {
    file("app", APP)
}

/// As long as the manifest says it is, whatever is wrong with it otherwise.
fn case(name: impl Into<String>, listed: String, members: &[Vec<u8>]) -> Case {
    let (name, members) = (name.into(), members.to_vec());
    Case {
        name,
        listed,
        members,
    }
}

/// The manifest lists `app`, and this comes.
fn with(name: impl Into<String>, members: &[Vec<u8>]) -> Case {
    case(name, listed("app", APP), members)
}

fn gnu(name: &[u8]) -> Vec<u8> {
    let body = [name, b"\0"].concat();
    member(b"././@LongLink", b'L', 0o644, body.len() as u64, &body)
}

fn linked(kind: u8, to: &[u8]) -> Vec<u8> {
    let mut link = member(b"app", kind, 0o644, 0, b"");
    link[157..157 + to.len()].copy_from_slice(to);
    seal(&mut link);
    link
}

fn sized(size: &[u8; 12]) -> Vec<u8> {
    let mut odd = app();
    odd[124..136].copy_from_slice(size);
    seal(&mut odd);
    odd
}

/// Paths that lead elsewhere, by each of the ways in which an archive names a file.
fn paths() -> Vec<Case> {
    let named = [
        ("an absolute path", "/etc/cron.d/x".to_owned()),
        ("two slashes before it", "//etc/cron.d/x".to_owned()),
        ("up and out", "../../etc/cron.d/x".to_owned()),
        ("out from within", "lib/../../x".to_owned()),
        ("nothing but up", "..".to_owned()),
        ("a drive", "C:/windows/x".to_owned()),
        ("a drive without a slash", "C:x".to_owned()),
        ("backslashes", "..\\..\\x".to_owned()),
        ("a line feed", "app\nx".to_owned()),
        ("a terminal's escape", "app\u{1b}[2J".to_owned()),
        ("an empty part", "lib//x".to_owned()),
        ("a dot before it", "./app".to_owned()),
        ("a slash at its end", "app/".to_owned()),
        ("a long name", "x".repeat(256)),
        ("a long path", "ab/".repeat(350) + "c"),
    ];
    let mut cases = Vec::new();
    for (what, path) in named {
        let quoted = toml::Value::from(path.as_str()).to_string();
        let in_manifest = listed("P", APP).replace("\"P\"", &quoted);
        cases.push(case(
            format!("{what}, in the manifest"),
            in_manifest,
            &[app()],
        ));
        if path.len() <= 100 {
            cases.push(with(format!("{what}, in the header"), &[file(&path, APP)]));
        }
        let long = [gnu(path.as_bytes()), file("", APP)];
        cases.push(with(format!("{what}, in GNU's long name"), &long));
        let pax = [pax(&[("path", &path)]), file("", APP)];
        cases.push(with(format!("{what}, in pax"), &pax));
    }
    let bytes = |name: &[u8]| member(name, b'0', 0o644, 5, APP);
    cases.push(with(
        "a NUL within a long name",
        &[gnu(b"app\0/../x"), file("", APP)],
    ));
    cases.push(with("bytes that are no text", &[bytes(b"app\xff")]));
    cases
}

/// Two names for one place.
fn twice() -> Vec<Case> {
    let pair = |what: &str, one: &str, other: &str| {
        let both = listed(one, b"1") + &listed(other, b"2");
        case(what, both, &[file(one, b"1"), file(other, b"2")])
    };
    vec![
        pair("the same name twice", "a", "a"),
        pair("names that differ by case", "App", "aPP"),
        pair(
            "names that differ by how an accent is written",
            "caf\u{e9}",
            "cafe\u{301}",
        ),
        pair("a file that is a folder, too", "lib", "lib/x"),
        pair("another manifest", "x", "Manifest.toml"),
        with("a member twice", &[app(), app()]),
        with(
            "a second manifest behind it",
            &[app(), file("manifest.toml", b"format = 1")],
        ),
        with(
            "a second signature",
            &[app(), file("manifest.toml.minisig", b"x")],
        ),
    ]
}

/// What is no file.
fn kinds() -> Vec<Case> {
    let special = |what: &str, kind: u8| with(what, &[member(b"app", kind, 0o644, 0, b"")]);
    vec![
        with("a symbolic link out", &[linked(b'2', b"/etc/shadow")]),
        with(
            "a link, and a file through it",
            &[linked(b'2', b"/etc"), file("app/passwd", APP)],
        ),
        with("a hard link out", &[linked(b'1', b"/etc/shadow")]),
        with(
            "a GNU long link",
            &[member(b"././@LongLink", b'K', 0o644, 4, b"/etc"), app()],
        ),
        special("a character device", b'3'),
        special("a block device", b'4'),
        special("a folder", b'5'),
        special("a fifo", b'6'),
        special("a sparse file", b'S'),
        special("a file of a kind of its own", b'V'),
        case(
            "setuid in the manifest",
            listed_as("app", 5, "4755", APP),
            &[app()],
        ),
        with(
            "setuid in the header",
            &[member(b"app", b'0', 0o4755, 5, APP)],
        ),
        with(
            "setgid in the header",
            &[member(b"app", b'0', 0o2755, 5, APP)],
        ),
        with(
            "extended attributes",
            &[pax(&[("SCHILY.xattr.security.capability", "x")]), app()],
        ),
    ]
}

/// What two readers read differently.
fn readers() -> Vec<Case> {
    let global = member(b"pax_global_header", b'g', 0o644, 0, b"");
    let broken = |records: &[u8]| member(b"PaxHeader", b'x', 0o644, records.len() as u64, records);
    let mut wrong_sum = app();
    wrong_sum[148] ^= 1;
    let mut no_magic = app();
    no_magic[257..265].fill(0);
    seal(&mut no_magic);
    vec![
        with(
            "two sizes, of which pax has the larger",
            &[pax(&[("size", "512")]), app()],
        ),
        with(
            "two sizes, of which pax has none",
            &[pax(&[("size", "0")]), app()],
        ),
        with("two names, by pax", &[pax(&[("path", "other")]), app()]),
        with("two names, by GNU", &[gnu(b"other"), app()]),
        with(
            "two names, by GNU and pax",
            &[gnu(b"app/x"), pax(&[("path", "app/y")]), app()],
        ),
        with(
            "the same pax record twice",
            &[pax(&[("size", "5"), ("size", "5")]), app()],
        ),
        with(
            "a pax record that is cut",
            &[broken(b"99 path=app\n"), app()],
        ),
        with("a pax link", &[pax(&[("linkpath", "/etc/shadow")]), app()]),
        with(
            "pax of a sparse file",
            &[pax(&[("GNU.sparse.major", "1")]), app()],
        ),
        with("pax for all that follows", &[global, app()]),
        with("a long name for nobody", &[app(), gnu(b"app")]),
        with("a size with a sign", &[sized(b"+0000000005\0")]),
        with("a size in two words", &[sized(b"5\x006\0\0\0\0\0\0\0\0\0")]),
        with("a size below zero", &[sized(&[0xff; 12])]),
        with("a header of another sum", &[wrong_sum]),
        with("a header of an old tar", &[no_magic]),
    ]
}

/// More than it says, or less.
fn sizes() -> Vec<Case> {
    let entries: String = (0..=100_000)
        .map(|number| {
            format!(
                "{{path=\"{number:x}\",size=0,mode=\"0644\",sha256=\"{}\"}},",
                "0".repeat(64)
            )
        })
        .collect();
    let huge = i64::MAX as u64;
    vec![
        case(
            "more bytes than it has",
            listed_as("app", 1 << 40, "0644", APP),
            &[app()],
        ),
        case(
            "more bytes than there are numbers",
            listed_as("a", huge, "0644", b"") + &listed_as("b", huge, "0644", b""),
            &[],
        ),
        with(
            "a member that goes on for ever",
            &[member(b"app", b'0', 0o644, 0o777_7777_7777, APP)],
        ),
        with(
            "a pax header of a gigabyte",
            &[member(b"x", b'x', 0o644, 1 << 30, b""), app()],
        ),
        with(
            "a long name of a gigabyte",
            &[member(b"x", b'L', 0o644, 1 << 30, b""), app()],
        ),
        case(
            "more files than it may have",
            format!("file=[{entries}]\n"),
            &[],
        ),
        with("a file that nobody signed", &[app(), file("more", b"x")]),
        with("a file too few", &[]),
        with("another byte", &[file("app", b"12346")]),
        with("a byte more", &[file("app", b"123456")]),
    ]
}

#[test]
fn each_hostile_archive_is_refused_by_its_own_sentence_and_leaves_nothing() {
    let site = Site::new();
    let mut told = String::new();
    let cases = [paths(), twice(), kinds(), readers(), sizes()].concat();
    let path = site.path("out/hostile.hau");
    for Case {
        name,
        listed,
        members,
    } in &cases
    {
        let manifest = HEAD.to_owned() + listed;
        let refusal = site.refused(&site.signed(&manifest, members)).to_string();
        // As if whoever verified it had been deceived.
        let order = Order::Payload {
            bundle: path.clone(),
            manifest: hau::bundle::Digest::of_bytes(manifest.as_bytes()),
        };
        let before = tree(site.folder.path());
        let ended = unpacker::asked(&order);
        assert_eq!(tree(site.folder.path()), before, "{name}");
        let caught_by_its_checksum = ended.status.success() && name == "another byte";
        if !caught_by_its_checksum {
            let words = unpacker::words(&ended);
            assert_eq!(
                words,
                format!("refused {}: {refusal}", path.display()),
                "{name}"
            );
        }
        told += &format!("{name}: {refusal}\n");
    }
    insta::assert_snapshot!("hostile_archives", told);
}
