//! From two files to operations: takes zips apart, and finds for each entry the cheapest way to make it.

use super::draft::{Draft, View};
use super::format::{Form, Layer, MAX_DEPTH, Piece};
use super::pairs::pairs;
use super::zip::{self, Entry, Method, Zip};
use super::{DeltaError, deflate};

/// What is compared at a time, and with how much.
const WINDOW: usize = 64 << 20;
const OLD_WINDOW: usize = 2 * WINDOW;

/// Plans blocks; `done` gets each that is full.
pub(super) struct Planner<'a> {
    pub(super) draft: Draft,
    full: &'a mut dyn FnMut(Draft),
    /// Layers that are open.
    depth: usize,
    /// Pieces that are compared with: a block cannot end while there are any.
    held: usize,
    /// The level that was found last.
    level: u8,
    /// Bytes of entries that differ and could not be taken apart: without them nothing beats this plan.
    pub(super) opaque: u64,
}

impl<'a> Planner<'a> {
    pub(super) fn new(draft: Draft, full: &'a mut dyn FnMut(Draft)) -> Planner<'a> {
        Planner {
            draft,
            full,
            depth: 0,
            held: 0,
            level: 6,
            opaque: 0,
        }
    }

    /// `new` of `old`, whatever they are.
    pub(super) fn file(&mut self, old: View<'_>, new: &[u8]) {
        if old.bytes == new {
            return self.draft.copy(old.piece, old.at, new.len() as u64);
        }
        match zip::parse(old.bytes).zip(zip::parse(new)) {
            Some((old_zip, new_zip)) => self.zip(old, &old_zip, new, &new_zip),
            None => self.compared(old, new),
        }
    }

    /// `new` as stretches that are like stretches of `old`, and what is between them.
    fn compared(&mut self, old: View<'_>, new: &[u8]) {
        for (old, new) in windows(old, new) {
            self.make_room(0, new.len());
            self.draft.compare(old, new);
        }
    }

    /// Against the whole old file at once, which is made ready as a piece; `fresh` leaves all to zstd.
    pub(super) fn whole(&mut self, old: View<'_>, new: &[u8], fresh: bool) {
        for (old, new) in windows(old, new) {
            if !self.draft.has_room(old.bytes.len(), new.len()) {
                self.cut();
            }
            let length = old.bytes.len() as u64;
            let piece = Piece {
                from: old.piece,
                at: old.at,
                length,
                form: Form::Raw,
                size: length,
            };
            let ready = View {
                piece: self.draft.piece(piece, old.bytes),
                at: 0,
                bytes: old.bytes,
            };
            if fresh {
                self.draft.fresh(new);
            } else {
                self.draft.compare(ready, new);
            }
        }
    }

    /// A file that shares its block with others: what it was is made ready for all of them, unless it is a zip.
    pub(super) fn small(&mut self, old: View<'_>, new: &[u8]) -> Result<(), DeltaError> {
        if !self.draft.has_room(old.bytes.len(), new.len()) {
            self.cut();
        }
        if old.bytes.is_empty() {
            self.draft.fresh(new);
        } else if zip::parse(old.bytes).is_some() && zip::parse(new).is_some() {
            self.file(old, new);
        } else {
            // Packed with all others fresh bytes take less than alone: measured, a fifth.
            let fresh = alone(old, new, true)? * 4 <= alone(old, new, false)? * 5;
            self.whole(old, new, fresh);
        }
        Ok(())
    }

    /// All of it new.
    pub(super) fn fresh(&mut self, new: &[u8]) {
        for new in new.chunks(WINDOW) {
            self.make_room(0, new.len());
            self.draft.fresh(new);
        }
    }

    fn zip(&mut self, old: View<'_>, old_zip: &Zip, new: &[u8], new_zip: &Zip) {
        let names = |zip: &'_ Zip| {
            zip.entries
                .iter()
                .map(|entry| entry.name.clone())
                .collect::<Vec<_>>()
        };
        let paired = pairs(&names(old_zip), &names(new_zip));
        let mut at = 0;
        for (entry, pair) in new_zip.entries.iter().zip(paired) {
            let pair = pair.and_then(|pair| old_zip.entries.get(pair));
            let head = new.get(at..entry.data.start).unwrap_or_default();
            let before = pair
                .map_or(0, |pair| pair.data.start)
                .checked_sub(head.len());
            let all = new.get(at..entry.data.end).unwrap_or_default();
            let like = pair
                .zip(before)
                .map(|(pair, before)| old.part(before..pair.data.end));
            match like.filter(|like| touched_up(like.bytes, all, head.len())) {
                Some(like) => {
                    self.make_room(0, all.len());
                    self.draft.add(like, all);
                }
                None => {
                    self.beside(old, before, head);
                    self.entry(old, pair, new, entry);
                }
            }
            at = entry.data.end;
        }
        let directory = new_zip.directory.clone();
        let between = new.get(at..directory.start).unwrap_or_default();
        let like = old_zip.directory.start.checked_sub(between.len());
        self.beside(old, like, between);
        self.directory(
            old.part(old_zip.directory.clone()),
            new.get(directory.clone()).unwrap_or_default(),
        );
        let end = new.get(directory.end..).unwrap_or_default();
        self.beside(old, Some(old_zip.directory.end), end);
    }

