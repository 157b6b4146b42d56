//! A block in the making: pieces, operations and the two streams, and how it is packed.

use std::convert::Infallible;
use std::io::{self, Write};

use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder;

use super::format::{BlockHead, Layer, MAX_INDEX, MAX_PIECES, Op, Packed, Piece, write_index};
use super::{Bytes, DeltaError, MAX_BLOCK};

/// As `zstd -19`: beyond it there is little to gain (0.02 % of a jar's delta) for half as much time again.
const LEVEL: i32 = 19;
/// From here on zstd finds far matches by its long-distance matcher, as its own `--patch-from` does.
const LONG: u64 = 8 << 20;
/// An operation takes no more than this in the index: code, piece, place and length.
const OP_BYTES: usize = 24;

/// A range of a piece and its bytes.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) piece: usize,
    pub(super) at: u64,
    pub(super) bytes: &'a [u8],
}

impl<'a> View<'a> {
    /// A part of it; nothing if it has none such.
    pub(super) fn part(self, range: std::ops::Range<usize>) -> View<'a> {
        View {
            piece: self.piece,
            at: self.at + range.start as u64,
            bytes: self.bytes.get(range).unwrap_or_default(),
        }
    }
}

#[derive(Default)]
pub(super) struct Draft {
    pieces: Vec<Piece>,
    ops: Vec<Op>,
    /// What the pieces hold.
    made: Vec<u8>,
    diff: Vec<u8>,
    fresh: Vec<u8>,
    work: u64,
}

impl Draft {
    /// Whether pieces of `pieces` bytes and as many as `brings` new ones fit.
    pub(super) fn has_room(&self, pieces: usize, brings: usize) -> bool {
        let fits =
            |have: usize, more: usize| (have as u64).saturating_add(more as u64) <= MAX_BLOCK;
        fits(self.made.len(), pieces)
            && fits(self.diff.len(), brings)
            && fits(self.fresh.len(), brings)
            && ((self.ops.len() + self.pieces.len() + 64) * OP_BYTES) as u64 <= MAX_INDEX
            && (self.pieces.len() + 64) as u64 <= MAX_PIECES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// What an applier has to handle for it.
    pub(super) fn work(&self) -> u64 {
        self.work
    }

    /// Has `bytes` made ready, which come of a range of another piece; answers its number.
    pub(super) fn piece(&mut self, piece: Piece, bytes: &[u8]) -> usize {
        self.work = self
            .work
            .saturating_add(piece.length)
            .saturating_add(piece.size);
        self.pieces.push(piece);
        self.made.extend_from_slice(bytes);
        self.pieces.len()
    }

    /// The bytes of a view as they are; goes on with the last copy where it can.
    pub(super) fn copy(&mut self, piece: usize, at: u64, length: u64) {
        self.work = self.work.saturating_add(length);
        if let Some(Op::Copy {
            piece: before,
            at: begins,
            length: longer,
        }) = self.ops.last_mut()
            && *before == piece
            && *begins + *longer == at
        {
            *longer += length;
        } else if length > 0 {
            self.ops.push(Op::Copy { piece, at, length });
        }
    }

    /// `new` as the difference to a view of the same length.
    pub(super) fn add(&mut self, old: View<'_>, new: &[u8]) {
        let length = new.len() as u64;
        if old.bytes == new {
            return self.copy(old.piece, old.at, length);
        }
        self.work = self.work.saturating_add(length);
        let differences = new
            .iter()
            .zip(old.bytes)
            .map(|(new, old)| new.wrapping_sub(*old));
        self.diff.extend(differences);
        let (piece, at) = (old.piece, old.at);
        if let Some(Op::Add {
            piece: before,
            at: begins,
            length: longer,
        }) = self.ops.last_mut()
            && *before == piece
            && *begins + *longer == at
        {
            *longer += length;
        } else {
            self.ops.push(Op::Add { piece, at, length });
        }
    }

    /// `new` as stretches that are like stretches of `old`, and what is between them: bsdiff's way.
    pub(super) fn compare(&mut self, old: View<'_>, new: &[u8]) {
        if old.bytes.is_empty() || new.is_empty() {
            return self.fresh(new);
        }
        let compared = bidiff::diff(old.bytes, new, &bidiff::DiffParams::default(), |found| {
            let (start, length) = (found.add_new_start, found.add_length);
            let like = old.part(found.add_old_start..found.add_old_start + length);
            self.add(like, new.get(start..start + length).unwrap_or_default());
            self.fresh(new.get(start + length..found.copy_end).unwrap_or_default());
            Ok::<(), Infallible>(())
        });
        compared.unwrap_or_else(|never| match never {});
    }

    pub(super) fn fresh(&mut self, new: &[u8]) {
        self.work = self.work.saturating_add(new.len() as u64);
        self.fresh.extend_from_slice(new);
        if let Some(Op::Fresh { length }) = self.ops.last_mut() {
            *length += new.len() as u64;
        } else if !new.is_empty() {
            self.ops.push(Op::Fresh {
                length: new.len() as u64,
            });
        }
    }

    pub(super) fn enter(&mut self, layer: Layer) {
        self.ops.push(Op::Enter(layer));
    }

    pub(super) fn leave(&mut self) {
        self.ops.push(Op::Leave);
    }

    /// As it stands in a patch; `None` if it is more than a block may be.
    pub(super) fn encode(&self) -> Result<Option<Vec<u8>>, DeltaError> {
        let index = write_index(&self.pieces, &self.ops);
        let longest = [self.made.len(), self.diff.len(), self.fresh.len()]
            .into_iter()
            .max();
        if index.length() > MAX_INDEX
            || longest.is_some_and(|longest| longest as u64 > MAX_BLOCK)
            || self.pieces.len() as u64 > MAX_PIECES
        {
            return Ok(None);
        }
        let packed = [
            pack(&index, &[]).map_err(DeltaError::Memory)?,
            pack(&self.diff, &[]).map_err(DeltaError::Memory)?,
            pack(&self.fresh, &self.made).map_err(DeltaError::Memory)?,
        ];
        let sizes = |plain: &[u8], packed: &[u8]| Packed {
            plain: plain.len() as u64,
            packed: packed.len() as u64,
        };
        let [packed_index, packed_diff, packed_fresh] = &packed;
        let head = BlockHead {
            pieces: self.pieces.len() as u64,
            ops: self.ops.len() as u64,
            index: sizes(&index, packed_index),
            diff: sizes(&self.diff, packed_diff),
            fresh: sizes(&self.fresh, packed_fresh),
        };
        let mut block = Vec::new();
        head.write(&mut block);
        block.extend(packed.concat());
        Ok(Some(block))
    }
}

/// By zstd, with `against` as what came before.
fn pack(plain: &[u8], against: &[u8]) -> io::Result<Vec<u8>> {
    if plain.is_empty() {
        return Ok(Vec::new());
    }
    let length = plain.len() as u64;
    let mut encoder = Encoder::with_ref_prefix(Vec::new(), LEVEL, against)?;
    encoder.set_pledged_src_size(Some(length))?;
    encoder.include_contentsize(true)?;
    let all = length + against.length();
    if all > LONG {
        encoder.set_parameter(CParameter::WindowLog(all.ilog2() + 1))?;
        encoder.long_distance_matching(true)?;
    }
    encoder.write_all(plain)?;
    encoder.finish()
}
