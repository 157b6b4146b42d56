//! What is wrong with a configuration: all of it, each with the place and the remedy.

use std::fmt;
use std::path::Path;

use super::tree::At;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file it is in.
    pub file: String,
    /// The line in it, from 1; `None` if it is about the file as such.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}; {}", self.file, self.what, self.remedy),
            None => write!(f, "{}: {}; {}", self.file, self.what, self.remedy),
        }
    }
}

/// Everything that is wrong; displayed as one `FILE:LINE: what; remedy` a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems, by file and line.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    pub(super) fn add(&mut self, at: &At, what: String, remedy: String) {
        self.0.push(Problem {
            file: at.file.to_string(),
            line: at.line,
            what,
            remedy,
        });
    }

    pub(super) fn add_file(&mut self, file: &Path, what: String, remedy: String) {
        self.0.push(Problem {
            file: file.display().to_string(),
            line: None,
            what,
            remedy,
        });
    }

    pub(super) fn sorted(mut self) -> Problems {
        self.0.sort();
        self
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
