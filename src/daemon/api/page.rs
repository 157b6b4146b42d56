//! The page for a browser: what `status` and `history` say, and its changes as they come.
use super::{Answered, Api};
use crate::config::{Health, Page};
use crate::core::{NodeId, RolloutId};
use crate::daemon::door::{Call, Caller, Door, Reply, Who};
use crate::daemon::probe;
use crate::daemon::site::Site;
use crate::daemon::status::Snapshot;
use crate::host::Host;
use crate::render::web::{self, Past, View};
use crate::wire::{Answer, Code, Failure, Report};
use crate::words::Lang;
use hyper::body::Bytes;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{io, iter};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

/// At the same time: who asks for `/health` and `/metrics` has the other connections of the door.
pub(in crate::daemon) const STREAMS: usize = 8;
/// On the first page; `/rollouts` has all.
const NEWEST: usize = 10;
/// Between two events: nobody reads faster, and eight readers cost little.
const PAUSE: Duration = Duration::from_secs(1);
/// A reader who has gone is noticed by what cannot be sent to it, and one who waits sees that the stream lives.
const BEAT: Duration = Duration::from_secs(5);
/// A browser comes again by itself; one that was cut off from the network has its place no longer than this.
const LIFE: Duration = Duration::from_secs(600);

type Pieces = mpsc::Sender<io::Result<Bytes>>;

pub(super) fn home(api: &Api, call: &Call) -> Result<Answered, Failure> {
    admit(&api.site.settings.health, call)?;
    let view = view(&api.snapshot(), &api.site);
    Ok(page(web::home(&view, lang(call))))
}

pub(super) fn all(api: &Api, call: &Call) -> Result<Answered, Failure> {
    admit(&api.site.settings.health, call)?;
    let past = api.snapshot().past(api.site.now(), usize::MAX);
    Ok(page(web::all(&past, &api.site.me.0, lang(call))))
}

/// Of two with the same number, asked for at once on both nodes, the newer one was carried out.
pub(super) fn rollout(api: &Api, call: &Call) -> Result<Answered, Failure> {
    admit(&api.site.settings.health, call)?;
    let asked = call.path.strip_prefix("/rollouts/").unwrap_or_default();
    let past = api.snapshot().past(api.site.now(), usize::MAX);
    let found = past.into_iter().find(|r| r.id.to_string() == asked);
    let rollout = found.ok_or_else(|| {
        let remedy = "see /rollouts for those there were";
        Failure::new(Code::NotFound, "there was no such rollout", remedy)
    })?;
    let of = RolloutId {
        number: rollout.id,
        origin: NodeId(rollout.origin.clone()),
    };
    let measured = probe::kept_by_either(&api.site, &of);
    // A trail that cannot be read is told by the alarm; what the rollout was is told all the same.
    let done_by =
        super::audit::gathered(api, &format!("rollout={}", rollout.id)).unwrap_or_default();
    let report = Report {
        rollout,
        measured,
        done_by,
    };
    Ok(page(web::rollout(&report, &api.site.me.0, lang(call))))
}

pub(super) fn events(api: &Api, call: &Call) -> Result<Answered, Failure> {
    admit(&api.site.settings.health, call)?;
    let Ok(place) = Arc::clone(&api.streams).try_acquire_owned() else {
        return Ok(full());
    };
    let (sender, pieces) = mpsc::channel(1);
    let (site, lang, snapshots) = (Arc::clone(&api.site), lang(call), api.snapshot.clone());
    api.site.runtime.spawn(async move {
        let _place = place;
        let draw = |snapshot: &Arc<Snapshot>| web::now(&view(snapshot, &site), lang);
        follow(snapshots, draw, &sender).await;
    });
    Ok(Answered::Other(Reply::Events(pieces)))
}

fn page(html: String) -> Answered {
    let policy = web::policy();
    Answered::Other(Reply::Page { html, policy })
}

fn full() -> Answered {
    let what = format!("{STREAMS} browsers follow this node already");
    let failure = Failure::new(Code::Busy, what, "close one of them; this one tries again");
    let bytes = serde_json::to_vec(&Answer::<()>::from(Err(failure))).unwrap_or_default();
    Answered::Plain(503, "application/json", bytes)
}

