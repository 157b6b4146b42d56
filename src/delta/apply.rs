//! Makes the new file of the old one and a patch. Nothing in a patch is believed: each range, size and depth is held
//! against what there is before it is used, and what is made is counted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::Range;

use flate2::read::DeflateDecoder;
use zstd::stream::read::Decoder;

use super::cursor::{Cursor, Stream};
use super::deflate::Deflater;
use super::format::{BlockHead, Form, Index, Layer, MAGIC, MAX_DEPTH, Op, Packed, Piece};
use super::{Bytes, DeltaError, MAX_BLOCK, max_work, zip};

const CHUNK: usize = 64 << 10;

/// Writes to `out` what `patch` makes of `old`: `length` bytes, or an error; what was written by then is worth nothing.
///
/// Whether it is what was meant is not known here: compare its hash.
///
/// # Errors
/// [`DeltaError::Broken`] whatever is wrong with the patch; else one of the three files cannot be read or written.
pub fn apply(
    old: &dyn Bytes,
    patch: &dyn Bytes,
    length: u64,
    out: &mut dyn Write,
) -> Result<(), DeltaError> {
    let mut cursor = Cursor::new(patch);
    let mut magic = [0; MAGIC.len()];
    cursor.exact(&mut magic)?;
    if magic != *MAGIC {
        return Err(DeltaError::Broken("it is none, or of a later kind"));
    }
    let (makes, work) = (cursor.number()?, cursor.number()?);
    if makes != length {
        return Err(DeltaError::Broken("it makes a file of another length"));
    }
    if work > max_work(old.length(), length) {
        return Err(DeltaError::Broken(
            "it asks for more work than its result is worth",
        ));
    }
    let mut maker = Maker {
        out,
        layers: Vec::new(),
        left: length,
        work,
        chunk: vec![0; CHUNK],
    };
    while cursor.left() > 0 {
        let head = BlockHead::read(&mut cursor)?;
        maker.block(old, &head, &mut cursor)?;
    }
    if maker.left > 0 || !maker.layers.is_empty() {
        return Err(DeltaError::Broken("it ends before the file does"));
    }
    Ok(())
}

struct Maker<'a> {
    out: &'a mut dyn Write,
    /// The innermost is the last.
    layers: Vec<Open>,
    /// Bytes of the result that are still to come.
    left: u64,
    /// Bytes that may still be handled, in whatever layer.
    work: u64,
    chunk: Vec<u8>,
}

enum Open {
    Deflate(Box<Deflater>),
    Directory(Vec<u8>),
}

