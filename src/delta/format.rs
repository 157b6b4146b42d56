//! What a patch is made of, and how it is written down. All numbers are LEB128.
//!
//! ```text
//! patch  = MAGIC · length of the result · work · block*
//! block  = pieces · ops · (plain length · packed length) of index, diff, fresh · index · diff · fresh
//! ```
//! The index holds the pieces and operations in columns: what is alike stands side by side, and zstd makes little of it.

use super::cursor::Cursor;
use super::{DeltaError, MAX_BLOCK, deflate};

pub(super) const MAGIC: &[u8; 8] = b"hau\0dlt1";
/// The longest index of a block, in bytes. It is kept in memory, its operations are read one by one.
pub(super) const MAX_INDEX: u64 = 64 << 20;
/// The most pieces of a block.
pub(super) const MAX_PIECES: u64 = 1 << 17;
/// The most layers within each other: a jar in a war in an ear, each deflated, and a directory.
pub(super) const MAX_DEPTH: usize = 4;

/// Bytes of the old file made ready to be referred to. Piece 0 is the old file itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// A piece with a smaller number.
    pub(super) from: usize,
    pub(super) at: u64,
    pub(super) length: u64,
    pub(super) form: Form,
    /// Bytes once it is made.
    pub(super) size: u64,
}

/// How a piece comes of the bytes that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Raw,
    Inflated,
    /// A zip's directory with its offsets folded: see [`super::zip::fold`].
    Directory,
}

/// One step in making the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// Bytes of a piece as they are.
    Copy {
        piece: usize,
        at: u64,
        length: u64,
    },
    /// Bytes of a piece, to each of which the next byte of the block's diff is added.
    Add {
        piece: usize,
        at: u64,
        length: u64,
    },
    /// The next bytes of the block's fresh ones.
    Fresh {
        length: u64,
    },
    /// What follows goes through this layer, until it is left.
    Enter(Layer),
    Leave,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Through zlib at this level.
    Deflate(u8),
    /// Folded offsets of a zip's directory become offsets again.
    Directory,
}

/// The sizes before a block's three streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHead {
    pub(super) pieces: u64,
    pub(super) ops: u64,
    pub(super) index: Packed,
    pub(super) diff: Packed,
    pub(super) fresh: Packed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) plain: u64,
    pub(super) packed: u64,
}

impl BlockHead {
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let streams = [self.index, self.diff, self.fresh];
        let sizes = streams.iter().flat_map(|s| [s.plain, s.packed]);
        for number in [self.pieces, self.ops].into_iter().chain(sizes) {
            put(to, number);
        }
    }

    /// Reads one, and refuses sizes that no block has.
    pub(super) fn read(from: &mut Cursor<'_>) -> Result<BlockHead, DeltaError> {
        let (pieces, ops) = (from.number()?, from.number()?);
        let mut stream = |limit: u64| -> Result<Packed, DeltaError> {
            let (plain, packed) = (from.number()?, from.number()?);
            if plain > limit || packed > from.left() {
                return Err(DeltaError::Broken("the size of a stream is out of bounds"));
            }
            Ok(Packed { plain, packed })
        };
        let (index, diff, fresh) = (stream(MAX_INDEX)?, stream(MAX_BLOCK)?, stream(MAX_BLOCK)?);
        // Each takes some bytes of the index.
        if pieces > MAX_PIECES || pieces > index.plain || ops > index.plain || ops == 0 {
            return Err(DeltaError::Broken(
                "the number of operations is out of bounds",
            ));
        }
        Ok(BlockHead {
            pieces,
            ops,
            index,
            diff,
            fresh,
        })
    }
}

/// The index of a block: pieces from 1 on, and operations.
pub(super) fn write_index(pieces: &[Piece], ops: &[Op]) -> Vec<u8> {
    let mut columns: [Vec<u8>; 4] = Default::default();
    let [codes, froms, ats, lengths] = &mut columns;
    let mut ends = Ends::default();
    for piece in pieces {
        codes.push(piece.form.code());
        put(froms, piece.from as u64);
        ends.put(ats, piece.from, piece.at, piece.length);
        put(lengths, piece.length);
        if piece.form == Form::Inflated {
            put(lengths, piece.size);
        }
    }
    for op in ops {
        codes.push(op.code());
        match *op {
            Op::Copy { piece, at, length } | Op::Add { piece, at, length } => {
                put(froms, piece as u64);
                ends.put(ats, piece, at, length);
                put(lengths, length);
            }
            Op::Fresh { length } => put(lengths, length),
            Op::Enter(_) | Op::Leave => {}
        }
    }
    let mut index = Vec::new();
    for column in &columns {
        put(&mut index, column.len() as u64);
    }
    index.extend(columns.concat());
    index
}

/// Reads what [`write_index`] wrote. Whether the ranges lie within their pieces is seen when they are used.
pub(super) struct Index<'a> {
    codes: &'a [u8],
    froms: &'a [u8],
    ats: &'a [u8],
    lengths: &'a [u8],
    ends: Ends,
    ops: u64,
}

