//! A file system in memory that behaves as the real one does through `files`.
mod archive;

use super::super::{FileInfo, HostError, HostResult, files};
use super::{Kind, Node};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

/// Files, links and folders by absolute name. `/` is there from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Keys without trailing slash; the root's is empty and has no node.
    nodes: BTreeMap<String, Node>,
}

/// What to do with a link at the end of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Follow,
    Keep,
}

const MISSING: &str = "No such file or directory";
const NOT_A_FOLDER: &str = "Not a directory";
const IS_A_FOLDER: &str = "Is a directory";
const NO_NAME: &str = "the name does not end in a file's name";
const LOOP: &str = "Too many levels of symbolic links";
const MAX_LINKS: u32 = 40;

impl Tree {
    /// What has this name, links in its folders followed.
    pub fn node(&self, path: &Path) -> Option<&Node> {
        let named = plain(path).and_then(|name| self.nodes.get(name));
        named.or_else(|| self.nodes.get(&*self.locate(path, Last::Keep).ok()?))
    }

    /// Everything there is, by its absolute name.
    pub fn entries(&self) -> impl Iterator<Item = (PathBuf, Node)> {
        let named = |(name, node): (&String, &Node)| (PathBuf::from(name), node.clone());
        self.nodes.iter().map(named)
    }

    /// To change mode, owner or content behind the host's back.
    pub fn node_mut(&mut self, path: &Path) -> Option<&mut Node> {
        let key = self.locate(path, Last::Keep).ok()?;
        self.nodes.get_mut(&*key)
    }

    pub(super) fn read(&self, path: &Path) -> HostResult<Vec<u8>> {
        if let Some(Kind::File(content)) = self.node(path).map(|node| &node.kind) {
            return Ok(content.to_vec());
        }
        let found = self.locate(path, Last::Follow).and_then(|key| {
            match self.nodes.get(&*key).map(|node| &node.kind) {
                Some(Kind::File(content)) => Ok(content.to_vec()),
                Some(Kind::Dir | Kind::Link(_)) => Err(IS_A_FOLDER),
                None => Err(MISSING),
            }
        });
        found.map_err(|why| failed("read", path, why))
    }

    pub(super) fn write(&mut self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
        let key = self.place(path).map_err(|why| failed("write", path, why))?;
        let mut node = Kind::File(bytes.into()).of_root(mode);
        match self.nodes.get(&*key) {
            Some(old) if matches!(old.kind, Kind::File(_)) => {
                (node.uid, node.gid) = (old.uid, old.gid)
            }
            Some(old) if old.kind == Kind::Dir => return Err(failed("write", path, IS_A_FOLDER)),
            Some(_) | None => {}
        }
        self.nodes.insert(key.into_owned(), node);
        Ok(())
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        self.locate(path, Last::Follow)
            .is_ok_and(|key| key.is_empty() || self.nodes.contains_key(&*key))
    }

    pub(super) fn is_folder(&self, path: &Path) -> bool {
        self.locate(path, Last::Keep)
            .is_ok_and(|key| self.is_dir(&key))
    }

    pub(super) fn remove(&mut self, path: &Path) -> HostResult<()> {
        if !path.is_absolute() || path.file_name().is_none() {
            return Err(failed(
                "remove",
                path,
                "only something below / is ever removed",
            ));
        }
        match self.locate(path, Last::Keep) {
            Ok(key) => drop(self.take(&key)),
            Err(MISSING | NOT_A_FOLDER) => {}
            Err(why) => return Err(failed("remove", path, why)),
        }
        Ok(())
    }

    pub(super) fn make_dir(&mut self, path: &Path, mode: u32) -> HostResult<()> {
        if let Some(node) = plain(path).and_then(|name| self.nodes.get_mut(name))
            && node.kind == Kind::Dir
        {
            node.mode = mode;
            return Ok(());
        }
        let failed = |why| failed("make folder", path, why);
        if path.file_name().is_none() {
            return Err(failed(NO_NAME));
        }
        let ancestors: Vec<&Path> = path.ancestors().collect();
        for dir in ancestors.into_iter().rev() {
            let key = self.locate(dir, Last::Follow).map_err(failed)?;
            if key.is_empty() {
                continue;
            }
            let Some(node) = self.nodes.get_mut(&*key) else {
                // A dangling link has the name already.
                if self.node(dir).is_some() {
                    return Err(failed(MISSING));
                }
                self.nodes.insert(key.into_owned(), Kind::Dir.of_root(mode));
                continue;
            };
            if node.kind != Kind::Dir {
                return Err(failed(NOT_A_FOLDER));
            }
            if dir == path {
                node.mode = mode;
            }
        }
        Ok(())
    }

