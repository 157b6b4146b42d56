//! Measures what users notice of a switchover: small requests through the VIP, one after the other,
//! for as long as the core says so.
mod kept;

pub(super) use kept::{kept_by_either, own_kept, which};

use super::run::{Run, Runs};
use super::site::Site;
use crate::core::{Downtime, Probing, RolloutId};
use crate::host::{Host, http};
use crate::wire::Probes;
use hyper::Uri;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

const EVERY: Duration = Duration::from_millis(20);
/// As long as a patient user's.
const LIMIT: Duration = Duration::from_secs(10);
const IN_FLIGHT_MOST: usize = 200;

#[derive(Default)]
pub(super) struct Prober {
    runs: Runs<Seen>,
    /// Grows when a VIP comes to this host or leaves it.
    moves: Arc<AtomicU64>,
}

#[derive(Default)]
struct Seen {
    told: Downtime,
    last_good: Option<Instant>,
    /// The last one to end: how long it took, and whether it was answered.
    last: (u64, bool),
    /// Since the first one began.
    over_time: Option<(Instant, Probes)>,
}

impl Prober {
    /// Begins a measurement anew, or ends it (None); what it saw is kept with the rollout.
    pub(super) fn measure(&self, site: &Arc<Site>, of: Option<&RolloutId>) {
        if let Some(run) = self.runs.turn(of.is_some())
            && let Some(url) = url(site)
            && let Some(of) = of.cloned()
        {
            let probes = Probes::new(site.me.0.clone(), site.now().0);
            run.seen().over_time = Some((Instant::now(), probes));
            let (site, moves) = (Arc::clone(site), Arc::clone(&self.moves));
            site.runtime.clone().spawn(async move {
                go(&run, url, moves).await;
                kept::keep(site, of, run).await;
            });
        }
    }

    /// While it goes on.
    pub(super) fn now(&self) -> Option<Probing> {
        let run = self.runs.last().filter(|run| run.goes_on())?;
        let seen = run.seen();
        let told = seen.told;
        let silent = seen.last_good.map_or(0, |last| ms(last.elapsed()));
        (told.probes > 0).then_some(Probing {
            probes: told.probes,
            failed: told.failed,
            gap_ms: told.gap_ms.max(silent),
            last_ms: seen.last.0,
            last_good: seen.last.1,
        })
    }

    /// What has been measured, or was in the last measurement.
    pub(super) fn told(&self) -> Option<Downtime> {
        let told = self.runs.last()?.seen().told;
        (told.probes > 0).then_some(told)
    }

    pub(super) fn vip_moved(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
    }
}

/// The first question that is configured for a service behind the VIP, asked through the VIP.
fn url(site: &Site) -> Option<String> {
    let check = site.settings.behind_vip().flat_map(|s| &s.http).next()?;
    through(*site.vips().first()?, &check.url)
}

fn through(vip: IpAddr, url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let port = uri.port_u16().unwrap_or(80);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Some(format!(
        "http://{}{path}",
        std::net::SocketAddr::new(vip, port)
    ))
}

/// Ends when the last answer has come.
async fn go(run: &Arc<Run<Seen>>, url: String, moves: Arc<AtomicU64>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let url: Arc<str> = url.into();
    let mut asked = JoinSet::new();
    while run.goes_on() {
        ticks.tick().await;
        while asked.try_join_next().is_some() {}
        if asked.len() > IN_FLIGHT_MOST {
            continue;
        }
        let (run, url, moves) = (Arc::clone(run), Arc::clone(&url), Arc::clone(&moves));
        asked.spawn(async move {
            let (begun, at) = (Instant::now(), moves.load(Ordering::Relaxed));
            let answer = timeout(LIMIT, http::ask(&url)).await;
            // Whose VIP became this host's own on the way is cut by that alone: the kernel takes no
            // packets from its own address. No user is ever in that place.
            if moves.load(Ordering::Relaxed) == at {
                let good = matches!(answer, Ok(Ok(answer)) if answer.status < 500);
                run.seen().take(good, begun, Instant::now());
            }
        });
    }
    while asked.join_next().await.is_some() {}
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Seen {
    fn take(&mut self, good: bool, begun: Instant, ended: Instant) {
        let took = ms(ended - begun);
        self.last = (took, good);
        if let Some((first, probes)) = &mut self.over_time {
            probes.take(ms(begun - *first), good.then_some(took));
        }
        let told = &mut self.told;
        told.probes += 1;
        told.slowest_ms = told.slowest_ms.max(took);
        if !good {
            told.failed += 1;
            return;
        }
        if let Some(last) = self.last_good {
            told.gap_ms = told.gap_ms.max(ms(ended - last));
        }
        self.last_good = Some(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_goes_through_the_vip() {
        let asked = |vip: &str, url: &str| through(vip.parse().unwrap(), url);
        let (four, six) = ("10.77.0.100", "fd00::64");
        let check = "http://127.0.0.1:8080/healthz?deep=no";
        assert_eq!(
            asked(four, check).unwrap(),
            "http://10.77.0.100:8080/healthz?deep=no"
        );
        assert_eq!(
            asked(six, "http://localhost/").unwrap(),
            "http://[fd00::64]:80/"
        );
    }

    #[test]
    fn a_gap_is_the_time_between_two_good_answers() {
        let (start, mut seen) = (Instant::now(), Seen::default());
        let at = |ms| start + Duration::from_millis(ms);
        seen.take(true, at(0), at(5));
        seen.take(true, at(20), at(25));
        seen.take(false, at(40), at(45));
        seen.take(true, at(60), at(325));
        let Downtime {
            probes,
            failed,
            gap_ms,
            slowest_ms,
            ..
        } = seen.told;
        assert_eq!((probes, failed, gap_ms, slowest_ms), (4, 1, 300, 265));
    }
}
