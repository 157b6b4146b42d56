//! The rollout: phases from top to bottom, a row with its times where it stands. A phase is one line before and after
//! it is at work.
use super::nodes::columns;
use super::paint::{beside, line};
use crate::core::RowState;
use crate::render::{self, Cell, Look, Mark, Tone, cell, duration, plain, wrap};
use crate::wire::{Rollout, Row};
use crate::words::Lang;
use ratatui::text::Line;

const BAR: usize = 10;

/// All there is to say, and the line that must stay in sight.
pub(super) struct List {
    pub lines: Vec<Line<'static>>,
    pub focus: usize,
}

/// `at`: the row that the picture is about; `chosen`: a person has chosen it.
pub(super) fn list(r: &Rollout, at: Option<usize>, chosen: bool, wide: bool, look: &Look) -> List {
    let mut list = List {
        lines: Vec::new(),
        focus: 0,
    };
    let mut first = 0;
    let mut phases = render::phases(&r.rows).peekable();
    while let Some((name, rows)) = phases.next() {
        let phase = Phase {
            name,
            rows,
            at: at
                .and_then(|at| at.checked_sub(first))
                .filter(|at| *at < rows.len()),
            chosen,
            is_now: is_now(r, name, rows),
            look,
        };
        first += rows.len();
        let below = list.lines.len();
        if let Some(line) = phase.put(r, wide, &mut list.lines) {
            list.focus = below + line;
        }
        if let Some((next, _)) = phases.peek().filter(|_| phase.is_now) {
            list.lines.push(phase.barrier(next));
        }
    }
    list
}

fn is_now(r: &Rollout, name: &str, rows: &[Row]) -> bool {
    let is = |wanted: RowState| rows.iter().any(|row| row.state == Some(wanted));
    let works = [
        RowState::Started,
        RowState::Failed,
        RowState::Undoing,
        RowState::UndoFailed,
    ];
    let done = |row: &Row| row.state == Some(RowState::Done);
    works.into_iter().any(is)
        || r.phase.as_deref() == Some(name)
        || (is(RowState::Done) && !rows.iter().all(done))
}

struct Phase<'a> {
    name: &'a str,
    rows: &'a [Row],
    /// Which of the rows the picture is about.
    at: Option<usize>,
    chosen: bool,
    is_now: bool,
    look: &'a Look,
}

/// A line of one node, and which of the phase's rows begins there.
type Side = Vec<(Cell, Option<usize>)>;

impl Phase<'_> {
    /// Gives the line of the row that the picture is about, counted from the first of this phase.
    fn put(&self, r: &Rollout, wide: bool, lines: &mut Vec<Line<'static>>) -> Option<usize> {
        let open = self.is_now || (self.chosen && self.at.is_some());
        let tone = match (open, self.rows.iter().any(|row| row.state.is_some())) {
            (true, _) => Tone::Strong,
            (false, true) => Tone::Plain,
            (false, false) => Tone::Faint,
        };
        let nodes = [&r.first, &r.second];
        if !wide {
            return self.put_narrow(nodes, open, tone, lines);
        }
        let widths = columns(self.look);
        let sides = nodes.map(|node| match open {
            true => self.open(node, widths[1], false),
            false => vec![(self.closed(node), None)],
        });
        let longest = sides[0].len().max(sides[1].len());
        let mut focus = self.at.map(|_| 0);
        for n in 0..longest {
            let title = if n == 0 { self.name } else { "" };
            let mut cells = vec![cell(tone, title)];
            for side in &sides {
                let (text, row) = side.get(n).cloned().unwrap_or((plain(""), None));
                if row.is_some() && row == self.at {
                    focus = Some(n);
                }
                cells.push(text);
            }
            lines.push(beside(&cells, &widths, self.look));
        }
        focus
    }

    fn put_narrow(
        &self,
        nodes: [&String; 2],
        open: bool,
        tone: Tone,
        lines: &mut Vec<Line<'static>>,
    ) -> Option<usize> {
        let width = self.look.width;
        if !open {
            let says = nodes.into_iter().filter_map(|node| {
                let text = self.closed(node).text;
                (!text.is_empty()).then(|| format!("{node} {}", text.trim_start()))
            });
            let says: Vec<String> = says.collect();
            let text = format!("{}  {}", self.name, says.join(", "));
            lines.push(line(tone, self.look.cut(&text, width), self.look));
            return self.at.map(|_| 0);
        }
        lines.push(line(tone, self.name, self.look));
        let mut focus = self.at.map(|_| 0);
        let both = nodes
            .into_iter()
            .flat_map(|node| self.open(node, width, true));
        for (n, (text, row)) in both.enumerate() {
            if row.is_some() && row == self.at {
                focus = Some(n + 1);
            }
            let shown = self.look.cut(&text.text, width);
            lines.push(line(text.tone, shown, self.look));
        }
        focus
    }

    /// One node's part of a phase as one cell.
    fn closed(&self, node: &str) -> Cell {
        let rows = || self.rows.iter().filter(|row| row.node == node);
        let all = |state: Option<RowState>| rows().all(|row| row.state == state);
        if rows().next().is_none() {
            plain("")
        } else if all(Some(RowState::Done)) {
            let ms = rows().filter_map(|row| row.elapsed_ms).sum();
            let text = format!(
                " {} {}",
                self.look.mark(Mark::Done),
                duration(self.look.lang, ms)
            );
            cell(Tone::Good, text)
        } else if all(None) {
            let steps: Vec<&str> = rows().map(|row| row.step.as_str()).collect();
            let text = format!(" {} {}", self.look.mark(Mark::Ahead), steps.join(", "));
            cell(Tone::Faint, text)
        } else {
            let word = self.look.lang.say(words!("taken back"));
            let text = format!(" {} {word}", self.look.mark(Mark::Back));
            cell(Tone::Warn, text)
        }
    }

    fn open(&self, node: &str, width: usize, named: bool) -> Side {
        let mut side = Vec::new();
        let rows = self.rows.iter().enumerate();
        for (n, row) in rows.filter(|(_, row)| row.node == node) {
            let pointer = match self.chosen && self.at == Some(n) {
                true => self.look.pointer(),
                false => " ",
            };
            let named = if named {
                format!("{node} ")
            } else {
                String::new()
            };
            let mut said = one(row, &named, self.look);
            said.text = format!("{pointer}{}", said.text);
            side.push((said, Some(n)));
            let below = below(row, width, self.look);
            side.extend(
                below
                    .into_iter()
                    .map(|text| (cell(Tone::Faint, text), None)),
            );
        }
        side
    }

    fn barrier(&self, next: &str) -> Line<'static> {
        let nodes = self.rows.iter().map(|row| &row.node);
        let both = nodes.clone().any(|node| *node != self.rows[0].node);
        let lang = self.look.lang;
        let says = match both {
            true => say!(lang, "{} begins when both are done", next),
            false => say!(lang, "{} begins when this is done", next),
        };
        let text = format!("{0}{0} {says}", self.look.dash());
        line(
            Tone::Faint,
            self.look.cut(&text, self.look.width),
            self.look,
        )
    }
}

