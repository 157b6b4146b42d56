//! A release's files in a fixed folder, for an application that cannot live behind a link (`[release] in_place`).
//!
//! # Why only what a manifest lists
//! In that folder lie data, logs and configuration of the site, too, and a release that was laid out by hand may be a
//! copy of all of it. So nothing is removed but what a manifest lists. Going back to a release without one, what is
//! missing is put there, and what the manifest of the other one lists; the rest is nobody's, and stays.
mod undo;

pub use undo::take_back;

use super::{MANIFEST, Manifest};
use crate::host::{Host, HostError, HostResult};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The folder, as whoever asks sees it.
pub struct Place<'a> {
    pub host: &'a dyn Host,
    pub folder: &'a Path,
    /// Files and folders that are left alone, whatever a release lists.
    pub spared: Vec<&'a Path>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Created,
    Replaced,
    Removed,
}

/// What keeps the folder from being as a release is. Names are relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Todo {
    pub files: BTreeMap<PathBuf, Change>,
    /// None of them is `Replaced`.
    pub folders: BTreeMap<PathBuf, Change>,
    /// What a change that was cut off has left: nobody's, and not kept.
    pub debris: Vec<PathBuf>,
    /// Of all that is put there and all that is kept for it.
    pub bytes: u64,
}

impl Todo {
    pub fn is_none(&self) -> bool {
        self.files.is_empty() && self.folders.is_empty() && self.debris.is_empty()
    }

    fn more(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

#[derive(Debug)]
pub enum PlaceError {
    /// Nothing is changed before a person has seen to it.
    Refused {
        what: String,
        remedy: String,
    },
    Host(HostError),
}

impl From<HostError> for PlaceError {
    fn from(e: HostError) -> Self {
        Self::Host(e)
    }
}

pub type PlaceResult<T> = Result<T, PlaceError>;

/// A file of a release.
struct Wanted {
    sha256: String,
    mode: u32,
    size_bytes: u64,
}

type Files = BTreeMap<PathBuf, Wanted>;

/// What has a name in the folder.
#[derive(PartialEq, Eq)]
enum Is {
    Missing,
    File,
    Folder,
    Link,
    /// Something in its way is no folder.
    Behind(PathBuf),
}

impl Place<'_> {
    /// What is to do until it holds the release in the folder `to` in the place of the one in `from`.
    ///
    /// # Errors
    /// What is in the way.
    pub fn todo(&self, to: &Path, from: Option<&Path>) -> PlaceResult<Todo> {
        self.is_fit()?;
        let known = listed(self.host, to)?;
        let (is_sure, mut wanted) = match known {
            Some(files) => (true, files),
            None => (false, lies_in(self.host, to)?),
        };
        let from = from.filter(|from| *from != to);
        let before = from.map(|from| listed(self.host, from)).transpose()?;
        let mut before = before.flatten().unwrap_or_default();
        wanted.retain(|path, _| !self.is_spared(path));
        before.retain(|path, _| !self.is_spared(path));
        let mut todo = Todo::default();
        self.to_remove(&before, &wanted, &mut todo)?;
        let mut there = Vec::new();
        for (path, file) in &wanted {
            let mut is = self.look(path);
            let goes = match &is {
                Is::Behind(above) => todo.files.contains_key(above),
                Is::Folder => todo.folders.contains_key(path),
                Is::Missing | Is::File | Is::Link => false,
            };
            if goes {
                is = Is::Missing;
            }
            if !is_sure && !before.contains_key(path) && is != Is::Missing {
                continue;
            }
            match is {
                Is::Missing => self.to_create(path, file, &mut todo),
                Is::File => there.push(self.folder.join(path)),
                Is::Folder | Is::Link | Is::Behind(_) => return Err(self.in_the_way(path, &is)),
            }
        }
        let found = self.host.inspect(&there)?;
        for (path, file) in &wanted {
            let Some(info) = found.get(&self.folder.join(path)) else {
                continue;
            };
            if (&info.sha256, info.mode) != (&file.sha256, file.mode) {
                todo.files.insert(path.clone(), Change::Replaced);
                todo.more(info.size_bytes);
                todo.more(file.size_bytes);
            }
        }
        todo.debris = self.debris(wanted.keys().chain(before.keys()))?;
        Ok(todo)
    }

    /// Does it, and keeps in `aside` what it replaces. Begun again it goes on.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn put(&self, todo: &Todo, to: &Path, aside: &Path) -> HostResult<()> {
        let at = |path: &Path| self.folder.join(path);
        for path in &todo.debris {
            self.host.remove(&at(path))?;
        }
        self.keep(todo, aside)?;
        for (path, _) in of(&todo.files, Change::Removed) {
            self.host.remove(&at(path))?;
        }
        for (path, _) in of(&todo.folders, Change::Removed).rev() {
            self.remove_empty(path)?;
        }
        for (path, _) in of(&todo.folders, Change::Created) {
            self.host.make_dir(&at(path), 0o755)?;
        }
        for (path, change) in &todo.files {
            if *change != Change::Removed {
                self.host.copy(&to.join(path), &at(path))?;
            }
        }
        Ok(())
    }

