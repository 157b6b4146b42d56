//! What opens at a key: details of a row, the log, the question before an abort, the keys.
use super::paint::line;
use super::rows::earlier;
use crate::core::{RowState, Undo};
use crate::render::{self, Look, Mark, Tone, clock, duration, padded, wrap};
use crate::steps;
use crate::wire::{Rollout, Row};
use crate::words::{Lang, Words, heard};
use ratatui::text::Line;

/// Each with what it does; also the line at the foot of the screen says some of them.
const KEYS: [(&str, Words); 8] = [
    (
        "d",
        words!("details of a row: note, problem, remedy, times, what an abort does to it"),
    ),
    (
        "j k ↓ ↑",
        words!("the row below or above; in the log older and newer lines"),
    ),
    ("← →", words!("to the row of the other node")),
    ("l", words!("log: what has happened, newest last")),
    (
        "a",
        words!("give the rollout up: says what is taken back, and asks"),
    ),
    (
        "Esc",
        words!("closes what is open, and goes back to the row at work"),
    ),
    (
        "q Ctrl-C",
        words!("leave: the rollout goes on, hau-ctl watch shows it again"),
    ),
    ("?", words!("these keys")),
];

pub(super) fn help(look: &Look) -> Vec<Line<'static>> {
    let (mut lines, lang) = (Vec::new(), look.lang);
    for (key, does) in KEYS {
        let key = match look.unicode {
            true => key,
            false if key.is_ascii() => key,
            false if key.starts_with('j') => "j k",
            false => "left right",
        };
        let does = lang.say(does);
        lines.extend(put(Tone::Plain, &padded(key, 11), does, look));
    }
    let legend = [
        (Mark::Done, words!("done")),
        (Mark::Runs, words!("at work")),
        (Mark::Ahead, words!("not begun")),
        (Mark::Failed, words!("failed")),
        (Mark::Back, words!("taken back")),
    ];
    let legend = legend.map(|(mark, word)| format!("{} {}", look.mark(mark), lang.say(word)));
    lines.push(Line::default());
    lines.extend(put(Tone::Faint, "", &legend.join("   "), look));
    lines
}

/// The last lines that there is room for, but for those `below`.
pub(super) fn log(facts: &[String], below: usize, room: usize, look: &Look) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = facts.iter().flat_map(|f| fact(f, look)).collect();
    if lines.is_empty() {
        lines.push(line(
            Tone::Faint,
            say!(look.lang, "nothing has happened since this was opened"),
            look,
        ));
    }
    let below = below.min(lines.len().saturating_sub(room));
    lines.truncate(lines.len() - below);
    lines.split_off(lines.len().saturating_sub(room))
}

fn fact(fact: &str, look: &Look) -> Vec<Line<'static>> {
    // `[ 1m10s] b start begins`: what does not fit goes on under the words.
    let words = fact.find("] ").map_or(0, |end| end + 2);
    let (time, text) = fact.split_at_checked(words).unwrap_or(("", fact));
    put(Tone::Plain, time, text, look)
}

pub(super) fn details(r: &Rollout, row: &Row, look: &Look) -> Vec<Line<'static>> {
    let lang = look.lang;
    let label = |word: Words| padded(lang.say(word), 10);
    let (does, state) = (label(words!("does")), label(words!("state")));
    let mut lines = put(Tone::Plain, &does, &heard(lang, &row.about), look);
    lines.extend(put(Tone::Plain, &state, &times(row, lang), look));
    if !row.note.is_empty() {
        let note = label(words!("note"));
        lines.extend(put(Tone::Plain, &note, &heard(lang, &row.note), look));
    }
    if let Some(problem) = &row.problem {
        let what = label(words!("problem"));
        lines.extend(put(Tone::Bad, &what, &heard(lang, &problem.what), look));
        let first = format!("          {} ", look.arrow());
        let remedy = heard(lang, &problem.remedy);
        lines.extend(put(Tone::Plain, &first, &remedy, look));
    }
    let abort = label(words!("abort"));
    lines.extend(put(Tone::Faint, &abort, lang.say(undone(r, row)), look));
    lines
}

fn times(row: &Row, lang: Lang) -> String {
    let mut times = vec![lang.say(render::word(row)).to_owned()];
    let took = row.elapsed_ms.map(|ms| duration(lang, ms));
    times.extend(took.map(|took| say!(lang, "for {}", took)));
    times.push(say!(lang, "at most {}", duration(lang, row.limit_ms)));
    let unknown = || say!(lang, "no earlier rollout says how long it takes");
    times.push(earlier(row, lang).unwrap_or_else(unknown));
    let begun = row.started.as_deref().map(clock);
    times.extend(begun.map(|at| say!(lang, "begun {}", at)));
    times.join(lang.say(words!(", ")))
}

