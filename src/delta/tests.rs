//! Patches made by hand, each wrong in one way.

use super::draft::{Draft, View};
use super::format::{Form, Layer, MAGIC, MAX_DEPTH, Piece, put};
use super::*;

const OLD: &[u8] = b"the quick brown fox jumps over the lazy dog, and over the fence behind it";

/// A patch for `length` bytes out of one block.
fn patch(length: u64, work: u64, draft: &Draft) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    put(&mut bytes, length);
    put(&mut bytes, work);
    bytes.extend(draft.encode().expect("packed").expect("a block"));
    bytes
}

fn refused(length: u64, patch: &[u8]) -> &'static str {
    let mut out = Vec::new();
    let error = apply(&OLD, &patch, length, &mut out).expect_err("must be refused");
    assert!(out.len() as u64 <= length, "it wrote {} bytes", out.len());
    let DeltaError::Broken(why) = error else {
        panic!("another error: {error}")
    };
    why
}

fn old(range: std::ops::Range<usize>) -> View<'static> {
    View {
        piece: 0,
        at: range.start as u64,
        bytes: &OLD[range],
    }
}

fn piece(from: usize, at: u64, length: u64, form: Form, size: u64) -> Piece {
    Piece {
        from,
        at,
        length,
        form,
        size,
    }
}

#[test]
fn what_is_right_is_made() {
    let mut draft = Draft::default();
    draft.copy(0, 4, 5);
    draft.add(old(10..15), b"brawn");
    draft.fresh(b"!");
    let mut out = Vec::new();
    apply(&OLD, &patch(11, 100, &draft), 11, &mut out).expect("made");
    assert_eq!(out, b"quickbrawn!");
}

#[test]
fn nothing_outside_of_the_old_file_is_referred_to() {
    let ranges = [
        (0, 70, 10),
        (0, u64::MAX, 2),
        (0, 1, u64::MAX),
        (1, 0, 1),
        (usize::MAX, 0, 1),
    ];
    for (number, at, length) in ranges {
        let mut draft = Draft::default();
        draft.copy(number, at, length);
        assert!(
            refused(10, &patch(10, 1000, &draft)).contains("outside"),
            "{number} {at} {length}"
        );
        let mut draft = Draft::default();
        draft.piece(piece(number, at, length, Form::Raw, length), b"");
        draft.fresh(b"a");
        let why = refused(10, &patch(10, 1000, &draft));
        assert!(
            why.contains("outside") || why.contains("work"),
            "{number} {at} {length}: {why}"
        );
    }
}

#[test]
fn a_patch_makes_no_more_than_it_says() {
    let mut draft = Draft::default();
    for _ in 0..100 {
        draft.copy(0, 0, 70);
    }
    assert!(refused(50, &patch(50, 10_000, &draft)).contains("more than it says"));
    assert!(refused(8000, &patch(8000, 10_000, &draft)).contains("ends before"));
    assert!(refused(7000, &patch(7000, 6999, &draft)).contains("work"));
    assert!(refused(7000, &patch(7001, 10_000, &draft)).contains("another length"));
    assert!(refused(7000, &patch(7000, u64::MAX, &draft)).contains("more work"));
}

#[test]
fn what_deflates_to_nothing_is_counted_before_it_does() {
    let mut draft = Draft::default();
    draft.enter(Layer::Deflate(9));
    for _ in 0..10_000 {
        draft.copy(0, 0, 70);
        draft.copy(0, 1, 1);
    }
    draft.leave();
    assert!(refused(60_000, &patch(60_000, 500_000, &draft)).contains("work"));
}

#[test]
fn layers_are_counted_and_closed() {
    let mut deep = Draft::default();
    for _ in 0..=MAX_DEPTH {
        deep.enter(Layer::Deflate(1));
    }
    assert!(refused(10, &patch(10, 100, &deep)).contains("deep"));
    let mut held = Draft::default();
    held.enter(Layer::Directory);
    held.enter(Layer::Directory);
    assert!(refused(10, &patch(10, 100, &held)).contains("within a directory"));
    let mut open = Draft::default();
    open.fresh(b"0123456789");
    open.enter(Layer::Directory);
    assert!(refused(10, &patch(10, 100, &open)).contains("ends before"));
    let mut closed = Draft::default();
    closed.leave();
    assert!(refused(10, &patch(10, 100, &closed)).contains("did not enter"));
}

#[test]
fn a_piece_is_as_large_as_it_says() {
    let mut bomb = Vec::new();
    let mut deflater = deflate::Deflater::new(9);
    let mut sink = |made: &[u8]| {
        bomb.extend_from_slice(made);
        io::Result::Ok(())
    };
    deflater
        .feed(&vec![0; 30 << 20], true, &mut sink)
        .expect("deflated");
    let made = |size: u64, length: u64| {
        let mut draft = Draft::default();
        draft.piece(piece(0, 0, length, Form::Inflated, size), b"");
        draft.fresh(b"a");
        let mut out = Vec::new();
        apply(&bomb, &patch(1, 40 << 20, &draft), 1, &mut out).map_err(|e| e.to_string())
    };
    let whole = bomb.len() as u64;
    assert!(
        made(1000, whole)
            .expect_err("larger")
            .contains("another size")
    );
    assert!(
        made((30 << 20) + 1, whole)
            .expect_err("smaller")
            .contains("size")
    );
    assert!(
        made(30 << 20, whole / 2)
            .expect_err("cut off")
            .contains("inflate")
    );
    assert!(
        made(MAX_BLOCK + 1, whole)
            .expect_err("no block has it")
            .contains("work")
    );
}

#[test]
fn sizes_that_lie_cost_nothing() {
    let mut draft = Draft::default();
    draft.fresh(b"0123456789");
    let honest = patch(10, 100, &draft);
    // Magic, length and work, then the head of the block: pieces, ops, and three times plain and packed.
    for field in 0..8 {
        for lie in [0, 1, 9, 11, 1 << 20, MAX_BLOCK, MAX_BLOCK + 1, u64::MAX] {
            let mut fields = Vec::new();
            let mut rest = &honest[10..];
            while fields.len() < 8 {
                fields.push(u64::from(rest[0]));
                rest = &rest[1..];
            }
            assert!(fields.iter().all(|f| *f < 0x80));
            if fields[field] == lie {
                continue;
            }
            fields[field] = lie;
            let mut lying = honest[..10].to_vec();
            fields.iter().for_each(|f| put(&mut lying, *f));
            lying.extend_from_slice(rest);
            refused(10, &lying);
        }
    }
}

#[test]
fn an_index_is_used_up_exactly() {
    let mut draft = Draft::default();
    draft.copy(0, 0, 10);
    let honest = patch(10, 100, &draft);
    for length in 0..honest.len() {
        refused(10, &honest[..length]);
    }
    let mut longer = honest.clone();
    longer.push(0);
    refused(10, &longer);
}