    fn is_fit(&self) -> PlaceResult<()> {
        let folder = self.folder.display();
        if self.host.link_target(self.folder).is_some() {
            return Err(refused(
                told!(
                    "{} is a symbolic link, and files are put into the folder itself",
                    folder
                ),
                told!("name the folder that it points to as [release] in_place in hau.toml"),
            ));
        }
        if !self.host.is_folder(self.folder) {
            return Err(refused(
                told!("{} is no folder that is there", folder),
                told!("make it, or correct [release] in_place in hau.toml"),
            ));
        }
        Ok(())
    }

    fn is_spared(&self, path: &Path) -> bool {
        let path = self.folder.join(path);
        self.spared.iter().any(|spared| path.starts_with(spared))
    }

    /// What only the release before lists, and the folders that hold nothing else.
    fn to_remove(&self, before: &Files, wanted: &Files, todo: &mut Todo) -> HostResult<()> {
        let mut folders = BTreeSet::new();
        for path in before.keys().filter(|path| !wanted.contains_key(*path)) {
            folders.extend(above(path));
            if self.look(path) == Is::File {
                todo.more(self.host.size_bytes(&self.folder.join(path))?);
                todo.files.insert(path.clone(), Change::Removed);
            }
        }
        for path in wanted.keys() {
            for folder in above(path) {
                folders.remove(folder);
            }
        }
        for folder in folders.into_iter().rev() {
            let goes = |name: &String| {
                let path = folder.join(name);
                todo.files.contains_key(&path) || todo.folders.contains_key(&path)
            };
            // A name that is not UTF-8 is nobody's that a manifest lists.
            let names = || self.host.list(&self.folder.join(folder));
            if self.look(folder) == Is::Folder && names().is_ok_and(|names| names.iter().all(goes))
            {
                todo.folders.insert(folder.to_owned(), Change::Removed);
            }
        }
        Ok(())
    }

