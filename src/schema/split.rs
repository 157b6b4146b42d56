//! Reads SQL just far enough to see where statements begin and which words they begin with.

/// As many words of a statement as a rule may ask for.
const WORDS: usize = 64;

/// One statement of a script.
#[derive(Debug, Default)]
pub(super) struct Statement<'a> {
    /// Of its first word; the first line is 1.
    pub(super) line: usize,
    /// Without the semicolon.
    pub(super) text: &'a str,
    /// What it begins with, in lower case; nothing quoted is a word.
    pub(super) words: Vec<String>,
    /// The comments for hau that it has, by line.
    pub(super) remarks: Vec<Remark<'a>>,
}

/// A comment that begins with `hau:`, without these letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remark<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
}

#[derive(Debug, Default)]
pub(super) struct Split<'a> {
    pub(super) statements: Vec<Statement<'a>>,
    /// Comments for hau that belong to no statement.
    pub(super) stray: Vec<Remark<'a>>,
}

/// A remark belongs to the statement that begins on its line, else to the one that begins right below it.
pub(super) fn split(sql: &str) -> Split<'_> {
    let mut reader = Reader::default();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        // A command of psql ends with its line.
        let is_psql = first == '\\' && reader.open.is_none();
        let (token, length) = if is_psql {
            (Token::Other, rest.find('\n').unwrap_or(rest.len()))
        } else {
            token(rest, first)
        };
        let end = at + length;
        reader.take(sql, at..end, token);
        if is_psql {
            reader.close(sql, end);
        }
        at = end;
    }
    reader.close(sql, at);
    reader.drop_above();
    reader.split
}

#[derive(Default)]
struct Reader<'a> {
    split: Split<'a>,
    /// The statement under way, and where it begins.
    open: Option<(usize, Statement<'a>)>,
    last: String,
    depth: usize,
    line: usize,
    /// Remarks in front of the next statement, and the line of the last comment with them.
    above: Vec<Remark<'a>>,
    reach: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, sql: &'a str, at: std::ops::Range<usize>, token: Token) {
        let text = &sql[at.clone()];
        match token {
            Token::Space => {}
            Token::Comment => self.comment(text),
            Token::End if self.depth == 0 => self.close(sql, at.start),
            Token::End => {}
            Token::Word(word) => {
                self.open(at.start);
                let words = self.open.as_mut().map(|(_, s)| &mut s.words);
                if let Some(words) = words {
                    let first = words.first().map_or("", String::as_str);
                    self.depth = nesting(first, &self.last, &word, self.depth);
                    if words.len() < WORDS {
                        words.push(word.clone());
                    }
                }
                self.last = word;
            }
            Token::Other => self.open(at.start),
        }
        self.line += text.matches('\n').count();
    }

    fn open(&mut self, at: usize) {
        if self.open.is_some() {
            return;
        }
        let line = self.line + 1;
        if self.reach != line && self.reach + 1 != line {
            self.drop_above();
        }
        let remarks = std::mem::take(&mut self.above);
        let statement = Statement {
            line,
            remarks,
            ..Statement::default()
        };
        self.open = Some((at, statement));
    }

    fn close(&mut self, sql: &'a str, end: usize) {
        if let Some((at, mut statement)) = self.open.take() {
            statement.text = sql[at..end].trim_end();
            self.split.statements.push(statement);
        }
        self.last.clear();
        self.depth = 0;
    }

    fn comment(&mut self, text: &'a str) {
        let line = self.line + 1;
        let said = text.strip_prefix("--").map_or("", str::trim);
        let remark = said.strip_prefix("hau:").map(|text| Remark {
            line,
            text: text.trim(),
        });
        let open = self.open.as_mut().map(|(_, statement)| statement);
        let is_open = open.is_some();
        match (open.or(self.split.statements.last_mut()), remark) {
            (Some(statement), Some(remark)) if statement.line == line => {
                statement.remarks.push(remark);
            }
            (_, Some(remark)) if is_open => self.split.stray.push(remark),
            (_, remark) if !is_open => {
                if self.reach + 1 != line {
                    self.drop_above();
                }
                self.above.extend(remark);
                self.reach = line;
            }
            (_, _) => {}
        }
    }

    fn drop_above(&mut self) {
        self.split.stray.append(&mut self.above);
    }
}

