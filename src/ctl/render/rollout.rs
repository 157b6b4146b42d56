//! The live view of a rollout: phases from top to bottom, both nodes side by side, and at the end
//! what is next or what stops it. Keeps within the screen by folding what is long done or far ahead.
use super::text::{Cell, Look, Mark, Tone, cell, duration, hang, line, plain};
use crate::core::{DatabaseRole, Kind, RowState, VrrpState};
use crate::wire::{Node, Outcome, Rollout, Row, Status, Stopped};

const PHASE_WIDTH: usize = 15;

/// The view of `status`, of which `r` is the rollout.
pub(crate) fn rollout(status: &Status, r: &Rollout, look: &Look) -> String {
    let side = look.width.min(120).saturating_sub(PHASE_WIDTH + 6) / 2;
    let widths = [PHASE_WIDTH, side, side];
    let mut head = title(r, look);
    head.push_str(&nodes(status, r, look, &widths));
    let foot = foot(status, r, look);
    let used = head.lines().count() + foot.lines().count() + 1;
    let blocks: Vec<Block> = phases(&r.rows)
        .map(|(name, rows)| block(name, rows, r, look))
        .collect();
    let mut out = head;
    for row in fold(blocks, look.height.saturating_sub(used), look) {
        let cut = |(n, c): (usize, &Cell)| cell(c.tone, look.cut(&c.text, widths[n]));
        let row: Vec<Cell> = row.iter().enumerate().map(cut).collect();
        out.push_str(&line(look, 1, &row, &widths));
        out.push('\n');
    }
    out.push_str(&foot);
    out
}

/// `upgrade 12: 1.0.0 → 1.1.0`
pub(super) fn name(r: &Rollout, look: &Look) -> String {
    match r.kind {
        Kind::Upgrade => format!("upgrade {}: {} {} {}", r.id, r.from, look.arrow(), r.to),
        Kind::Switch => format!("switch {}: {} {} {}", r.id, r.second, look.arrow(), r.first),
        Kind::Rollback => format!("rollback {}: {} {} {}", r.id, r.from, look.arrow(), r.to),
        Kind::RollbackNode => format!(
            "rollback {} of {}: {} {} {}",
            r.id,
            r.first,
            r.from,
            look.arrow(),
            r.to
        ),
        Kind::Failover => format!("failover {}: to {}", r.id, r.first),
        Kind::Rejoin => format!("rejoin {}: of {}", r.id, r.first),
    }
}

/// Phases in their order, each with its rows.
pub(super) fn phases(rows: &[Row]) -> impl Iterator<Item = (&str, &[Row])> {
    rows.chunk_by(|a, b| a.phase == b.phase)
        .filter_map(|rows| Some((rows.first()?.phase.as_str(), rows)))
}

/// What stops it, each as cause and remedy (empty: it ends by itself).
pub(super) fn stopped(by: &Stopped) -> (String, String) {
    match by {
        Stopped::Failure {
            node,
            step,
            problem,
        } => (
            format!("{node}, {step}: {}", problem.what),
            problem.remedy.clone(),
        ),
        Stopped::Gate {
            node, step, says, ..
        } => (format!("{node}, {step} waits: {says}"), String::new()),
    }
}

fn title(r: &Rollout, look: &Look) -> String {
    let (tone, state) = match r.result {
        None => (Tone::Live, format!("for {}", duration(r.elapsed_ms))),
        Some(Outcome::Succeeded) => (Tone::Good, "succeeded".to_owned()),
        Some(Outcome::Halted) => (Tone::Bad, "HALTED".to_owned()),
        Some(Outcome::RolledBack) => (Tone::Warn, "rolled back".to_owned()),
        Some(Outcome::Failed) => (Tone::Warn, "given up".to_owned()),
        Some(Outcome::Refused) => (Tone::Bad, "refused".to_owned()),
    };
    let mut out = look.paint(Tone::Strong, &look.cut(&name(r, look), look.width));
    let mut room = look.width.saturating_sub(name(r, look).chars().count());
    let by = format!("by {}", r.by);
    for (tone, word) in [
        (tone, state),
        (
            Tone::Faint,
            if r.by.is_empty() { String::new() } else { by },
        ),
    ] {
        let wide = word.chars().count() + 2;
        if wide > 2 && wide <= room {
            out.push_str(&format!("  {}", look.paint(tone, &word)));
            room -= wide;
        }
    }
    out.push('\n');
    out
}

