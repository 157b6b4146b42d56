//! Deltas, here of files and in `bundles.rs` of bundles: what comes out is what went in, whatever the files are; and no patch that was changed on its way makes
//! anything worse than an error.

mod bundles;

use hau::delta::{DeltaError, Part, apply, diff};

/// A sequence that looks random and is the same in each run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next()).expect("small") % limit.max(1)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| u8::try_from(self.next() % 256).expect("a byte"))
            .collect()
    }

    /// What compresses a little, as code does.
    fn code(&mut self, length: usize) -> Vec<u8> {
        let words: Vec<Vec<u8>> = (0..50).map(|n| format!("word{n:x}").into_bytes()).collect();
        let mut text = Vec::new();
        while text.len() < length {
            text.extend_from_slice(&words[self.below(50)]);
            text.push(b' ');
        }
        text.truncate(length);
        text
    }

    /// A few bytes changed, a stretch gone, a stretch new.
    fn edited(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut new = bytes.to_vec();
        for _ in 0..1 + self.below(8) {
            let at = self.below(new.len());
            match self.below(3) {
                0 if !new.is_empty() => new[at] ^= 0x55,
                1 => drop(new.drain(at..new.len().min(at + 20))),
                _ => {
                    let length = self.below(200);
                    let fresh = self.code(length);
                    new.splice(at..at, fresh);
                }
            }
        }
        new
    }
}

fn patch(old: &[u8], new: &[u8]) -> Vec<u8> {
    let part = |bytes: &[u8], hash| Part {
        name: "a",
        at: 0,
        length: bytes.len() as u64,
        hash,
    };
    let same = if old == new { b"o" } else { b"n" };
    let (old_part, new_part) = (part(old, b"o"), part(new, same));
    diff((&old, &[old_part]), (&new, &[new_part])).expect("made")
}

fn applied(old: &[u8], patch: &[u8], length: usize) -> Result<Vec<u8>, DeltaError> {
    let mut out = Vec::new();
    let made = apply(&old, &patch, length as u64, &mut out);
    assert!(
        out.len() <= length,
        "it wrote {} of {length} bytes",
        out.len()
    );
    made.map(|()| out)
}

/// The patch, of which the new file was made again.
fn there_and_back(old: &[u8], new: &[u8]) -> Vec<u8> {
    let patch = patch(old, new);
    let made = applied(old, &patch, new.len()).expect("applied");
    assert!(
        made == new,
        "{} bytes came out of {}",
        made.len(),
        new.len()
    );
    patch
}

/// How an entry lies in a zip.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Stored,
    Level(u32),
    /// Deflated by something that is not zlib.
    Foreign,
}

struct File {
    name: String,
    bytes: Vec<u8>,
    how: How,
    /// Sizes come behind the data, as streaming writers do it.
    streamed: bool,
    time: u32,
}

fn file(name: &str, bytes: &[u8], how: How) -> File {
    File {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
        how,
        streamed: false,
        time: 0x5a18_42b3,
    }
}

fn deflated(bytes: &[u8], how: How) -> Vec<u8> {
    use std::io::Write;
    match how {
        How::Stored => bytes.to_vec(),
        How::Level(level) => {
            let level = flate2::Compression::new(level);
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).expect("deflated");
            encoder.finish().expect("deflated")
        }
        How::Foreign => {
            // Blocks that store, of a length that zlib would not choose.
            let mut raw = Vec::new();
            let mut chunks = bytes.chunks(1000).peekable();
            while let Some(chunk) = chunks.next() {
                let length = u16::try_from(chunk.len()).expect("short");
                raw.push(u8::from(chunks.peek().is_none()));
                raw.extend(length.to_le_bytes());
                raw.extend((!length).to_le_bytes());
                raw.extend(chunk);
            }
            raw
        }
    }
}

fn zip(files: &[File]) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let at = u32::try_from(all.len()).expect("short");
        let raw = deflated(&file.bytes, file.how);
        let mut crc = flate2::Crc::new();
        crc.update(&file.bytes);
        let mut sizes = crc.sum().to_le_bytes().to_vec();
        sizes.extend(u32::try_from(raw.len()).expect("short").to_le_bytes());
        sizes.extend(
            u32::try_from(file.bytes.len())
                .expect("short")
                .to_le_bytes(),
        );
        let flags: u16 = if file.streamed { 8 } else { 0 };
        let method: u16 = if file.how == How::Stored { 0 } else { 8 };
        let mut common = vec![20, 0];
        common.extend(flags.to_le_bytes());
        common.extend(method.to_le_bytes());
        common.extend(file.time.to_le_bytes());
        let name = u16::try_from(file.name.len()).expect("short").to_le_bytes();
        all.extend(b"PK\x03\x04");
        all.extend(&common);
        all.extend(if file.streamed {
            vec![0; 12]
        } else {
            sizes.clone()
        });
        all.extend(name);
        all.extend([0, 0]);
        all.extend(file.name.as_bytes());
        all.extend(&raw);
        if file.streamed {
            all.extend(b"PK\x07\x08");
            all.extend(&sizes);
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend(&sizes);
        directory.extend(name);
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(file.name.as_bytes());
    }
    let count = u16::try_from(files.len()).expect("few").to_le_bytes();
    let (at, size) = (all.len(), directory.len());
    all.extend(directory);
    all.extend(b"PK\x05\x06\x00\x00\x00\x00");
    all.extend(count);
    all.extend(count);
    all.extend(u32::try_from(size).expect("short").to_le_bytes());
    all.extend(u32::try_from(at).expect("short").to_le_bytes());
    all.extend([0, 0]);
    all
}

