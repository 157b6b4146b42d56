//! Following a rollout by asking for the status again and again. Only looks: whatever happens to
//! this program, the rollout goes on.
use super::client::Client;
use super::interrupt::Interrupt;
use super::output::{Output, complain, say};
use super::screen::Screen;
use super::verbs::Ended;
use crate::core::Closed;
use crate::render;
use crate::wire::{Code, Failure, History, Outcome, Rollout, Status, Stopped};
use crate::words::Lang;
use std::time::{Duration, Instant};

const BEAT: Duration = Duration::from_millis(250);
/// A daemon that restarts is back within this.
const PATIENCE: Duration = Duration::from_secs(30);
/// A rollout that was accepted is in the status within this.
const SEEN_WITHIN: Duration = Duration::from_secs(10);
const DETACHED: u8 = 130;

/// What end is a good one?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Forward,
    GivenUp,
}

/// The rollout that is followed.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    pub id: u64,
    /// None: whoever asked for it.
    pub origin: Option<String>,
    pub goal: Goal,
}

impl Ours {
    fn is(&self, r: &Rollout) -> bool {
        let origin = self.origin.as_ref().filter(|_| !r.origin.is_empty());
        r.id == self.id && origin.is_none_or(|origin| *origin == r.origin)
    }
}

pub(super) async fn follow(client: &Client, out: Output, ours: &Ours, before: &Status) -> Ended {
    let screen = Screen::open(out, Some(before))?;
    let ended = to_the_end(client, &screen, ours, out.lang);
    let Some(ended) = unless_left(client, &screen, ended).await? else {
        let echo = if screen.is_live() { "" } else { "\n" };
        drop(screen);
        let what = say!(out.lang, "detached; rollout {} goes on", ours.id);
        let remedy = say!(
            out.lang,
            "hau-ctl watch shows it, hau-ctl abort gives it up"
        );
        complain(&format!("{echo}hau-ctl: {what}\n  → {remedy}"));
        return Ok(DETACHED);
    };
    // Gives the terminal back, so that the last word stands on it.
    drop(screen);
    let (status, rollout) = ended?;
    if !out.json {
        let summary = render::summary(Some(before), &status, &rollout, &out.look());
        say(&summary);
    }
    Ok(exit(ours.goal, &rollout))
}

pub(super) async fn watch(client: &Client, out: Output) -> Ended {
    let screen = Screen::open(out, None)?;
    let look = async {
        let mut patience = Patience::new(out.lang);
        loop {
            if let Some(status) = patience.status(client, &screen).await? {
                screen.show(&status);
            }
            tokio::time::sleep(BEAT).await;
        }
    };
    let failed = unless_left(client, &screen, look).await?;
    failed.unwrap_or(Ok(DETACHED))
}

/// None: whoever looks on has left, by a key or a signal.
async fn unless_left<T>(
    client: &Client,
    screen: &Screen,
    work: impl Future<Output = T>,
) -> Result<Option<T>, Failure> {
    let interrupt = Interrupt::catch(screen.is_live(), client.lang())?;
    tokio::select! {
        () = interrupt.pressed() => {
            screen.give_back();
            interrupt.obey();
            Ok(None)
        }
        () = screen.left(client) => Ok(None),
        ended = work => Ok(Some(ended)),
    }
}

/// Returns when nothing goes on any more without a person.
async fn to_the_end(
    client: &Client,
    screen: &Screen,
    ours: &Ours,
    lang: Lang,
) -> Result<(Status, Rollout), Failure> {
    let mut patience = Patience::new(lang);
    let begun = Instant::now();
    loop {
        if let Some(status) = patience.status(client, screen).await? {
            match status.rollout.as_ref().filter(|r| ours.is(r)) {
                Some(r) => {
                    screen.show(&status);
                    if has_stopped(r) {
                        let r = r.clone();
                        return Ok((status, r));
                    }
                }
                None => {
                    if let Some(r) = look_for(client, ours, &status, begun, lang).await? {
                        return Ok((status, r));
                    }
                }
            }
        }
        tokio::time::sleep(BEAT).await;
    }
}

fn has_stopped(r: &Rollout) -> bool {
    r.result.is_some() || waits_as_asked(r)
}

fn waits_as_asked(r: &Rollout) -> bool {
    matches!(
        r.stopped_by,
        Some(Stopped::Gate {
            closed: Closed::StopAsked,
            ..
        })
    )
}

/// The status shows another rollout, or none: is ours past, not yet there, or did it lose?
async fn look_for(
    client: &Client,
    ours: &Ours,
    status: &Status,
    begun: Instant,
    lang: Lang,
) -> Result<Option<Rollout>, Failure> {
    let past: History = match client.get("/v1/history").await {
        // It went away between two questions: the next look at the status sees to that.
        Err(failure) if failure.code == Code::Unreachable => return Ok(None),
        past => past?,
    };
    if let Some(r) = past.into_iter().find(|r| ours.is(r) && r.result.is_some()) {
        return Ok(Some(r));
    }
    let other = status.rollout.as_ref();
    let beaten = other.is_some_and(|r| r.id >= ours.id);
    if !beaten && begun.elapsed() < SEEN_WITHIN {
        return Ok(None);
    }
    let what = match other {
        Some(r) => say!(
            lang,
            "rollout {} was superseded by rollout {} of {}: two were asked for at once",
            ours.id,
            r.id,
            render::by(r, lang)
        ),
        None => say!(
            lang,
            "rollout {} was superseded: two were asked for at once",
            ours.id
        ),
    };
    let remedy = say!(
        lang,
        "hau-ctl watch shows the one that goes on; ask again when it has ended"
    );
    Err(Failure::new(Code::Busy, what, remedy))
}

fn exit(goal: Goal, r: &Rollout) -> u8 {
    match r.result {
        _ if waits_as_asked(r) => 0,
        Some(Outcome::Succeeded) => 0,
        Some(Outcome::Failed) if goal == Goal::GivenUp => 0,
        Some(Outcome::Failed | Outcome::RolledBack) | None => 1,
        Some(Outcome::Refused) => 3,
        Some(Outcome::Halted) => 4,
    }
}

/// A daemon may be away for a moment.
struct Patience {
    lang: Lang,
    away_since: Option<Instant>,
}

impl Patience {
    fn new(lang: Lang) -> Self {
        Self {
            lang,
            away_since: None,
        }
    }

    /// None: it is away, and may come back.
    async fn status(
        &mut self,
        client: &Client,
        screen: &Screen,
    ) -> Result<Option<Status>, Failure> {
        match client.get("/v1/status").await {
            Ok(status) => {
                self.away_since = None;
                Ok(Some(status))
            }
            Err(failure) if failure.code == Code::Unreachable => {
                let Some(since) = self.away_since else {
                    self.away_since = Some(Instant::now());
                    screen.remark(&say!(self.lang, "{}; trying again for 30 s", failure.what));
                    return Ok(None);
                };
                if since.elapsed() < PATIENCE {
                    Ok(None)
                } else {
                    Err(failure)
                }
            }
            Err(failure) => Err(failure),
        }
    }
}
