//! Reads SQL just far enough to see where statements begin: is one of them transaction control?

/// The first statement that would begin or end a transaction, by its first word; a rollback to a
/// savepoint does neither.
pub(super) fn transaction_control(sql: &str) -> Option<String> {
    let mut statement: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (word, length) = token(rest, first);
        if let Some(word) = word {
            depth = nesting(&statement, &word, depth);
            statement.push(word);
        } else if first == ';' && depth == 0 {
            if let Some(control) = control(&statement) {
                return Some(control);
            }
            statement.clear();
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    control(&statement)
}

fn control(statement: &[String]) -> Option<String> {
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
fn nesting(statement: &[String], word: &str, depth: usize) -> usize {
    let last = statement.last().map(String::as_str);
    match word {
        "atomic" if last == Some("begin") && statement[0] == "create" => depth + 1,
        "case" if depth > 0 => depth + 1,
        "end" => depth.saturating_sub(1),
        _ => depth,
    }
}

/// The token that `rest` begins with: its lower-case text if it is a word, and its length.
fn token(rest: &str, first: char) -> (Option<String>, usize) {
    let skip = |length: usize| (None, length);
    if rest.starts_with("--") {
        return skip(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return skip(comment(rest));
    }
    match first {
        '\'' => skip(quoted(rest, '\'', false)),
        '"' => skip(quoted(rest, '"', false)),
        '$' => skip(dollar_quoted(rest)),
        c if is_word(c) => {
            let length = rest.find(|c| !is_word(c) && c != '$').unwrap_or(rest.len());
            let (word, behind) = rest.split_at(length);
            if word.eq_ignore_ascii_case("e") && behind.starts_with('\'') {
                return skip(length + quoted(behind, '\'', true));
            }
            (Some(word.to_lowercase()), length)
        }
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
            assert_eq!(transaction_control(sql).as_deref(), Some(word), "{sql}");
        }
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
            assert_eq!(transaction_control(sql), None, "{sql}");
        }
    }
}
