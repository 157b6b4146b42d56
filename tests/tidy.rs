//! House rules that the compiler does not check.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A module uses modules of a strictly lower layer, and itself.
const LAYERS: &[(&str, u8)] = &[
    ("time", 0),
    ("words", 0),
    ("core", 1),
    ("host", 2),
    ("config", 2),
    ("journal", 2),
    ("keepalived", 2),
    ("tls", 2),
    ("schema", 2),
    ("delta", 2),
    ("audit", 3),
    ("bundle", 3),
    ("sync", 3),
    ("backup", 3),
    ("handoff", 3),
    ("database", 3),
    ("notify", 3),
    ("unpacker", 4),
    ("wire", 4),
    ("checks", 4),
    ("steps", 5),
    ("quick", 5),
    ("render", 6),
    ("daemon", 7),
    ("ctl", 7),
];
/// No clock, no I/O, no threads, no chance.
const PURE: &[&str] = &["core", "time"];
const IMPURE: &[&str] = &[
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "tokio::",
    "rand::",
    "Instant::now",
    "SystemTime",
];
const LINES_MAX: usize = 400;

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The modules of this crate that a piece of code names.
fn used(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            // `use crate::{a::…, b}`: the names at the top of the braces.
            Some(list) => {
                let (mut depth, mut start) = (0, true);
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_alphabetic() => {
                            names.push(word(&list[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
            None => names.push(word(rest)),
        }
    }
    names
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn wrong_in(name: &str, text: &str) -> Vec<String> {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let module = name.split(['/', '.']).next().unwrap_or_default();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut wrong = Vec::new();
    if !text.starts_with("//! ") {
        wrong.push(format!("{name}: does not begin with what it is for"));
    }
    if code.lines().count() > LINES_MAX && !name.ends_with("tests.rs") {
        wrong.push(format!("{name}: more than {LINES_MAX} lines"));
    }
    if PURE.contains(&module) {
        let impure = IMPURE.iter().filter(|w| code.contains(**w));
        wrong.extend(impure.map(|w| format!("{name}: {w} in a pure module")));
    }
    if matches!(module, "lib" | "bin") {
        return wrong;
    }
    let Some(own) = layers.get(module) else {
        wrong.push(format!("{name}: {module} has no layer in tests/tidy.rs"));
        return wrong;
    };
    let macros: Vec<&str> = used(code);
    for used in macros.into_iter().filter(|used| *used != module) {
        if layers.get(used).is_none_or(|layer| layer >= own) {
            wrong.push(format!("{name}: uses {used}, which is not below {module}"));
        }
    }
    wrong
}

#[test]
fn tidy() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let name = file
            .strip_prefix(&src)
            .expect("below src")
            .display()
            .to_string();
        wrong.extend(wrong_in(
            &name,
            &fs::read_to_string(&file).expect("readable"),
        ));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_rule_bites() {
    let told = |name: &str, text: &str| wrong_in(name, text).join("; ");
    assert_eq!(
        told("core/plan.rs", "//! Fine.\nuse crate::time::Time;\n"),
        ""
    );
    assert!(told("core/plan.rs", "//! .\nuse crate::steps::Cx;\n").contains("uses steps"));
    let grouped = "//! .\nuse crate::{core::{State, Plan}, wire};\n";
    assert!(told("database/fake.rs", grouped).contains("uses wire"));
    assert!(told("core/a.rs", "//! .\nfn f() { std::thread::yield_now() }\n").contains("pure"));
    assert!(told("sync.rs", "use std::fs;\n").contains("begin"));
    assert!(told("sync.rs", &format!("//! .\n{}", "\n".repeat(401))).contains("lines"));
    assert!(told("novel.rs", "//! .\n").contains("no layer"));
}
