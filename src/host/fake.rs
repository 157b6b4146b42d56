//! A whole host in memory, for simulations and the tests of steps: every call has an effect on
//! a `World` that the test may look at and change.
mod node;
mod tree;
mod world;

pub use node::{Content, Kind, Node};
pub use tree::Tree;
pub use world::{FakeBundle, FakeUnit, OnStart, OnStop, Peer, PeerAsk, World};

use super::{
    Active, BundleInfo, BundlePolicy, Command, FileInfo, Finding, Handoff, Host, HostError,
    HostResult, HttpAnswer, Output, Script, Trust, UnitState,
};
use crate::{
    core::{Downtime, Fetching, VrrpState},
    time::Time,
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use world::{gone, running};

/// The machine. Make one, `edit` its world, hand it to the code under test.
#[derive(Default)]
pub struct FakeHost {
    world: Mutex<World>,
}

impl FakeHost {
    pub fn new() -> Self {
        Self::default()
    }

    /// The door for tests; not counted as a change. `edit` must not call the host itself.
    pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.look())
    }

    fn look(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a call that changes something: burns the fuse.
    fn change(&self) -> HostResult<MutexGuard<'_, World>> {
        let mut world = self.look();
        match &mut world.fuse {
            Some(0) => return Err(HostError::new("go on", "after the crash", "crashed")),
            Some(left) => *left -= 1,
            None => {}
        }
        world.changes += 1;
        Ok(world)
    }

    fn ask_peer(&self, ask: PeerAsk<'_>) -> HostResult<Vec<u8>> {
        let peer = self.look().peer.clone();
        let away = HostError::new("ask", "the other node", "it is not reachable");
        peer.map_or(Err(away), |peer| peer(ask))
    }
}

impl Host for FakeHost {
    fn now(&self) -> Time {
        let world = self.look();
        Time(world.now.0.saturating_add_signed(world.ahead))
    }

