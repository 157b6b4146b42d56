//! `--help` in the language of the reader. Doc comments are the only source of the English; the command line is walked,
//! and each text of it looked up in the catalogue.
use crate::words::{Lang, Words};
use clap::{Arg, Command};

/// As clap has it, with another word for the usage.
const TEMPLATE: &str = "{before-help}{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}";

/// The command line with its texts in this language.
pub(super) fn translated(mut command: Command, lang: Lang) -> Command {
    if lang == Lang::En {
        return command;
    }
    // Only now it has what clap adds: --help, --version, help.
    command.build();
    walked(command, lang)
}

fn walked(command: Command, lang: Lang) -> Command {
    let about = command.get_about().map(ToString::to_string);
    let long = command.get_long_about().map(ToString::to_string);
    let after = command.get_after_help().map(ToString::to_string);
    let mut command = command
        .help_template(TEMPLATE)
        .subcommand_help_heading(lang.say(words!("Commands")));
    if let Some(about) = about {
        command = command.about(known(&about, lang).to_owned());
    }
    if let Some(long) = long {
        command = command.long_about(known(&long, lang).to_owned());
    }
    if let Some(after) = after {
        command = command.after_help(example(&after, lang));
    }
    command
        .mut_args(|arg| argument(arg, lang))
        .mut_subcommands(|verb| walked(verb, lang))
}

fn argument(arg: Arg, lang: Lang) -> Arg {
    let heading = match arg.is_positional() {
        true => words!("Arguments"),
        false => words!("Options"),
    };
    let defaults = arg.get_default_values().iter();
    let defaults: Vec<String> = defaults
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    let takes = arg.get_action().takes_values();
    let text = |english: &str| {
        let text = known(english, lang);
        match &defaults[..] {
            [] => text.to_owned(),
            [..] if !takes => text.to_owned(),
            [..] => say!(lang, "{} [default: {}]", text, defaults.join(" ")),
        }
    };
    let help = arg.get_help().map(|help| text(&help.to_string()));
    let long = arg.get_long_help().map(|help| text(&help.to_string()));
    let mut arg = arg.help_heading(lang.say(heading)).hide_default_value(true);
    if let Some(help) = help {
        arg = arg.help(help);
    }
    if let Some(long) = long {
        arg = arg.long_help(long);
    }
    arg
}

fn known(text: &str, lang: Lang) -> &str {
    Words::find(text).map_or(text, |words| lang.say(words))
}

/// Of an example only what is said beside the commands.
fn example(text: &str, lang: Lang) -> String {
    let lines = pieces(text).into_iter().map(|piece| match piece {
        Piece::Said(text) => known(text, lang).to_owned(),
        Piece::Typed(command, None) => command.to_owned(),
        Piece::Typed(command, Some(remark)) => format!("{command}# {}", known(remark, lang)),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A part of a text below the options.
enum Piece<'t> {
    /// One or more lines.
    Said(&'t str),
    /// What can be typed, and what stands behind it.
    Typed(&'t str, Option<&'t str>),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_typed = rest.starts_with(' ');
        let end = match is_typed {
            true => rest.find('\n'),
            // Up to what is typed, or to an empty line.
            false => rest.find("\n ").into_iter().chain(rest.find("\n\n")).min(),
        };
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.strip_prefix('\n').unwrap_or(after);
        pieces.push(match piece.split_once("# ") {
            Some((command, remark)) if is_typed => Piece::Typed(command, Some(remark)),
            Some(_) | None if is_typed => Piece::Typed(piece, None),
            Some(_) | None => Piece::Said(piece),
        });
    }
    pieces
}

#[cfg(test)]
mod tests;
