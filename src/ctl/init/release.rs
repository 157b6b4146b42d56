//! `[release]`: where the product's versions lie, as the command lines of its units say.
use super::{Part, quoted, scene::Scene, services};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

const CURRENT: &str = "/current/";

pub(super) fn find(scene: &Scene<'_>) -> Part {
    let mut part = Part::default();
    part.line("[release]");
    match root(scene) {
        Some(root) => part.line(format!("root = {}", quoted(&root.to_string_lossy()))),
        None => part.ask(
            "root = \"/opt/…\"",
            sentence!(
                "where do the versions lie? ROOT/releases/VERSION, with a link ROOT/current to one of them"
            ),
        ),
    }
    let users: BTreeSet<&str> = services::ours(scene)
        .iter()
        .map(|unit| unit.user.as_str())
        .collect();
    let user = users
        .first()
        .filter(|user| users.len() == 1 && !matches!(**user, "" | "root"));
    match user {
        Some(user) => {
            let user = quoted(user);
            part.line(format!(
                "user = {user}    # hooks of a bundle run as the services do"
            ));
        }
        None => part.ask(
            "user = \"…\"",
            sentence!(
                "whom may hooks of a bundle run as? Without it a bundle with hooks is refused"
            ),
        ),
    }
    part
}

/// The folder with the link `current` that a unit is started through.
pub(super) fn root(scene: &Scene<'_>) -> Option<PathBuf> {
    let words = scene
        .units
        .iter()
        .flat_map(|unit| unit.command.split([' ', ';', ':', '=']));
    let mut roots = words.filter_map(|word| {
        let (root, _) = word.split_once(CURRENT)?;
        let root = PathBuf::from(root);
        (root.is_absolute() && scene.machine.exists(&root.join("releases"))).then_some(root)
    });
    roots.next()
}

pub(super) fn product(root: &Path) -> &str {
    root.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("product")
}
