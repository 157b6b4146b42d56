//! `hau.toml`: the one configuration file of the pair, the same on both nodes.
//!
//! Text becomes a merged tree that remembers file and line (`tree`), the tree becomes typed
//! [`Settings`] (`sections`), and everything that is wrong is told at once ([`Problems`]).

mod database;
mod kinds;
mod notify;
mod problem;
mod read;
mod sections;
mod services;
mod settings;
mod tree;
mod unavailable;
mod words;

use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

pub use problem::{Problem, Problems};
pub use settings::{
    Ask, Backup, Bundle, Cluster, Commands, ConfigSync, Database, DatabaseKind, Dsn, Events,
    Failover, Fence, Gaussdb, Handoff, Health, HookAddress, HookUrl, HttpCheck, Limits, Login,
    Mail, MailServer, MailTls, Node, NoticeKind, Notify, NotifyCommand, Page, Pattern, Peer,
    Postgres, Prove, Rejoin, Release, Rollback, RollbackDatabase, RollbackPolicy, RootKey, Service,
    Settings, Shape, Soak, Switch, Vrrp, Webhook, When,
};
use tree::Tree;

/// Why a host cannot say which of the two nodes it is.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WhoAmIError {
    /// Neither node's address is on this host.
    #[error(
        "this host has none of the addresses under [nodes] ({wanted}); \
         correct hau.toml, or bring the address up (this host has: {present})"
    )]
    Neither {
        /// `NAME = ADDRESS` of both nodes.
        wanted: String,
        /// The addresses that were found here.
        present: String,
    },
    /// Both nodes' addresses are on this host.
    #[error(
        "this host has the addresses of both nodes ({wanted}); \
         each node needs an address that only it has: the VIP is not one of them"
    )]
    Both {
        /// `NAME = ADDRESS` of both nodes.
        wanted: String,
    },
}

impl Settings {
    /// Reads `path` and the drop-ins `path.d/NN-name.toml` over it, in the order of their names.
    ///
    /// # Errors
    /// Everything that is wrong in any of the files, each with file, line and remedy.
    pub fn load(path: &Path) -> Result<Settings, Problems> {
        let mut problems = Problems::default();
        let mut tree = Tree::empty(path);
        for file in std::iter::once(path.to_path_buf()).chain(drop_ins(path, &mut problems)) {
            match fs::read_to_string(&file) {
                Ok(text) => tree.lay_over(&file, &text, &mut problems),
                Err(error) => {
                    problems.add_file(&file, format!("cannot be read ({error})"), advice(&error))
                }
            }
        }
        from_tree(&tree, problems)
    }

