//! The administrator's command; everything is in `hau::ctl`.
use std::process::ExitCode;

fn main() -> ExitCode {
    hau::ctl::main()
}
