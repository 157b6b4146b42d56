//! What was there before: kept aside, with a list that says of each path what became of it.
//!
//! # Why a list
//! The folder has no moment in which all of it is exchanged. Before the first file is changed the list says what will be,
//! and what it was is on disk: from then on going on and taking back both rest on the list alone, wherever a power cut
//! came between. It is removed when all is taken back: what is created there later is somebody else's.
use super::{Change, Is, Place, PlaceResult, Todo, of, refused};
use crate::host::{Host, HostError, HostResult};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Beside it, the replaced and removed files under their own names.
const KEPT: &str = "kept";
const LIST: &str = "undo.json";
/// Of the list, as this hau writes and reads it.
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    v: u32,
    /// It may not be that of hau.toml any more.
    folder: PathBuf,
    files: BTreeMap<PathBuf, Change>,
    folders: BTreeMap<PathBuf, Change>,
}

impl Place<'_> {
    /// Copies aside what is to be replaced or removed, then says so. What the list says already is as it was before, and
    /// stays.
    pub(super) fn keep(&self, todo: &Todo, aside: &Path) -> HostResult<()> {
        let kept = aside.join(KEPT);
        let known = read(self.host, aside)?;
        if known.is_none() {
            self.host.remove(&kept)?;
            self.host.make_dir(&kept, 0o700)?;
        }
        let mut list = known.clone().unwrap_or_else(|| List {
            v: VERSION,
            folder: self.folder.to_owned(),
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
        });
        // A folder with all that is in it, before what is in it: so its mode and owner are kept.
        for (path, change) in &todo.folders {
            if *change == Change::Removed && !list.folders.contains_key(path) {
                self.copy_aside(path, &kept)?;
            }
            list.folders.entry(path.clone()).or_insert(*change);
        }
        for (path, change) in &todo.files {
            if *change != Change::Created && !list.files.contains_key(path) {
                self.copy_aside(path, &kept)?;
            }
            list.files.entry(path.clone()).or_insert(*change);
        }
        if known.as_ref() == Some(&list) {
            return Ok(());
        }
        let path = aside.join(LIST);
        let text = serde_json::to_vec_pretty(&list)
            .map_err(|e| HostError::new("write", path.display().to_string(), e))?;
        self.host.write(&path, &text, 0o600)
    }

    fn copy_aside(&self, path: &Path, kept: &Path) -> HostResult<()> {
        let to = kept.join(path);
        if self.host.exists(&to) {
            return Ok(());
        }
        copy(self.host, &self.folder.join(path), &to)
    }
}

/// Makes the folder again what it was before `aside` was filled, and forgets about it. Begun again it goes on.
///
/// # Errors
/// What is in the way.
pub fn take_back(host: &dyn Host, aside: &Path) -> PlaceResult<()> {
    let Some(list) = read(host, aside)? else {
        return Ok(());
    };
    let (folder, spared, kept) = (&list.folder, Vec::new(), aside.join(KEPT));
    let place = Place {
        host,
        folder,
        spared,
    };
    place.is_fit()?;
    for path in place.debris(list.files.keys().chain(list.folders.keys()))? {
        host.remove(&folder.join(path))?;
    }
    for (path, _) in of(&list.files, Change::Created) {
        if matches!(place.look(path), Is::File | Is::Link) {
            host.remove(&folder.join(path))?;
        }
    }
    for (path, _) in of(&list.folders, Change::Created).rev() {
        place.remove_empty(path)?;
    }
    for (path, _) in of(&list.folders, Change::Removed) {
        match place.look(path) {
            Is::Folder => {}
            Is::Missing => copy(host, &kept.join(path), &folder.join(path))?,
            Is::File | Is::Link | Is::Behind(_) => return Err(taken(&folder.join(path))),
        }
    }
    let mut there = Vec::new();
    let changed = list.files.iter().filter(|(_, is)| **is != Change::Created);
    let changed: Vec<&PathBuf> = changed.map(|(path, _)| path).collect();
    for path in &changed {
        match place.look(path) {
            Is::Missing | Is::Link => {}
            Is::File => there.push(folder.join(path)),
            Is::Folder | Is::Behind(_) => return Err(taken(&folder.join(path))),
        }
    }
    let was: Vec<PathBuf> = changed.iter().map(|path| kept.join(path)).collect();
    let (is, was) = (host.inspect(&there)?, host.inspect(&was)?);
    for path in changed {
        let (at, kept) = (folder.join(path), kept.join(path));
        if is.get(&at) != was.get(&kept) || !is.contains_key(&at) {
            copy(host, &kept, &at)?;
        }
    }
    host.remove(&aside.join(LIST))?;
    Ok(())
}

fn taken(path: &Path) -> super::PlaceError {
    let what = told!(
        "{} is to be what it was, and something that hau did not put there has its name",
        path.display()
    );
    refused(what, told!("move it elsewhere, then hau-ctl retry"))
}

/// With the folders above that are missing.
fn copy(host: &dyn Host, from: &Path, to: &Path) -> HostResult<()> {
    if let Some(folder) = to.parent().filter(|folder| !host.exists(folder)) {
        host.make_dir(folder, 0o755)?;
    }
    host.copy(from, to)
}

fn read(host: &dyn Host, aside: &Path) -> HostResult<Option<List>> {
    let path = aside.join(LIST);
    if !host.exists(&path) {
        return Ok(None);
    }
    let bad = |why: String| HostError::new("read", path.display().to_string(), why);
    let list: List = serde_json::from_slice(&host.read(&path)?).map_err(|e| bad(e.to_string()))?;
    if list.v == VERSION {
        Ok(Some(list))
    } else {
        Err(bad(format!(
            "it is of version {}, and this hau knows {VERSION}",
            list.v
        )))
    }
}
