//! One picture: what is known and what has been opened in, a frame out. Pure.
use super::nodes;
use super::paint::{line, rule, span};
use super::panels::{self, put};
use super::rows;
use super::state::{Open, State};
use crate::core::{Closed, Direction};
use crate::render::{self, Answer, Look, Mark, Tone, duration};
use crate::wire::{Outcome, Rest, Rollout, Row, Status, Stopped};
use crate::words::{Lang, Words};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

/// From here on both nodes have room side by side; narrower they stand one above the other.
const WIDE: usize = 72;
/// From here on there is room for a table of them.
const HIGH: usize = 20;
/// Lines that the rows, the log or an answer get at least.
const BODY: usize = 3;

pub(super) struct Scene<'a> {
    pub status: Option<&'a Status>,
    /// The rollout in sight.
    pub rollout: Option<&'a Rollout>,
    pub state: &'a State,
    /// What has happened, newest last.
    pub log: &'a [String],
    /// The daemon does not answer: since when what is shown is old, in words.
    pub away: Option<&'a str>,
    pub look: Look,
}

pub(super) fn draw(frame: &mut Frame<'_>, scene: &Scene<'_>) {
    let area = frame.area();
    let look = Look {
        width: area.width.into(),
        ..scene.look
    };
    let height = usize::from(area.height);
    let mut lines = head(scene, &look);
    let (keys, remarks) = (keys(scene, &look), remarks(scene, &look));
    let nodes = pair(scene, height, &look);
    let fixed = lines.len() + remarks.len() + 2;
    let room = height.saturating_sub(fixed);
    lines.extend(nodes.into_iter().take(room.saturating_sub(BODY)));
    let room = height.saturating_sub(lines.len() + remarks.len() + 1);
    lines.extend(body(scene, room, &look));
    lines.resize_with(height.saturating_sub(remarks.len() + 1), Line::default);
    lines.extend(remarks);
    lines.push(keys);
    // Of a screen that is lower than all that the last line stays: how to get out of it.
    let over = lines.len().saturating_sub(height);
    let lines = lines.split_off(over);
    frame.render_widget(Paragraph::new(lines), Rect { ..area });
}