    /// Bytes between entries, which are like those at `like`, if anything is.
    fn beside(&mut self, old: View<'_>, like: Option<usize>, new: &[u8]) {
        let like = like.map(|at| old.part(at..at + new.len()));
        match like.filter(|like| like.bytes.len() == new.len()) {
            Some(like) if alike(like.bytes, new) => self.draft.add(like, new),
            Some(_) | None => self.fresh(new),
        }
    }

    fn entry(&mut self, old: View<'_>, pair: Option<&Entry>, new: &[u8], entry: &Entry) {
        let raw = new.get(entry.data.clone()).unwrap_or_default();
        let like = pair.map(|pair| (pair.method, old.part(pair.data.clone())));
        if let Some((_, like)) = like
            && like.bytes == raw
        {
            return self.draft.copy(like.piece, like.at, raw.len() as u64);
        }
        // What inflates to more than ten times as much is taken as it is if there is no room.
        let likely = |bytes: usize| bytes.saturating_mul(10);
        self.make_room(
            like.map_or(0, |(_, like)| likely(like.bytes.len())),
            likely(raw.len()),
        );
        if entry.method == Method::Deflated && self.inflated(like, raw, entry.size) {
            return;
        }
        let same_kind = like.filter(|(method, _)| *method == entry.method);
        match (entry.method, same_kind) {
            (Method::Stored, Some((_, like))) => self.file(like, raw),
            (Method::Stored, None) => self.of_inflated(like, raw),
            (Method::Deflated | Method::Other, _) => {
                self.opaque += raw.len() as u64;
                self.fresh(raw);
            }
        }
    }

