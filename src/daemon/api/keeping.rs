//! Backups and config sync: made, listed, verified, paused, resumed, compared.
use super::{Answered, Api, bare, failed, json, nothing};
use crate::daemon::{door::Call, watch};
use crate::database::DatabaseError;
use crate::host::{Host, HostError};
use crate::wire::{self, Code, Failure};
use crate::{backup, sync};
use std::time::Duration;

pub(super) fn backups(api: &Api, _: &Call) -> Result<Answered, Failure> {
    json(&backup::list(&*api.site, &api.site.settings).map_err(failed)?)
}

pub(super) fn peer_backups(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let list = backup::list(&*api.site, &api.site.settings).map_err(failed)?;
    bare(200, "application/json", &list)
}

pub(super) fn make_backup(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let _hands = api.hands()?;
    let (site, settings) = (&*api.site, &api.site.settings);
    let name = backup::name(site.now());
    let dir = backup::begin(site, settings, &name).map_err(failed)?;
    let told = |e: DatabaseError| Failure::new(Code::Failed, e.what, e.remedy);
    let database = site.database();
    let mut seen = None;
    if settings.database.is_some() && database.is_dumpable().map_err(told)? {
        let (dump, limit) = (dir.join(backup::DUMP), settings.limits.backup);
        let made = database
            .dump(&dump, false, limit)
            .and_then(|seen| database.check_dump(&dump, limit).map(|_| seen));
        seen = Some(made.map_err(told)?);
    }
    let version = api.snapshot().state.observed.local.version.clone();
    backup::seal(site, settings, &site.state_dir, &name, (version, seen)).map_err(failed)?;
    let manifest = Some(backup::verify(site, &dir).map_err(failed)?);
    backup::retain(site, settings, &site.state_dir).map_err(failed)?;
    json(&backup::Entry { name, manifest })
}

pub(super) fn verify_backup(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let rest = call.path.trim_start_matches("/v1/backups/");
    let name = rest
        .strip_suffix("/verify")
        .filter(|n| n.starts_with("backup_") && !n.contains(['/', '.']));
    let Some(name) = name else {
        return Err(Failure::new(
            Code::Usage,
            told!("{} is not a backup's name", rest),
            told!("hau-ctl backup list shows them"),
        ));
    };
    let dir = api.site.settings.backup.dir.join(name);
    let verified = backup::verify(&*api.site, &dir);
    let bad = |e: HostError| {
        Failure::new(
            Code::Refused,
            e.to_string(),
            told!("make a new one: hau-ctl backup create"),
        )
    };
    json(&verified.map_err(bad)?)
}

pub(super) fn sync_view(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let flag = sync::flag(&api.site.state_dir);
    let paused = api
        .site
        .read(&flag)
        .ok()
        .map(|b| String::from_utf8_lossy(&b).trim().to_owned());
    let state = match (&api.site.settings.config_sync, &paused) {
        (None, _) => wire::SyncState::None,
        (Some(_), Some(_)) => wire::SyncState::Paused,
        (Some(_), None) => wire::SyncState::Running,
    };
    json(&wire::SyncView {
        state,
        paused,
        changes: watch::changes(&api.site),
    })
}

pub(super) fn sync_check(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let differences = sync::compare(&*api.site, &api.site.settings, Duration::from_secs(60));
    json(&wire::SyncDifferences {
        differences: differences.map_err(failed)?,
    })
}

fn pause_here(api: &Api, by: &str) -> Result<(), Failure> {
    let _hands = api.hands()?;
    sync::pause(
        &*api.site,
        &api.site.settings,
        &api.site.state_dir,
        by,
        Duration::from_secs(60),
    )
    .map_err(failed)
}

fn resume_here(api: &Api) -> Result<(), Failure> {
    let _hands = api.hands()?;
    sync::resume(
        &*api.site,
        &api.site.settings,
        &api.site.state_dir,
        Duration::from_secs(60),
    )
    .map_err(failed)
}

pub(super) fn sync_pause(api: &Api, call: &Call) -> Result<Answered, Failure> {
    pause_here(api, &call.caller.who.name())?;
    api.site
        .peer_post("sync/pause", Vec::new(), Duration::from_secs(60))
        .map_err(failed)?;
    nothing()
}

pub(super) fn sync_resume(api: &Api, _: &Call) -> Result<Answered, Failure> {
    resume_here(api)?;
    api.site
        .peer_post("sync/resume", Vec::new(), Duration::from_secs(60))
        .map_err(failed)?;
    nothing()
}

pub(super) fn sync_push(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let _hands = api.hands()?;
    if api.site.exists(&sync::flag(&api.site.state_dir)) {
        // Its units would end at once and well, without having copied anything.
        let what = told!("config sync is paused: nothing would be pushed");
        return Err(Failure::new(
            Code::Refused,
            what,
            "hau-ctl sync resume".to_owned(),
        ));
    }
    sync::push(&*api.site, &api.site.settings, Duration::from_secs(300)).map_err(failed)?;
    nothing()
}

pub(super) fn peer_sync_pause(api: &Api, _: &Call) -> Result<Answered, Failure> {
    pause_here(api, "the other node")?;
    nothing()
}

pub(super) fn peer_sync_resume(api: &Api, _: &Call) -> Result<Answered, Failure> {
    resume_here(api)?;
    nothing()
}

pub(super) fn peer_config(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let listing = sync::listing(&*api.site, &api.site.settings).map_err(failed)?;
    bare(200, "application/json", &listing)
}

/// By hash: what is not in the listing has no name to ask for it by.
pub(super) fn peer_config_file(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let wanted = call.path.trim_start_matches("/v1/peer/config/");
    let listing = sync::listing(&*api.site, &api.site.settings).map_err(failed)?;
    let found = listing.into_iter().find(|(_, info)| info.sha256 == wanted);
    let Some((path, _)) = found else {
        return Err(Failure::new(
            Code::NotFound,
            told!("no configuration file has this content any more"),
            told!("ask for the list again"),
        ));
    };
    Ok(Answered::Plain(
        200,
        "application/octet-stream",
        api.site.read(&path).map_err(failed)?,
    ))
}
