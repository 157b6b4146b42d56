//! What a rollback rests on: less than an upgrade, for it is asked for when something is broken. The
//! node that serves must serve; the other one may be down.
use super::in_place::in_place;
use super::{Site, database, peer, services, vrrp};
use crate::backup::{self, Manifest};
use crate::core::VrrpState;
use crate::host::{Finding, HostError};
use std::path::Path;

/// Of this node; `backup`: the one to go back to, None where this node stays as it is.
/// `restores`: with its dump in the place of the database.
pub fn rollback(site: &Site<'_>, backup: Option<&str>, restores: bool) -> Vec<Finding> {
    let mut findings = vrrp(site);
    findings.extend(site.host.keepalived());
    if site.host.vrrp() == VrrpState::Master {
        findings.extend(services(site));
        findings.extend(database::role(site));
    }
    findings.extend(peer::clock(site));
    if let Some(name) = backup {
        findings.extend(held_against(site, name, restores));
    }
    findings
}

/// Is this backup fit, and what would be put back from it?
pub fn held_against(site: &Site<'_>, backup: &str, restores: bool) -> Vec<Finding> {
    let dir = &site.settings.backup.dir.join(backup);
    let other = told!(
        "hau-ctl backup list shows the others; the bundle of that version can be installed again"
    );
    let bad = |e: HostError| vec![Finding::fail("backup", e.to_string(), other)];
    let manifest = match backup::verify(site.host, dir) {
        Ok(manifest) => manifest,
        Err(e) => return bad(e),
    };
    let todo = match backup::differences(site.host, site.settings, dir) {
        Ok(todo) => todo,
        Err(e) => return bad(e),
    };
    let minutes = site.host.now().since(manifest.made_at).as_secs() / 60;
    let what = told!(
        "{} of {}, {} h {} min old: {} files, their checksums are right",
        dir.display(),
        manifest
            .version
            .as_deref()
            .map_or_else(|| told!("no known version"), str::to_owned),
        minutes / 60,
        minutes % 60,
        manifest.files.len()
    );
    let will = if todo.is_none() {
        told!("left as it is: it is what the backup holds")
    } else {
        told!("put back: {}", todo)
    };
    let mut findings = vec![Finding::pass("backup", what), Finding::pass("to do", will)];
    findings.push(match todo.release.len() {
        0 => Finding::pass(
            "code",
            told!("the release is installed as the backup holds it"),
        ),
        n => Finding::warn(
            "code",
            told!(
                "{} files of the installed release are missing or changed",
                n
            ),
            told!("nothing: it is unpacked from the backup"),
        ),
    });
    findings.extend(in_place(site));
    let state = site.state_dir;
    findings.push(match &todo.config[..] {
        [] => Finding::pass("configuration", told!("as the backup holds it")),
        [first, ..] => Finding::warn(
            "configuration",
            told!(
                "{} files are not as the backup holds them and are put back, {} for one",
                todo.config.len(),
                first.display()
            ),
            told!(
                "afterwards what they replace is in {}",
                state.join("replaced").display()
            ),
        ),
    });
    findings.extend(root_key(site, dir, &manifest, todo.has_other_key));
    findings.extend(since(site, &manifest, restores));
    findings.push(space(site, dir));
    findings
}

fn root_key(site: &Site<'_>, dir: &Path, manifest: &Manifest, other: bool) -> Option<Finding> {
    let (path, info) = manifest.root_key.as_ref()?;
    let state = site.state_dir;
    Some(if !other {
        Finding::pass("root key", told!("the one in use is the backup's"))
    } else if backup::keys::has(site.host, state, &info.sha256) {
        Finding::warn(
            "root key",
            told!("{} becomes that of the backup again", path.display()),
            told!(
                "what was written under the newer key may need it: it stays in {}",
                backup::keys::file(state, "").display()
            ),
        )
    } else {
        let what = told!(
            "the key of that time is not kept on this node: {}",
            path.display()
        );
        Finding::fail(
            "root key",
            what,
            backup::keys::by_hand(state, dir, &info.sha256),
        )
    })
}

/// What a rollback keeps, and what restoring the dump costs: asked of the database itself.
fn since(site: &Site<'_>, manifest: &Manifest, restores: bool) -> Vec<Finding> {
    let Some(then) = &manifest.database else {
        let none = || {
            Finding::fail(
                "database",
                told!("the backup holds no dump of it"),
                "--database keep",
            )
        };
        return restores.then(none).into_iter().collect();
    };
    let written = site.database.mark().map(|now| {
        let transactions = now.next_transaction.saturating_sub(then.next_transaction);
        let minutes = now.at.since(then.at).as_secs() / 60;
        told!(
            "the {} transactions of the {} min since the backup",
            transactions,
            minutes
        )
    });
    let found = match written {
        Ok(written) if restores => Finding::warn(
            "database",
            told!(
                "restored from the backup without {}: they are lost to the service",
                written
            ),
            told!("the database of now stays on the primary as hau_replaced, until you drop it"),
        ),
        Ok(written) => Finding::pass("database", told!("kept as it is, with {}", written)),
        Err(e) if restores => Finding::fail("database", e.what, e.remedy),
        Err(_) => Finding::pass(
            "database",
            told!(
                "kept as it is; what was written since the backup is not known: it does not answer"
            ),
        ),
    };
    let mut findings = vec![found];
    if restores {
        findings.extend(room_beside(site));
    }
    findings
}

/// For the restored database beside the running one.
fn room_beside(site: &Site<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if site
        .database
        .restores()
        .and_then(|r| r.beside())
        .is_ok_and(|beside| beside.replaced)
    {
        findings.push(Finding::fail(
            "database",
            told!("the database hau_replaced is still there, from an earlier restore"),
            told!("see whether anything of it is needed, then drop it"),
        ));
    }
    let Some(data_dir) = site.settings.data_dir() else {
        return findings;
    };
    let need = 2 * site.database.size_bytes().unwrap_or(0) + (64 << 20);
    findings.extend(match site.host.free_bytes(data_dir) {
        Ok(free) if free < need => Some(Finding::fail(
            "space",
            told!(
                "{} has {} MiB free and {} MiB may be needed",
                data_dir.display(),
                free >> 20,
                need >> 20
            ),
            told!("free some space there"),
        )),
        Ok(_) => None,
        Err(e) => Some(Finding::fail(
            "space",
            e.to_string(),
            told!("see that it is a local disk"),
        )),
    });
    findings
}

/// The release is unpacked beside the installed one, and the configuration is kept once more.
fn space(site: &Site<'_>, dir: &Path) -> Finding {
    let size = |path: &Path| {
        let found = site.host.inspect(&[path.to_owned()]);
        found.map_or(0, |f| f.values().map(|info| info.size_bytes).sum::<u64>())
    };
    let need = 2 * size(&dir.join("code.tar")) + 2 * size(&dir.join("config.tar")) + (16 << 20);
    match site.host.free_bytes(site.state_dir) {
        Ok(free) if free >= need => Finding::pass("space", told!("{} MiB free", free >> 20)),
        Ok(free) => {
            let dir = site.state_dir.display();
            let what = told!(
                "{} has {} MiB free and {} MiB may be needed",
                dir,
                free >> 20,
                need >> 20
            );
            Finding::fail("space", what, told!("free some space there"))
        }
        Err(e) => Finding::fail("space", e.to_string(), told!("see that it is a local disk")),
    }
}
