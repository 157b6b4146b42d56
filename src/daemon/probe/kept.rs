//! What was measured over time, kept on the node that measured it: a file for each rollout.
use super::{Run, Seen};
use crate::core::{NodeId, RolloutId};
use crate::daemon::site::Site;
use crate::host::{Host, HostResult};
use crate::wire::{Measured, Probes};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Of the newest rollouts.
const FILES_MOST: usize = 100;
/// In one rollout: each retry of a switchover measures anew.
const RUNS_MOST: usize = 10;
const LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn keep(site: Arc<Site>, of: RolloutId, run: Arc<Run<Seen>>) {
    let kept = site.runtime.clone().spawn_blocking(move || {
        let Some((_, probes)) = run.seen().over_time.take() else {
            return Ok(());
        };
        let mut measured = own_kept(&site, &of);
        measured.push(probes);
        let old = measured.len().saturating_sub(RUNS_MOST);
        write(&*site, &folder(&site), &of, &measured[old..])
    });
    if let Ok(Err(e)) = kept.await {
        tracing::warn!("what was measured of the switchover is not kept: {e}");
    }
}

/// Measured by this node.
pub(in crate::daemon) fn own_kept(site: &Site, of: &RolloutId) -> Measured {
    read(site, &folder(site), of)
}

/// Measured by this node, or by the other one, if that is there.
pub(in crate::daemon) fn kept_by_either(site: &Site, of: &RolloutId) -> Measured {
    let own = own_kept(site, of);
    if !own.is_empty() {
        return own;
    }
    let what = format!("probes/{}-{}", of.number, of.origin);
    let theirs = site.peer_get_any(&what, LIMIT);
    theirs.map_or_else(|_| Measured::new(), |bytes| taken(&bytes))
}

/// Of the end of a path, as `12-a`: the rollout's number and the node it was asked on.
pub(in crate::daemon) fn which(text: &str, nodes: [&NodeId; 2]) -> Option<RolloutId> {
    let (number, origin) = text.split_once('-')?;
    Some(RolloutId {
        number: number.parse().ok()?,
        origin: nodes.into_iter().find(|node| node.0 == origin)?.clone(),
    })
}

fn folder(site: &Site) -> PathBuf {
    site.state_dir.join("probes")
}

/// Numbers have leading zeros in it, so that the oldest is the first.
fn name(of: &RolloutId) -> String {
    format!("{:010}-{}.json", of.number, of.origin)
}

fn read(host: &dyn Host, folder: &Path, of: &RolloutId) -> Measured {
    let file = folder.join(name(of));
    host.read(&file)
        .map_or_else(|_| Measured::new(), |bytes| taken(&bytes))
}

/// What is none is nothing.
fn taken(bytes: &[u8]) -> Measured {
    let mut measured: Measured = serde_json::from_slice(bytes).unwrap_or_default();
    measured.truncate(RUNS_MOST);
    measured.retain(Probes::is_sound);
    measured
}

fn write(host: &dyn Host, folder: &Path, of: &RolloutId, measured: &[Probes]) -> HostResult<()> {
    host.make_dir(folder, 0o755)?;
    let bytes = serde_json::to_vec(measured).unwrap_or_default();
    host.write(&folder.join(name(of)), &bytes, 0o644)?;
    let names = host.list(folder)?;
    let old = names.len().saturating_sub(FILES_MOST);
    for name in &names[..old] {
        host.remove(&folder.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    fn id(number: u64) -> RolloutId {
        RolloutId {
            number,
            origin: NodeId("node-b".to_owned()),
        }
    }

    fn probes(begun_ms: u64) -> Probes {
        let mut probes = Probes::new("node-b".to_owned(), begun_ms);
        probes.take(0, Some(3));
        probes
    }

    #[test]
    fn the_newest_rollouts_keep_theirs() {
        let (host, folder) = (FakeHost::new(), Path::new("/s/probes"));
        for n in 1..=FILES_MOST as u64 + 2 {
            write(&host, folder, &id(n), &[probes(n)]).unwrap();
        }
        assert_eq!(read(&host, folder, &id(2)), []);
        assert_eq!(read(&host, folder, &id(3)), [probes(3)]);
        assert_eq!(read(&host, folder, &id(102)), [probes(102)]);
        assert_eq!(host.list(folder).unwrap().len(), FILES_MOST);
    }

    #[test]
    fn what_is_no_measurement_is_nothing() {
        let mut endless = probes(1);
        endless.slices = vec![endless.slices[0]; 100_000];
        let mut flat = probes(1);
        flat.slice_ms = 0;
        let bytes = serde_json::to_vec(&[endless, flat, probes(7)]).unwrap();
        assert_eq!(taken(&bytes), [probes(7)]);
        for broken in [&b""[..], b"{}", b"[1]", b"[{\"node\":\"a\"}]", &bytes[1..]] {
            assert_eq!(taken(broken), []);
        }
    }

    #[test]
    fn a_path_names_a_rollout_of_one_of_both_nodes() {
        let (a, b) = (NodeId("a".to_owned()), NodeId("node-b".to_owned()));
        assert_eq!(which("12-node-b", [&a, &b]), Some(id(12)));
        for other in ["", "12", "12-c", "x-a", "-1-a", "12-../a", "12-a/", "12-"] {
            assert_eq!(which(other, [&a, &b]), None, "{other}");
        }
    }
}
