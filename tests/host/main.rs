//! The host's real pieces and its fake, held to the same tests where both have the same job.
#![allow(
    clippy::unwrap_used,
    reason = "a test may; clippy spares only the test functions themselves"
)]

mod commands;
mod fake;
mod files;
mod http;
mod net;
mod units;

use std::path::{Path, PathBuf};

/// A program of a test's own, in `dir`.
fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}
