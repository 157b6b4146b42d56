//! `[root_key]` and `[backup]`: what must come back with a rollback, and who may open it.
use super::{Part, listed, quoted, scene::Scene, sync};
use std::path::PathBuf;

pub(super) fn find(scene: &Scene<'_>) -> Part {
    let mut part = Part::default();
    let paths = sync::paths(scene);
    let keys = keys(scene, &paths);
    let has_key = keys.len() == 1 && !scene.recipients.is_empty();
    match &keys[..] {
        [] => part.line("# [root_key]: no *.key lies in the configuration; if the product encrypts with one, name its path here"),
        [key] if has_key => {
            part.line("[root_key]");
            part.line(format!("path = {}", quoted(&key.to_string_lossy())));
        }
        [key, ..] => {
            let all: Vec<String> = keys.iter().map(|key| key.display().to_string()).collect();
            part.line("# [root_key]");
            part.ask(
                &format!("path = {}", quoted(&key.to_string_lossy())),
                sentence!(
                    "{}: does the product encrypt with it? A backup of it needs a public key of age-keygen: hau-ctl init --recipient age1…",
                    all.join(", ")
                ),
            );
        }
    }
    part.line("");
    part.line("[backup]");
    if paths.is_empty() {
        part.ask(
            "config_paths = [\"/etc/…\"]",
            sentence!("which folders hold the product's configuration?"),
        );
    } else {
        part.line(format!("config_paths = {}", listed(&paths)));
    }
    if !scene.recipients.is_empty() {
        part.line(format!(
            "recipients = {}    # whose secret half opens the root key in a backup",
            listed(&scene.recipients)
        ));
    }
    part
}

fn keys(scene: &Scene<'_>, paths: &[PathBuf]) -> Vec<PathBuf> {
    let inside = paths.iter().flat_map(|path| {
        let names = scene.machine.list(path).unwrap_or_default();
        names.into_iter().map(|name| path.join(name))
    });
    inside
        .filter(|path| path.extension().is_some_and(|end| end == "key"))
        .collect()
}