    /// A deflated entry by what it holds; false if that is not possible, and then nothing was done.
    fn inflated(&mut self, like: Option<(Method, View<'_>)>, raw: &[u8], size: u64) -> bool {
        // What is inflated twice over, for a jar in a jar, must fit beside it.
        if self.depth + 2 > MAX_DEPTH
            || !self
                .draft
                .has_room(0, usize::try_from(size).unwrap_or(usize::MAX))
        {
            return false;
        }
        let Some(plain) = deflate::inflate(raw, size) else {
            return false;
        };
        let Some(level) = deflate::find_level(&plain, raw, self.level) else {
            return false;
        };
        self.level = level;
        self.draft.enter(Layer::Deflate(level));
        self.depth += 1;
        self.of_inflated(like, &plain);
        self.depth -= 1;
        self.draft.leave();
        true
    }

    /// `new` of what an old entry holds.
    fn of_inflated(&mut self, like: Option<(Method, View<'_>)>, new: &[u8]) {
        let (method, like) = match like {
            Some((Method::Stored, like)) => return self.file(like, new),
            Some((method, like)) => (method, like),
            None => return self.fresh(new),
        };
        let plain =
            (method == Method::Deflated).then(|| deflate::inflate(like.bytes, super::MAX_BLOCK));
        let Some(plain) = plain
            .flatten()
            .filter(|plain| self.draft.has_room(plain.len(), new.len()))
        else {
            return self.fresh(new);
        };
        let piece = Piece {
            from: like.piece,
            at: like.at,
            length: like.bytes.len() as u64,
            form: Form::Inflated,
            size: plain.len() as u64,
        };
        let view = View {
            piece: self.draft.piece(piece, &plain),
            at: 0,
            bytes: &plain,
        };
        self.held += 1;
        self.file(view, new);
        self.held -= 1;
    }

    /// A zip's directory by the folded one of the old zip.
    fn directory(&mut self, old: View<'_>, new: &[u8]) {
        self.make_room(old.bytes.len(), new.len());
        if self.depth + 1 > MAX_DEPTH || !self.draft.has_room(old.bytes.len(), new.len()) {
            return self.fresh(new);
        }
        let (mut old_folded, mut new_folded) = (old.bytes.to_vec(), new.to_vec());
        zip::fold(&mut old_folded);
        zip::fold(&mut new_folded);
        let length = old_folded.len() as u64;
        let piece = Piece {
            from: old.piece,
            at: old.at,
            length,
            form: Form::Directory,
            size: length,
        };
        let view = View {
            piece: self.draft.piece(piece, &old_folded),
            at: 0,
            bytes: &old_folded,
        };
        self.draft.enter(Layer::Directory);
        self.draft.compare(view, &new_folded);
        self.draft.leave();
    }

    /// Ends the block where what comes next would not fit into it.
    fn make_room(&mut self, pieces: usize, brings: usize) {
        if self.held == 0 && !self.draft.has_room(pieces, brings) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if !self.draft.is_empty() {
            (self.full)(std::mem::take(&mut self.draft));
        }
    }
}

/// What `new` would take in a block of its own.
fn alone(old: View<'_>, new: &[u8], fresh: bool) -> Result<usize, DeltaError> {
    let mut never = |_| {};
    let mut planner = Planner::new(Draft::default(), &mut never);
    planner.whole(old, new, fresh);
    let block = planner.draft.encode()?;
    Ok(block.map_or(usize::MAX / 8, |block| block.len()))
}

/// A file longer than a window is compared window by window, each with what lies around its place in the old one.
fn windows<'a>(old: View<'a>, new: &'a [u8]) -> impl Iterator<Item = (View<'a>, &'a [u8])> {
    let last = old.bytes.len().saturating_sub(OLD_WINDOW);
    new.chunks(WINDOW).enumerate().map(move |(number, chunk)| {
        let start = last.min((number * WINDOW).saturating_sub(WINDOW / 2));
        let end = old.bytes.len().min(start + OLD_WINDOW);
        (old.part(start..end), chunk)
    })
}

/// Only the first bytes of `new`, `head` of them, differ from `old`, and not many.
fn touched_up(old: &[u8], new: &[u8], head: usize) -> bool {
    if new.len() > WINDOW {
        return false;
    }
    let split = old.split_at_checked(head).zip(new.split_at_checked(head));
    split.is_some_and(|((old_head, old), (new_head, new))| old == new && alike(old_head, new_head))
}

/// Most bytes of two slices of one length are the same.
fn alike(one: &[u8], other: &[u8]) -> bool {
    let same = one
        .iter()
        .zip(other)
        .filter(|(one, other)| one == other)
        .count();
    same * 2 >= one.len()
}
