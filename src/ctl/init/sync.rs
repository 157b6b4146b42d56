//! `[config_sync]`: the timer by which this site pushes its configuration, and what it pushes.
use super::{
    Part, listed,
    scene::{Scene, Unit},
};
use std::path::{Path, PathBuf};

const PROGRAM: &str = "rsync";
/// Folders and files in which cron looks.
const CRON: [&str; 4] = [
    "/etc/cron.d",
    "/var/spool/cron/crontabs",
    "/var/spool/cron",
    "/etc/crontab",
];

pub(super) fn find(scene: &Scene<'_>) -> Part {
    let mut part = Part::default();
    let found = sync(scene);
    match &found {
        Some((timer, service, paths)) => {
            part.line("[config_sync]");
            part.line(format!(
                "units = {}    # paused while a rollout is under way",
                listed(&[timer, service])
            ));
            match paths.is_empty() {
                false => part.line(format!("paths = {}", listed(paths))),
                true => part.ask(
                    "paths = [\"/etc/…\"]",
                    sentence!("which folders does it keep equal?"),
                ),
            }
        }
        None => {
            part.line("# [config_sync]");
            part.ask(
                "units = [\"….timer\", \"….service\"]",
                sentence!(
                    "no timer of this host runs rsync; does anything else copy configuration from node to node?"
                ),
            );
        }
    }
    for (file, line) in cron(scene) {
        part.ask(
            &line,
            sentence!(
                "{} runs rsync: hau pauses units only; make a timer of it if it copies configuration",
                file.display()
            ),
        );
    }
    part
}

/// What it keeps equal; empty if nothing does.
pub(super) fn paths(scene: &Scene<'_>) -> Vec<PathBuf> {
    sync(scene).map(|(_, _, paths)| paths).unwrap_or_default()
}

/// Timer, service and paths.
fn sync(scene: &Scene<'_>) -> Option<(String, String, Vec<PathBuf>)> {
    let timers = scene
        .units
        .iter()
        .filter(|unit| unit.is_local && unit.name.ends_with(".timer"));
    let mut started =
        timers.flat_map(|timer| timer.triggers.iter().map(move |service| (timer, service)));
    started.find_map(|(timer, service)| {
        let lines = lines(scene, scene.unit(service)?);
        if lines.is_empty() {
            return None;
        }
        let words = lines.iter().flat_map(|line| line.split_whitespace());
        let mut paths: Vec<PathBuf> = words
            .map(|word| word.trim_matches(['"', '\'']))
            .filter(|word| {
                word.starts_with("/etc/") || word.starts_with("/opt/") || word.starts_with("/var/")
            })
            .map(|word| PathBuf::from(word.trim_end_matches('/')))
            .filter(|path| scene.machine.exists(path))
            .collect();
        paths.dedup();
        Some((timer.name.clone(), service.clone(), paths))
    })
}

/// The lines with rsync of a service's command, and of the script that it names.
fn lines(scene: &Scene<'_>, service: &Unit) -> Vec<String> {
    let path = service.command.split_once("path=").map(|(_, rest)| rest);
    let path = path
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_default();
    let script = scene.text(Path::new(path));
    let script = if script.starts_with("#!") {
        script
    } else {
        String::new()
    };
    let all = script.lines().chain(service.command.lines());
    let with = all.filter(|line| {
        !line.trim_start().starts_with('#') && line.split([' ', '/']).any(|word| word == PROGRAM)
    });
    with.map(str::to_owned).collect()
}

fn cron(scene: &Scene<'_>) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for place in CRON {
        let names = scene.machine.list(Path::new(place)).unwrap_or_default();
        let inside = names.into_iter().map(|name| Path::new(place).join(name));
        for file in inside.chain([PathBuf::from(place)]) {
            let text = scene.text(&file);
            let lines = text
                .lines()
                .filter(|line| !line.trim_start().starts_with('#') && line.contains(PROGRAM));
            found.extend(lines.map(|line| (file.clone(), line.trim().to_owned())));
        }
    }
    found
}