fn view(snapshot: &Snapshot, site: &Site) -> View {
    let now = site.now();
    let mut newest = snapshot.past(now, NEWEST + 1);
    let more = newest.len() > NEWEST;
    newest.truncate(NEWEST);
    View {
        status: super::status(snapshot, site),
        past: Past { newest, more },
    }
}

fn lang(call: &Call) -> Lang {
    Lang::chosen(call.query.as_deref().unwrap_or_default(), &call.languages)
}

/// May this caller see it? On the loopback address a name could be a stranger's that leads there (DNS rebinding), so
/// that a page of his, in a browser here, could read ours.
fn admit(health: &Health, call: &Call) -> Result<(), Failure> {
    let Caller { door, who } = &call.caller;
    let near = match who {
        Who::Remote { address } => address.ip().to_canonical().is_loopback(),
        Who::Local { .. } => true,
        Who::Peer { .. } => false,
    };
    match health.page {
        Page::Off => Err(Failure::new(
            Code::NotFound,
            "the page is turned off",
            "write page = \"loopback\" into [health] of hau.toml, and restart hau-sidecar",
        )),
        Page::Everywhere => Ok(()),
        Page::Loopback if !near => Err(Failure::new(
            Code::Forbidden,
            "the page is shown on the loopback address of the node alone",
            "come by ssh -L 9680:127.0.0.1:9680, or see page in hau.toml(5)",
        )),
        Page::Loopback if *door == Door::Plain && !is_address(call.host.as_deref()) => {
            Err(Failure::new(
                Code::Forbidden,
                "the page is shown under an address or localhost, not under another name",
                "open http://127.0.0.1:9680/",
            ))
        }
        Page::Loopback => Ok(()),
    }
}

/// `127.0.0.1:9680`, `[::1]`, `localhost:9680`.
fn is_address(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let port = |port: &str| port.parse::<u16>().is_ok();
    let name = match host.rsplit_once(':') {
        Some((name, digits)) if (name.ends_with(']') || !name.contains(':')) && port(digits) => {
            name
        }
        Some(_) | None => host,
    };
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    let address = bare.unwrap_or(name).parse::<IpAddr>();
    address.is_ok() || name.eq_ignore_ascii_case("localhost")
}

/// An event now and at each change, until the reader goes, the daemon ends, or [`LIFE`] is over.
async fn follow<T: Clone>(
    mut news: watch::Receiver<T>,
    draw: impl Fn(&T) -> String,
    sender: &Pieces,
) {
    let begun = Instant::now();
    let (mut shown, mut sent) = (String::new(), begun);
    while begun.elapsed() < LIFE {
        let known = news.borrow_and_update().clone();
        let html = draw(&known);
        let piece = if html == shown {
            (sent.elapsed() >= BEAT).then(|| event("beat", ""))
        } else {
            Some(event("now", &html))
        };
        if let Some(piece) = piece {
            if sender.send(Ok(piece)).await.is_err() {
                return;
            }
            (shown, sent) = (html, Instant::now());
        }
        tokio::select! {
            () = sender.closed() => return,
            () = sleep(PAUSE) => {}
        }
        tokio::select! {
            () = sender.closed() => return,
            () = sleep(BEAT) => {}
            changed = news.changed() => if changed.is_err() { return },
        }
    }
}

