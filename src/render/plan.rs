//! `plan`: what would happen, row by row, and what stands in the way.
use super::lists::{column, finding};
use super::rollout::phases;
use super::text::{Cell, Look, Tone, cell, duration, plain, table};
use crate::core::Kind;
use crate::host::Status;
use crate::wire::{PlanView, Row};
use crate::words::{Lang, heard};

pub(crate) fn plan(p: &PlanView, look: &Look) -> String {
    let lang = look.lang;
    let mut out = format!("{}\n\n", look.paint(Tone::Strong, &head(p, look)));
    let heads = [
        words!("phase"),
        words!("node"),
        words!("step"),
        words!("at most"),
        words!("usually"),
        words!("what it does"),
    ];
    let mut rows = vec![heads.map(|h| cell(Tone::Faint, lang.say(h))).to_vec()];
    for (name, in_phase) in phases(&p.rows) {
        let mut title = name;
        for row in merged(in_phase) {
            rows.push(row_cells(title, &row, lang));
            title = "";
        }
    }
    out.push_str(&table(look, 0, &rows));
    let open: Vec<_> = p
        .findings
        .iter()
        .flat_map(|(node, list)| list.iter().map(move |f| (node, f)))
        .collect();
    // What a rollback finds is what it would do; a pair that is to be upgraded has `doctor` for the rest.
    let open: Vec<_> = open
        .into_iter()
        .filter(|(_, f)| p.kind.is_rollback() || f.status != Status::Pass)
        .collect();
    if !open.is_empty() {
        out.push('\n');
    }
    let column = column(open.iter().map(|(_, f)| *f));
    for (node, f) in open {
        out.push_str(&finding(f, Some(node), column, look));
    }
    let (tone, verdict) = if p.fit {
        (Tone::Good, say!(lang, "It would start."))
    } else {
        let text = say!(lang, "It would be refused: mend what fails first.");
        (Tone::Bad, text)
    };
    out.push_str(&format!("\n{}\n", look.paint(tone, &verdict)));
    out
}

/// In one line: what, in which order, how long.
fn head(p: &PlanView, look: &Look) -> String {
    let (lang, to) = (look.lang, look.arrow());
    let what = match p.kind {
        Kind::Upgrade => say!(lang, "upgrade {} {} {}", p.from, to, p.to),
        Kind::Switch => say!(lang, "switch {} {} {}", p.second, to, p.first),
        Kind::Rollback => say!(lang, "rollback {} {} {}", p.from, to, p.to),
        Kind::RollbackNode => say!(lang, "rollback of {} {} {}", p.first, to, p.to),
        Kind::Failover => say!(lang, "failover to {}", p.first),
        Kind::Rejoin => say!(lang, "rejoin of {}", p.first),
    };
    let order = match p.kind {
        _ if p.gives_up => say!(
            lang,
            "what the halted rollout has done is taken back, last first"
        ),
        Kind::RollbackNode if !p.rows.iter().any(|row| row.node == p.second) => {
            say!(lang, "{} is dead, and not asked", p.second)
        }
        Kind::RollbackNode | Kind::Failover | Kind::Rejoin => {
            say!(lang, "{} goes on as it is", p.second)
        }
        Kind::Upgrade | Kind::Switch | Kind::Rollback => {
            say!(lang, "{} first, then {}", p.first, p.second)
        }
    };
    match p.expected_ms {
        Some(ms) => say!(
            lang,
            "{}: {}. It takes about {}. Nothing has been touched.",
            what,
            order,
            duration(lang, ms)
        ),
        None => say!(lang, "{}: {}. Nothing has been touched.", what, order),
    }
}

/// One line for what both nodes do side by side.
fn merged(rows: &[Row]) -> Vec<(String, &Row)> {
    let mut out: Vec<(String, &Row)> = Vec::new();
    for row in rows {
        match out
            .iter_mut()
            .find(|(_, seen)| seen.step == row.step && seen.node != row.node)
        {
            Some((nodes, _)) => *nodes = format!("{nodes}, {}", row.node),
            None => out.push((row.node.clone(), row)),
        }
    }
    out
}

fn row_cells(phase: &str, (nodes, row): &(String, &Row), lang: Lang) -> Vec<Cell> {
    let usually = row.expected_ms.map(|ms| duration(lang, ms));
    vec![
        plain(phase),
        plain(nodes),
        cell(Tone::Strong, &row.step),
        plain(duration(lang, row.limit_ms)),
        plain(usually.unwrap_or_default()),
        cell(Tone::Faint, heard(lang, &row.about)),
    ]
}
