//! The folder of a product that cannot live behind a link: is it fit, and is it as the current release is?
use super::Site;
use crate::bundle::{Place, PlaceError};
use crate::host::Finding;

pub(super) fn in_place(site: &Site<'_>) -> Vec<Finding> {
    let release = &site.settings.release;
    let Some(folder) = release.in_place.as_deref() else {
        return Vec::new();
    };
    // What "release" says of the link is not said twice.
    let Some(target) = site.host.link_target(&release.root.join("current")) else {
        return Vec::new();
    };
    let key = site.settings.root_key.iter().map(|key| key.path.as_path());
    let place = Place {
        host: site.host,
        folder,
        spared: key.collect(),
    };
    let todo = match place.todo(&release.root.join(&target), None) {
        Ok(todo) => todo,
        Err(PlaceError::Refused { what, remedy }) => {
            return vec![Finding::fail("in_place", what, remedy)];
        }
        Err(PlaceError::Host(e)) => {
            let remedy = told!("mend that: files of the release are read there");
            return vec![Finding::fail("in_place", e.to_string(), remedy)];
        }
    };
    vec![match todo.files.keys().next() {
        None => Finding::pass(
            "in_place",
            told!(
                "{} holds {} file for file",
                folder.display(),
                target.display()
            ),
        ),
        Some(first) => Finding::warn(
            "in_place",
            told!(
                "{} files in {} are not as {} has them, {} for one",
                todo.files.len(),
                folder.display(),
                target.display(),
                first.display()
            ),
            told!(
                "the next upgrade replaces them, and no rollback brings them back: what the site changes belongs into files that no release has, what the release lacks into its folder"
            ),
        ),
    }]
}