fn head(scene: &Scene<'_>, look: &Look) -> Vec<Line<'static>> {
    let Some(r) = scene.rollout else {
        let text = match scene.status {
            Some(s) => say!(look.lang, "the pair, as {} sees it", s.node),
            None => say!(look.lang, "asking the daemon"),
        };
        return vec![line(Tone::Strong, text, look)];
    };
    let lang = look.lang;
    let took = duration(lang, r.elapsed_ms);
    let (tone, mark, state) = match r.result {
        None if r.mandate.direction == Direction::Back => {
            let text = say!(lang, "is given up, for {}", took);
            (Tone::Warn, Mark::Back, text)
        }
        None => (Tone::Live, Mark::Runs, say!(lang, "goes on, for {}", took)),
        Some(Outcome::Halted) => (Tone::Bad, Mark::Failed, say!(lang, "HALTED after {}", took)),
        Some(Outcome::Succeeded) => (Tone::Good, Mark::Done, say!(lang, "succeeded in {}", took)),
        Some(Outcome::RolledBack) => {
            let text = say!(lang, "rolled back after {}", took);
            (Tone::Warn, Mark::Back, text)
        }
        Some(Outcome::Failed) => (
            Tone::Warn,
            Mark::Back,
            say!(lang, "given up after {}", took),
        ),
        Some(Outcome::Refused) => (
            Tone::Bad,
            Mark::Failed,
            say!(lang, "refused after {}", took),
        ),
    };
    let state = format!("{} {state}", look.mark(mark));
    let by = render::by(r, lang);
    let by = match &r.reason {
        Some(why) => say!(lang, "by {}: {}", by, why),
        None => say!(lang, "by {}", by),
    };
    let by = format!("   {by}");
    let mut room = look.width;
    let title = [
        (Tone::Strong, render::name(r, look)),
        (tone, format!("   {state}")),
        (Tone::Faint, by),
    ]
    .map(|(tone, text)| {
        let span = span(tone, look.cut(&text, room), look);
        room = room.saturating_sub(span.width());
        span
    });
    let progress = look.cut(&progress(scene, r, lang), look.width);
    vec![Line::from_iter(title), line(Tone::Plain, progress, look)]
}

/// Where it is, how long it takes yet, and what users notice of it.
fn progress(scene: &Scene<'_>, r: &Rollout, lang: Lang) -> String {
    let mut facts = Vec::new();
    let all = render::phases(&r.rows).count();
    let at = r.phase.as_ref().and_then(|phase| {
        let nth = render::phases(&r.rows).position(|(name, _)| name == phase)?;
        Some(say!(lang, "phase {} of {}, {}", nth + 1, all, phase))
    });
    facts.extend(at);
    facts.extend(
        Row::expected_rest(&r.rows)
            .filter(|_| r.result.is_none())
            .map(|rest| match rest {
                Rest::About(ms) => say!(lang, "about {} more", duration(lang, ms)),
                Rest::AtLeast(ms) => say!(lang, "at least {} more", duration(lang, ms)),
            }),
    );
    facts.extend(render::noticed(scene.status, r, lang));
    facts.join("   ")
}

fn pair(scene: &Scene<'_>, height: usize, look: &Look) -> Vec<Line<'static>> {
    let Some(s) = scene.status else {
        return Vec::new();
    };
    let names: Vec<&str> = match scene.rollout {
        Some(r) => vec![&r.first, &r.second],
        None => s.nodes.keys().map(String::as_str).collect(),
    };
    let mut lines = vec![rule("", look)];
    if look.width >= WIDE && height >= HIGH {
        lines.extend(nodes::side_by_side(s, &names, look));
    } else {
        lines.extend(nodes::one_above_the_other(s, &names, look));
    }
    lines
}

/// What fills the rest: rows with what is to be said of them, or what was opened.
fn body(scene: &Scene<'_>, room: usize, look: &Look) -> Vec<Line<'static>> {
    let room = room.saturating_sub(1);
    let titled = |title: &str, lines: Vec<Line<'static>>| {
        let mut all = vec![rule(title, look)];
        all.extend(lines.into_iter().take(room));
        all
    };
    match (&scene.state.open, scene.rollout) {
        (Open::Help, _) => titled(look.lang.say(words!("keys")), panels::help(look)),
        (Open::Log, _) => {
            let log = panels::log(scene.log, scene.state.below, room, look);
            titled(look.lang.say(words!("log")), log)
        }
        (Open::Abort { reason, typing }, Some(r)) => {
            let lines = panels::abort(r, reason, *typing, look);
            titled(look.lang.say(words!("abort")), lines)
        }
        (Open::Nothing | Open::Details | Open::Abort { .. }, None) => {
            let answers = scene.status.map(|s| render::answers(s, look));
            titled("", answers.map_or_else(Vec::new, |a| said(a, look)))
        }
        (Open::Nothing, Some(r)) => {
            let below = scene.status.map_or_else(Vec::new, |s| foot(s, r, look));
            titled("", stacked(scene, r, "", below, room, look))
        }
        (Open::Details, Some(r)) => {
            let at = scene.state.row(r).map(|at| &r.rows[at]);
            let below = at.map_or_else(Vec::new, |row| panels::details(r, row, look));
            let title = at.map_or_else(String::new, |row| format!("{} {}", row.node, row.step));
            titled("", stacked(scene, r, &title, below, room, look))
        }
    }
}

/// The rows, and what stands below them; of both something is in sight.
fn stacked(
    scene: &Scene<'_>,
    r: &Rollout,
    title: &str,
    below: Vec<Line<'static>>,
    room: usize,
    look: &Look,
) -> Vec<Line<'static>> {
    let at = scene.state.row(r);
    let chosen = scene.state.chosen.is_some() || scene.state.open == Open::Details;
    let list = rows::list(r, at, chosen, look.width >= WIDE, look);
    let least = BODY.min(list.lines.len());
    let below_room = (below.len() + 1).min(room.saturating_sub(least));
    let mut lines = window(list, room.saturating_sub(below_room), look);
    if below_room > 1 {
        lines.resize_with(room - below_room, Line::default);
        lines.push(rule(title, look));
        lines.extend(below.into_iter().take(below_room - 1));
    }
    lines
}

/// As many lines as there is room for, the focus among them; at an edge stands how many are beyond it.
fn window(list: rows::List, room: usize, look: &Look) -> Vec<Line<'static>> {
    let all = list.lines.len();
    if all <= room {
        return list.lines;
    }
    let from = list.focus.saturating_sub(room / 2).min(all - room);
    let mut lines: Vec<Line<'static>> = list.lines.into_iter().skip(from).take(room).collect();
    let more = |text: String| line(Tone::Faint, format!(" {text}"), look);
    let last = all - from - room;
    if room > BODY && from > 0 {
        lines[0] = more(say!(look.lang, "{} more above", from + 1));
    }
    if room > BODY && last > 0 {
        lines[room - 1] = more(say!(look.lang, "{} more below", last + 1));
    }
    lines
}

/// While rows are in sight: what they do not show themselves. That a row waits for its turn they do.
fn foot(s: &Status, r: &Rollout, look: &Look) -> Vec<Line<'static>> {
    let odd = |tone| matches!(tone, Tone::Bad | Tone::Warn);
    let its_turn = matches!(
        r.stopped_by,
        Some(Stopped::Gate {
            closed: Closed::Waiting(_),
            ..
        })
    );
    let beside_rows = |a: &Answer| match a.about.map_or("", Words::key) {
        "happening" | "versions" | "downtime" => false,
        "stopped" => !its_turn,
        "VIP" | "primary" => odd(a.tone),
        _ => true,
    };
    let answers = render::answers(s, look).into_iter();
    said(answers.filter(beside_rows), look)
}

fn said(answers: impl IntoIterator<Item = Answer>, look: &Look) -> Vec<Line<'static>> {
    let answers = answers.into_iter();
    let lines = answers.flat_map(|a| put(a.tone, &a.label(look.lang), &a.text, look));
    lines.collect()
}

fn remarks(scene: &Scene<'_>, look: &Look) -> Vec<Line<'static>> {
    let said = scene.state.said.as_deref();
    let remarks = scene.away.into_iter().chain(said);
    let lines = remarks.flat_map(|text| put(Tone::Warn, "", text, look));
    lines.take(2 * BODY).collect()
}

fn keys(scene: &Scene<'_>, look: &Look) -> Line<'static> {
    let text = match (&scene.state.open, scene.rollout) {
        (Open::Abort { typing: true, .. }, _) => {
            words!("type the reason   Enter done   Esc without one")
        }
        (Open::Abort { .. }, _) => {
            words!("y give it up   r type a reason   any other key: go on as before")
        }
        (Open::Log, _) => words!("j k older and newer   l close   q leave   ? help"),
        (_, Some(_)) => words!("d details   j k choose   l log   a abort   q leave   ? help"),
        (_, None) => words!("l log   q leave   ? help"),
    };
    let text = look.lang.say(text);
    line(Tone::Strong, look.cut(text, look.width), look)
}
