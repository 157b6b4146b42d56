//! `check`: may this node hold the VIP? Asks the daemon; without an answer it looks for itself, so
//! that a dead daemon never costs the VIP. SIGTERM is not trapped: it ends this with a failure.
use super::{Places, door, probe};
use crate::wire::{Answer, CheckRequest, CheckView};
use std::{fs, io, process::ExitCode, time::Duration};

const LIMIT: Duration = Duration::from_millis(200);

/// The question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Do the services here work?
    Fit,
    /// Does the VIP stay here, as far as hau is concerned?
    Stays,
}

pub(super) fn main(what: What, places: &Places) -> ExitCode {
    let answered = ask(what, places).or_else(|error| match what {
        What::Fit => probe::all_listen(places).map_err(|why| format!("{why} ({error})")),
        What::Stays => stays(places).map_err(|why| format!("{why} ({error})")),
    });
    match answered {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => fail(match what {
            What::Fit => "the daemon says that this node is not fit to hold the VIP",
            What::Stays => "the daemon says that this node gives the VIP away",
        }),
        Err(why) => fail(&why),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("hau-sidecar check: {why}");
    ExitCode::FAILURE
}

fn ask(what: What, places: &Places) -> Result<bool, io::Error> {
    let draining = what == What::Stays;
    let request = serde_json::to_vec(&CheckRequest { draining })?;
    let answer = door::post(&places.socket(), "/v1/check", &request, LIMIT)?;
    let answer: Answer<CheckView> = serde_json::from_slice(&answer)?;
    let view = answer.into_result().map_err(io::Error::other)?;
    Ok(view.fit)
}

/// The daemon's last word is the weight; where there is none this node ranks last.
fn stays(places: &Places) -> Result<bool, String> {
    let file = places.weight();
    let weight = fs::read_to_string(&file).ok();
    match weight.and_then(|text| text.trim().parse::<i32>().ok()) {
        Some(weight) if weight >= 0 => Ok(true),
        Some(weight) => Err(format!("the last weight is {weight}")),
        None => Err(format!("{} holds no weight", file.display())),
    }
}