/// What an abort does to a row.
fn undone(r: &Rollout, row: &Row) -> Words {
    let undo = steps::find(&row.step).map_or(Undo::Nothing, |def| def.undo);
    let is_kept = barrier(r).is_some_and(|b| r.rows[..=b].iter().any(|x| std::ptr::eq(x, row)));
    match undo {
        Undo::Nothing => words!("leaves it: there is nothing to take back"),
        Undo::Always => words!("takes it back"),
        Undo::Barrier => {
            words!("stops in front of it: past it there is no way back but a rollback")
        }
        Undo::Run | Undo::Role if is_kept => words!("leaves it: it lies before a row of no return"),
        Undo::Run | Undo::Role => words!("takes it back"),
    }
}

/// The last row of no return that has begun; what lies before it stays.
fn barrier(r: &Rollout) -> Option<usize> {
    let is_begun = |row: &Row| !matches!(row.state, None | Some(RowState::Undone));
    let is_barrier =
        |row: &Row| steps::find(&row.step).is_some_and(|def| def.undo == Undo::Barrier);
    r.rows
        .iter()
        .rposition(|row| is_begun(row) && is_barrier(row))
}

pub(super) fn abort(r: &Rollout, reason: &str, typing: bool, look: &Look) -> Vec<Line<'static>> {
    let lang = look.lang;
    let ask = say!(lang, "Give up {}?", render::name(r, look));
    let mut lines = put(Tone::Strong, "", &ask, look);
    let reason = match (typing, reason) {
        (true, typed) => format!("{typed}_"),
        (false, "") => super::reason_for(lang),
        (false, typed) => typed.to_owned(),
    };
    lines.extend(put(
        Tone::Plain,
        lang.say(words!("Reason: ")),
        &reason,
        look,
    ));
    for text in taken_back(r, lang) {
        lines.extend(put(Tone::Plain, "", &text, look));
    }
    let note = say!(
        lang,
        "hau refuses where that would leave nobody to serve. It goes back row by row, and this view shows it."
    );
    lines.extend(put(Tone::Faint, "", &note, look));
    lines
}

fn taken_back(r: &Rollout, lang: Lang) -> Vec<String> {
    let barrier = barrier(r);
    let is_begun = |row: &Row| !matches!(row.state, None | Some(RowState::Undone));
    let goes_back = |(n, row): &(usize, &Row)| {
        let undo = steps::find(&row.step).map_or(Undo::Nothing, |def| def.undo);
        match undo {
            Undo::Nothing | Undo::Barrier => false,
            Undo::Always => is_begun(row),
            Undo::Run | Undo::Role => is_begun(row) && barrier.is_none_or(|b| *n > b),
        }
    };
    let mut said = Vec::new();
    if let Some(row) = barrier.map(|b| &r.rows[b]) {
        said.push(match row.state {
            Some(RowState::Done) => say!(
                lang,
                "{} on {} is done: what was done before it stays, and there is no way back over it but hau-ctl rollback.",
                row.step,
                row.node
            ),
            _ => say!(
                lang,
                "{} on {} has begun and is not done: until it is, nobody knows which database counts, and hau refuses.",
                row.step,
                row.node
            ),
        });
    }
    let back: Vec<String> = [&r.first, &r.second]
        .into_iter()
        .filter_map(|node| {
            let rows = r.rows.iter().enumerate().filter(goes_back);
            let steps = rows.filter(|(_, row)| row.node == *node).rev();
            let steps: Vec<&str> = steps.map(|(_, row)| row.step.as_str()).collect();
            (!steps.is_empty()).then(|| say!(lang, "on {} {}", node, steps.join(", ")))
        })
        .collect();
    said.push(if back.is_empty() {
        say!(lang, "Nothing that was done needs taking back.")
    } else {
        let back = back.join(lang.say(words!("; ")));
        say!(lang, "Taken back, last first: {}.", back)
    });
    said
}

pub(super) fn put(tone: Tone, first: &str, text: &str, look: &Look) -> Vec<Line<'static>> {
    let lines = wrap(first, text, look.width);
    let lines = lines.into_iter().map(|text| line(tone, text, look));
    lines.collect()
}
