//! This host, for production: the `Host` that steps work on, made of the real pieces.
mod bundles;

use super::door::Method;
use super::link::{LinkError, PeerLink};
use super::transfer::{self, Wanted};
use super::vrrp::Keepalived;
use crate::bundle;
use crate::config::Settings;
use crate::core::{Downtime, Fetching, NodeId, VrrpState};
use crate::database::Database;
use crate::host::{
    BundleInfo, BundlePolicy, Command, FileInfo, Finding, Handoff, Host, HostError, HostResult,
    HttpAnswer, Output, Script, Trust, UnitState, archive, commands, files, http, net, sockets,
    units,
};
use crate::time::Time;
use crate::wire::Answer;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// What the daemon and its jobs share; nothing of it changes after the start.
pub(super) struct Site {
    pub(super) me: NodeId,
    pub(super) peer: NodeId,
    pub(super) settings: Settings,
    pub(super) state_dir: PathBuf,
    pub(super) clock: super::clock::Clock,
    pub(super) runtime: Handle,
    pub(super) units: units::Units,
    pub(super) addresses: net::Addresses,
    pub(super) held: super::held::Held,
    pub(super) keepalived: Arc<Keepalived>,
    pub(super) link: Arc<PeerLink>,
    pub(super) audit: Arc<super::audit::Audit>,
    pub(super) memory: super::trust::Memory,
    pub(super) handing: super::handoff::Handing,
    pub(super) prober: super::probe::Prober,
    pub(super) pulse: super::pulse::Pulse,
    pub(super) fetching: super::transfer::Now,
    /// Told of whatever a row may wait for.
    pub(super) moments: Arc<super::observe::Moments>,
    /// Set once at the start: the adapter works through this host.
    pub(super) database: OnceLock<Arc<dyn Database>>,
}

impl Site {
    pub(super) fn me(&self) -> &NodeId {
        &self.me
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    pub(super) fn vips(&self) -> Vec<IpAddr> {
        self.keepalived.vips()
    }

    pub(super) fn database(&self) -> &dyn Database {
        self.database
            .get()
            .map_or(&crate::database::NONE, |adapter| &**adapter)
    }

    /// The addresses that this host's own requests come from.
    pub(super) fn own_addresses(&self) -> Vec<String> {
        let vips = self.vips();
        let is_own = |a: &&net::Address| {
            a.is_held() && !a.address.is_loopback() && !vips.contains(&a.address)
        };
        let held = self.held.get(|| self.addresses.local_addresses());
        let held = held.unwrap_or_default();
        held.iter()
            .filter(is_own)
            .map(|a| a.address.to_string())
            .collect()
    }

    /// The kernel has told of an address that came or went: what was seen before is old.
    pub(super) fn forget_addresses(&self) {
        self.held.forget();
    }
}

impl Site {
    /// As `peer_get`, for a person who waits: a node that is away is told at once.
    pub(super) fn peer_get_now(&self, what: &str, limit: Duration) -> HostResult<Vec<u8>> {
        let path = format!("/v1/peer/{what}");
        let asked = self
            .link
            .request_blocking(Method::Get, &path, Vec::new(), limit);
        self.answer(what, asked)
    }

    fn answer(&self, what: &str, asked: Result<(u16, Vec<u8>), LinkError>) -> HostResult<Vec<u8>> {
        let (status, bytes) =
            asked.map_err(|e| HostError::new("ask", self.peer.0.clone(), chain(&e)))?;
        self.accepted(what, status, bytes)
    }

    /// As `peer_get`, whatever the status: a failing health report is a report.
    pub(super) fn peer_get_any(&self, what: &str, limit: Duration) -> HostResult<Vec<u8>> {
        let asked =
            self.link
                .request_blocking(Method::Get, &format!("/v1/peer/{what}"), Vec::new(), limit);
        asked
            .map(|(_, bytes)| bytes)
            .map_err(|e| HostError::new("ask", self.peer.0.clone(), chain(&e)))
    }

