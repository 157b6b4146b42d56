//! A disk that can lose power: what programs see, and what has been made lasting. Strictly as POSIX has it: `fsync` of a
//! file makes its bytes lasting and not its name, `fsync` of a folder its names and not what is in the files.
//!
//! A cut makes the lasting state the seen one. Of what was not synced a real disk may have kept anything: with a seed, each
//! write is kept whole, in some of its sectors, or not at all, and each change of names is kept or not, in any order; without
//! one, nothing is.
use fuser::Errno;
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    mem,
    time::SystemTime,
};

pub(crate) const ROOT: u64 = 1;
/// A disk writes one whole or not at all.
const SECTOR: u64 = 512;

pub(crate) type Made<T> = Result<T, Errno>;

#[derive(Clone)]
pub(crate) enum Kind {
    File(Vec<u8>),
    Dir(BTreeMap<OsString, u64>),
    Link(OsString),
}

#[derive(Clone)]
pub(crate) struct Inode {
    pub(crate) kind: Kind,
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) modified: SystemTime,
}

#[derive(Clone)]
enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Resize(u64),
}

#[derive(Clone)]
struct Node {
    seen: Inode,
    lasting: Inode,
    /// Of the bytes, since the last sync.
    changes: Vec<Change>,
}

/// A name in a folder and what it means from then on.
#[derive(Clone)]
struct Entry {
    dir: u64,
    name: OsString,
    to: Option<u64>,
}

#[derive(Clone)]
pub(crate) struct Disk {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Changes of names since their folders were synced; the entries of one are kept or lost together.
    renames: Vec<Vec<Entry>>,
    pub(crate) lie: Option<Lie>,
}

