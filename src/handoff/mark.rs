//! What may be in force on this host: written before it is, so that a crash leaves nothing unknown.
use super::keep::Kept;
use crate::host::{HostError, HostResult, files};
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What was there before the VIP was put on `lo`.
    pub(super) keep: Option<Kept>,
    pub(super) forward: bool,
    /// The units that are held.
    pub(super) park: Vec<String>,
}

impl Mark {
    /// None: nothing can be in force.
    pub(super) fn read(path: &Path) -> HostResult<Option<Self>> {
        if !files::exists(path) {
            return Ok(None);
        }
        let wrong = |e| HostError::new("understand", path.display().to_string(), e);
        let mark = serde_json::from_slice(&files::read(path)?);
        mark.map(Some).map_err(wrong)
    }

    pub(super) fn write(&self, path: &Path) -> HostResult<()> {
        if *self == Self::default() {
            return files::remove(path);
        }
        let wrong = |e| HostError::new("write", path.display().to_string(), e);
        files::write(path, &serde_json::to_vec(self).map_err(wrong)?, 0o644)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_in_force_is_read_back_and_nothing_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handoff.json");
        assert_eq!(Mark::read(&path).unwrap(), None);
        let mark = Mark {
            forward: true,
            park: vec!["shop-api.service".into()],
            ..Mark::default()
        };
        mark.write(&path).unwrap();
        assert_eq!(Mark::read(&path).unwrap(), Some(mark));
        Mark::default().write(&path).unwrap();
        assert!(!path.exists());
        Mark::default().write(&path).unwrap();
    }
}