    /// In the folders that these names lead through.
    fn debris<'a>(&self, names: impl Iterator<Item = &'a PathBuf>) -> HostResult<Vec<PathBuf>> {
        let folders: BTreeSet<&Path> = names.flat_map(|path| path.ancestors().skip(1)).collect();
        let mut found = Vec::new();
        for folder in folders {
            if self.look(folder) == Is::Folder {
                let debris = self.host.debris(&self.folder.join(folder))?;
                found.extend(debris.into_iter().map(|name| folder.join(name)));
            }
        }
        Ok(found)
    }

    fn to_create(&self, path: &Path, file: &Wanted, todo: &mut Todo) {
        for folder in above(path) {
            if !self.host.is_folder(&self.folder.join(folder)) {
                todo.folders.insert(folder.to_owned(), Change::Created);
            }
        }
        todo.files.insert(path.to_owned(), Change::Created);
        todo.more(file.size_bytes);
    }

    fn look(&self, path: &Path) -> Is {
        let mut folders: Vec<&Path> = above(path).collect();
        while let Some(folder) = folders.pop() {
            match self.one(folder) {
                Is::Folder => {}
                Is::Missing => return Is::Missing,
                Is::File | Is::Link | Is::Behind(_) => return Is::Behind(folder.to_owned()),
            }
        }
        self.one(path)
    }

    fn one(&self, path: &Path) -> Is {
        let path = &self.folder.join(path);
        if self.host.link_target(path).is_some() {
            Is::Link
        } else if self.host.is_folder(path) {
            Is::Folder
        } else if self.host.exists(path) {
            Is::File
        } else {
            Is::Missing
        }
    }

    fn in_the_way(&self, path: &Path, is: &Is) -> PlaceError {
        let at = |path: &Path| self.folder.join(path).display().to_string();
        let what = match is {
            Is::Behind(above) if self.one(above) == Is::Link => told!(
                "{} is a symbolic link, and files of the release go below it",
                at(above)
            ),
            Is::Behind(above) => told!(
                "{} is a file, and files of the release go below it",
                at(above)
            ),
            Is::Link => told!(
                "{} is a symbolic link, and a file of the release goes there",
                at(path)
            ),
            Is::Folder | Is::File | Is::Missing => told!(
                "{} is a folder, and a file of the release goes there",
                at(path)
            ),
        };
        refused(
            what,
            told!(
                "move it elsewhere: hau follows no link there, and removes nothing that no release lists"
            ),
        )
    }

    fn remove_empty(&self, folder: &Path) -> HostResult<()> {
        let at = self.folder.join(folder);
        let is_empty = self.look(folder) == Is::Folder
            && self.host.list(&at).is_ok_and(|names| names.is_empty());
        if is_empty {
            self.host.remove(&at)
        } else {
            Ok(())
        }
    }
}

fn refused(what: String, remedy: String) -> PlaceError {
    PlaceError::Refused { what, remedy }
}

/// Those that are to be changed so, in the order of their names.
fn of(
    all: &BTreeMap<PathBuf, Change>,
    change: Change,
) -> impl DoubleEndedIterator<Item = (&PathBuf, &Change)> {
    all.iter().filter(move |(_, is)| **is == change)
}

/// The folders that a name leads through, the innermost first.
fn above(path: &Path) -> impl Iterator<Item = &Path> {
    let all = path.ancestors().skip(1);
    all.filter(|folder| !folder.as_os_str().is_empty())
}

/// By its manifest; None: it has none.
fn listed(host: &dyn Host, release: &Path) -> HostResult<Option<Files>> {
    let path = release.join(MANIFEST);
    if !host.exists(&path) {
        return Ok(None);
    }
    let manifest = Manifest::parse(&host.read(&path)?)
        .map_err(|e| HostError::new("read", path.display().to_string(), e))?;
    let file = |file: super::FileEntry| {
        let wanted = Wanted {
            sha256: file.sha256.to_string(),
            mode: file.mode.on_disk(),
            size_bytes: file.size,
        };
        (PathBuf::from(file.path), wanted)
    };
    Ok(Some(manifest.file.into_iter().map(file).collect()))
}

/// Of a release that was laid out by hand.
fn lies_in(host: &dyn Host, release: &Path) -> HostResult<Files> {
    let found = host.inspect(&[release.to_owned()])?.into_iter();
    let file = |(path, info): (PathBuf, crate::host::FileInfo)| {
        let wanted = Wanted {
            sha256: info.sha256,
            mode: info.mode,
            size_bytes: info.size_bytes,
        };
        Some((path.strip_prefix(release).ok()?.to_owned(), wanted))
    };
    Ok(found.filter_map(file).collect())
}