/// What a disk says that it has synced, and has not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    All,
    /// As a program that leaves out the sync of the folder.
    Names,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let mut disk = Self {
            nodes: BTreeMap::new(),
            next: ROOT,
            renames: Vec::new(),
            lie: None,
        };
        disk.add(Inode::new(Kind::Dir(BTreeMap::new()), 0o755, 0, 0));
        disk
    }

    pub(crate) fn inode(&self, ino: u64) -> Made<&Inode> {
        let node = self.nodes.get(&ino).ok_or(Errno::ENOENT)?;
        Ok(&node.seen)
    }

    pub(crate) fn names(&self, dir: u64) -> Made<&BTreeMap<OsString, u64>> {
        match &self.inode(dir)?.kind {
            Kind::Dir(names) => Ok(names),
            Kind::File(_) | Kind::Link(_) => Err(Errno::ENOTDIR),
        }
    }

    pub(crate) fn find(&self, dir: u64, name: &OsStr) -> Made<u64> {
        self.names(dir)?.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// A new file, folder or link with that name.
    pub(crate) fn make(&mut self, dir: u64, name: &OsStr, inode: Inode) -> Made<u64> {
        if self.names(dir)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let ino = self.add(inode);
        self.change_names(vec![Entry::new(dir, name, Some(ino))]);
        Ok(ino)
    }

    pub(crate) fn link(&mut self, ino: u64, dir: u64, name: &OsStr) -> Made<()> {
        if self.names(dir)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        self.change_names(vec![Entry::new(dir, name, Some(ino))]);
        Ok(())
    }

    pub(crate) fn remove(&mut self, dir: u64, name: &OsStr) -> Made<()> {
        let ino = self.find(dir, name)?;
        self.is_empty(ino)?;
        self.change_names(vec![Entry::new(dir, name, None)]);
        Ok(())
    }

    pub(crate) fn rename(
        &mut self,
        (dir, name): (u64, &OsStr),
        (to_dir, to_name): (u64, &OsStr),
        may_replace: bool,
    ) -> Made<()> {
        let ino = self.find(dir, name)?;
        match self.find(to_dir, to_name) {
            Ok(_) if !may_replace => return Err(Errno::EEXIST),
            Ok(same) if same == ino => return Ok(()),
            Ok(old) => self.is_empty(old)?,
            Err(_) => {}
        }
        self.change_names(vec![
            Entry::new(dir, name, None),
            Entry::new(to_dir, to_name, Some(ino)),
        ]);
        Ok(())
    }

    pub(crate) fn write(&mut self, ino: u64, at: u64, bytes: &[u8]) -> Made<()> {
        let bytes = bytes.to_vec();
        self.change(ino, Change::Write { at, bytes })
    }

    pub(crate) fn resize(&mut self, ino: u64, length: u64) -> Made<()> {
        self.change(ino, Change::Resize(length))
    }

    /// Mode and owner, which a sync of the file makes lasting, too.
    pub(crate) fn change_rights(&mut self, ino: u64, change: impl FnOnce(&mut Inode)) -> Made<()> {
        let node = self.nodes.get_mut(&ino).ok_or(Errno::ENOENT)?;
        change(&mut node.seen);
        Ok(())
    }

    /// `fsync`; with `only_data`, `fdatasync`.
    pub(crate) fn sync(&mut self, ino: u64, only_data: bool) -> Made<()> {
        let node = self.nodes.get_mut(&ino).ok_or(Errno::ENOENT)?;
        let is_dir = matches!(node.seen.kind, Kind::Dir(_));
        if self.lie == Some(Lie::All) || (self.lie.is_some() && is_dir) {
            return Ok(());
        }
        for change in mem::take(&mut node.changes) {
            node.lasting.change(&change)?;
        }
        if !only_data {
            node.keep_rights();
        }
        if is_dir {
            self.sync_names(ino);
        }
        Ok(())
    }

    /// As a disk does that is left alone for long enough.
    pub(crate) fn write_back(&mut self) {
        self.renames.clear();
        for node in self.nodes.values_mut() {
            node.changes.clear();
            node.lasting = node.seen.clone();
        }
    }

    /// The power goes and comes back. Nobody may have anything open.
    pub(crate) fn cut(&mut self, seed: Option<u64>) {
        let mut luck = Luck(seed);
        for rename in mem::take(&mut self.renames) {
            if luck.keeps() {
                rename.iter().for_each(|entry| self.last(entry));
            }
        }
        for node in self.nodes.values_mut() {
            for change in mem::take(&mut node.changes) {
                for part in luck.parts(change) {
                    // Of a file: nothing else has changes.
                    let _ = node.lasting.change(&part);
                }
            }
            if luck.keeps() {
                node.keep_rights();
            }
            node.seen = node.lasting.clone();
        }
    }

    fn add(&mut self, inode: Inode) -> u64 {
        let lasting = inode.clone();
        let node = Node {
            seen: inode,
            lasting,
            changes: Vec::new(),
        };
        let ino = self.next;
        self.nodes.insert(ino, node);
        self.next += 1;
        ino
    }

    /// A file may be replaced, a folder only when nothing is in it.
    fn is_empty(&self, ino: u64) -> Made<()> {
        match &self.inode(ino)?.kind {
            Kind::Dir(names) if !names.is_empty() => Err(Errno::ENOTEMPTY),
            Kind::Dir(_) | Kind::File(_) | Kind::Link(_) => Ok(()),
        }
    }

    fn change(&mut self, ino: u64, change: Change) -> Made<()> {
        let node = self.nodes.get_mut(&ino).ok_or(Errno::ENOENT)?;
        node.seen.change(&change)?;
        node.seen.modified = SystemTime::now();
        node.changes.push(change);
        Ok(())
    }

    fn change_names(&mut self, entries: Vec<Entry>) {
        for entry in &entries {
            let node = self.nodes.get_mut(&entry.dir);
            node.expect("its names were read").seen.name(entry);
        }
        self.renames.push(entries);
    }

    /// Of a move into another folder a sync of the new one alone keeps the new name and not that the old one is gone;
    /// whatever is kept, the file is not lost by it. A folder is never in two places.
    fn sync_names(&mut self, dir: u64) {
        let mut rest: Vec<Vec<Entry>> = Vec::new();
        for rename in mem::take(&mut self.renames) {
            let goes = rename.iter().any(|e| e.dir == dir && e.to.is_none());
            let is_dir = rename.iter().filter_map(|e| e.to).any(|to| {
                let kind = self.inode(to).map(|inode| &inode.kind);
                matches!(kind, Ok(Kind::Dir(_)))
            });
            let touches = rename.iter().any(|e| e.dir == dir);
            let is_whole = goes || (is_dir && touches);
            let (now, later): (Vec<Entry>, Vec<Entry>) =
                rename.into_iter().partition(|e| is_whole || e.dir == dir);
            for entry in now {
                for older in &mut rest {
                    older.retain(|e| (e.dir, &e.name) != (entry.dir, &entry.name));
                }
                self.last(&entry);
            }
            rest.push(later);
        }
        rest.retain(|rename| !rename.is_empty());
        self.renames = rest;
    }

    fn last(&mut self, entry: &Entry) {
        let node = self.nodes.get_mut(&entry.dir);
        node.expect("folders stay").lasting.name(entry);
    }
}