/// The heads of the two columns say what each node is right now.
fn nodes(status: &Status, r: &Rollout, look: &Look, widths: &[usize; 3]) -> String {
    let names = [&r.first, &r.second];
    let node = |name: &String| status.nodes.get(name);
    let lost = |name: &str| name == status.peer.name && !status.peer.reachable;
    let mut out = String::new();
    let mut push = |row: [Cell; 3]| {
        let row = row.into_iter().enumerate();
        let row: Vec<Cell> = row
            .map(|(n, c)| cell(c.tone, look.cut(&c.text, widths[n])))
            .collect();
        out.push_str(&line(look, 1, &row, widths));
        out.push('\n');
    };
    let title = |name: &String| {
        let vip = if node(name).is_some_and(|n| n.has_vip) {
            "   VIP"
        } else {
            ""
        };
        cell(Tone::Strong, format!("{name}{vip}"))
    };
    push([plain(""), title(names[0]), title(names[1])]);
    let facts = |name: &String| match node(name) {
        _ if lost(name) => cell(Tone::Bad, "cannot be reached"),
        Some(node) => cell(Tone::Plain, facts(node)),
        None => cell(Tone::Faint, "not known"),
    };
    push([plain(""), facts(names[0]), facts(names[1])]);
    out.push('\n');
    out
}

fn facts(node: &Node) -> String {
    let mut facts = vec![vrrp(node.vrrp).to_owned()];
    facts.extend(node.effective_priority.map(|p| p.to_string()));
    facts.extend(database(node.database).map(str::to_owned));
    facts.extend(node.version.clone());
    facts.join("  ")
}

pub(super) fn vrrp(state: VrrpState) -> &'static str {
    match state {
        VrrpState::Master => "MASTER",
        VrrpState::Backup => "BACKUP",
        VrrpState::Fault => "FAULT",
        VrrpState::Unknown => "VRRP unknown",
    }
}

pub(super) fn database(role: DatabaseRole) -> Option<&'static str> {
    match role {
        DatabaseRole::Primary => Some("primary"),
        DatabaseRole::Standby => Some("standby"),
        DatabaseRole::Unknown => Some("database unknown"),
        DatabaseRole::None => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Done,
    Now,
    Ahead,
}

struct Block {
    stage: Stage,
    rows: Vec<[Cell; 3]>,
    ms: u64,
}

fn block(name: &str, rows: &[Row], r: &Rollout, look: &Look) -> Block {
    let of = |node: &str| {
        rows.iter()
            .filter(|row| row.node == node)
            .collect::<Vec<_>>()
    };
    let sides = [of(&r.first), of(&r.second)];
    let stage = if rows.iter().all(|row| row.state == Some(RowState::Done)) {
        Stage::Done
    } else if rows.iter().any(|row| row.state.is_some()) || r.phase.as_deref() == Some(name) {
        Stage::Now
    } else {
        Stage::Ahead
    };
    let lines = match stage {
        Stage::Done => vec![sides.map(|side| done(&side, look))],
        Stage::Ahead => vec![sides.map(|side| ahead(&side, look))],
        Stage::Now => {
            let longest = sides[0].len().max(sides[1].len());
            let at = |n: usize| {
                [0, 1].map(|s: usize| sides[s].get(n).map_or(plain(""), |row| one(row, look)))
            };
            (0..longest).map(at).collect()
        }
    };
    let tone = match stage {
        Stage::Done => Tone::Plain,
        Stage::Now => Tone::Strong,
        Stage::Ahead => Tone::Faint,
    };
    let title = |n: usize| if n == 0 { cell(tone, name) } else { plain("") };
    let rows_shown = lines
        .into_iter()
        .enumerate()
        .map(|(n, [a, b])| [title(n), a, b])
        .collect();
    Block {
        stage,
        rows: rows_shown,
        ms: span(rows).unwrap_or(0),
    }
}

/// From the first start to the last end, in milliseconds.
pub(super) fn span(rows: &[Row]) -> Option<u64> {
    let start = rows.iter().filter_map(|row| row.started_at_ms).min()?;
    let ends = rows
        .iter()
        .filter_map(|row| Some(row.started_at_ms? + row.elapsed_ms?));
    Some(ends.max()?.saturating_sub(start))
}

fn done(side: &[&Row], look: &Look) -> Cell {
    if side.is_empty() {
        return plain("");
    }
    let ms = side.iter().filter_map(|row| row.elapsed_ms).sum();
    cell(
        Tone::Good,
        format!("{} {}", look.mark(Mark::Done), duration(ms)),
    )
}

fn ahead(side: &[&Row], look: &Look) -> Cell {
    if side.is_empty() {
        return plain("");
    }
    let steps: Vec<&str> = side.iter().map(|row| row.step.as_str()).collect();
    cell(
        Tone::Faint,
        format!("{} {}", look.mark(Mark::Ahead), steps.join(", ")),
    )
}

