//! Makes a patch: part by part, the smallest of what there is to choose from.

use std::collections::BTreeMap;

use super::draft::{Draft, View};
use super::format::{MAGIC, put};
use super::pairs::pairs;
use super::plan::Planner;
use super::{Bytes, DeltaError, max_work};

/// A part from this size on gets blocks of its own, and is tried in more than one way.
const LARGE: u64 = 1 << 20;

/// One of the files that the bytes are made up of, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    pub name: &'a str,
    pub at: u64,
    pub length: u64,
    /// The same for two parts only if they are the same.
    pub hash: &'a [u8],
}

/// A patch that makes `new` of `old`, for [`apply`](super::apply()). Both are the parts that they are made up of, in
/// order and without gaps.
///
/// Reads the old and the new side of one part at a time into memory.
///
/// # Errors
/// If something cannot be read, or there is no memory.
pub fn diff(
    (old, old_parts): (&dyn Bytes, &[Part<'_>]),
    (new, new_parts): (&dyn Bytes, &[Part<'_>]),
) -> Result<Vec<u8>, DeltaError> {
    let (mut blocks, mut work) = (Vec::new(), 0);
    for thorough in [true, false] {
        (blocks, work) = Patch::new(thorough).parts((old, old_parts), (new, new_parts))?;
        if work <= max_work(old.length(), new.length()) {
            break;
        }
    }
    let mut patch = MAGIC.to_vec();
    put(&mut patch, new.length());
    put(&mut patch, work);
    patch.append(&mut blocks);
    Ok(patch)
}

struct Patch {
    /// Parts are compared and not only taken over or brought anew.
    thorough: bool,
    blocks: Vec<u8>,
    work: u64,
    /// Of the small parts.
    open: Draft,
}

/// A way to make a part, for [`Patch::tried`].
type Way<'a> = &'a dyn Fn(&mut Planner<'_>);

impl Patch {
    fn new(thorough: bool) -> Patch {
        Patch {
            thorough,
            blocks: Vec::new(),
            work: 0,
            open: Draft::default(),
        }
    }

    fn parts(
        mut self,
        (old, old_parts): (&dyn Bytes, &[Part<'_>]),
        (new, new_parts): (&dyn Bytes, &[Part<'_>]),
    ) -> Result<(Vec<u8>, u64), DeltaError> {
        let by_hash: BTreeMap<_, _> = old_parts.iter().map(|part| (part.hash, part)).collect();
        let names = |parts: &[Part<'_>]| {
            parts
                .iter()
                .map(|part| part.name.to_owned())
                .collect::<Vec<_>>()
        };
        let pairs = pairs(&names(old_parts), &names(new_parts));
        for (part, pair) in new_parts.iter().zip(pairs) {
            let same = by_hash
                .get(part.hash)
                .filter(|old| old.length == part.length);
            if let Some(same) = same {
                if !self.open.has_room(0, 0) {
                    self.end_open()?;
                }
                self.open.copy(0, same.at, same.length);
                continue;
            }
            let mut bytes = vec![0; usize::try_from(part.length).unwrap_or(0)];
            new.read_at(&mut bytes, part.at)
                .map_err(DeltaError::ReadNew)?;
            let pair = pair
                .and_then(|pair| old_parts.get(pair))
                .filter(|_| self.thorough);
            let mut like =
                vec![0; pair.map_or(0, |pair| usize::try_from(pair.length).unwrap_or(0))];
            old.read_at(&mut like, pair.map_or(0, |pair| pair.at))
                .map_err(DeltaError::ReadOld)?;
            let like = View {
                piece: 0,
                at: pair.map_or(0, |pair| pair.at),
                bytes: &like,
            };
            if part.length.max(like.bytes.length()) < LARGE {
                self.small(like, &bytes)?;
            } else {
                self.large(like, &bytes)?;
            }
        }
        self.end_open()?;
        Ok((self.blocks, self.work))
    }

    /// Into the block of all small parts: they are packed together.
    fn small(&mut self, old: View<'_>, new: &[u8]) -> Result<(), DeltaError> {
        let mut full = Vec::new();
        let mut end = |draft| full.push(draft);
        let mut planner = Planner::new(std::mem::take(&mut self.open), &mut end);
        planner.small(old, new)?;
        self.open = std::mem::take(&mut planner.draft);
        for draft in full {
            self.end(&draft)?;
        }
        Ok(())
    }

    fn large(&mut self, old: View<'_>, new: &[u8]) -> Result<(), DeltaError> {
        self.end_open()?;
        let fresh: Way<'_> = &|planner| planner.fresh(new);
        let mut best = None;
        if !old.bytes.is_empty() {
            let (taken_apart, opaque) = tried(&|planner| planner.file(old, new))?;
            best = taken_apart;
            // Where every entry that differs was taken apart, nothing that sees it packed comes near.
            if opaque > 0 || best.is_none() {
                for way in [
                    &(|planner: &mut Planner<'_>| planner.whole(old, new, false)) as Way<'_>,
                    &|planner| planner.whole(old, new, true),
                ] {
                    best = smaller(best, tried(way)?.0);
                }
            }
        }
        if best.is_none() {
            best = tried(fresh)?.0;
        }
        let (block, work) = best.ok_or(DeltaError::Broken("a part of it fits no block"))?;
        self.blocks.extend(block);
        self.work += work;
        Ok(())
    }

    fn end_open(&mut self) -> Result<(), DeltaError> {
        let draft = std::mem::take(&mut self.open);
        if draft.is_empty() {
            return Ok(());
        }
        self.end(&draft)
    }

    fn end(&mut self, draft: &Draft) -> Result<(), DeltaError> {
        let block = draft.encode()?;
        self.blocks
            .extend(block.ok_or(DeltaError::Broken("a block of it is too large"))?);
        self.work += draft.work();
        Ok(())
    }
}

type Tried = Option<(Vec<u8>, u64)>;

/// The blocks that a way leads to and their work, if they are blocks; and how much could not be taken apart.
fn tried(way: Way<'_>) -> Result<(Tried, u64), DeltaError> {
    let mut drafts = Vec::new();
    let mut end = |draft| drafts.push(draft);
    let mut planner = Planner::new(Draft::default(), &mut end);
    way(&mut planner);
    let opaque = planner.opaque;
    let last = std::mem::take(&mut planner.draft);
    drafts.push(last);
    let (mut blocks, mut work) = (Vec::new(), 0);
    for draft in drafts.iter().filter(|draft| !draft.is_empty()) {
        let Some(block) = draft.encode()? else {
            return Ok((None, opaque));
        };
        blocks.extend(block);
        work += draft.work();
    }
    Ok((Some((blocks, work)), opaque))
}

fn smaller(one: Tried, other: Tried) -> Tried {
    let length = |tried: &Tried| {
        tried
            .as_ref()
            .map_or(usize::MAX, |(blocks, _)| blocks.len())
    };
    if length(&other) < length(&one) {
        other
    } else {
        one
    }
}
