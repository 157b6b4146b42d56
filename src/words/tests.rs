//! The catalogue is whole: both languages, the same places, nothing that is not said, nothing said that is not here.
use super::tables::{HELP, SAID, TOLD};
use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    SAID.iter().chain(TOLD).copied().flatten().copied()
}

/// The places of a sentence, as the arguments that stand in them.
fn places(text: &str) -> Vec<usize> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some((_, number, after)) = place(rest) {
        found.push(number.unwrap_or(found.len()));
        rest = after;
    }
    found
}

#[test]
fn each_sentence_is_there_once_in_both_languages_with_the_same_places() {
    let mut seen = BTreeSet::new();
    for (en, zh) in entries() {
        assert!(seen.insert(en), "twice: {en:?}");
        let is_name = en == zh && en.chars().all(|c| c.is_ascii_uppercase());
        assert!(
            !zh.is_ascii() || is_name || en == "  or  ",
            "no Chinese: {en:?}"
        );
        assert!(!en.trim().is_empty(), "no English: {zh:?}");
        let (here, mut there) = (places(en), places(zh));
        let numbered = zh.matches('{').count() - zh.matches("{}").count();
        assert!(
            numbered == 0 || numbered == there.len(),
            "some places are numbered: {zh}"
        );
        assert!(
            en.matches('{').count() == en.matches("{}").count(),
            "numbered: {en}"
        );
        there.sort_unstable();
        assert_eq!(here, there, "other places: {en:?} {zh:?}");
    }
}

/// What travels is found again, and is no other sentence.
#[test]
fn what_was_told_is_heard() {
    for (en, zh) in TOLD.iter().copied().flatten().copied() {
        let args: Vec<String> = (0..places(en).len()).map(|n| format!("w{n}")).collect();
        let args: Vec<&dyn Display> = args.iter().map(|arg| arg as &dyn Display).collect();
        let words = Words { en, zh };
        assert_eq!(
            heard(Lang::Zh, &words.fill(Lang::En, &args)),
            words.fill(Lang::Zh, &args)
        );
        assert_eq!(heard(Lang::En, en), en);
    }
    for free in [
        "ticket 4711",
        "",
        "node b",
        "see: on node b there is no space {}",
        "备份完成",
    ] {
        assert_eq!(heard(Lang::Zh, free), free);
    }
    for text in [
        "api: nothing listens on port 8080 five minutes after its start",
        "look at it: what is there is not active",
        "the service of orders is not active",
    ] {
        assert_eq!(
            heard(Lang::Zh, text),
            text,
            "it says more than the catalogue"
        );
    }
    // A sentence within one.
    let why =
        told!("it had not followed to the end, so it may lack what the other one acknowledged");
    let what = told!(
        "node {} is gone, the VIP is here, and the database here is a standby: nothing can be written; {}",
        "b",
        why
    );
    let what = heard(Lang::Zh, &what);
    assert!(
        what.contains("节点 b ") && what.ends_with("已确认的数据"),
        "{what}"
    );
    let as_next = |text| heard_as!(Lang::Zh, "{} on node {}", text);
    assert_eq!(
        as_next("start on node b").as_deref(),
        Some("节点 b 执行 start")
    );
    assert_eq!(as_next("look on node b for it"), None);
    assert_eq!(as_next("hau-ctl status on node b"), None);
}

/// A piece of text in a source.
struct Literal {
    /// The macros, functions and attributes (`#`) that it stands in, the innermost last.
    within: Vec<String>,
    /// How many stood before it in the innermost.
    nth: usize,
    text: String,
}

/// Every text of a source, but for comments and what is only compiled for tests.
fn literals(source: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut word = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '\'' if rest.starts_with("'\"'") => 3,
            '\'' if rest.starts_with("'\\") => 2 + rest[2..].find('\'').unwrap_or(0),
            'r' if rest.starts_with("r#\"") => rest.find("\"#").unwrap_or(rest.len()),
            '"' => {
                let end = end_of(rest);
                let nth = open.last_mut().map_or(0, |(_, n)| {
                    *n += 1;
                    *n - 1
                });
                let within = open.iter().map(|(name, _)| name.clone()).collect();
                let text = unescaped(&rest[1..end - 1]);
                found.push(Literal { within, nth, text });
                end
            }
            '(' | '[' | '{' => {
                open.push((std::mem::take(&mut word), 0));
                1
            }
            ')' | ']' | '}' => {
                open.pop();
                1
            }
            c => c.len_utf8(),
        };
        match c {
            c if c.is_alphanumeric() || "_!#".contains(c) => word.push(c),
            ' ' | '(' | '[' | '{' => {}
            _ => word.clear(),
        }
        if c == ' ' && !word.ends_with('!') {
            word.clear();
        }
        rest = &rest[skip..];
    }
    found
}

