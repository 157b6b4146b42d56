//! The generated parts of the documentation are what the code says: the flow in the texts comes from
//! the step table, `hau-ctl.1` and the completions from the command line, `hau.toml.5` from `hau.toml.example`.
//! `HAU_WRITE_DOCS=1 cargo test --test docs` writes them anew.
#![allow(
    clippy::unwrap_used,
    reason = "a test may; clippy spares only the test functions themselves"
)]

#[path = "docs/cards.rs"]
mod cards;
#[path = "docs/examples.rs"]
mod examples;
#[path = "docs/flow.rs"]
mod flow;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/toml.rs"]
mod toml;

use std::{fs, path::Path};

const TEXTS: [&str; 3] = ["README.md", "README.zh-CN.md", "ARCHITECTURE.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file says `wanted`; on request it is made to.
fn holds(file: &str, wanted: &str) {
    let path = root().join(file);
    if std::env::var_os("HAU_WRITE_DOCS").is_some() {
        fs::write(&path, wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    let differs = found.lines().zip(wanted.lines()).find(|(f, w)| f != w);
    assert!(
        found == wanted,
        "{file} is not what the code says, from {differs:?} on: HAU_WRITE_DOCS=1 cargo test --test docs"
    );
}

#[test]
fn the_flow_in_the_texts_is_the_table() {
    let flow = flow::upgrade();
    for file in TEXTS {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let (head, rest) = text.split_once(flow::BEGIN).expect("the flow begins");
        let (_, tail) = rest.split_once(flow::END).expect("the flow ends");
        let (begin, end) = (flow::BEGIN, flow::END);
        holds(file, &format!("{head}{begin}\n{flow}{end}{tail}"));
    }
}

/// The picture in the README is one that the view has drawn.
#[test]
fn the_view_in_the_texts_is_a_snapshot() {
    const BEGIN: &str = "<!-- live: drawn for a terminal of 80x24, compared by tests/docs.rs -->";
    const END: &str = "<!-- /live -->";
    for (file, drawn) in [
        ("README.md", "midway_80x24"),
        ("README.zh-CN.md", "zh_midway_80x24"),
    ] {
        let snapshot = format!("src/ctl/live/snapshots/hau__ctl__live__tests__{drawn}.snap");
        let snapshot = fs::read_to_string(root().join(snapshot)).unwrap();
        let picture = snapshot.splitn(3, "---\n").nth(2).expect("after its head");
        let text = fs::read_to_string(root().join(file)).unwrap();
        let (head, rest) = text.split_once(BEGIN).expect("the picture begins");
        let (_, tail) = rest.split_once(END).expect("the picture ends");
        let picture = picture.trim_end();
        holds(
            file,
            &format!("{head}{BEGIN}\n\n```\n{picture}\n```\n\n{END}{tail}"),
        );
    }
}

#[test]
fn the_page_of_hau_ctl_is_its_command_line() {
    holds("man/hau-ctl.1", &page::hau_ctl());
}

#[test]
fn the_completions_are_the_command_line() {
    use clap_complete::{Shell, generate};
    for (shell, file) in [
        (Shell::Bash, "hau-ctl.bash"),
        (Shell::Zsh, "_hau-ctl"),
        (Shell::Fish, "hau-ctl.fish"),
    ] {
        let mut made = Vec::new();
        generate(shell, &mut hau::ctl::command(), "hau-ctl", &mut made);
        holds(
            &format!("completions/{file}"),
            &String::from_utf8(made).unwrap(),
        );
    }
}

#[test]
fn the_page_of_the_configuration_is_the_example() {
    let example = fs::read_to_string(root().join("hau.toml.example")).unwrap();
    holds("man/hau.toml.5", &toml::page(&example));
}

/// Every `hau-ctl VERB` that a text shows exists, with the options it is shown with.
#[test]
fn every_command_in_the_texts_exists() {
    let mut command = hau::ctl::command();
    command.build();
    for file in [
        "README.md",
        "README.zh-CN.md",
        "docs/moving-from-scripts.md",
        "docs/moving-from-scripts.zh-CN.md",
        "docs/runbook.md",
        "docs/runbook.zh-CN.md",
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let shown: Vec<&str> = text
            .match_indices("hau-ctl ")
            .map(|(n, m)| &text[n + m.len()..])
            .collect();
        assert!(shown.len() > 8, "{file} shows commands");
        for rest in shown {
            let end = rest
                .find(['\n', '`', '#', ';', '，', '。', '；', '：', '（'])
                .unwrap_or(rest.len());
            exists(&command, &rest[..end], file);
        }
    }
}

fn exists(command: &clap::Command, line: &str, file: &str) {
    let mut at = command;
    for word in line.split_whitespace() {
        if let Some(name) = word.strip_prefix("--") {
            let known = at.get_arguments().any(|arg| arg.get_long() == Some(name));
            assert!(known, "{file}: hau-ctl {line}: no option {word}");
        } else if let Some(verb) = at.find_subcommand(word) {
            at = verb;
        } else if at.has_subcommands() && word.chars().all(|c| c.is_ascii_lowercase()) {
            // Prose after the bare name of the program, as in "no `hau-ctl rollback`", is told apart by hand.
            assert!(ABSENT.contains(&word), "{file}: there is no hau-ctl {line}");
            return;
        }
    }
}

/// Verbs that the texts name to say that they do not exist.
const ABSENT: [&str; 1] = ["rollback"];
