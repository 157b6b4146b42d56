//! The files of a real host and nothing else of it.
use hau::core::{Downtime, Fetching, VrrpState};
use hau::host::{
    BundleInfo, BundlePolicy, Command, FileInfo, Finding, Handoff, Host, HostResult, HttpAnswer,
    Output, Script, Trust, UnitState, files,
};
use hau::time::Time;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

pub(crate) struct Disk;

macro_rules! real {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($arg: $type),*) -> $out { files::$name($($arg),*) })*
    };
}

macro_rules! absent {
    ($(fn $name:ident($($type:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $(_: $type),*) -> $out { panic!("a folder of files needs no {}", stringify!($name)) })*
    };
}

impl Host for Disk {
    real! {
        fn read(path: &Path) -> HostResult<Vec<u8>>;
        fn write(path: &Path, bytes: &[u8], mode: u32) -> HostResult<()>;
        fn own(path: &Path, uid: u32, gid: u32) -> HostResult<()>;
        fn exists(path: &Path) -> bool;
        fn is_folder(path: &Path) -> bool;
        fn remove(path: &Path) -> HostResult<()>;
        fn make_dir(path: &Path, mode: u32) -> HostResult<()>;
        fn link(target: &Path, link: &Path) -> HostResult<()>;
        fn link_target(link: &Path) -> Option<PathBuf>;
        fn rename(from: &Path, to: &Path) -> HostResult<()>;
        fn list(dir: &Path) -> HostResult<Vec<String>>;
        fn debris(dir: &Path) -> HostResult<Vec<String>>;
        fn inspect(paths: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, FileInfo>>;
        fn copy(from: &Path, to: &Path) -> HostResult<()>;
        fn free_bytes(path: &Path) -> HostResult<u64>;
        fn size_bytes(path: &Path) -> HostResult<u64>;
    }
    absent! {
        fn now() -> Time;
        fn unit(&str) -> HostResult<UnitState>;
        fn start_unit(&str, Duration) -> HostResult<()>;
        fn stop_unit(&str, Duration) -> HostResult<()>;
        fn reload_units() -> HostResult<()>;
        fn unit_log(&str, usize) -> Vec<String>;
        fn listens(u16) -> bool;
        fn http_get(&str, Duration) -> HostResult<HttpAnswer>;
        fn has_address(IpAddr) -> HostResult<bool>;
        fn vrrp() -> VrrpState;
        fn handoff() -> Handoff;
        fn handoff_findings() -> Vec<Finding>;
        fn connections(&[IpAddr], &[u16]) -> HostResult<Vec<SocketAddr>>;
        fn reset_connections(&[IpAddr], &[u16], &dyn Fn(IpAddr) -> bool) -> HostResult<Vec<SocketAddr>>;
        fn peer_addresses() -> Vec<IpAddr>;
        fn downtime() -> Option<Downtime>;
        fn run(&Command) -> HostResult<Output>;
        fn peer_get(&str, Duration) -> HostResult<Vec<u8>>;
        fn peer_fetch(&str, &Path, Option<&str>, Duration) -> HostResult<Fetching>;
        fn verify_bundle(&Path, &BundlePolicy) -> HostResult<BundleInfo>;
        fn schema_scripts(&Path) -> HostResult<Vec<Script>>;
        fn unpack_bundle(&Path, &BundlePolicy, &Path) -> HostResult<()>;
        fn check_release(&Path, &BundlePolicy, &Path) -> HostResult<()>;
        fn remember_release(&Path) -> HostResult<()>;
        fn trust() -> HostResult<Trust>;
        fn archive(&[PathBuf], &Path) -> HostResult<()>;
        fn unarchive(&Path, &Path) -> HostResult<()>;
        fn encrypt(&Path, &Path, &[String]) -> HostResult<()>;
        fn keepalived() -> Vec<Finding>;
        fn audit() -> Vec<Finding>;
    }
}
