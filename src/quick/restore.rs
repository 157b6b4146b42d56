//! `restore-weight`: before keepalived starts, the tracked file says again what it said last.
use super::Places;
use crate::keepalived::weight;
use std::process::ExitCode;

pub(super) fn main(places: &Places) -> ExitCode {
    match weight::restore(&places.state.join("weight"), &places.weight()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error);
            let cause = cause.map(|c| format!(": {c}")).unwrap_or_default();
            eprintln!("hau-sidecar restore-weight: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}