    fn read(&self, path: &Path) -> HostResult<Vec<u8>> {
        self.look().files.read(path)
    }

    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
        self.change()?.files.write(path, bytes, mode)
    }

    fn own(&self, path: &Path, uid: u32, gid: u32) -> HostResult<()> {
        match self.change()?.files.node_mut(path) {
            Some(node) => {
                (node.uid, node.gid) = (uid, gid);
                Ok(())
            }
            None => Err(HostError::new(
                "own",
                path.display().to_string(),
                "No such file or directory",
            )),
        }
    }

    fn exists(&self, path: &Path) -> bool {
        self.look().files.exists(path)
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.look().files.is_folder(path)
    }

    fn remove(&self, path: &Path) -> HostResult<()> {
        self.change()?.files.remove(path)
    }

    fn make_dir(&self, path: &Path, mode: u32) -> HostResult<()> {
        self.change()?.files.make_dir(path, mode)
    }

    fn link(&self, target: &Path, link: &Path) -> HostResult<()> {
        self.change()?.files.link(target, link)
    }

    fn link_target(&self, link: &Path) -> Option<PathBuf> {
        self.look().files.link_target(link)
    }

    fn rename(&self, from: &Path, to: &Path) -> HostResult<()> {
        self.change()?.files.rename(from, to)
    }

    fn list(&self, dir: &Path) -> HostResult<Vec<String>> {
        self.look().files.list(dir)
    }

    fn debris(&self, dir: &Path) -> HostResult<Vec<String>> {
        self.look().files.debris(dir)
    }

    fn inspect(&self, paths: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, FileInfo>> {
        self.look().files.inspect(paths)
    }

    fn copy(&self, from: &Path, to: &Path) -> HostResult<()> {
        self.change()?.files.copy(from, to)
    }

    fn free_bytes(&self, _path: &Path) -> HostResult<u64> {
        Ok(self.look().free_bytes)
    }

    fn size_bytes(&self, path: &Path) -> HostResult<u64> {
        let found = self.look().files.inspect(&[path.to_owned()])?;
        Ok(found.values().map(|info| info.size_bytes).sum())
    }

    fn unit(&self, name: &str) -> HostResult<UnitState> {
        let mut world = self.look();
        Ok(world.unit("look at unit", name)?.state.clone())
    }

    fn start_unit(&self, name: &str, limit: Duration) -> HostResult<()> {
        let mut world = self.change()?;
        let now = world.now;
        let unit = world.unit("start", name)?;
        if unit.state.active == Active::Active {
            return Ok(());
        }
        let failed = |why: &str| Err(HostError::new("start", name, why));
        match unit.on_start.clone() {
            OnStart::Runs => {
                unit.state = running();
                unit.ready_at = now + unit.ready_after;
                Ok(())
            }
            OnStart::Dies => {
                unit.state = gone(Active::Failed, "failed");
                Ok(())
            }
            OnStart::Fails(why) => {
                unit.state = gone(Active::Failed, "failed");
                failed(&why)
            }
            OnStart::Hangs => {
                unit.state = gone(Active::Activating, "start");
                world.now = now + limit;
                failed(&format!("systemd has not finished within {limit:?}"))
            }
        }
    }

    fn stop_unit(&self, name: &str, limit: Duration) -> HostResult<()> {
        let mut world = self.change()?;
        let now = world.now;
        let unit = world.unit("stop", name)?;
        if unit.state.active == Active::Inactive {
            return Ok(());
        }
        let failed = |why: &str| Err(HostError::new("stop", name, why));
        match unit.on_stop.clone() {
            OnStop::Stops => unit.state = gone(Active::Inactive, "dead"),
            OnStop::Leaves(processes) => {
                unit.state = gone(Active::Inactive, "dead");
                unit.state.processes = processes;
            }
            OnStop::Fails(why) => return failed(&why),
            OnStop::Hangs => {
                unit.state.active = Active::Deactivating;
                world.now = now + limit;
                return failed(&format!("systemd has not finished within {limit:?}"));
            }
        }
        Ok(())
    }

    fn reload_units(&self) -> HostResult<()> {
        self.change().map(drop)
    }

    fn unit_log(&self, name: &str, lines: usize) -> Vec<String> {
        let world = self.look();
        let log = world.units.get(name).map_or(&[][..], |unit| &unit.log);
        log[log.len().saturating_sub(lines)..].to_vec()
    }

    fn listens(&self, port: u16) -> bool {
        let world = self.look();
        world
            .units
            .values()
            .any(|unit| unit.listens(port, world.now))
    }

    fn http_get(&self, url: &str, _limit: Duration) -> HostResult<HttpAnswer> {
        let world = self.look();
        let refused = || HostError::new("get", url, "cannot connect: Connection refused");
        let uri: hyper::Uri = url.parse().map_err(|_| refused())?;
        let port = uri.port_u16().unwrap_or(80);
        let mut owners = world
            .units
            .values()
            .filter(|unit| unit.ports.contains(&port));
        let is_down = owners
            .next()
            .is_some_and(|unit| !unit.listens(port, world.now));
        world
            .http
            .get(url)
            .filter(|_| !is_down)
            .cloned()
            .ok_or_else(refused)
    }

    fn has_address(&self, address: IpAddr) -> HostResult<bool> {
        Ok(self.look().addresses.contains(&address))
    }

    fn vrrp(&self) -> VrrpState {
        self.look().vrrp
    }

    fn handoff(&self) -> Handoff {
        self.look().handoff.clone()
    }

    fn handoff_findings(&self) -> Vec<Finding> {
        vec![Finding::pass("handoff", "as the test made it")]
    }

    fn connections(&self, _addresses: &[IpAddr], _ports: &[u16]) -> HostResult<Vec<SocketAddr>> {
        Ok(self.look().connections.clone())
    }

    fn reset_connections(
        &self,
        _: &[IpAddr],
        _: &[u16],
        whose: &dyn Fn(IpAddr) -> bool,
    ) -> HostResult<Vec<SocketAddr>> {
        let mut world = self.change()?;
        let all = std::mem::take(&mut world.connections);
        let (ended, left) = all.into_iter().partition(|one| whose(one.ip()));
        world.connections = left;
        Ok(ended)
    }

    fn peer_addresses(&self) -> Vec<IpAddr> {
        self.look().peer_addresses.clone()
    }

    fn downtime(&self) -> Option<Downtime> {
        self.look().downtime
    }

    fn run(&self, command: &Command) -> HostResult<Output> {
        let mut world = self.change()?;
        let program = &command.program;
        let known = world.programs.get(program).cloned();
        let mut output = match known {
            Some(output) => output,
            None if world.files.exists(program) => Output {
                code: Some(0),
                ..Output::default()
            },
            None => {
                let why = "there is no such program";
                return Err(HostError::new("run", program.display().to_string(), why));
            }
        };
        if let Some(file) = &command.stdout {
            if world.files.node(file).is_some() {
                return Err(HostError::new(
                    "create",
                    file.display().to_string(),
                    "File exists",
                ));
            }
            let text = std::mem::take(&mut output.stdout);
            world.files.write(file, text.as_bytes(), 0o600)?;
        }
        world.ran.push(command.clone());
        Ok(output)
    }

    fn peer_get(&self, what: &str, _limit: Duration) -> HostResult<Vec<u8>> {
        self.ask_peer(PeerAsk::Thing(what))
    }

    fn peer_fetch(
        &self,
        bundle: &str,
        to: &Path,
        _sha256: Option<&str>,
        _limit: Duration,
    ) -> HostResult<Fetching> {
        let bytes = self.ask_peer(PeerAsk::Bundle(bundle))?;
        self.change()?.files.write(to, &bytes, 0o644)?;
        Ok(Fetching::whole(bytes.len() as u64))
    }

    fn verify_bundle(&self, path: &Path, policy: &BundlePolicy) -> HostResult<BundleInfo> {
        self.look()
            .bundle(path, policy)
            .map(|bundle| bundle.info.clone())
    }

    fn schema_scripts(&self, path: &Path) -> HostResult<Vec<Script>> {
        self.look().scripts(path)
    }

    fn unpack_bundle(&self, path: &Path, policy: &BundlePolicy, dest: &Path) -> HostResult<()> {
        self.change()?.unpack(path, policy, dest)
    }

    fn check_release(&self, path: &Path, policy: &BundlePolicy, dest: &Path) -> HostResult<()> {
        let world = self.look();
        world.holds(dest, world.bundle(path, policy)?)
    }

    fn remember_release(&self, dest: &Path) -> HostResult<()> {
        let mut world = self.change()?;
        let version = dest.file_name().unwrap_or_default();
        let of = |bundle: &&FakeBundle| *bundle.info.version == *version;
        let bundle = world.bundles.values().find(of);
        let unknown = || HostError::new("check", dest.display().to_string(), "nobody signed it");
        world.holds(dest, bundle.ok_or_else(unknown)?)?;
        world.remembered = Some(dest.to_owned());
        Ok(())
    }

    fn trust(&self) -> HostResult<Trust> {
        Ok(Trust {
            what: "as the test made it".to_owned(),
            ..Trust::default()
        })
    }

    fn archive(&self, paths: &[PathBuf], to: &Path) -> HostResult<()> {
        let mut world = self.change()?;
        let text = world.files.archive(paths)?;
        world.files.write(to, text.as_bytes(), 0o600)
    }

    fn unarchive(&self, tar: &Path, to: &Path) -> HostResult<()> {
        let mut world = self.change()?;
        let bytes = world.files.read(tar)?;
        world.files.remove(to)?;
        world.files.make_dir(to, 0o700)?;
        world.files.unarchive(&bytes, to)
    }

    fn encrypt(&self, file: &Path, to: &Path, recipients: &[String]) -> HostResult<()> {
        let mut world = self.change()?;
        let size = world.files.read(file)?.len();
        let text = format!("{size} bytes, for {recipients:?}\n");
        world.files.write(to, text.as_bytes(), 0o600)
    }

    fn keepalived(&self) -> Vec<Finding> {
        vec![Finding::pass("keepalived", "as the test made it")]
    }
    fn audit(&self) -> Vec<Finding> {
        Vec::new()
    }
}