/// Classes of a program in two versions: some changed, one gone, one new, one renamed.
fn versions(chance: &mut Chance, how: How) -> (Vec<File>, Vec<File>) {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for number in 0..30 {
        let length = 500 + chance.below(8000);
        let bytes = chance.code(length);
        let name = format!("org/shop/Class{number}.class");
        old.push(file(&name, &bytes, how));
        match number {
            3 => {}
            4 => new.push(file("org/shop/moved/Class4.class", &bytes, how)),
            n if n % 5 == 0 => new.push(file(&name, &chance.edited(&bytes), how)),
            _ => new.push(file(&name, &bytes, how)),
        }
    }
    let fresh = chance.code(3000);
    new.push(file("org/shop/Novel.class", &fresh, how));
    (old, new)
}

#[test]
fn a_jar_is_compared_by_what_its_entries_hold() {
    let mut chance = Chance(1);
    for how in [How::Level(1), How::Level(6), How::Level(9), How::Stored] {
        let (old, new) = versions(&mut chance, how);
        let (old, new) = (zip(&old), zip(&new));
        let patch = there_and_back(&old, &new);
        assert!(
            patch.len() * 10 < new.len(),
            "{} of {}",
            patch.len(),
            new.len()
        );
    }
}

#[test]
fn what_zlib_did_not_make_is_taken_as_it_is() {
    let mut chance = Chance(2);
    let (old, mut new) = versions(&mut chance, How::Level(6));
    new.iter_mut().for_each(|file| file.how = How::Foreign);
    there_and_back(&zip(&old), &zip(&new));
    new.iter_mut()
        .step_by(2)
        .for_each(|file| file.how = How::Level(6));
    there_and_back(&zip(&old), &zip(&new));
    there_and_back(&zip(&new), &zip(&old));
}

#[test]
fn a_jar_that_was_only_built_anew_costs_little() {
    let mut chance = Chance(3);
    let (old, _) = versions(&mut chance, How::Level(6));
    let (mut new, _) = versions(&mut Chance(3), How::Level(6));
    for (at, file) in new.iter_mut().enumerate() {
        file.time += 77 + u32::try_from(at).expect("few") / 10;
    }
    for streamed in [false, true] {
        new.iter_mut().for_each(|file| file.streamed = streamed);
        let (old, new) = (zip(&old), zip(&new));
        let patch = there_and_back(&old, &new);
        assert!(
            streamed || patch.len() < 700,
            "{} of {}",
            patch.len(),
            new.len()
        );
    }
}

#[test]
fn jars_in_jars_are_opened_however_they_lie_there() {
    let mut chance = Chance(4);
    let (old, new) = versions(&mut chance, How::Level(6));
    for (outer, inner) in [
        (How::Stored, How::Stored),
        (How::Stored, How::Level(6)),
        (How::Level(9), How::Level(6)),
        (How::Level(6), How::Stored),
    ] {
        let nested = |files: &[File], version: &str| {
            let jar = zip(files);
            let war = zip(&[
                file(&format!("lib/core-{version}.jar"), &jar, inner),
                file("index.html", b"<p>", How::Level(6)),
            ]);
            let script = [
                b"#!/bin/sh\nexec java -jar $0\n",
                &zip(&[file("shop.war", &war, outer)])[..],
            ];
            script.concat()
        };
        let (old, new) = (nested(&old, "1.9.2"), nested(&new, "1.10.0"));
        let patch = there_and_back(&old, &new);
        assert!(
            patch.len() * 8 < new.len(),
            "{} of {}",
            patch.len(),
            new.len()
        );
    }
    // Deeper than any layer goes: still the same bytes.
    let deep = |bytes: &[u8]| {
        (0..8).fold(bytes.to_vec(), |bytes, _| {
            zip(&[file("in.jar", &bytes, How::Level(6))])
        })
    };
    let one = chance.code(5000);
    there_and_back(&deep(&one), &deep(&chance.edited(&one)));
}

#[test]
fn any_two_files_will_do() {
    let mut chance = Chance(5);
    let lengths = [0, 1, 2, 3, 22, 100, 5000, 70_000];
    for old_length in lengths {
        for new_length in lengths {
            let (one, other) = (chance.bytes(old_length), chance.code(new_length));
            there_and_back(&one, &other);
            there_and_back(&other, &one);
        }
    }
    for _ in 0..100 {
        let length = chance.below(20_000);
        let old = chance.code(length);
        let new = chance.edited(&old);
        there_and_back(&old, &new);
    }
    let zeros = vec![0; 300_000];
    let patch = there_and_back(&zeros, &zeros[..299_000]);
    assert!(patch.len() < 100, "{}", patch.len());
}