/// In the format of server-sent events, where a line ends with any of the three ends of a line.
fn event(name: &str, data: &str) -> Bytes {
    let lines = data.split(['\n', '\r']);
    let lines = lines.map(|line| format!("data: {line}\n"));
    let head = iter::once(format!("retry: 1000\nevent: {name}\n"));
    let text: String = head
        .chain(lines)
        .chain(iter::once("\n".to_owned()))
        .collect();
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::door::Method;
    use std::net::SocketAddr;

    fn call(from: &str, host: Option<&str>) -> Call {
        let address: SocketAddr = from.parse().unwrap();
        Call {
            method: Method::Get,
            path: "/".to_owned(),
            query: None,
            body: Vec::new(),
            host: host.map(str::to_owned),
            languages: String::new(),
            offset: 0,
            caller: Caller {
                door: Door::Plain,
                who: Who::Remote { address },
            },
        }
    }

    fn answer(page: Page, from: &str, host: Option<&str>) -> Option<Code> {
        let listen = ([0, 0, 0, 0], 9680).into();
        let health = Health { listen, page };
        admit(&health, &call(from, host)).err().map(|e| e.code)
    }

    #[test]
    fn on_the_loopback_address_only_addresses_and_localhost_are_answered() {
        let near = |host| answer(Page::Loopback, "127.0.0.1:5000", host);
        for host in [
            "127.0.0.1:9680",
            "127.0.0.1",
            "localhost:1",
            "LocalHost",
            "[::1]:9680",
            "[::1]",
            "10.0.0.1:80",
        ] {
            assert_eq!(near(Some(host)), None, "{host}");
        }
        for host in [
            "evil.example:9680",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:x",
            "[::1",
            "",
            ":9680",
        ] {
            assert_eq!(near(Some(host)), Some(Code::Forbidden), "{host}");
        }
        assert_eq!(near(None), Some(Code::Forbidden));
    }

    #[test]
    fn elsewhere_it_is_off_unless_the_configuration_says_so() {
        let host = Some("10.0.0.5:9680");
        let far = |page| answer(page, "10.0.0.9:5000", host);
        assert_eq!(far(Page::Loopback), Some(Code::Forbidden));
        assert_eq!(far(Page::Everywhere), None);
        assert_eq!(far(Page::Off), Some(Code::NotFound));
        let near = |page| answer(page, "[::ffff:127.0.0.1]:5000", host);
        assert_eq!(near(Page::Loopback), None);
        assert_eq!(near(Page::Off), Some(Code::NotFound));
        let named = Some("status.example");
        assert_eq!(answer(Page::Everywhere, "10.0.0.9:1", named), None);
    }

    #[test]
    fn an_event_has_no_line_of_somebody_elses() {
        let text = event("now", "a\nb\rc\r\nevent: x");
        let wanted =
            "retry: 1000\nevent: now\ndata: a\ndata: b\ndata: c\ndata: \ndata: event: x\n\n";
        assert_eq!(text, wanted);
    }

    fn name(piece: Option<io::Result<Bytes>>) -> Option<String> {
        let text = String::from_utf8(piece?.unwrap().to_vec()).unwrap();
        let lines: Vec<&str> = text.trim_end().lines().skip(1).collect();
        Some(lines.join(" ").replace("event: ", "").replace("data: ", ""))
    }

    /// What a reader is sent of `news`, who reads it all until the end.
    #[tokio::test(start_paused = true)]
    async fn changes_come_as_they_are_and_beats_between_them() {
        let (news, seen) = watch::channel(1);
        let (sender, mut pieces) = mpsc::channel(1);
        let follows = tokio::spawn(async move { follow(seen, |n| n.to_string(), &sender).await });
        assert_eq!(name(pieces.recv().await).unwrap(), "now 1");
        let at = Instant::now();
        assert_eq!(name(pieces.recv().await).unwrap(), "beat data:");
        assert!(at.elapsed() >= BEAT && at.elapsed() <= BEAT + 2 * PAUSE);
        news.send_replace(2);
        let at = Instant::now();
        assert_eq!(name(pieces.recv().await).unwrap(), "now 2");
        assert!(at.elapsed() <= 2 * PAUSE);
        // Sent anew and the same: no event.
        news.send_replace(2);
        assert_eq!(name(pieces.recv().await).unwrap(), "beat data:");
        drop(news);
        assert!(pieces.recv().await.is_none());
        follows.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_the_reader_goes_and_after_a_while() {
        let (_news, seen) = watch::channel(1);
        let (sender, pieces) = mpsc::channel(1);
        let gone = seen.clone();
        let follows = tokio::spawn(async move { follow(gone, |n| n.to_string(), &sender).await });
        drop(pieces);
        follows.await.unwrap();
        let (sender, mut pieces) = mpsc::channel(1);
        let begun = Instant::now();
        tokio::spawn(async move { follow(seen, |n| n.to_string(), &sender).await });
        while pieces.recv().await.is_some() {}
        assert!(begun.elapsed() >= LIFE && begun.elapsed() <= LIFE + 2 * (PAUSE + BEAT));
    }
}