    /// Asks the other node to do something.
    pub(super) fn peer_post(
        &self,
        what: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> HostResult<Vec<u8>> {
        let asked =
            self.link
                .request_blocking(Method::Post, &format!("/v1/peer/{what}"), body, limit);
        let (status, bytes) =
            asked.map_err(|e| HostError::new("ask", self.peer.0.clone(), chain(&e)))?;
        self.accepted(what, status, bytes)
    }

    fn accepted(&self, what: &str, status: u16, bytes: Vec<u8>) -> HostResult<Vec<u8>> {
        if status == 200 {
            return Ok(bytes);
        }
        let answer: Option<Answer<serde_json::Value>> = serde_json::from_slice(&bytes).ok();
        let why = answer
            .and_then(|a| a.error)
            .map_or_else(|| status.to_string(), |e| e.what);
        Err(HostError::new(
            "get an answer from",
            format!("node {} for {what}", self.peer),
            why,
        ))
    }
}

/// A sidecar that is killed is back within this, and whoever has more time than this waits for it:
/// a rollout does not halt over a restart.
const RESTARTS: Duration = Duration::from_secs(5);
const BEAT: Duration = Duration::from_millis(250);

/// Asks again while nobody is there. Only for what may be asked twice.
fn wait_out<T>(
    limit: Duration,
    mut ask: impl FnMut() -> Result<T, LinkError>,
) -> Result<T, LinkError> {
    let begun = Instant::now();
    loop {
        match ask() {
            Err(LinkError::Connect { .. } | LinkError::Broken { .. })
                if limit > RESTARTS && begun.elapsed() < RESTARTS =>
            {
                thread::sleep(BEAT);
            }
            asked => return asked,
        }
    }
}

pub(super) fn refused(path: &Path, e: impl std::error::Error) -> HostError {
    HostError::new("accept", path.display().to_string(), chain(&e))
}

impl Host for Site {
    fn now(&self) -> Time {
        self.clock.now()
    }
    fn read(&self, path: &Path) -> HostResult<Vec<u8>> {
        files::read(path)
    }
    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
        files::write(path, bytes, mode)
    }
    fn own(&self, path: &Path, uid: u32, gid: u32) -> HostResult<()> {
        files::own(path, uid, gid)
    }
    fn exists(&self, path: &Path) -> bool {
        files::exists(path)
    }
    fn is_folder(&self, path: &Path) -> bool {
        files::is_folder(path)
    }
    fn remove(&self, path: &Path) -> HostResult<()> {
        files::remove(path)
    }
    fn make_dir(&self, path: &Path, mode: u32) -> HostResult<()> {
        files::make_dir(path, mode)
    }
    fn link(&self, target: &Path, link: &Path) -> HostResult<()> {
        files::link(target, link)
    }
    fn link_target(&self, link: &Path) -> Option<PathBuf> {
        files::link_target(link)
    }
    fn rename(&self, from: &Path, to: &Path) -> HostResult<()> {
        files::rename(from, to)
    }
    fn list(&self, dir: &Path) -> HostResult<Vec<String>> {
        files::list(dir)
    }
    fn debris(&self, dir: &Path) -> HostResult<Vec<String>> {
        files::debris(dir)
    }
    fn inspect(&self, paths: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, FileInfo>> {
        files::inspect(paths)
    }
    fn copy(&self, from: &Path, to: &Path) -> HostResult<()> {
        files::copy(from, to)
    }
    fn free_bytes(&self, path: &Path) -> HostResult<u64> {
        files::free_bytes(path)
    }
    fn size_bytes(&self, path: &Path) -> HostResult<u64> {
        files::size_bytes(path)
    }
    fn unit(&self, name: &str) -> HostResult<UnitState> {
        self.units.unit(name)
    }
    fn start_unit(&self, name: &str, limit: Duration) -> HostResult<()> {
        self.units.start_unit(name, limit)
    }
    fn stop_unit(&self, name: &str, limit: Duration) -> HostResult<()> {
        self.units.stop_unit(name, limit)
    }
    fn reload_units(&self) -> HostResult<()> {
        self.units.reload_units()
    }
    fn unit_log(&self, name: &str, lines: usize) -> Vec<String> {
        units::journal_tail(name, lines)
    }
    fn listens(&self, port: u16) -> bool {
        sockets::listening().contains(&port)
    }
    fn http_get(&self, url: &str, limit: Duration) -> HostResult<HttpAnswer> {
        http::get(&self.runtime, url, limit)
    }
    fn has_address(&self, address: IpAddr) -> HostResult<bool> {
        let held = self.held.get(|| self.addresses.local_addresses())?;
        Ok(held.iter().any(|a| a.address == address && a.is_held()))
    }
    fn vrrp(&self) -> VrrpState {
        self.keepalived.state(self)
    }
    fn handoff(&self) -> Handoff {
        self.handing.seen()
    }
    fn handoff_findings(&self) -> Vec<Finding> {
        super::handoff::findings(self)
    }
    fn connections(&self, addresses: &[IpAddr], ports: &[u16]) -> HostResult<Vec<SocketAddr>> {
        sockets::connections(addresses, ports)
    }
    fn reset_connections(
        &self,
        addresses: &[IpAddr],
        ports: &[u16],
        whose: &dyn Fn(IpAddr) -> bool,
    ) -> HostResult<Vec<SocketAddr>> {
        sockets::reset(addresses, ports, whose)
    }
    fn peer_addresses(&self) -> Vec<IpAddr> {
        self.handing.peer_addresses()
    }
    fn downtime(&self) -> Option<Downtime> {
        let told = self.prober.told()?;
        Some(Downtime {
            write_gap_ms: self.pulse.gap_ms(),
            ..told
        })
    }
    fn run(&self, command: &Command) -> HostResult<Output> {
        commands::run(command)
    }
    fn peer_get(&self, what: &str, limit: Duration) -> HostResult<Vec<u8>> {
        let path = format!("/v1/peer/{what}");
        let (link, get) = (&self.link, Method::Get);
        let ask = || link.request_blocking(get, &path, Vec::new(), limit);
        self.answer(what, wait_out(limit, ask))
    }
    fn peer_fetch(
        &self,
        bundle: &str,
        to: &Path,
        sha256: Option<&str>,
        limit: Duration,
    ) -> HostResult<Fetching> {
        let keys = self.keys().ok();
        let wanted = Wanted {
            path: &format!("/v1/peer/bundles/{bundle}"),
            to,
            sha256,
            limit,
            keys: keys.as_ref(),
            releases: &self.settings.release.root.join("releases"),
        };
        let seen = |now| self.fetching.set(Some(now));
        let fetched = wait_out(limit, || transfer::fetch(&self.link, &wanted, &seen));
        self.fetching.set(None);
        fetched
            .map_err(|e| HostError::new("fetch", format!("{bundle} from {}", self.peer), chain(&e)))
    }
    fn verify_bundle(&self, path: &Path, policy: &BundlePolicy) -> HostResult<BundleInfo> {
        Ok(bundles::info(&self.verified(path, policy)?))
    }
    fn schema_scripts(&self, path: &Path) -> HostResult<Vec<Script>> {
        let scripts = bundle::scripts(path, &self.keys()?).map_err(|e| refused(path, e))?;
        let script = |(name, bytes)| Script { name, bytes };
        Ok(scripts.into_iter().map(script).collect())
    }
    fn unpack_bundle(&self, path: &Path, policy: &BundlePolicy, dest: &Path) -> HostResult<()> {
        // A folder that is there keeps its mode.
        if let Some(releases) = dest.parent().filter(|dir| !dir.exists()) {
            files::make_dir(releases, 0o755)?;
        }
        let verified = self.verified(path, policy)?;
        self.take_key_sets(&verified, path)?;
        self.unpack(&verified, dest)
    }
    fn check_release(&self, path: &Path, policy: &BundlePolicy, dest: &Path) -> HostResult<()> {
        let verified = self.verified(path, policy)?;
        let differences = bundle::check_release(dest, &verified).map_err(|e| refused(dest, e))?;
        match differences.first() {
            None => Ok(()),
            Some(first) => Err(HostError::new("check", dest.display().to_string(), first)),
        }
    }
    fn remember_release(&self, dest: &Path) -> HostResult<()> {
        self.remember(dest)
    }
    fn trust(&self) -> HostResult<Trust> {
        self.trust_here()
    }
    fn archive(&self, paths: &[PathBuf], to: &Path) -> HostResult<()> {
        archive::archive(paths, to)
    }
    fn unarchive(&self, tar: &Path, to: &Path) -> HostResult<()> {
        archive::unarchive(tar, to)
    }
    fn encrypt(&self, file: &Path, to: &Path, recipients: &[String]) -> HostResult<()> {
        archive::encrypt(file, to, recipients)
    }
    fn keepalived(&self) -> Vec<Finding> {
        self.keepalived.findings()
    }
    fn audit(&self) -> Vec<Finding> {
        self.audit.findings()
    }
}

/// An error with everything below it, in one line.
pub(super) fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
