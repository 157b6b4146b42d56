//! Reads keepalived.conf into a tree of words, each with its file and line.
//!
//! Follows keepalived's own reader: a statement ends with its line, `#` and `!` begin a comment outside quotes,
//! a backslash joins lines, `include` takes patterns relative to the including file, `@id` keeps a line for one host,
//! `$NAME=value` defines a word. What it means is in `instance.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How deep `include` may nest before we call it a loop.
const INCLUDE_DEPTH: u32 = 16;

/// Why keepalived.conf cannot be read; each is one sentence that names file and line.
#[derive(Debug, thiserror::Error)]
pub enum ConfError {
    #[error("read {file}: check that the file exists and that root may read it")]
    Read {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{at}: include {pattern}: no such file; correct the path or remove the line")]
    Include { at: Place, pattern: String },
    #[error("{at}: include is nested more than {INCLUDE_DEPTH} deep; remove the loop")]
    Loop { at: Place },
    #[error("{at}: a quoted string is not closed on its line; add the missing \"")]
    Quote { at: Place },
    #[error("{at}: this }} closes nothing; remove it or add the missing {{")]
    Stray { at: Place },
    #[error("{at}: the {{ opened here is never closed; add the missing }}")]
    Unclosed { at: Place },
    #[error("{at}: {what} is not understood by hau; write the lines out")]
    Unsupported { at: Place, what: String },
    #[error("{at}: {what}")]
    Value { at: Place, what: String },
    #[error("{file} has no vrrp_instance {name}; it has: {known}")]
    NoInstance {
        file: PathBuf,
        name: String,
        known: String,
    },
}

/// Where a word stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<Path>,
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One word, its quotes removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub at: Place,
}

/// A statement: at least one word, and perhaps a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub words: Vec<Word>,
    pub block: Option<Vec<Item>>,
}

impl Item {
    /// The first word, which says what the statement is.
    pub fn key(&self) -> &str {
        self.words.first().map_or("", |w| w.text.as_str())
    }

    /// The word after the key, or an empty string.
    pub fn arg(&self) -> &str {
        self.words.get(1).map_or("", |w| w.text.as_str())
    }

    /// All words after the key, joined by single blanks.
    pub fn rest(&self) -> String {
        let words: Vec<&str> = self.words.iter().skip(1).map(|w| w.text.as_str()).collect();
        words.join(" ")
    }

    /// The statements of the block; none when there is no block.
    pub fn items(&self) -> &[Item] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The last statement in the block with this key: a later one overrides, as in keepalived.
    pub fn last(&self, key: &str) -> Option<&Item> {
        self.items().iter().rfind(|i| i.key() == key)
    }

    pub(crate) fn at(&self) -> Place {
        self.words.first().map_or_else(
            || Place {
                file: Path::new("").into(),
                line: 0,
            },
            |w| w.at.clone(),
        )
    }
}

/// A configuration with everything it includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    pub items: Vec<Item>,
    /// Every file read, the given one first.
    pub files: Vec<PathBuf>,
}

impl Tree {
    /// Reads `file` and what it includes. `config_id` is what keepalived uses to choose `@id` lines: its option `-i`, else the host name
    /// up to the first dot.
    ///
    /// # Errors
    /// A file that cannot be read, or text keepalived would not take; with file and line.
    pub fn read(file: &Path, config_id: &str) -> Result<Self, ConfError> {
        let mut reader = Reader::new(config_id);
        reader.file(file, 0)?;
        reader.finish()
    }

    /// The same from text; `name` stands for the file in errors. `include` is resolved against `name`'s directory.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn parse(text: &str, name: &Path, config_id: &str) -> Result<Self, ConfError> {
        let mut reader = Reader::new(config_id);
        reader.files.push(name.to_path_buf());
        reader.text(text, name, 0)?;
        reader.finish()
    }

    /// Top-level statements with this key, in the order of the file.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Item> {
        self.items.iter().filter(move |i| i.key() == key)
    }

    /// The last statement with this key in any `global_defs`.
    pub fn global(&self, key: &str) -> Option<&Item> {
        self.all("global_defs").filter_map(|g| g.last(key)).last()
    }
}

/// An open block: the words before its brace and what it holds so far.
struct Open {
    words: Vec<Word>,
    brace: Place,
    items: Vec<Item>,
}

struct Reader<'a> {
    config_id: &'a str,
    files: Vec<PathBuf>,
    /// The outermost level is the file itself.
    top: Vec<Item>,
    open: Vec<Open>,
    names: BTreeMap<String, String>,
}

/// A piece of a line.
enum Token {
    Word(String),
    Brace,
    Close,
}

impl<'a> Reader<'a> {
    fn new(config_id: &'a str) -> Self {
        Self {
            config_id,
            files: Vec::new(),
            top: Vec::new(),
            open: Vec::new(),
            names: BTreeMap::new(),
        }
    }