#[test]
fn a_zip_that_is_odd_is_a_file_like_any_other() {
    let mut chance = Chance(6);
    let (old, new) = versions(&mut chance, How::Level(6));
    let (old, new) = (zip(&old), zip(&new));
    for round in 0..60 {
        let mut odd = new.clone();
        match round % 3 {
            0 => odd.truncate(chance.below(odd.len())),
            // In the directory and at its end, where sizes and places are.
            1 => {
                let tail = odd.len() - 1 - chance.below(2000);
                odd[tail] = u8::try_from(chance.below(256)).expect("a byte");
            }
            _ => {
                let at = chance.below(odd.len());
                odd[at] ^= 1 << chance.below(8);
            }
        }
        there_and_back(&old, &odd);
        there_and_back(&odd, &new);
    }
}

/// Over one megabyte a file has blocks of its own, and more than one way is tried.
#[test]
fn large_files_get_the_smallest_of_what_there_is() {
    let mut chance = Chance(7);
    let old = chance.code(3 << 19);
    let new = chance.edited(&old);
    let patch = there_and_back(&old, &new);
    assert!(patch.len() < 3000, "{}", patch.len());
    // Stretches in another order: zstd finds them, too.
    let turned: Vec<u8> = old.chunks(1000).rev().flatten().copied().collect();
    let patch = there_and_back(&old, &turned);
    assert!(patch.len() < old.len() / 20, "{}", patch.len());
    let (random, other) = (chance.bytes(1 << 20), chance.bytes(1 << 20));
    let patch = there_and_back(&random, &other);
    assert!(patch.len() < other.len() + 500, "{}", patch.len());
    // A zip of which nothing can be taken apart.
    let foreign = |bytes: &[u8]| zip(&[file("a", bytes, How::Foreign)]);
    let patch = there_and_back(&foreign(&old), &foreign(&new));
    assert!(patch.len() < old.len() / 20, "{}", patch.len());
}

/// Files one after the other, and where each is.
type Side = (Vec<u8>, Vec<(&'static str, Vec<u8>)>);

fn side(files: &[(&'static str, &[u8])]) -> Side {
    let all = files.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
    (
        all,
        files
            .iter()
            .map(|(name, bytes)| (*name, bytes.to_vec()))
            .collect(),
    )
}

fn parts(side: &Side) -> Vec<Part<'_>> {
    let mut at = 0;
    let part = |(name, bytes): &'_ (&'static str, Vec<u8>)| {
        at += bytes.len() as u64;
        (*name, at - bytes.len() as u64)
    };
    let places: Vec<(&str, u64)> = side.1.iter().map(part).collect();
    let described = places.into_iter().zip(&side.1);
    described
        .map(|((name, at), (_, hash))| Part {
            name,
            at,
            length: hash.len() as u64,
            hash,
        })
        .collect()
}

#[test]
fn parts_are_found_again_wherever_they_are() {
    let mut chance = Chance(8);
    let files: Vec<Vec<u8>> = (0..5).map(|_| chance.code(5000)).collect();
    let edited = chance.edited(&files[4]);
    let names = ["a", "b", "c", "d-1.0.py", "e"];
    let old: Vec<_> = names
        .into_iter()
        .zip(files.iter().map(Vec::as_slice))
        .collect();
    let old = side(&old);
    let new = side(&[
        ("e", &edited),
        ("c", &files[0]),
        ("a", &files[2]),
        ("d-2.0.py", &files[3]),
        ("empty", b""),
    ]);
    let patch = diff((&old.0, &parts(&old)), (&new.0, &parts(&new))).expect("made");
    assert!(patch.len() < 1500, "{}", patch.len());
    assert!(applied(&old.0, &patch, new.0.len()).expect("applied") == new.0);
}

#[test]
fn a_patch_that_was_changed_is_an_error_or_makes_another_file() {
    let mut chance = Chance(9);
    let old = zip(&[
        file("a", &chance.code(3000), How::Level(6)),
        file("b", &chance.code(500), How::Stored),
    ]);
    let new = zip(&[
        file("a", &chance.code(2000), How::Level(6)),
        file("c", &chance.code(900), How::Level(9)),
    ]);
    let patch = there_and_back(&old, &new);
    for length in 0..patch.len() {
        applied(&old, &patch[..length], new.len()).expect_err("cut off");
    }
    for at in 0..patch.len() {
        for change in [1, 0x80, 0xff] {
            let mut other = patch.clone();
            other[at] ^= change;
            // Whoever applies it compares the hash: here it is enough that nothing breaks.
            let _ = applied(&old, &other, new.len());
        }
    }
    for _ in 0..500 {
        let mut other = patch.clone();
        let at = 10 + chance.below(other.len() - 10);
        let end = other.len().min(at + chance.below(16));
        let noise = chance.bytes(end - at);
        other[at..end].copy_from_slice(&noise);
        let _ = applied(&old, &other, new.len());
        // ... and to a base that is another one.
        let cut = chance.below(old.len());
        let _ = applied(&old[..cut], &patch, new.len());
    }
}
