//! A host for two PostgreSQL servers without systemd: a unit is a data directory, started and
//! stopped by pg_ctl. Programs really run, files are really removed; the rest is not there.
use hau::{
    core::{Fetching, VrrpState},
    host::{
        Active, BundleInfo, BundlePolicy, Command, FileInfo, Finding, Host, HostError, HostResult,
        HttpAnswer, Output, Script, Trust, UnitState, commands, files, tree,
    },
    time::Time,
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

pub(crate) struct PgCtl {
    pub(crate) bin_dir: PathBuf,
    /// Unit to data directory.
    pub(crate) units: BTreeMap<String, PathBuf>,
}

impl PgCtl {
    fn pg_ctl(&self, unit: &str, words: &[&str], limit: Duration) -> HostResult<Output> {
        let data_dir = self.units[unit].display().to_string();
        let mut args = vec!["-D".into(), data_dir.clone(), "-s".into()];
        args.extend(["-l".into(), format!("{data_dir}.log")]);
        args.extend(words.iter().map(|word| (*word).to_owned()));
        self.run(&Command {
            program: self.bin_dir.join("pg_ctl"),
            args,
            user: Some("postgres".into()),
            limit,
            ..Command::default()
        })
    }
}

impl Host for PgCtl {
    fn exists(&self, path: &Path) -> bool {
        files::exists(path)
    }
    fn is_folder(&self, path: &Path) -> bool {
        files::is_folder(path)
    }
    fn remove(&self, path: &Path) -> HostResult<()> {
        files::remove(path)
    }
    fn run(&self, command: &Command) -> HostResult<Output> {
        commands::run(command)
    }
    fn unit(&self, name: &str) -> HostResult<UnitState> {
        let running = self.pg_ctl(name, &["status"], Duration::from_secs(5))?.code == Some(0);
        let active = if running {
            Active::Active
        } else {
            Active::Inactive
        };
        Ok(UnitState {
            active,
            ..UnitState::default()
        })
    }
    fn start_unit(&self, name: &str, limit: Duration) -> HostResult<()> {
        match self.pg_ctl(name, &["start"], limit)?.code {
            Some(0) => Ok(()),
            code => Err(HostError::new("start", name, format!("{code:?}"))),
        }
    }
    fn stop_unit(&self, name: &str, limit: Duration) -> HostResult<()> {
        if self.unit(name)?.active != Active::Active {
            return Ok(());
        }
        match self.pg_ctl(name, &["-m", "fast", "stop"], limit)?.code {
            Some(0) => Ok(()),
            code => Err(HostError::new("stop", name, format!("{code:?}"))),
        }
    }
    fn unit_log(&self, name: &str, lines: usize) -> Vec<String> {
        let log = format!("{}.log", self.units[name].display());
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let all: Vec<String> = text.lines().map(str::to_owned).collect();
        all[all.len().saturating_sub(lines)..].to_vec()
    }

    fn now(&self) -> Time {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
    fn read(&self, path: &Path) -> HostResult<Vec<u8>> {
        files::read(path)
    }
    fn write(&self, _: &Path, _: &[u8], _: u32) -> HostResult<()> {
        absent()
    }
    fn own(&self, _: &Path, _: u32, _: u32) -> HostResult<()> {
        absent()
    }
    fn make_dir(&self, _: &Path, _: u32) -> HostResult<()> {
        absent()
    }
    fn link(&self, _: &Path, _: &Path) -> HostResult<()> {
        absent()
    }
    fn link_target(&self, link: &Path) -> Option<PathBuf> {
        files::link_target(link)
    }
    fn rename(&self, _: &Path, _: &Path) -> HostResult<()> {
        absent()
    }
    fn list(&self, _: &Path) -> HostResult<Vec<String>> {
        absent()
    }
    fn debris(&self, _: &Path) -> HostResult<Vec<String>> {
        absent()
    }
    fn inspect(&self, paths: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, FileInfo>> {
        tree::inspect(paths)
    }
    fn copy(&self, _: &Path, _: &Path) -> HostResult<()> {
        absent()
    }
    fn free_bytes(&self, _: &Path) -> HostResult<u64> {
        absent()
    }
    fn size_bytes(&self, _: &Path) -> HostResult<u64> {
        absent()
    }
    fn reload_units(&self) -> HostResult<()> {
        absent()
    }
    fn listens(&self, _: u16) -> bool {
        absent()
    }
    fn http_get(&self, _: &str, _: Duration) -> HostResult<HttpAnswer> {
        absent()
    }
    fn has_address(&self, _: IpAddr) -> HostResult<bool> {
        absent()
    }
    fn vrrp(&self) -> VrrpState {
        absent()
    }
    fn handoff(&self) -> hau::host::Handoff {
        absent()
    }
    fn handoff_findings(&self) -> Vec<hau::host::Finding> {
        absent()
    }
    fn connections(&self, _: &[IpAddr], _: &[u16]) -> HostResult<Vec<SocketAddr>> {
        absent()
    }
    fn reset_connections(
        &self,
        _: &[IpAddr],
        _: &[u16],
        _: &dyn Fn(IpAddr) -> bool,
    ) -> HostResult<Vec<SocketAddr>> {
        absent()
    }
    fn peer_addresses(&self) -> Vec<IpAddr> {
        absent()
    }
    fn downtime(&self) -> Option<hau::core::Downtime> {
        absent()
    }
    fn peer_get(&self, _: &str, _: Duration) -> HostResult<Vec<u8>> {
        absent()
    }
    fn peer_fetch(&self, _: &str, _: &Path, _: Option<&str>, _: Duration) -> HostResult<Fetching> {
        absent()
    }
    fn verify_bundle(&self, _: &Path, _: &BundlePolicy) -> HostResult<BundleInfo> {
        absent()
    }
    fn schema_scripts(&self, _: &Path) -> HostResult<Vec<Script>> {
        absent()
    }
    fn unpack_bundle(&self, _: &Path, _: &BundlePolicy, _: &Path) -> HostResult<()> {
        absent()
    }
    fn check_release(&self, _: &Path, _: &BundlePolicy, _: &Path) -> HostResult<()> {
        absent()
    }
    fn remember_release(&self, _: &Path) -> HostResult<()> {
        absent()
    }
    fn trust(&self) -> HostResult<Trust> {
        absent()
    }
    fn archive(&self, _: &[PathBuf], _: &Path) -> HostResult<()> {
        absent()
    }
    fn unarchive(&self, _: &Path, _: &Path) -> HostResult<()> {
        absent()
    }
    fn encrypt(&self, _: &Path, _: &Path, _: &[String]) -> HostResult<()> {
        absent()
    }
    fn keepalived(&self) -> Vec<Finding> {
        absent()
    }
    fn audit(&self) -> Vec<Finding> {
        absent()
    }
}

/// A database adapter has no business there: a call fails the test that made it.
fn absent<T>() -> T {
    panic!("the adapter used a part of the host that a database does not need")
}
