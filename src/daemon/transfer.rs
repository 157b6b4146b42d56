//! A bundle on its way from the other node: what lies in a release here, or is in the bundle twice, does not come over the
//! line.
//!
//! # Why
//! A release is mostly the one before: of two jars with their libraries a tenth differs. The head of a bundle says which
//! files it has and by their hashes which of them are here; where they lie in it is computed. So the bundle is put together
//! in order, from here and from there by turns, and what is there of it after a cut says where to go on. All of it is a way
//! to fetch the same bytes: the bundle that is not laid out as ours are, or came out as another one, is fetched whole, and
//! whoever uses it verifies it as ever. Nothing is held in memory but the manifest and a chunk.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::link::{Came, Fetch, LinkError, PeerLink};
use super::site::chain;
use crate::bundle::{Layout, TrustedKeys};
use crate::core::Fetching;

/// Asked for first: with it, most heads are here.
const BEGINNING: u64 = 64 << 10;

/// What is to be fetched, and what may help.
pub struct Wanted<'a> {
    /// To ask for.
    pub path: &'a str,
    /// Where it is to lie.
    pub to: &'a Path,
    /// What it must be, in hex. None: whatever the other node has.
    pub sha256: Option<&'a str>,
    pub limit: Duration,
    /// Whose heads are believed.
    pub keys: Option<&'a TrustedKeys>,
    /// Where releases lie.
    pub releases: &'a Path,
}

/// Fetches it, goes on where an earlier try was cut off, and tells `seen` how far it is.
///
/// Blocks: never call it in an async task.
///
/// # Errors
/// As for a request; the other node does not have it; it came damaged; the local disk. After a cut or a late end, call it
/// again: what came is kept.
pub fn fetch(
    link: &PeerLink,
    wanted: &Wanted<'_>,
    seen: &dyn Fn(Fetching),
) -> Result<Fetching, LinkError> {
    let begun = Instant::now();
    match in_pieces(link, wanted, seen)? {
        Ok(fetched) => return Ok(fetched),
        Err(why) => tracing::info!(
            HAU_EVENT = "fetch",
            "{} is fetched whole: {why}",
            wanted.path
        ),
    }
    let left = wanted.limit.saturating_sub(begun.elapsed());
    let mut fetch = link.fetch(wanted.path, wanted.to, left)?;
    let came = fetch.ask(None, &mut |have, of| {
        seen(Fetching {
            have,
            of,
            ..Fetching::default()
        })
    })?;
    done(fetch, wanted, Fetching::whole(came.size()))
}

/// `Err(why)`: that is not possible. What is there is good to go on with.
type InPieces<T> = Result<Result<T, String>, LinkError>;

fn in_pieces(link: &PeerLink, wanted: &Wanted<'_>, seen: &dyn Fn(Fetching)) -> InPieces<Fetching> {
    let mut fetch = link.fetch(wanted.path, wanted.to, wanted.limit)?;
    let mut layout = match begin(&mut fetch, wanted, seen)? {
        Ok(Begun::Head(layout)) => layout,
        Ok(Begun::Whole(size)) => return done(fetch, wanted, Fetching::whole(size)).map(Ok),
        Err(why) => return Ok(Err(why)),
    };
    layout.look_in(wanted.releases);
    let (of, last) = (layout.size(), layout.pieces() - 1);
    let mut n = layout.piece(fetch.have());
    // What a file here has begun is begun again; the end is asked for once more.
    if layout.is_here(n) || n == last {
        fetch.cut(layout.at(n))?;
    }
    let length = |layout: &Layout, n| layout.at(n + 1) - layout.at(n);
    let before = (0..n).filter(|n| layout.is_here(*n));
    let mut here: u64 = before.map(|n| length(&layout, n)).sum();
    while n <= last {
        if layout.is_here(n) {
            if put(&mut fetch, &layout, n, here, seen)? {
                here += length(&layout, n);
                n += 1;
            } else {
                // Whatever its release says, the file is another one.
                fetch.cut(layout.at(n))?;
                layout.forget(n);
            }
            continue;
        }
        let next = (n..=last).find(|n| layout.is_here(*n)).unwrap_or(last + 1);
        let end = Some(layout.at(next));
        match fetch.ask(end, &mut |have, of| seen(Fetching { have, of, here }))? {
            Came::Whole(size) => return done(fetch, wanted, Fetching::whole(size)).map(Ok),
            Came::Part(size) if size != of => {
                fetch.cut(0)?;
                return Ok(Err(format!("it has {size} bytes, its manifest makes {of}")));
            }
            Came::Part(_) => n = next,
        }
    }
    let have = fetch.have();
    match done(fetch, wanted, Fetching { have, of, here }) {
        Err(error @ LinkError::Damaged { .. }) if here > 0 => Ok(Err(chain(&error))),
        done => done.map(Ok),
    }
}

/// Piece `n`, of what is here. Whether it was what it had to be.
fn put(
    fetch: &mut Fetch<'_>,
    layout: &Layout,
    n: usize,
    before: u64,
    seen: &dyn Fn(Fetching),
) -> Result<bool, LinkError> {
    let (bundle, of) = (fetch.partial().to_path_buf(), layout.size());
    layout.copy(n, &bundle, |bytes| {
        fetch.append(bytes)?;
        let have = fetch.have();
        let here = before + (have - layout.at(n));
        seen(Fetching { have, of, here });
        Ok(())
    })
}

fn done(fetch: Fetch<'_>, wanted: &Wanted<'_>, all: Fetching) -> Result<Fetching, LinkError> {
    fetch.finish(wanted.sha256)?;
    Ok(all)
}

enum Begun {
    Head(Layout),
    /// It came whole, and has this size.
    Whole(u64),
}

/// Sees to it that the head is there, and reads it.
fn begin(fetch: &mut Fetch<'_>, wanted: &Wanted<'_>, seen: &dyn Fn(Fetching)) -> InPieces<Begun> {
    let Some(keys) = wanted.keys else {
        return Ok(Err("no keys are trusted here".to_owned()));
    };
    let mut end = BEGINNING;
    loop {
        if fetch.have() > 0 {
            match Layout::read(fetch.partial(), keys) {
                Ok(Some(layout)) => return Ok(Ok(Begun::Head(layout))),
                Ok(None) if fetch.have() >= Layout::LONGEST_HEAD => {
                    return Ok(Err("its head does not end".to_owned()));
                }
                Ok(None) => end = (fetch.have() * 2).clamp(BEGINNING, Layout::LONGEST_HEAD),
                Err(error) => return Ok(Err(chain(&error))),
            }
        }
        let came = fetch.ask(Some(end), &mut |have, of| {
            seen(Fetching {
                have,
                of,
                ..Fetching::default()
            })
        })?;
        if came.size() == fetch.have() {
            return Ok(Ok(Begun::Whole(came.size())));
        }
    }
}

/// What is fetched at the moment.
#[derive(Default)]
pub(super) struct Now(Mutex<Option<Fetching>>);

impl Now {
    pub(super) fn get(&self) -> Option<Fetching> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, now: Option<Fetching>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}