    /// Reads `text` as if it were the whole configuration; `file` is only its name in problems.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Settings, Problems> {
        let mut problems = Problems::default();
        let mut tree = Tree::empty(file);
        tree.lay_over(file, text, &mut problems);
        from_tree(&tree, problems)
    }

    /// Are new connections parked while the primary moves?
    #[must_use]
    pub fn parks(&self) -> bool {
        let wanted = match self.handoff.park {
            When::Always => true,
            When::Auto => self.database.is_some(),
            When::Never => false,
        };
        wanted && self.hands_off()
    }

    /// The services that clients reach through the VIP.
    pub fn behind_vip(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|s| s.via_vip)
    }

    /// What stops before the primary does, in starting order: what users reach, what uses the database, and
    /// what depends on one of these.
    #[must_use]
    pub fn before_primary(&self) -> Vec<&Service> {
        let mut before: Vec<&Service> = Vec::new();
        for service in self.start_order() {
            let needs = |other: &&Service| service.depends_on.contains(&other.name);
            if service.via_vip || service.uses_database || before.iter().any(needs) {
                before.push(service);
            }
        }
        before
    }

    /// Where the database lies, if hau knows it.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        match &self.database.as_ref()?.kind {
            DatabaseKind::Postgres(known) => Some(&known.data_dir),
            DatabaseKind::Gaussdb(known) => Some(&known.data_dir),
            DatabaseKind::Command(_) => None,
        }
    }

    /// Are connections through the VIP handed off at all?
    #[must_use]
    pub fn hands_off(&self) -> bool {
        self.handoff.enabled != When::Never && self.behind_vip().next().is_some()
    }

    /// Does a former primary wait, after a boot, for the other node's word that it was not promoted?
    /// Where something makes sure that a node is off, one may be promoted.
    #[must_use]
    pub fn holds_former_primary(&self) -> bool {
        self.fence.is_some()
    }

    /// The name of the node whose address is among `local`, the addresses of this host.
    ///
    /// # Errors
    /// None or both of the nodes are here.
    pub fn me(&self, local: &[IpAddr]) -> Result<String, WhoAmIError> {
        let here: Vec<&String> = self
            .nodes
            .iter()
            .filter(|(_, node)| local.iter().any(|a| a.to_canonical() == node.address))
            .map(|(name, _)| name)
            .collect();
        let wanted = || {
            let all = self
                .nodes
                .iter()
                .map(|(name, node)| format!("{name} = {}", node.address));
            all.collect::<Vec<_>>().join(", ")
        };
        match here.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(WhoAmIError::Neither {
                wanted: wanted(),
                present: local
                    .iter()
                    .map(IpAddr::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
            [..] => Err(WhoAmIError::Both { wanted: wanted() }),
        }
    }

    /// The name of the other node; `None` if `name` is no node.
    #[must_use]
    pub fn peer_of(&self, name: &str) -> Option<&str> {
        self.nodes.get(name)?;
        self.nodes
            .keys()
            .map(String::as_str)
            .find(|other| *other != name)
    }

    /// The services, each after all it depends on, else as in the file. Stop in reverse.
    #[must_use]
    pub fn start_order(&self) -> Vec<&Service> {
        services::in_start_order(&self.services).0
    }
}

fn from_tree(tree: &Tree, problems: Problems) -> Result<Settings, Problems> {
    // A tree with syntax errors lacks what stood behind them: complaints about it would mislead.
    if !problems.is_empty() {
        return Err(problems.sorted());
    }
    sections::settings(tree)
}

/// The drop-ins of `path`, sorted. Only `*.toml` counts: editors and packages leave other files there.
fn drop_ins(path: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let mut folder = path.as_os_str().to_owned();
    folder.push(".d");
    let folder = PathBuf::from(folder);
    let names = match fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.add_file(&folder, format!("cannot be read ({error})"), advice(&error));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = names
        .iter()
        .map(fs::DirEntry::path)
        .filter(|p| is_toml(p))
        .collect();
    files.sort();
    for file in files.iter().filter(|file| !is_numbered(file)) {
        // Left out in silence it would be a setting that somebody believes in.
        problems.add_file(
            file,
            "the name of a drop-in begins with two digits and a dash".to_string(),
            "rename it to NN-name.toml, or remove it".to_string(),
        );
    }
    files.retain(|file| is_numbered(file));
    files
}

fn is_toml(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension().is_some_and(|e| e == "toml")
}

fn is_numbered(path: &Path) -> bool {
    let name = path.file_name().map_or(&[][..], |n| n.as_encoded_bytes());
    matches!(name, [a, b, b'-', ..] if a.is_ascii_digit() && b.is_ascii_digit())
}

fn advice(error: &std::io::Error) -> String {
    let advice = [
        (
            ErrorKind::NotFound,
            "copy hau.toml.example there and fill it in",
        ),
        (
            ErrorKind::PermissionDenied,
            "make it readable (chmod 0644), or run this as root",
        ),
        (ErrorKind::InvalidData, "save it as UTF-8"),
    ];
    let known = advice.iter().find(|(kind, _)| *kind == error.kind());
    known
        .map_or("see to it that it can be read", |(_, text)| text)
        .to_string()
}

#[cfg(test)]
mod tests;
