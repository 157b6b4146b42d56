//! Archives of the file system in memory: text, a line for each file and link, so that a test can read it.
use super::super::super::tree::hex;
use super::{HostResult, Kind, MISSING, Node, Tree, failed};
use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

impl Tree {
    pub(in super::super) fn archive(&self, paths: &[PathBuf]) -> HostResult<String> {
        if let Some(missing) = paths.iter().find(|path| self.node(path).is_none()) {
            return Err(failed("archive", missing, MISSING));
        }
        let line = |path: &PathBuf| {
            let node = self.node(path)?;
            let (kind, bytes) = match &node.kind {
                Kind::File(bytes) => ('f', bytes.to_vec()),
                Kind::Link(target) => ('l', target.as_os_str().as_bytes().to_vec()),
                Kind::Dir => return None,
            };
            let (mode, uid, gid) = (node.mode, node.uid, node.gid);
            let path = path.display();
            Some(format!(
                "{kind} {mode} {uid} {gid} [{}] {path}\n",
                hex(&bytes)
            ))
        };
        Ok(self.inspect(paths)?.keys().filter_map(line).collect())
    }

    pub(in super::super) fn unarchive(&mut self, text: &[u8], to: &Path) -> HostResult<()> {
        let text = String::from_utf8_lossy(text);
        for line in text.lines() {
            let mut words = line.splitn(6, ' ');
            let mut next = || {
                words
                    .next()
                    .ok_or_else(|| failed("unpack", to, "not an archive"))
            };
            let (kind, numbers) = (next()?, [next()?, next()?, next()?]);
            let (bytes, path) = (unhex(next()?), to.join(next()?.trim_start_matches('/')));
            let [mode, uid, gid] = numbers.map(|n| n.parse().unwrap_or_default());
            let kind = match kind {
                "l" => Kind::Link(PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())),
                _ => Kind::File(bytes.as_slice().into()),
            };
            self.make_dir(path.parent().unwrap_or(to), 0o755)?;
            let key = self
                .place(&path)
                .map_err(|why| failed("unpack", &path, why))?;
            let node = Node {
                kind,
                mode,
                uid,
                gid,
            };
            let key = key.into_owned();
            self.nodes.insert(key, node);
        }
        Ok(())
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.trim_matches(['[', ']']).as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).filter_map(byte).collect()
}
