//! Finds again which sentence of the catalogue a text is that came in English.
use super::tables::TOLD;
use super::{Lang, Words, place};
use std::fmt::Display;

/// A sentence within a sentence within one.
const DEPTH: u8 = 3;

/// What travelled, in the language of whoever reads it. What is no sentence of the catalogue stays as it was said.
pub(crate) fn heard(lang: Lang, text: &str) -> String {
    match lang {
        Lang::En => text.to_owned(),
        Lang::Zh => known(lang, text, DEPTH).unwrap_or_else(|| text.to_owned()),
    }
}

/// The same of one sentence, whose places are so many of its words that only a word may stand in each.
pub(crate) fn heard_as(lang: Lang, words: Words, text: &str) -> Option<String> {
    let args = args(words.en, text)?;
    let mut all = args.iter();
    let are_words = all.all(|(arg, _)| !arg.contains(char::is_whitespace));
    let args: Vec<&dyn Display> = args.iter().map(|(arg, _)| arg as &dyn Display).collect();
    are_words.then(|| words.fill(lang, &args))
}

fn known(lang: Lang, text: &str, depth: u8) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let all = TOLD.iter().copied().flatten();
    let fits = all.filter_map(|(en, zh)| Some((*en, *zh, args(en, text)?)));
    // Of two the one that says more itself.
    let own = |en: &str, args: &[(&str, bool)]| en.len() - 2 * args.len();
    let (en, zh, args) = fits.max_by_key(|(en, _, args)| own(en, args))?;
    let args = args.into_iter().map(|(arg, is_apart)| {
        let said = known(lang, arg, depth);
        said.or_else(|| (is_apart || is_word(arg)).then(|| arg.to_owned()))
    });
    let args: Vec<String> = args.collect::<Option<_>>()?;
    let args: Vec<&dyn Display> = args.iter().map(|arg| arg as &dyn Display).collect();
    Some(Words { en, zh }.fill(lang, &args))
}

/// One word, or the name of a key in hau.toml.
fn is_word(arg: &str) -> bool {
    !arg.contains(char::is_whitespace) || arg.starts_with('[')
}

/// What stands in the places of `en`, if the text is that sentence; and whether it is set apart there (behind a colon, a
/// semicolon, within quotes), and so may be anything: else it is a word, or a sentence of its own. What looks like a
/// sentence of the catalogue and is free text stays as it was said.
fn args<'t>(en: &str, text: &'t str) -> Option<Vec<(&'t str, bool)>> {
    let mut args = Vec::new();
    let Some((mut before, _, mut wanted)) = place(en) else {
        return (en == text).then_some(args);
    };
    let mut rest = text.strip_prefix(before)?;
    loop {
        let next = place(wanted);
        let literal = next.map_or(wanted, |(literal, _, _)| literal);
        let end = match next {
            Some(_) => rest.find(literal)?,
            None if rest.ends_with(literal) => rest.len() - literal.len(),
            None => return None,
        };
        let (arg, after) = rest.split_at(end);
        if arg.is_empty() {
            return None;
        }
        let is_apart = [": ", "; ", "`"].iter().any(|end| before.ends_with(end));
        args.push((arg, is_apart));
        rest = after.strip_prefix(literal)?;
        match next {
            Some((literal, _, after)) => (before, wanted) = (literal, after),
            None => return Some(args),
        }
    }
}
