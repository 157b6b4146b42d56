//! The sidecar of keepalived: the daemon, and the quick programs that keepalived calls.
use hau::daemon::{self, RunArgs};
use hau::quick::{Asked, Places};
use std::process::ExitCode;

fn main() -> ExitCode {
    match hau::quick::main(std::env::args_os().skip(1)) {
        Asked::Done(code) => code,
        Asked::Run(places) => run(&places),
    }
}

fn run(places: &Places) -> ExitCode {
    let args = RunArgs {
        config: places.config.clone(),
        state: places.state.clone(),
        run: places.run.clone(),
    };
    match daemon::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("hau-sidecar: {e:#}");
            ExitCode::FAILURE
        }
    }
}
