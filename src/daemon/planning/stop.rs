//! Where a rollout may be asked to wait: anywhere but in the middle of its switchover.
use crate::core::{HandoffRow, Row};
use crate::wire::{Code, Failure, StartRequest};

/// The phase that the rollout waits in front of, if one is asked for.
pub(super) fn before(request: &StartRequest, rows: &[Row]) -> Result<Option<u16>, Failure> {
    let Some(name) = &request.stop_before else {
        return Ok(None);
    };
    let switches = |row: &Row| row.gives_vip || row.handoff != HandoffRow::Nothing;
    let found = rows.iter().find(|row| match name.as_str() {
        "switchover" => switches(row),
        name => row.phase_name == name,
    });
    let first = rows.iter().find(|row| switches(row)).map(|row| row.phase);
    let last = rows
        .iter()
        .rev()
        .find(|row| switches(row))
        .map(|row| row.phase);
    if found.is_some_and(|row| Some(row.phase) > first && Some(row.phase) <= last) {
        let what = told!(
            "nobody is kept waiting in the middle of a switchover, as in {}",
            name
        );
        let remedy = told!("--stop-before switchover stops in front of it");
        return Err(Failure::new(Code::Usage, what, remedy));
    }
    let unknown = || {
        let mut phases: Vec<&str> = rows.iter().map(|row| row.phase_name.as_str()).collect();
        phases.dedup();
        let remedy = told!("one of: switchover, {}", phases.join(", "));
        Failure::new(Code::Usage, told!("there is no phase {}", name), remedy)
    };
    found.map(|row| Some(row.phase)).ok_or_else(unknown)
}
