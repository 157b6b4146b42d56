//! `plan`: what would happen, row by row, and what stands in the way.
use super::lists::finding;
use super::rollout::phases;
use super::text::{Cell, Look, Tone, cell, duration, plain, table};
use crate::core::Kind;
use crate::host::Status;
use crate::wire::{PlanView, Row};

pub(crate) fn plan(p: &PlanView, look: &Look) -> String {
    let what = match p.kind {
        Kind::Upgrade => format!("upgrade {} {} {}", p.from, look.arrow(), p.to),
        Kind::Switch => format!("switch {} {} {}", p.second, look.arrow(), p.first),
        Kind::Rollback => format!("rollback {} {} {}", p.from, look.arrow(), p.to),
        Kind::RollbackNode => format!("rollback of {} {} {}", p.first, look.arrow(), p.to),
        Kind::Failover => format!("failover to {}", p.first),
        Kind::Rejoin => format!("rejoin of {}", p.first),
    };
    let order = match p.kind {
        _ if p.gives_up => "what the halted rollout has done is taken back, last first".to_owned(),
        Kind::RollbackNode if !p.rows.iter().any(|row| row.node == p.second) => {
            format!("{} is dead, and not asked", p.second)
        }
        Kind::RollbackNode | Kind::Failover | Kind::Rejoin => {
            format!("{} goes on as it is", p.second)
        }
        Kind::Upgrade | Kind::Switch | Kind::Rollback => {
            format!("{} first, then {}", p.first, p.second)
        }
    };
    let took = p.expected_ms.map(duration);
    let took = took.map_or_else(String::new, |took| format!(" It takes about {took}."));
    let head = format!("{what}: {order}.{took} Nothing has been touched.");
    let mut out = format!("{}\n\n", look.paint(Tone::Strong, &head));
    let mut rows = vec![
        [
            "phase",
            "node",
            "step",
            "at most",
            "usually",
            "what it does",
        ]
        .map(|h| cell(Tone::Faint, h))
        .to_vec(),
    ];
    for (name, in_phase) in phases(&p.rows) {
        let mut title = name;
        for row in merged(in_phase) {
            rows.push(row_cells(title, &row));
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
    for (node, f) in open {
        out.push_str(&finding(f, Some(node), look));
    }
    let (tone, verdict) = if p.fit {
        (Tone::Good, "It would start.")
    } else {
        (Tone::Bad, "It would be refused: mend what fails first.")
    };
    out.push_str(&format!("\n{}\n", look.paint(tone, verdict)));
    out
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

fn row_cells(phase: &str, (nodes, row): &(String, &Row)) -> Vec<Cell> {
    vec![
        plain(phase),
        plain(nodes),
        cell(Tone::Strong, &row.step),
        plain(duration(row.limit_ms)),
        plain(row.expected_ms.map(duration).unwrap_or_default()),
        cell(Tone::Faint, &row.about),
    ]
}