impl<'a> Index<'a> {
    pub(super) fn new(bytes: &'a [u8], head: &BlockHead) -> Result<Index<'a>, DeltaError> {
        let mut rest = bytes;
        let mut sizes = [0; 4];
        for size in &mut sizes {
            *size = number(&mut rest)?;
        }
        let [codes, froms, ats, lengths] = sizes.map(|size| {
            let split = rest.split_at_checked(usize::try_from(size).unwrap_or(usize::MAX));
            let (column, behind) = split.ok_or(DeltaError::Broken("its index is cut off"))?;
            rest = behind;
            Ok::<_, DeltaError>(column)
        });
        let index = Index {
            codes: codes?,
            froms: froms?,
            ats: ats?,
            lengths: lengths?,
            ends: Ends::default(),
            ops: head.ops,
        };
        if rest.is_empty() {
            Ok(index)
        } else {
            Err(TOO_MANY)
        }
    }

    /// The next piece: as many as the block's head says come before its operations.
    pub(super) fn piece(&mut self) -> Result<Piece, DeltaError> {
        let form = Form::of(byte(&mut self.codes)?)?;
        let (from, at, length) = self.range()?;
        let size = match form {
            Form::Inflated => number(&mut self.lengths)?,
            Form::Raw | Form::Directory => length,
        };
        Ok(Piece {
            from,
            at,
            length,
            form,
            size,
        })
    }

    /// The next operation, or `None` if there was exactly the last one.
    pub(super) fn op(&mut self) -> Result<Option<Op>, DeltaError> {
        let Some(left) = self.ops.checked_sub(1) else {
            let columns = [self.codes, self.froms, self.ats, self.lengths];
            let over = columns.iter().any(|column| !column.is_empty());
            return if over { Err(TOO_MANY) } else { Ok(None) };
        };
        self.ops = left;
        Ok(Some(match byte(&mut self.codes)? {
            code @ (0 | 1) => {
                let (piece, at, length) = self.range()?;
                if code == 0 {
                    Op::Copy { piece, at, length }
                } else {
                    Op::Add { piece, at, length }
                }
            }
            2 => Op::Fresh {
                length: number(&mut self.lengths)?,
            },
            3 => Op::Leave,
            4 => Op::Enter(Layer::Directory),
            code => {
                let level = code
                    .checked_sub(16)
                    .filter(|level| deflate::LEVELS.contains(level));
                let level = level.ok_or(DeltaError::Broken("it has an unknown operation"))?;
                Op::Enter(Layer::Deflate(level))
            }
        }))
    }

    fn range(&mut self) -> Result<(usize, u64, u64), DeltaError> {
        let piece = usize::try_from(number(&mut self.froms)?).unwrap_or(usize::MAX);
        let length = number(&mut self.lengths)?;
        let at = self.ends.take(&mut self.ats, piece, length)?;
        Ok((piece, at, length))
    }
}

const TOO_MANY: DeltaError = DeltaError::Broken("its index has bytes too many");

impl Op {
    fn code(self) -> u8 {
        match self {
            Op::Copy { .. } => 0,
            Op::Add { .. } => 1,
            Op::Fresh { .. } => 2,
            Op::Leave => 3,
            Op::Enter(Layer::Directory) => 4,
            Op::Enter(Layer::Deflate(level)) => 16 + level,
        }
    }
}

impl Form {
    fn code(self) -> u8 {
        match self {
            Form::Raw => 0,
            Form::Inflated => 1,
            Form::Directory => 2,
        }
    }

    fn of(code: u8) -> Result<Form, DeltaError> {
        match code {
            0 => Ok(Form::Raw),
            1 => Ok(Form::Inflated),
            2 => Ok(Form::Directory),
            _ => Err(DeltaError::Broken("it has an unknown form of piece")),
        }
    }
}

/// Where the last range of each piece ended: most begin there, and the distance is written.
#[derive(Default)]
struct Ends(std::collections::BTreeMap<usize, u64>);

impl Ends {
    fn put(&mut self, to: &mut Vec<u8>, piece: usize, at: u64, length: u64) {
        let end = self.0.insert(piece, at.wrapping_add(length)).unwrap_or(0);
        let distance = at.wrapping_sub(end).cast_signed();
        put(to, ((distance << 1) ^ (distance >> 63)).cast_unsigned());
    }

    fn take(&mut self, from: &mut &[u8], piece: usize, length: u64) -> Result<u64, DeltaError> {
        let folded = number(from)?;
        let distance = (folded >> 1) ^ (folded & 1).wrapping_neg();
        let end = self.0.get(&piece).copied().unwrap_or(0);
        let at = end.wrapping_add(distance);
        self.0.insert(piece, at.wrapping_add(length));
        Ok(at)
    }
}

pub(super) fn put(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push((number & 0x7f) as u8);
}

fn byte(from: &mut &[u8]) -> Result<u8, DeltaError> {
    let split = from.split_first();
    let (byte, rest) = split.ok_or(DeltaError::Broken("its index is cut off"))?;
    *from = rest;
    Ok(*byte)
}

pub(super) fn number(from: &mut &[u8]) -> Result<u64, DeltaError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(from)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(DeltaError::Broken("a number is longer than 64 bits"))
}
