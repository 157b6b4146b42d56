//! The small grammar of keepalived.conf: comments, quotes, braces, file patterns.

use std::fs;
use std::path::{Path, PathBuf};

/// A piece of a line.
pub(super) enum Token {
    Word(String),
    Brace,
    Close,
}

/// The line up to its comment; an unquoted backslash protects the next character.
pub(super) fn strip_comment(line: &str) -> &str {
    let mut quoted = false;
    let mut escaped = false;
    for (i, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | '!' if !quoted => return line[..i].trim_end(),
            _ => {}
        }
    }
    line.trim_end()
}

/// `$NAME=value`.
pub(super) fn definition(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('$')?.split_once('=')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then(|| (name, value.trim()))
}

/// Words and braces of a line; nothing when a quote is left open.
pub(super) fn tokens(line: &str) -> Option<Vec<Token>> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                let text = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => text.push(chars.next()?),
                        other => text.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '{' | '}' => {
                out.extend(word.take().map(Token::Word));
                out.push(if c == '{' { Token::Brace } else { Token::Close });
            }
            c if c.is_whitespace() => out.extend(word.take().map(Token::Word)),
            c => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word.map(Token::Word));
    Some(out)
}

/// Files that a path with `*` and `?` in any component names, sorted as glob(3) does.
pub(super) fn glob(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let name = part.as_os_str().to_string_lossy();
        found = found
            .iter()
            .flat_map(|dir| below(dir, &name, part.as_os_str().as_ref()))
            .collect();
    }
    found.retain(|f| f.is_file());
    found
}

fn below(dir: &Path, name: &str, part: &Path) -> Vec<PathBuf> {
    if !name.contains(['*', '?']) {
        return vec![dir.join(part)];
    }
    let listed = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    let entries = fs::read_dir(listed).into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = entries
        .filter(|e| {
            let file = e.file_name();
            let file = file.to_string_lossy();
            (!file.starts_with('.') || name.starts_with('.')) && matches(name, &file)
        })
        .map(|e| dir.join(e.file_name()))
        .collect();
    names.sort();
    names
}

/// Shell pattern with `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = chars.as_str();
            let mut ends = name.char_indices().map(|(i, _)| i).chain([name.len()]);
            ends.any(|i| matches(rest, &name[i..]))
        }
        Some(c) => {
            let mut other = name.chars();
            other.next().is_some_and(|o| c == '?' || c == o)
                && matches(chars.as_str(), other.as_str())
        }
    }
}
