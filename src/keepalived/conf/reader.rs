//! Puts the lines of keepalived.conf and its includes together into a tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::words::{Token, definition, glob, strip_comment, tokens};
use super::{ConfError, INCLUDE_DEPTH, Item, Place, Tree, Word};

/// An open block: the words before its brace and what it holds so far.
struct Open {
    words: Vec<Word>,
    brace: Place,
    items: Vec<Item>,
}

pub(super) struct Reader<'a> {
    config_id: &'a str,
    pub(super) files: Vec<PathBuf>,
    /// The outermost level is the file itself.
    top: Vec<Item>,
    open: Vec<Open>,
    names: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(config_id: &'a str) -> Self {
        Self {
            config_id,
            files: Vec::new(),
            top: Vec::new(),
            open: Vec::new(),
            names: BTreeMap::new(),
        }
    }

    pub(super) fn finish(self) -> Result<Tree, ConfError> {
        match self.open.last() {
            Some(open) => Err(ConfError::Unclosed {
                at: open.brace.clone(),
            }),
            None => Ok(Tree {
                items: self.top,
                files: self.files,
            }),
        }
    }

    pub(super) fn file(&mut self, file: &Path, depth: u32) -> Result<(), ConfError> {
        // Comments in a site's file may be in any encoding; the words that matter are ASCII.
        let bytes = fs::read(file).map_err(|source| ConfError::Read {
            file: file.to_path_buf(),
            source,
        })?;
        self.files.push(file.to_path_buf());
        self.text(&String::from_utf8_lossy(&bytes), file, depth)
    }

    pub(super) fn text(&mut self, text: &str, file: &Path, depth: u32) -> Result<(), ConfError> {
        let name: Arc<Path> = file.into();
        let mut lines = text.lines().zip(1u32..);
        while let Some((first, line)) = lines.next() {
            let at = Place {
                file: Arc::clone(&name),
                line,
            };
            let mut whole = strip_comment(first).to_owned();
            while whole.ends_with('\\') {
                whole.pop();
                let Some((next, _)) = lines.next() else { break };
                whole.push_str(strip_comment(next).trim_start());
            }
            self.line(&whole, &at, depth)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str, at: &Place, depth: u32) -> Result<(), ConfError> {
        let Some(line) = self.for_this_host(line.trim()) else {
            return Ok(());
        };
        if let Some((name, value)) = definition(line) {
            if value.is_empty() || value.ends_with(['{', '\\']) {
                let what = format!("the definition of ${name} over several lines");
                return Err(ConfError::Unsupported {
                    at: at.clone(),
                    what,
                });
            }
            let value = self.expand(value);
            self.names.insert(name.to_owned(), value);
            return Ok(());
        }
        if line.starts_with('~') {
            let what = "~SEQ".to_owned();
            return Err(ConfError::Unsupported {
                at: at.clone(),
                what,
            });
        }
        let line = self.expand(line);
        let tokens = tokens(&line).ok_or_else(|| ConfError::Quote { at: at.clone() })?;
        if let [Token::Word(key), Token::Word(pattern)] = tokens.as_slice()
            && key.starts_with("include")
        {
            return self.include(pattern, at, depth);
        }
        self.statements(tokens, at)
    }

    /// Takes `@id ` and `@^id ` off the line; nothing when the line is for another host.
    fn for_this_host<'l>(&self, line: &'l str) -> Option<&'l str> {
        let Some(marked) = line.strip_prefix('@') else {
            return Some(line);
        };
        let (id, rest) = marked.split_once([' ', '\t']).unwrap_or((marked, ""));
        let wanted = match id.strip_prefix('^') {
            Some(other) => other != self.config_id,
            None => id == self.config_id,
        };
        wanted.then(|| rest.trim_start())
    }

    /// Replaces `$NAME` and `${NAME}` of names defined so far; anything else stays as it is.
    fn expand(&self, line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            let braced = after.starts_with('{');
            let body = after.strip_prefix('{').unwrap_or(after);
            let end = body
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(body.len());
            let known = self.names.get(&body[..end]);
            let closed = !braced || body[end..].starts_with('}');
            match known {
                Some(value) if closed => {
                    out.push_str(value);
                    rest = &body[end + usize::from(braced)..];
                }
                Some(_) | None => {
                    out.push('$');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn statements(&mut self, tokens: Vec<Token>, at: &Place) -> Result<(), ConfError> {
        let mut words = Vec::new();
        for token in tokens {
            match token {
                Token::Word(text) => words.push(Word {
                    text,
                    at: at.clone(),
                }),
                Token::Brace => self.open_block(std::mem::take(&mut words), at)?,
                Token::Close => {
                    self.push(std::mem::take(&mut words));
                    let done = self
                        .open
                        .pop()
                        .ok_or_else(|| ConfError::Stray { at: at.clone() })?;
                    let item = Item {
                        words: done.words,
                        block: Some(done.items),
                    };
                    self.level().push(item);
                }
            }
        }
        self.push(words);
        Ok(())
    }

    /// A brace may stand on the line after its keyword.
    fn open_block(&mut self, mut words: Vec<Word>, at: &Place) -> Result<(), ConfError> {
        if words.is_empty() {
            let waiting = self.level().pop_if(|i| i.block.is_none());
            words = waiting
                .ok_or_else(|| ConfError::Value {
                    at: at.clone(),
                    what: "this { belongs to no keyword; remove it".to_owned(),
                })?
                .words;
        }
        self.open.push(Open {
            words,
            brace: at.clone(),
            items: Vec::new(),
        });
        Ok(())
    }

    fn push(&mut self, words: Vec<Word>) {
        if !words.is_empty() {
            self.level().push(Item { words, block: None });
        }
    }

    fn level(&mut self) -> &mut Vec<Item> {
        match self.open.last_mut() {
            Some(open) => &mut open.items,
            None => &mut self.top,
        }
    }

    fn include(&mut self, pattern: &str, at: &Place, depth: u32) -> Result<(), ConfError> {
        if depth >= INCLUDE_DEPTH {
            return Err(ConfError::Loop { at: at.clone() });
        }
        let base = at.file.parent().unwrap_or(Path::new(""));
        let files = glob(&base.join(pattern));
        // keepalived goes on without a file that is not there: the site believes in lines that do nothing.
        if files.is_empty() && !pattern.contains(['*', '?', '[']) {
            return Err(ConfError::Include {
                at: at.clone(),
                pattern: pattern.to_owned(),
            });
        }
        files.iter().try_for_each(|f| self.file(f, depth + 1))
    }
}