/// What the operations of a block refer to.
struct Pieces<'a> {
    old: &'a dyn Bytes,
    /// Pieces from 1 on, one after the other: what fresh bytes are packed against, too.
    made: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Maker<'_> {
    fn block(
        &mut self,
        old: &dyn Bytes,
        head: &BlockHead,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), DeltaError> {
        let mut packed = Unpacked::new(cursor, head.index, &[])?;
        let mut bytes = vec![0; usize::try_from(head.index.plain).unwrap_or(0)];
        packed.fill(&mut bytes)?;
        packed.end()?;
        let mut index = Index::new(&bytes, head)?;
        let mut pieces = Pieces {
            old,
            made: Vec::new(),
            places: Vec::new(),
        };
        for _ in 0..head.pieces {
            let piece = index.piece()?;
            self.worked(piece.length.saturating_add(piece.size))?;
            pieces.make(&piece)?;
        }
        let mut diff = Unpacked::new(cursor, head.diff, &[])?;
        let mut fresh = Unpacked::new(cursor, head.fresh, &pieces.made)?;
        while let Some(op) = index.op()? {
            match op {
                Op::Copy { piece, at, length } => self.copy(&pieces, (piece, at, length), None)?,
                Op::Add { piece, at, length } => {
                    self.copy(&pieces, (piece, at, length), Some(&mut diff))?;
                }
                Op::Fresh { length } => self.fresh(length, &mut fresh)?,
                Op::Enter(layer) => self.enter(layer)?,
                Op::Leave => self.leave()?,
            }
        }
        diff.end()?;
        fresh.end()
    }

    fn copy(
        &mut self,
        pieces: &Pieces<'_>,
        (piece, at, length): (usize, u64, u64),
        mut diff: Option<&mut Unpacked<'_, '_>>,
    ) -> Result<(), DeltaError> {
        let mut from = pieces.range(piece, at, length)?;
        self.worked(length)?;
        let mut added = Vec::new();
        self.through(length, |part| {
            from.read_exact(part).map_err(DeltaError::ReadOld)?;
            if let Some(diff) = &mut diff {
                added.resize(part.len(), 0);
                diff.fill(&mut added)?;
                for (byte, add) in part.iter_mut().zip(&added) {
                    *byte = byte.wrapping_add(*add);
                }
            }
            Ok(())
        })
    }

    fn fresh(&mut self, length: u64, fresh: &mut Unpacked<'_, '_>) -> Result<(), DeltaError> {
        self.worked(length)?;
        self.through(length, |part| fresh.fill(part))
    }

    /// Hands `length` bytes that `fill` brings to the innermost layer.
    fn through(
        &mut self,
        length: u64,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), DeltaError>,
    ) -> Result<(), DeltaError> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut left = length;
        while left > 0 {
            let count = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
            let part = chunk.get_mut(..count).unwrap_or_default();
            fill(part)?;
            self.emit(self.layers.len(), part)?;
            left -= count as u64;
        }
        self.chunk = chunk;
        Ok(())
    }

    fn enter(&mut self, layer: Layer) -> Result<(), DeltaError> {
        if self.layers.len() >= MAX_DEPTH {
            return Err(DeltaError::Broken("it is nested too deeply"));
        }
        // One is held in memory; what it holds is no zip.
        if let Some(Open::Directory(_)) = self.layers.last() {
            return Err(DeltaError::Broken("it has a layer within a directory"));
        }
        self.layers.push(match layer {
            Layer::Deflate(level) => Open::Deflate(Box::new(Deflater::new(level))),
            Layer::Directory => Open::Directory(Vec::new()),
        });
        Ok(())
    }

    fn leave(&mut self) -> Result<(), DeltaError> {
        let left = self.layers.pop();
        let below = self.layers.len();
        match left.ok_or(DeltaError::Broken(
            "it leaves a layer that it did not enter",
        ))? {
            Open::Deflate(mut deflater) => deflater.feed(&[], true, |made| self.emit(below, made)),
            Open::Directory(mut bytes) => {
                zip::unfold(&mut bytes);
                self.emit(below, &bytes)
            }
        }
    }

    /// Hands bytes to the layer at `depth`, where 0 is the new file.
    fn emit(&mut self, depth: usize, bytes: &[u8]) -> Result<(), DeltaError> {
        let Some(below) = depth.checked_sub(1) else {
            let left = self.left.checked_sub(bytes.len() as u64);
            self.left = left.ok_or(DeltaError::Broken("it makes more than it says"))?;
            return self.out.write_all(bytes).map_err(DeltaError::Write);
        };
        match self.layers.get_mut(below) {
            Some(Open::Directory(held)) => {
                if (held.len() + bytes.len()) as u64 > MAX_BLOCK {
                    return Err(DeltaError::Broken("a directory in it is too large"));
                }
                held.extend_from_slice(bytes);
                Ok(())
            }
            Some(open @ Open::Deflate(_)) => {
                // Taken out while it works: what it makes goes to the layer below it.
                let taken = std::mem::replace(open, Open::Directory(Vec::new()));
                let Open::Deflate(mut deflater) = taken else {
                    return Ok(());
                };
                let fed = deflater.feed(bytes, false, |made| self.emit(below, made));
                if let Some(open) = self.layers.get_mut(below) {
                    *open = Open::Deflate(deflater);
                }
                fed
            }
            None => Err(DeltaError::Broken("it is in a layer that is not open")),
        }
    }

    fn worked(&mut self, bytes: u64) -> Result<(), DeltaError> {
        let left = self.work.checked_sub(bytes);
        self.work = left.ok_or(DeltaError::Broken("it takes more work than it says"))?;
        Ok(())
    }
}