/// One row with its times.
fn one(row: &Row, look: &Look) -> Cell {
    let took = row.elapsed_ms.map(duration).unwrap_or_default();
    let step = &row.step;
    let (tone, mark, text) = match row.state {
        None => (Tone::Faint, Mark::Ahead, step.clone()),
        Some(RowState::Started) => {
            let usual = row
                .expected_ms
                .map(|ms| format!(", usually {}", duration(ms)));
            let text = format!(
                "{step}  {took} of {}{}",
                duration(row.limit_ms),
                usual.unwrap_or_default()
            );
            (Tone::Live, Mark::Runs, text)
        }
        Some(RowState::Done) => (Tone::Good, Mark::Done, format!("{step}  {took}")),
        Some(RowState::Failed) => (
            Tone::Bad,
            Mark::Failed,
            format!("{step}  failed after {took}"),
        ),
        Some(RowState::Undoing) => (
            Tone::Live,
            Mark::Back,
            format!("{step}  is taken back, {took}"),
        ),
        Some(RowState::Undone) => (Tone::Warn, Mark::Back, format!("{step}  taken back")),
        Some(RowState::UndoFailed) => (Tone::Bad, Mark::Failed, format!("{step}  not taken back")),
    };
    cell(tone, format!("{} {text}", look.mark(mark)))
}

/// Folds the oldest that is done, then the farthest ahead, until the rest fits in `room` lines.
fn fold(mut blocks: Vec<Block>, room: usize, look: &Look) -> Vec<[Cell; 3]> {
    let total = |blocks: &[Block]| blocks.iter().map(|b| b.rows.len()).sum::<usize>();
    let (mut folded, mut ms, mut later) = (0, 0, 0);
    while total(&blocks) + usize::from(folded > 0) > room
        && blocks.first().is_some_and(|b| b.stage == Stage::Done)
    {
        ms += blocks.remove(0).ms;
        folded += 1;
    }
    while total(&blocks) + usize::from(folded > 0) + usize::from(later > 0) > room
        && blocks.last().is_some_and(|b| b.stage == Stage::Ahead)
    {
        blocks.pop();
        later += 1;
    }
    let lines = total(&blocks) + usize::from(folded > 0) + usize::from(later > 0);
    for _ in room..lines {
        if let Some(block) = blocks.iter_mut().find(|b| b.stage == Stage::Now) {
            squeeze(block);
        }
    }
    let mut out = Vec::new();
    if folded > 0 {
        let text = format!("{} {}", look.mark(Mark::Done), duration(ms));
        out.push([
            plain(format!("{folded} done")),
            cell(Tone::Good, text),
            plain(""),
        ]);
    }
    out.extend(blocks.into_iter().flat_map(|b| b.rows));
    if later > 0 {
        out.push([
            cell(Tone::Faint, format!("{later} more")),
            plain(""),
            plain(""),
        ]);
    }
    out
}

/// Leaves out the oldest line that is done, else the farthest ahead; what goes on always stays.
fn squeeze(block: &mut Block) {
    let only = |row: &[Cell; 3], tone: Tone| {
        let filled = row[1..].iter().filter(|c| !c.text.is_empty());
        filled.into_iter().all(|c| c.tone == tone)
    };
    let done = block.rows.iter().position(|row| only(row, Tone::Good));
    let ahead = block.rows.iter().rposition(|row| only(row, Tone::Faint));
    let Some(spare) = done.or(ahead).filter(|_| block.rows.len() > 1) else {
        return;
    };
    let title = std::mem::replace(&mut block.rows[0][0], plain(""));
    block.rows.remove(spare);
    block.rows[0][0] = title;
}

fn foot(status: &Status, r: &Rollout, look: &Look) -> String {
    let mut out = String::from("\n");
    let mut say = |label: &str, tone: Tone, text: &str| {
        let text = hang(&format!("{label:<9}"), text, look.width);
        out.push_str(&look.paint(tone, &text));
        out.push('\n');
    };
    if !status.peer.reachable {
        say("peer", Tone::Bad, &super::status::peer_lost(status));
    }
    if let Some(by) = &r.stopped_by {
        let (what, remedy) = stopped(by);
        let tone = match by {
            Stopped::Failure { .. } => Tone::Bad,
            Stopped::Gate { .. } => Tone::Warn,
        };
        say("stopped", tone, &what);
        if !remedy.is_empty() {
            say("", Tone::Plain, &format!("{} {remedy}", look.arrow()));
        }
    }
    if !r.next.is_empty() {
        say("next", Tone::Plain, &r.next);
    }
    out
}
