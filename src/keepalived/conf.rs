//! Reads keepalived.conf into a tree of words, each with its file and line.
//!
//! Follows keepalived's own reader: a statement ends with its line, `#` and `!` begin a comment outside quotes,
//! a backslash joins lines, `include` takes patterns relative to the including file, `@id` keeps a line for one host,
//! `$NAME=value` defines a word. What it means is in `instance.rs`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reader::Reader;

mod reader;
mod words;

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