impl Node {
    fn keep_rights(&mut self) {
        self.lasting.mode = self.seen.mode;
        self.lasting.uid = self.seen.uid;
        self.lasting.gid = self.seen.gid;
        self.lasting.modified = self.seen.modified;
    }
}

impl Inode {
    pub(crate) fn new(kind: Kind, mode: u16, uid: u32, gid: u32) -> Self {
        Self {
            kind,
            mode,
            uid,
            gid,
            modified: SystemTime::now(),
        }
    }

    fn change(&mut self, change: &Change) -> Made<()> {
        let Kind::File(content) = &mut self.kind else {
            return Err(Errno::EISDIR);
        };
        match change {
            Change::Resize(length) => content.resize(size(*length), 0),
            Change::Write { at, bytes } => {
                let (from, to) = (size(*at), size(*at) + bytes.len());
                content.resize(content.len().max(to), 0);
                content[from..to].copy_from_slice(bytes);
            }
        }
        Ok(())
    }

    fn name(&mut self, entry: &Entry) {
        let Kind::Dir(names) = &mut self.kind else {
            panic!("{} is no folder", entry.dir)
        };
        match entry.to {
            Some(ino) => names.insert(entry.name.clone(), ino),
            None => names.remove(&entry.name),
        };
    }
}

impl Entry {
    fn new(dir: u64, name: &OsStr, to: Option<u64>) -> Self {
        let name = name.to_owned();
        Self { dir, name, to }
    }
}

/// What the disk has kept; the same for the same seed.
struct Luck(Option<u64>);

impl Luck {
    fn keeps(&mut self) -> bool {
        self.draw(2) == 1
    }

    /// Below `sides`; 0 where nothing is kept.
    fn draw(&mut self, sides: u64) -> u64 {
        let Some(state) = &mut self.0 else { return 0 };
        // SplitMix64.
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn parts(&mut self, change: Change) -> Vec<Change> {
        let (how, Change::Write { at, bytes }) = (self.draw(4), &change) else {
            return if self.keeps() {
                vec![change]
            } else {
                Vec::new()
            };
        };
        let sectors = sectors(*at, bytes);
        match how {
            0 => Vec::new(),
            1 => vec![change],
            2 => {
                let torn = self.draw(sectors.len() as u64 + 1);
                sectors.into_iter().take(size(torn)).collect()
            }
            _ => sectors.into_iter().filter(|_| self.keeps()).collect(),
        }
    }
}

fn sectors(at: u64, bytes: &[u8]) -> Vec<Change> {
    let (mut parts, mut from) = (Vec::new(), 0);
    while from < bytes.len() {
        let begins = at + from as u64;
        let to = (from + size(SECTOR - begins % SECTOR)).min(bytes.len());
        parts.push(Change::Write {
            at: begins,
            bytes: bytes[from..to].to_vec(),
        });
        from = to;
    }
    parts
}

pub(crate) fn size(n: u64) -> usize {
    usize::try_from(n).unwrap()
}