fn end_of(literal: &str) -> usize {
    let mut escaped = false;
    let end = literal.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(literal.len(), |(at, _)| at + 1)
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some('\n')) => chars = chars.as_str().trim_start().chars(),
            ('\\', Some('n')) => {
                out.push('\n');
                chars.next();
            }
            ('\\', Some(next)) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// The sources of the program, each with its name; not this room, and no tests.
fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<PathBuf> = vec![src.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&src).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs")
                && !name.starts_with("words/")
                && !name.ends_with("tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                found.push((name, code.to_owned()));
            }
        }
    }
    assert!(found.len() > 100, "the sources are here");
    found
}

const MACROS: [&str; 6] = [
    "words!",
    "say!",
    "count!",
    "sentence!",
    "told!",
    "heard_as!",
];

fn is_key(literal: &Literal) -> bool {
    let most = if literal.within.last().is_some_and(|name| name == "count!") {
        2
    } else {
        1
    };
    let of_ours = |name: &String| MACROS.contains(&name.as_str());
    literal.within.last().is_some_and(of_ours) && literal.nth < most
}

/// The compiler knows that all that is said is here; this, that all that is here is said. Help and the steps' own
/// texts are looked up as the program runs, and held against the command line and the steps by their tests.
#[test]
fn nothing_is_here_that_is_not_said() {
    let mut said: BTreeSet<String> = BTreeSet::new();
    for (_, source) in sources() {
        let keys = literals(&source).into_iter().filter(is_key);
        said.extend(keys.map(|literal| literal.text));
    }
    let looked_up = HELP
        .iter()
        .copied()
        .chain([steps::TABLE, late::LOOKS])
        .flatten();
    let looked_up: BTreeSet<&str> = looked_up.map(|(en, _)| *en).collect();
    let unused = entries().filter(|(en, _)| !said.contains(*en) && !looked_up.contains(en));
    let unused: Vec<&str> = unused.map(|(en, _)| en).collect();
    assert!(unused.is_empty(), "never said: {unused:#?}");
}

/// Rooms and files that say nothing around the catalogue.
const WHOLE: [&str; 7] = [
    "render/",
    "ctl/",
    "checks",
    "keepalived/lint/",
    "daemon/status.rs",
    "daemon/alarm.rs",
    "daemon/vrrp/findings.rs",
];
/// Attributes, and lines of a file that is written.
const ELSEWHERE: [&str; 2] = ["#", "line"];
/// What looks like a sentence and is none: typed, asked of a program, a class of a page, clap's to say.
const TYPED: [&str; 25] = [
    "select 'database=' ",
    "create role hau superuser login",
    "track_file { ",
    "track_script { hau_check }",
    "# Written by hau-ctl init ",
    "systemctl start hau-weight hau-sidecar",
    "systemctl start {}",
    "systemctl enable --now {}",
    "keepalived -t -f {beside} && mv {beside} {} && systemctl restart keepalived",
    "left right",
    "en or zh",
    "keep or restore",
    "lose data",
    "go back",
    "backup create",
    "notify test",
    "bar good",
    "bar bad",
    "light dark",
    // The names of findings.
    "database commands",
    "root key",
    "to do",
    "keepalived configuration",
    "keepalived weight",
    "keepalived check",
];

/// A sentence that goes around the catalogue would be English for everybody.
#[test]
fn nothing_is_said_around_the_catalogue() {
    let mut around: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, source) in sources() {
        let is_whole = WHOLE.iter().any(|room| name.starts_with(room));
        if !is_whole || name == "render/scenes.rs" {
            continue;
        }
        for literal in literals(&source) {
            let elsewhere = literal
                .within
                .iter()
                .any(|w| ELSEWHERE.contains(&w.as_str()));
            let is_typed = TYPED.iter().any(|typed| literal.text.starts_with(typed));
            if !is_key(&literal) && !elsewhere && !is_typed && is_sentence(&literal.text) {
                around.entry(name.clone()).or_default().push(literal.text);
            }
        }
    }
    assert!(
        around.is_empty(),
        "not said with a macro of src/words: {around:#?}"
    );
}

/// Two words with a space between them.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase());
    let words: Vec<&str> = text.split(' ').collect();
    let pairs = words.windows(2);
    let is_pair = |pair: &[&str]| {
        pair.iter()
            .all(|w| is_word(w.trim_end_matches([',', ':', ';', '.'])))
    };
    { pairs }.any(is_pair)
}