/// One row with its times.
fn one(row: &Row, node: &str, look: &Look) -> Cell {
    let lang = look.lang;
    let took = row.elapsed_ms.map(|ms| duration(lang, ms));
    let took = took.unwrap_or_default();
    let step = format!("{node}{}", row.step);
    let (tone, mark, text) = match row.state {
        None => (Tone::Faint, Mark::Ahead, step),
        Some(RowState::Started) => {
            let limit = duration(lang, row.limit_ms);
            let text = say!(lang, "{}  {} (max {})", step, took, limit);
            (Tone::Live, Mark::Runs, text)
        }
        Some(RowState::Done) => (Tone::Good, Mark::Done, format!("{step}  {took}")),
        Some(RowState::Failed) => {
            let text = say!(lang, "{}  failed after {}", step, took);
            (Tone::Bad, Mark::Failed, text)
        }
        Some(RowState::Undoing) => {
            let text = say!(lang, "{}  is taken back, {}", step, took);
            (Tone::Live, Mark::Back, text)
        }
        Some(RowState::Undone) => (Tone::Warn, Mark::Back, say!(lang, "{}  taken back", step)),
        Some(RowState::UndoFailed) => {
            let text = say!(lang, "{}  not taken back", step);
            (Tone::Bad, Mark::Failed, text)
        }
    };
    cell(tone, format!("{} {text}", look.mark(mark)))
}

/// What earlier rollouts say of how long a row takes.
pub(super) fn earlier(row: &Row, lang: Lang) -> Option<String> {
    let ms = row.expected_ms?;
    let took = duration(lang, ms);
    Some(match ms {
        0..1000 if row.is_late() => say!(lang, "longer than the moment it took before"),
        _ if row.is_late() => say!(lang, "longer than the {} it took before", took),
        0..1000 => say!(lang, "usually a moment"),
        _ => say!(lang, "usually {}", took),
    })
}

/// Below a row at work. A bar only as long as it can be believed.
fn below(row: &Row, width: usize, look: &Look) -> Vec<String> {
    let (Some(RowState::Started), Some(earlier)) = (row.state, earlier(row, look.lang)) else {
        return Vec::new();
    };
    if row.is_late() || row.elapsed_ms >= row.expected_ms {
        return wrap("   ", &earlier, width);
    }
    let gone = row.elapsed_ms.unwrap_or(0).saturating_mul(BAR as u64);
    let full = gone / row.expected_ms.unwrap_or(0).max(1);
    let bar = look.bar(usize::try_from(full).unwrap_or(BAR).min(BAR), BAR);
    vec![format!("   {bar}  {earlier}")]
}