    pub(super) fn link(&mut self, target: &Path, link: &Path) -> HostResult<()> {
        let failed = |why| failed("link", link, why);
        let key = self.place(link).map_err(failed)?;
        if self.is_dir(&key) {
            return Err(failed(IS_A_FOLDER));
        }
        let node = Kind::Link(target.to_owned()).of_root(0o777);
        self.nodes.insert(key.into_owned(), node);
        Ok(())
    }

    pub(super) fn link_target(&self, link: &Path) -> Option<PathBuf> {
        match &self.node(link)?.kind {
            Kind::Link(target) => Some(target.clone()),
            Kind::File(_) | Kind::Dir => None,
        }
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> HostResult<()> {
        let failed = |why| failed("rename", from, why);
        let old = self.place(from).map_err(failed)?;
        let new = self.place(to).map_err(failed)?;
        let Some(moved) = self.nodes.get(&*old) else {
            return Err(failed(MISSING));
        };
        if old == new {
            return Ok(());
        }
        let refused = match (moved.kind == Kind::Dir, self.nodes.get(&*new)) {
            (true, _) if new.starts_with(&format!("{old}/")) => Some("Invalid argument"),
            (true, Some(there)) if there.kind != Kind::Dir => Some(NOT_A_FOLDER),
            (true, Some(_)) if self.below(&new).next().is_some() => Some("Directory not empty"),
            (false, Some(there)) if there.kind == Kind::Dir => Some(IS_A_FOLDER),
            (true | false, Some(_) | None) => None,
        };
        if let Some(why) = refused {
            return Err(failed(why));
        }
        let taken = self.take(&old);
        self.put(&new, taken);
        Ok(())
    }

    pub(super) fn list(&self, dir: &Path) -> HostResult<Vec<String>> {
        self.names_in(dir, |name| !is_debris(name))
    }

    pub(super) fn debris(&self, dir: &Path) -> HostResult<Vec<String>> {
        self.names_in(dir, is_debris)
    }

    fn names_in(&self, dir: &Path, is_meant: fn(&str) -> bool) -> HostResult<Vec<String>> {
        let key = match self.locate(dir, Last::Follow) {
            Ok(key) => key,
            Err(MISSING) => return Ok(Vec::new()),
            Err(why) => return Err(failed("list", dir, why)),
        };
        if self.nodes.contains_key(&*key) && !self.is_dir(&key) {
            return Err(failed("list", dir, NOT_A_FOLDER));
        }
        let names = self.below(&key).map(|(name, _)| &name[key.len() + 1..]);
        let mut names: Vec<String> = names
            .filter(|name| !name.contains('/') && is_meant(name))
            .map(str::to_owned)
            .collect();
        names.sort();
        Ok(names)
    }

    pub(super) fn inspect(&self, paths: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, FileInfo>> {
        let mut found = BTreeMap::new();
        for path in paths {
            let key = match self.locate(path, Last::Keep) {
                Ok(key) => key,
                Err(MISSING | NOT_A_FOLDER) => continue,
                Err(why) => return Err(failed("inspect", path, why)),
            };
            let all = self
                .nodes
                .get_key_value(&*key)
                .into_iter()
                .chain(self.below(&key));
            for (name, node) in all.filter(|(name, _)| !is_debris(&name[key.len()..])) {
                let Some(info) = node.info() else { continue };
                let named = match key {
                    Cow::Borrowed(_) => PathBuf::from(name),
                    // By the links that it was asked for by.
                    Cow::Owned(_) => {
                        let below = name[key.len()..].trim_start_matches('/');
                        files::clean(&path.join(below))
                    }
                };
                found.insert(named, info);
            }
        }
        Ok(found)
    }

    pub(super) fn copy(&mut self, from: &Path, to: &Path) -> HostResult<()> {
        let failed = |why| failed("copy", from, why);
        if files::clean(to).starts_with(files::clean(from)) {
            return Err(failed("it lies within itself"));
        }
        let source = self.place(from).map_err(failed)?;
        let target = self.place(to).map_err(failed)?;
        let Some(top) = self.nodes.get(&*source) else {
            return Err(failed(MISSING));
        };
        let mut copied = vec![(String::new(), top.clone())];
        let below = self.below(&source);
        let below = below.map(|(name, node)| (&name[source.len()..], node));
        let content = below.filter(|(name, _)| !is_debris(name));
        copied.extend(content.map(|(name, node)| (name.to_owned(), node.clone())));
        self.take(&target);
        self.put(&target, copied);
        Ok(())
    }

    /// The key of a name whose folder exists, whether or not something has the name.
    fn place<'p>(&self, path: &'p Path) -> Result<Cow<'p, str>, &'static str> {
        match path.file_name() {
            Some(_) => self.locate(path, Last::Keep),
            None => Err(NO_NAME),
        }
    }

    /// The key of a name, links followed; an error if a folder in it is missing or none.
    fn locate<'p>(&self, path: &'p Path, last: Last) -> Result<Cow<'p, str>, &'static str> {
        match self.literal(path, last) {
            Some(key) => Ok(Cow::Borrowed(key)),
            None => self.walk(path, last).map(Cow::Owned),
        }
    }

