//! Words, times, tables: the small change of everything that is shown.
use crate::host::Status;
use crate::time::Time;
use crate::words::Lang;
pub(super) use crate::words::bytes;
use jiff::Timestamp;
use textwrap::{Options, WordSeparator, WordSplitter, core::Word};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What the reader's screen can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// In columns, of which a Chinese character takes two.
    pub width: usize,
    pub color: bool,
    pub unicode: bool,
    pub lang: Lang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Warn,
    Bad,
    /// Goes on right now.
    Live,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Done,
    Runs,
    Ahead,
    Warn,
    Failed,
    Back,
}

impl Look {
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "1;31",
            Tone::Live => "36",
        };
        if self.color && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn mark(&self, mark: Mark) -> &'static str {
        match (mark, self.unicode) {
            (Mark::Done, true) => "✔",
            (Mark::Done, false) => "+",
            (Mark::Runs, true) => "▶",
            (Mark::Runs, false) => ">",
            (Mark::Ahead, true) => "·",
            (Mark::Ahead, false) => ".",
            (Mark::Warn, _) => "!",
            (Mark::Failed, true) => "✘",
            (Mark::Failed, false) => "X",
            (Mark::Back, true) => "↶",
            (Mark::Back, false) => "<",
        }
    }

    pub(crate) fn arrow(&self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    pub(crate) fn dash(&self) -> &'static str {
        if self.unicode { "─" } else { "-" }
    }

    /// In front of what is chosen.
    pub(crate) fn pointer(&self) -> &'static str {
        if self.unicode { "›" } else { "*" }
    }

    /// `full` of `all` signs.
    pub(crate) fn bar(&self, full: usize, all: usize) -> String {
        let (gone, rest) = if self.unicode {
            ("━", "╌")
        } else {
            ("#", ".")
        };
        gone.repeat(full) + &rest.repeat(all.saturating_sub(full))
    }

    /// Cut to `width` columns.
    pub(crate) fn cut(&self, text: &str, width: usize) -> String {
        if text.width() <= width {
            return text.to_owned();
        }
        let end = if self.unicode { "…" } else { "~" };
        let mut room = width.saturating_sub(1);
        let fits = |c: &char| {
            let left = room.checked_sub(c.width().unwrap_or(0));
            room = left.unwrap_or(0);
            left.is_some()
        };
        let kept: String = text.chars().take_while(fits).collect();
        format!("{}{end}", kept.trim_end())
    }
}

/// A finding's mark and tone.
pub(super) fn judged(look: &Look, status: Status) -> (Tone, &'static str) {
    match status {
        Status::Pass => (Tone::Good, look.mark(Mark::Done)),
        Status::Warn => (Tone::Warn, look.mark(Mark::Warn)),
        Status::Fail => (Tone::Bad, look.mark(Mark::Failed)),
    }
}

/// `text` and spaces, `width` columns together.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let pad = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(pad))
}

/// `0.4s`, `42s`, `4m12s`, `2h05m`, `3 days`.
pub(crate) fn duration(lang: Lang, ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0 => format!("0.{}s", ms / 100),
        1..=59 => format!("{s}s"),
        60..=3599 if s.is_multiple_of(60) => format!("{}m", s / 60),
        60..=3599 => format!("{}m{:02}s", s / 60, s % 60),
        3600..=172_799 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        _ => say!(lang, "{} days", s / 86_400),
    }
}

/// Measured downtime.
pub(crate) fn downtime(lang: Lang, ms: u64) -> String {
    match ms {
        0 => say!(lang, "none"),
        1..=9999 => format!("{ms} ms"),
        _ => duration(lang, ms),
    }
}

/// RFC 3339 as a person reads it: `2026-11-21 02:14:05 UTC`.
pub(crate) fn clock(rfc3339: &str) -> String {
    let Some((date, time)) = rfc3339.split_once('T') else {
        return rfc3339.to_owned();
    };
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone_at);
    let time = time.split('.').next().unwrap_or(time);
    let zone = if zone == "Z" { "UTC" } else { zone };
    format!("{date} {time} {zone}")
}

/// A moment as a person reads it.
pub(super) fn moment(at: Time) -> String {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    clock(&at.to_string())
}

/// `first` and then `text`, broken between words; the lines that follow begin under the text. What is no Chinese and has
/// no spaces is left whole, so that it can be copied.
pub(super) fn hang(first: &str, text: &str, width: usize) -> String {
    broken(first, text, width, false).join("\n")
}

/// The same, where a line must not be longer than `width`.
pub(crate) fn wrap(first: &str, text: &str, width: usize) -> Vec<String> {
    broken(first, text, width, true)
}

fn broken(first: &str, text: &str, width: usize, within_words: bool) -> Vec<String> {
    let indent = " ".repeat(first.width());
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return vec![first.to_owned()];
    }
    let options = Options::new(width.max(first.width() + 20))
        .initial_indent(first)
        .subsequent_indent(&indent)
        .break_words(within_words)
        .word_separator(WordSeparator::Custom(words_of))
        .word_splitter(WordSplitter::NoHyphenation);
    let text = words.join(" ");
    let lines = textwrap::wrap(&text, options);
    lines.into_iter().map(String::from).collect()
}

/// A line may end at a space, and beside a Chinese character.
fn words_of(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = line;
    Box::new(std::iter::from_fn(move || {
        let (word, after) = rest.split_at(word_end(rest));
        rest = after;
        (!word.is_empty()).then(|| Word::from(word))
    }))
}

fn word_end(text: &str) -> usize {
    let next = text.char_indices().skip(1);
    let mut pairs = text.chars().zip(next);
    let end = pairs.find(|(c, (_, next))| may_end_between(*c, *next));
    end.map_or(text.len(), |(_, (at, _))| at)
}

fn may_end_between(c: char, next: char) -> bool {
    /// Signs that begin no line, and signs that end none.
    const CLOSES: &str = "，。；：、！？）》”’…,.;:!?)]%";
    const OPENS: &str = "（《“‘([";
    let is_wide = |c: char| c.width() == Some(2);
    match (c, next) {
        (_, ' ') => false,
        (' ', _) => true,
        _ => (is_wide(c) || is_wide(next)) && !CLOSES.contains(next) && !OPENS.contains(c),
    }
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub tone: Tone,
    pub text: String,
}

pub(crate) fn cell(tone: Tone, text: impl Into<String>) -> Cell {
    let text = text.into();
    Cell { tone, text }
}

pub(crate) fn plain(text: impl Into<String>) -> Cell {
    cell(Tone::Plain, text)
}

/// Columns as wide as their widest cell, two spaces apart, lines cut at the screen's edge.
pub(super) fn table(look: &Look, indent: usize, rows: &[Vec<Cell>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|c| c.text.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut out = String::new();
    for row in rows {
        out.push_str(&line(look, indent, row, &widths));
        out.push('\n');
    }
    out
}

/// One line of a table with given columns.
pub(super) fn line(look: &Look, indent: usize, row: &[Cell], widths: &[usize]) -> String {
    let mut out = " ".repeat(indent);
    let mut used = indent;
    let last = row.iter().rposition(|c| !c.text.is_empty()).unwrap_or(0);
    for (n, cell) in row.iter().enumerate().take(last + 1) {
        let room = look.width.saturating_sub(used);
        let text = look.cut(&cell.text, room);
        let width = text.width();
        out.push_str(&look.paint(cell.tone, &text));
        if n < last {
            let pad = widths.get(n).copied().unwrap_or(0).saturating_sub(width) + 2;
            out.push_str(&" ".repeat(pad));
            used += width + pad;
        }
    }
    out
}