    fn finish(self) -> Result<Tree, ConfError> {
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

    fn file(&mut self, file: &Path, depth: u32) -> Result<(), ConfError> {
        // Comments in a site's file may be in any encoding; the words that matter are ASCII.
        let bytes = fs::read(file).map_err(|source| ConfError::Read {
            file: file.to_path_buf(),
            source,
        })?;
        self.files.push(file.to_path_buf());
        self.text(&String::from_utf8_lossy(&bytes), file, depth)
    }

    fn text(&mut self, text: &str, file: &Path, depth: u32) -> Result<(), ConfError> {
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

/// The line up to its comment; an unquoted backslash protects the next character.
fn strip_comment(line: &str) -> &str {
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
fn definition(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('$')?.split_once('=')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then(|| (name, value.trim()))
}

/// Words and braces of a line; nothing when a quote is left open.
fn tokens(line: &str) -> Option<Vec<Token>> {
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
fn glob(pattern: &Path) -> Vec<PathBuf> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tree, ConfError> {
        Tree::parse(text, Path::new("k.conf"), "a")
    }

    fn words(item: &Item) -> Vec<&str> {
        item.words.iter().map(|w| w.text.as_str()).collect()
    }

    #[test]
    fn braces_may_stand_anywhere() {
        let tree = parse(
            "vrrp_instance web\n{\n track_file { hau weight 1 }\n a b }\nvrrp_instance x {}\n",
        )
        .unwrap();
        let [web, x] = tree.items.as_slice() else {
            panic!("{tree:?}")
        };
        assert_eq!(words(web), ["vrrp_instance", "web"]);
        assert_eq!(words(&web.items()[0].items()[0]), ["hau", "weight", "1"]);
        assert_eq!(web.last("a").unwrap().arg(), "b");
        assert_eq!(web.items()[0].words[0].at.line, 3);
        assert_eq!(x.items(), []);
    }

    #[test]
    fn comments_end_the_line_but_not_in_quotes_or_after_a_backslash() {
        let tree = parse("! all\na b # c\nd \"e # ! {\" f!g\nh i\\#j\n").unwrap();
        let all: Vec<_> = tree.items.iter().map(words).collect();
        assert_eq!(
            all,
            [vec!["a", "b"], vec!["d", "e # ! {", "f"], vec!["h", "i#j"]]
        );
    }

    #[test]
    fn a_backslash_joins_lines() {
        let tree = parse("a b \\\n   c\nd\n").unwrap();
        assert_eq!(words(&tree.items[0]), ["a", "b", "c"]);
        assert_eq!(tree.items[1].at().line, 3);
    }

    #[test]
    fn host_lines_and_definitions() {
        let tree = parse("$P=110\n@a priority ${P}\n@b priority 100\n@^b state BACKUP\nkeep $Q\n")
            .unwrap();
        let all: Vec<_> = tree
            .items
            .iter()
            .map(|i| {
                i.words
                    .iter()
                    .map(|w| w.text.clone())
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        assert_eq!(all, ["priority 110", "state BACKUP", "keep $Q"]);
    }

    #[test]
    fn includes_follow_patterns_from_the_including_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("k.conf"), "include d/*.conf\nlast\n").unwrap();
        fs::write(dir.path().join("d/2.conf"), "two\n").unwrap();
        fs::write(dir.path().join("d/1.conf"), "one\ninclude ../three\n").unwrap();
        fs::write(dir.path().join("d/.hidden.conf"), "never\n").unwrap();
        fs::write(dir.path().join("three"), "three\n").unwrap();
        let tree = Tree::read(&dir.path().join("k.conf"), "a").unwrap();
        let keys: Vec<_> = tree.items.iter().map(Item::key).collect();
        assert_eq!(keys, ["one", "three", "two", "last"]);
        assert_eq!(tree.files.len(), 4);
        assert!(tree.items[0].at().to_string().ends_with("d/1.conf:1"));
    }

    #[test]
    fn errors_name_file_and_line() {
        let says = |text: &str| parse(text).unwrap_err().to_string();
        assert!(says("a\n}\n").starts_with("k.conf:2: this } closes nothing"));
        assert!(says("a {\n b\n").starts_with("k.conf:1: the { opened here"));
        assert!(says("\n\na \"b\n").starts_with("k.conf:3: a quoted string"));
        assert!(
            says("include /nonexistent/x\n")
                .starts_with("k.conf:1: include /nonexistent/x: no such file")
        );
        assert!(says("{\n").starts_with("k.conf:1: this { belongs to no keyword"));
        assert!(says("~SEQ(x, 1, 2)\n").starts_with("k.conf:1: ~SEQ is not understood"));
        assert!(says("$X= \n").starts_with("k.conf:1: the definition of $X"));
    }

    #[test]
    fn an_include_of_itself_ends() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k.conf");
        fs::write(&file, "include k.conf\n").unwrap();
        assert!(matches!(
            Tree::read(&file, "a"),
            Err(ConfError::Loop { .. })
        ));
    }

    #[test]
    fn every_cut_of_a_real_file_gives_a_tree_or_an_error() {
        let text = "global_defs {\n  @a x \"y z\" # c\n}\n$V=1\nvrrp_instance w {\n  track_file { hau weight $V }\n}\n";
        for end in 0..=text.len() {
            if let Err(e) = parse(&text[..end]) {
                assert!(e.to_string().starts_with("k.conf:"), "{e}");
            }
        }
    }
}