/// The first statement that would begin or end a transaction, by its first word; a rollback to a
/// savepoint does neither.
pub(super) fn transaction_control(statements: &[Statement<'_>]) -> Option<String> {
    statements.iter().find_map(|s| control(&s.words))
}

pub(super) fn control(statement: &[String]) -> Option<String> {
    let word = |i: usize| statement.get(i).map_or("", String::as_str);
    let found = match word(0) {
        "begin" | "start" | "commit" | "end" | "abort" => true,
        "rollback" => {
            !(word(1) == "to" || matches!(word(1), "work" | "transaction") && word(2) == "to")
        }
        "prepare" => word(1) == "transaction",
        _ => false,
    };
    found.then(|| word(0).to_uppercase())
}

/// A body in standard SQL (CREATE FUNCTION … BEGIN ATOMIC … END) holds semicolons of its own.
fn nesting(first: &str, last: &str, word: &str, depth: usize) -> usize {
    match word {
        "atomic" if last == "begin" && first == "create" => depth + 1,
        "case" if depth > 0 => depth + 1,
        "end" => depth.saturating_sub(1),
        _ => depth,
    }
}

enum Token {
    Space,
    Comment,
    /// In lower case.
    Word(String),
    /// A semicolon.
    End,
    Other,
}

/// The token that `rest` begins with, and its length.
fn token(rest: &str, first: char) -> (Token, usize) {
    let skip = |length: usize| (Token::Other, length);
    if rest.starts_with("--") {
        return (Token::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Token::Comment, comment(rest));
    }
    match first {
        ';' => (Token::End, 1),
        '\'' => skip(quoted(rest, '\'', false)),
        '"' => skip(quoted(rest, '"', false)),
        '$' => skip(dollar_quoted(rest)),
        c if is_word(c) => {
            let length = rest.find(|c| !is_word(c) && c != '$').unwrap_or(rest.len());
            let (word, behind) = rest.split_at(length);
            if word.eq_ignore_ascii_case("e") && behind.starts_with('\'') {
                return skip(length + quoted(behind, '\'', true));
            }
            (Token::Word(word.to_lowercase()), length)
        }
        c if c.is_whitespace() => (Token::Space, c.len_utf8()),
        c => skip(c.len_utf8()),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A doubled quote ends it and begins the next: the same in the end. Not closed: all of it.
fn quoted(text: &str, quote: char, backslash: bool) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if backslash && c == '\\' {
            escaped = true;
        } else if c == quote {
            return i + c.len_utf8();
        }
    }
    text.len()
}

/// `$tag$ … $tag$`, or only a `$` if it is none.
fn dollar_quoted(text: &str) -> usize {
    let inner = text.get(1..).unwrap_or_default();
    let Some(end) = inner.find(|c| !is_word(c)) else {
        return 1;
    };
    if !inner[end..].starts_with('$') || inner.starts_with(|c: char| c.is_ascii_digit()) {
        return 1;
    }
    let tag = &text[..end + 2];
    let body = &text[tag.len()..];
    body.find(tag)
        .map_or(text.len(), |i| tag.len() + i + tag.len())
}

/// Comments nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut i) = (0_usize, 0);
    let bytes = text.as_bytes();
    while i < bytes.len() {
        match bytes.get(i..i + 2) {
            Some(b"/*") => (depth, i) = (depth + 1, i + 2),
            Some(b"*/") => (depth, i) = (depth - 1, i + 2),
            Some(_) | None => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transaction_control_is_found_wherever_a_statement_begins() {
        for (sql, word) in [
            ("begin; select 1", "BEGIN"),
            ("select 1; COMMIT", "COMMIT"),
            ("select 1;\n-- a\n/* b /* c */ ; */ End;", "END"),
            ("start transaction", "START"),
            ("rollback", "ROLLBACK"),
            ("abort;", "ABORT"),
            ("prepare transaction 'x'", "PREPARE"),
            (r"select E'it\'s'; commit", "COMMIT"),
            (r"select 'c:\'; commit", "COMMIT"),
            ("select $1; commit", "COMMIT"),
            ("select a$b$c; commit; select d$b$", "COMMIT"),
            (
                "create function f() returns int begin atomic select case when true then 1 end; \
                 end; commit",
                "COMMIT",
            ),
        ] {
            assert_eq!(
                transaction_control(&split(sql).statements).as_deref(),
                Some(word),
                "{sql}"
            );
        }
    }

    #[test]
    fn a_remark_belongs_to_the_statement_on_its_line_or_right_below() {
        let told = |sql: &str| {
            let split = split(sql);
            let of = split.statements.iter().map(|s| {
                let texts = s.remarks.iter().map(|r| r.text);
                (s.line, texts.collect::<Vec<_>>().join("+"))
            });
            let stray: Vec<usize> = split.stray.iter().map(|r| r.line).collect();
            (of.collect::<Vec<_>>(), stray)
        };
        let one = |line, text: &str| (line, text.to_owned());
        for (sql, of, stray) in [
            ("-- hau: a\nx;", vec![one(2, "a")], vec![]),
            (
                "-- hau: a\n-- why\n--hau: b\nx;",
                vec![one(4, "a+b")],
                vec![],
            ),
            ("x; -- hau: a\ny;", vec![one(1, "a"), one(2, "")], vec![]),
            ("x -- hau: a\n y;", vec![one(1, "a")], vec![]),
            ("x;\n-- hau: a\ny;", vec![one(1, ""), one(3, "a")], vec![]),
            ("x; y; -- hau: a", vec![one(1, ""), one(1, "a")], vec![]),
            ("-- hau: a\n\nx;", vec![one(3, "")], vec![1]),
            ("x\n-- hau: a\n;", vec![one(1, "")], vec![2]),
            ("-- hau: a\n", vec![], vec![1]),
            ("x '-- hau: a'; /* -- hau: b */", vec![one(1, "")], vec![]),
        ] {
            assert_eq!(told(sql), (of, stray), "{sql:?}");
        }
    }

    #[test]
    fn statements_are_cut_where_they_end() {
        let texts = |sql| -> Vec<String> {
            let all = split(sql).statements;
            all.iter()
                .map(|s| format!("{}:{}", s.line, s.text))
                .collect()
        };
        assert_eq!(
            texts("a 1;\n\n b ';' ;;\n$$;\n$$ c"),
            ["1:a 1", "3:b ';'", "4:$$;\n$$ c"]
        );
        assert_eq!(texts("\\set x 1\nselect 1"), ["1:\\set x 1", "2:select 1"]);
    }

    #[test]
    fn the_same_words_elsewhere_are_none() {
        for sql in [
            "",
            ";;",
            "create table t (commit int, \"begin;\" text)",
            "insert into t values ('; commit;', $$; rollback;$$, $a$ $$; end; $a$)",
            "do $$ begin perform 1; end $$",
            "create function f() returns int begin atomic select 1; select 2; end; select 1",
            "savepoint a; rollback to a; rollback transaction to savepoint a; release a",
            "prepare p as select 1",
            "-- commit\nselect 1 /* ; commit; */",
            "select 'ü; commit",
        ] {
            assert_eq!(transaction_control(&split(sql).statements), None, "{sql}");
        }
    }
}
