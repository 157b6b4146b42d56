//! The sidecar of keepalived: the daemon, and the quick programs that keepalived calls.
use hau::daemon::{self, RunArgs};
use hau::quick::{Asked, Places};
use std::process::ExitCode;

fn main() -> ExitCode {
    match hau::quick::main(std::env::args_os().skip(1)) {
        Asked::Done(code) => code,
        Asked::Run(places) => ended(daemon::run(&args(&places))),
        Asked::Unpack(order) => hau::unpacker::main(&order),
        Asked::Disarm(places) => ended(daemon::disarm(&places.run)),
    }
}

fn args(places: &Places) -> RunArgs {
    RunArgs {
        config: places.config.clone(),
        state: places.state.clone(),
        run: places.run.clone(),
    }
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("hau-sidecar: {e:#}");
            ExitCode::FAILURE
        }
    }
}