    /// Keys are names without links in them: a name that is a key, or would be one in a folder that
    /// is there, needs no walk.
    fn literal<'p>(&self, path: &'p Path, last: Last) -> Option<&'p str> {
        let name = plain(path)?;
        match self.nodes.get(name).map(|node| &node.kind) {
            Some(Kind::Link(_)) => (last == Last::Keep).then_some(name),
            Some(Kind::File(_) | Kind::Dir) => Some(name),
            None => {
                let (dir, _) = name.rsplit_once('/')?;
                self.is_dir(dir).then_some(name)
            }
        }
    }

    fn walk(&self, path: &Path, last: Last) -> Result<String, &'static str> {
        let mut pending: Vec<&str> = names(path);
        let (mut at, mut links) = (String::with_capacity(128), 0);
        let mut here = Some(&Kind::Dir);
        while let Some(name) = pending.pop() {
            match here {
                Some(Kind::Dir) => {}
                Some(Kind::File(_) | Kind::Link(_)) => return Err(NOT_A_FOLDER),
                None => return Err(MISSING),
            }
            let end = at.len();
            if name == ".." {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            at.push('/');
            at.push_str(name);
            here = self.nodes.get(&at).map(|node| &node.kind);
            let Some(Kind::Link(target)) = here else {
                continue;
            };
            if pending.is_empty() && last == Last::Keep {
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(LOOP);
            }
            at.truncate(if target.is_absolute() { 0 } else { end });
            here = Some(&Kind::Dir);
            pending.extend(names(target));
        }
        Ok(at)
    }

    fn is_dir(&self, key: &str) -> bool {
        key.is_empty()
            || self
                .nodes
                .get(key)
                .is_some_and(|node| node.kind == Kind::Dir)
    }

    /// Everything in a folder, at any depth.
    fn below(&self, key: &str) -> impl Iterator<Item = (&String, &Node)> {
        // '0' is the character after '/'.
        self.nodes.range(format!("{key}/")..format!("{key}0"))
    }

    /// Takes out a node and all below it, with names relative to it.
    fn take(&mut self, key: &str) -> Vec<(String, Node)> {
        let mut keys: Vec<String> = self.below(key).map(|(name, _)| name.clone()).collect();
        keys.push(key.to_owned());
        keys.into_iter()
            .filter_map(|name| {
                self.nodes
                    .remove(&name)
                    .map(|node| (name[key.len()..].to_owned(), node))
            })
            .collect()
    }

    fn put(&mut self, key: &str, nodes: Vec<(String, Node)>) {
        for (below, node) in nodes {
            self.nodes.insert(format!("{key}{below}"), node);
        }
    }
}

/// An absolute name without anything to resolve in it, links apart.
fn plain(path: &Path) -> Option<&str> {
    let name = path.to_str().filter(|name| name.starts_with('/'))?;
    let is_plain = !(name.ends_with('/') || name.contains("//") || name.contains("/."));
    is_plain.then_some(name)
}

/// Does a name lead to what a change that was cut off has left?
fn is_debris(name: &str) -> bool {
    name.split('/')
        .any(|name| files::is_temporary(name.as_ref()))
}

/// The parts of a name, last first.
fn names(path: &Path) -> Vec<&str> {
    let part = |component| match component {
        Component::Normal(name) => name.to_str(),
        Component::ParentDir => Some(".."),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().rev().filter_map(part).collect()
}

fn failed(action: &'static str, path: &Path, why: &str) -> HostError {
    HostError::new(action, path.display().to_string(), why)
}