impl<'a> Pieces<'a> {
    fn make(&mut self, piece: &Piece) -> Result<(), DeltaError> {
        let start = self.made.len();
        if piece.size > MAX_BLOCK - start as u64 {
            return Err(DeltaError::Broken("its pieces are too large"));
        }
        let from = self.range(piece.from, piece.at, piece.length)?;
        let mut bytes = Vec::new();
        match piece.form {
            Form::Raw | Form::Directory => {
                let mut from = from.take(piece.length);
                from.read_to_end(&mut bytes).map_err(DeltaError::ReadOld)?;
            }
            Form::Inflated => {
                // Grows with what comes and not with what is said to come.
                let mut from = DeflateDecoder::new(from).take(piece.size + 1);
                let read = from.read_to_end(&mut bytes);
                read.map_err(|_| DeltaError::Broken("a piece of the old file does not inflate"))?;
            }
        }
        if bytes.len() as u64 != piece.size {
            return Err(DeltaError::Broken(
                "a piece of the old file has another size",
            ));
        }
        if piece.form == Form::Directory {
            zip::fold(&mut bytes);
        }
        self.made.append(&mut bytes);
        self.places.push(start..self.made.len());
        Ok(())
    }

    /// A range of a piece that is there already.
    fn range(&self, piece: usize, at: u64, length: u64) -> Result<Box<dyn Read + '_>, DeltaError> {
        let outside = DeltaError::Broken("it refers to bytes outside of the old file");
        if let Some(piece) = piece.checked_sub(1) {
            let place = self.places.get(piece).cloned();
            let bytes = place.and_then(|place| self.made.get(place));
            let range = usize::try_from(at).ok().zip(usize::try_from(length).ok());
            let range = range.and_then(|(at, length)| Some(at..at.checked_add(length)?));
            let range = range.and_then(|range| bytes?.get(range));
            return range
                .map(|range| Box::new(range) as Box<dyn Read>)
                .ok_or(outside);
        }
        match Stream::new(self.old, at, length) {
            Some(stream) => Ok(Box::new(stream)),
            None => Err(outside),
        }
    }
}

/// One of a block's three streams, unpacked as it is read.
struct Unpacked<'a, 'p> {
    decoder: Option<Decoder<'p, BufReader<Stream<'a>>>>,
    left: u64,
}

impl<'a, 'p> Unpacked<'a, 'p> {
    fn new(
        cursor: &mut Cursor<'a>,
        size: Packed,
        against: &'p [u8],
    ) -> Result<Unpacked<'a, 'p>, DeltaError> {
        let stream = BufReader::with_capacity(CHUNK, cursor.stream(size.packed)?);
        let decoder = if size.plain == 0 && size.packed == 0 {
            None
        } else {
            let decoder = Decoder::with_ref_prefix(stream, against).map_err(DeltaError::Memory)?;
            Some(decoder.single_frame())
        };
        Ok(Unpacked {
            decoder,
            left: size.plain,
        })
    }

    fn fill(&mut self, to: &mut [u8]) -> Result<(), DeltaError> {
        let left = self.left.checked_sub(to.len() as u64);
        self.left = left.ok_or(DeltaError::Broken("a stream of it is too short"))?;
        match &mut self.decoder {
            Some(decoder) => decoder.read_exact(to).map_err(unpacked),
            None if to.is_empty() => Ok(()),
            None => Err(DeltaError::Broken("a stream of it is too short")),
        }
    }

    /// Everything was used, and nothing stands behind it.
    fn end(mut self) -> Result<(), DeltaError> {
        let over = DeltaError::Broken("a stream of it has bytes too many");
        let Some(decoder) = &mut self.decoder else {
            return if self.left == 0 { Ok(()) } else { Err(over) };
        };
        let more = decoder.read(&mut [0]).map_err(unpacked)?;
        let behind = decoder
            .get_mut()
            .fill_buf()
            .map_err(DeltaError::ReadPatch)?;
        if self.left > 0 || more > 0 || !behind.is_empty() {
            return Err(over);
        }
        Ok(())
    }
}

fn unpacked(_: io::Error) -> DeltaError {
    DeltaError::Broken("a stream of it does not unpack")
}
