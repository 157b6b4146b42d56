//! Help in Chinese: nothing of the command line is left out.
use super::*;
use std::collections::BTreeSet;

/// Every text of the command line, as it is looked up.
fn texts(command: &Command, found: &mut BTreeSet<String>) {
    let abouts = [command.get_about(), command.get_long_about()];
    let args = command.get_arguments();
    let helps = args.flat_map(|arg| [arg.get_help(), arg.get_long_help()]);
    let all = helps.chain(abouts).flatten();
    found.extend(all.map(ToString::to_string));
    if let Some(after) = command.get_after_help() {
        let after = after.to_string();
        found.extend(pieces(&after).into_iter().filter_map(|piece| match piece {
            Piece::Said(text) => Some(text.to_owned()),
            Piece::Typed(_, remark) => remark.map(str::to_owned),
        }));
    }
    command
        .get_subcommands()
        .for_each(|verb| texts(verb, found));
}

/// The table of the help holds these texts and no others.
#[test]
fn every_text_of_the_command_line_is_in_the_catalogue() {
    let mut command = crate::ctl::command();
    command.build();
    let mut wanted = BTreeSet::new();
    texts(&command, &mut wanted);
    wanted.remove("");
    let known: BTreeSet<String> = crate::words::help_texts()
        .map(|(en, _)| en.to_owned())
        .collect();
    let missing: Vec<_> = wanted.difference(&known).collect();
    let unused: Vec<_> = known.difference(&wanted).collect();
    assert!(
        missing.is_empty() && unused.is_empty(),
        "not in src/words: {missing:#?}\nin no help: {unused:#?}"
    );
}

fn help(path: &[&str], lang: Lang) -> String {
    let mut command = translated(crate::ctl::command(), lang).term_width(100);
    command.build();
    let mut at = &mut command;
    for verb in path {
        at = at.find_subcommand_mut(verb).unwrap();
    }
    at.render_help().to_string()
}

#[test]
fn help_in_chinese() {
    insta::assert_snapshot!("help", help(&[], Lang::Zh));
    insta::assert_snapshot!("help_rollback", help(&["rollback"], Lang::Zh));
}

/// What is typed is the same in both languages, and nothing English is left but that.
#[test]
fn only_what_is_typed_stays_english() {
    let zh = help(&["upgrade"], Lang::Zh);
    assert!(
        zh.contains("hau-ctl upgrade shop-2.4.0.hau --reason 'ticket 4711'"),
        "{zh}"
    );
    for english in [
        "Usage",
        "Options",
        "Arguments",
        "Commands",
        "default:",
        "Print help",
    ] {
        assert!(!zh.contains(english), "{english} in\n{zh}");
    }
    assert!(help(&["upgrade"], Lang::En).contains("Usage: hau-ctl upgrade [OPTIONS] <BUNDLE>"));
}
