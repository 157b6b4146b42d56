//! The sidecar of keepalived: the daemon, and the quick programs that keepalived calls.
use hau::quick::{Asked, Places};
use std::process::ExitCode;

fn main() -> ExitCode {
    match hau::quick::main(std::env::args_os().skip(1)) {
        Asked::Done(code) => code,
        Asked::Run(places) => run(&places),
    }
}

fn run(places: &Places) -> ExitCode {
    eprintln!(
        "hau-sidecar: run is not linked ({})",
        places.config.display()
    );
    ExitCode::FAILURE
}
