//! Adds a signature to a bundle that is built: nothing else of it changes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::SIGNATURE;
use super::archive::Archive;
use super::build;
use super::error::BundleError;
use super::keys::{SigningKey, What};
use super::manifest::Manifest;
use super::signed;
use super::source::Source;

/// Signs the manifest of the bundle at `path` with `key`, too, and returns it with the ids of all keys that signed. The file is
/// replaced in one go.
///
/// # Errors
/// If it is no bundle, or signed with this key already.
pub fn countersign(path: &Path, key: &SigningKey) -> Result<(Manifest, Vec<String>), BundleError> {
    let source = Source::open(path)?;
    let mut archive = Archive::new(&source);
    let head = archive.head()?;
    let manifest = source.check(Manifest::parse(&head.manifest))?;
    let mut ids = source.check(signed::claimed(&head.signature))?;
    let failed = |why: String| BundleError::Key {
        path: path.to_owned(),
        why,
    };
    if ids.contains(&key.id()) {
        return Err(failed(format!(
            "{} has signed this bundle already",
            key.id()
        )));
    }
    let comment = build::comment(&manifest);
    let signature = key
        .sign(&head.manifest, What::Manifest, &comment)
        .map_err(failed)?;
    ids.push(key.id());

    let write = |error: io::Error| BundleError::Write {
        path: path.to_owned(),
        source: error,
    };
    let mut text = head.signature;
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(signature.as_bytes());
    let (before, after) = source_range(&source)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new()
        .prefix(".hau-")
        .tempfile_in(folder)
        .map_err(write)?;
    let mut to = BufWriter::new(temporary);
    let copy = |to: &mut BufWriter<_>, at, size| {
        source.stream(at, size, |chunk| Write::write_all(to, chunk).map_err(write))
    };
    copy(&mut to, 0, before)?;
    build::member(&mut to, SIGNATURE, &text).map_err(write)?;
    copy(&mut to, after, source.length - after)?;
    let temporary = to.into_inner().map_err(|error| write(error.into_error()))?;
    let mode = std::fs::metadata(path).map_err(write)?.permissions().mode();
    let file = temporary.as_file();
    file.set_permissions(std::fs::Permissions::from_mode(mode & 0o777))
        .and_then(|()| file.sync_all())
        .map_err(write)?;
    temporary
        .persist(path)
        .map_err(|error| write(error.error))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(write)?;
    Ok((manifest, ids))
}

/// Where the signature's header begins, and where the member after it does.
fn source_range(source: &Source) -> Result<(u64, u64), BundleError> {
    let mut archive = Archive::new(source);
    archive.next_member()?;
    let before = archive.at();
    archive.next_member()?;
    Ok((before, archive.at()))
}
