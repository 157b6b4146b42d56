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
    let are_words = all.all(|arg| !arg.contains(char::is_whitespace));
    let args: Vec<&dyn Display> = args.iter().map(|arg| arg as &dyn Display).collect();
    are_words.then(|| words.fill(lang, &args))
}

fn known(lang: Lang, text: &str, depth: u8) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let all = TOLD.iter().copied().flatten();
    let fits = all.filter_map(|(en, zh)| Some((*en, *zh, args(en, text)?)));
    // Of two the one that says more itself.
    let own = |en: &str, args: &[&str]| en.len() - 2 * args.len();
    let (en, zh, args) = fits.max_by_key(|(en, _, args)| own(en, args))?;
    let args = args.into_iter();
    let args: Vec<String> = args
        .map(|arg| known(lang, arg, depth).unwrap_or_else(|| arg.to_owned()))
        .collect();
    let args: Vec<&dyn Display> = args.iter().map(|arg| arg as &dyn Display).collect();
    Some(Words { en, zh }.fill(lang, &args))
}

/// What stands in the places of `en`, if the text is that sentence. A sentence that begins with a place begins with one
/// word: else any text would be one.
fn args<'t>(en: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut args = Vec::new();
    let Some((before, _, mut wanted)) = place(en) else {
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
        let is_word = !arg.contains(char::is_whitespace);
        if arg.is_empty() || (args.is_empty() && before.is_empty() && !is_word) {
            return None;
        }
        args.push(arg);
        rest = after.strip_prefix(literal)?;
        match next {
            Some((_, _, after)) => wanted = after,
            None => return Some(args),
        }
    }
}
