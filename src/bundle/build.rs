//! Makes a bundle out of a folder.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::error::BundleError;
use super::keys::{SigningKey, What};
use super::keyset::KeySet;
use super::manifest::{Digest, FileEntry, Manifest, Mode, toml_line};
use super::{KEYS, MANIFEST, MAX_KEY_SETS, SIGNATURE, names};

/// Builds `PRODUCT-VERSION.hau` in the folder `out` from `folder`: its `manifest.toml` and everything else in it, sorted by path.
///
/// The manifest there has no `[[file]]`, they are computed. It may have a table `[services]`, which the bundle does not:
/// `api = ["app/shop.jar", "lib"]` makes these files, or all below these folders, that service's. The same
/// folder gives the same bytes, but for the signature. The key sets `brings` go with it, for nodes that have an earlier one.
///
/// # Errors
/// If the folder has anything but folders and regular files, or what [`verify`](super::verify()) would refuse.
pub fn build(
    folder: &Path,
    key: &SigningKey,
    brings: &[KeySet],
    out: &Path,
) -> Result<PathBuf, BundleError> {
    let failed = |why: String| BundleError::Build {
        path: folder.to_owned(),
        why,
    };
    let canonical = |path: &Path| {
        path.canonicalize().map_err(|source| BundleError::Read {
            path: path.to_owned(),
            source,
        })
    };
    if canonical(out)?.starts_with(canonical(folder)?) {
        return Err(failed(format!(
            "{} is inside: the next bundle would contain this one",
            out.display()
        )));
    }
    let mut manifest = describe(folder)?;
    let sets = bring(&mut manifest, brings).map_err(failed)?;
    let text = manifest
        .render()
        .map_err(|refusal| failed(refusal.to_string()))?;
    let comment = comment(&manifest);
    let signature = key
        .sign(text.as_bytes(), What::Manifest, &comment)
        .map_err(failed)?;

    let path = out.join(format!("{}-{}.hau", manifest.product, manifest.version));
    let write_error = |source| BundleError::Write {
        path: path.clone(),
        source,
    };
    let temporary = tempfile::Builder::new()
        .prefix(".hau-")
        .tempfile_in(out)
        .map_err(write_error)?;
    let mut tar = tar::Builder::new(BufWriter::new(temporary));
    let head = [(MANIFEST, &text), (SIGNATURE, &signature), (KEYS, &sets)];
    for (name, text) in head.into_iter().filter(|(_, text)| !text.is_empty()) {
        append(&mut tar, name, 0o644, text.len() as u64, text.as_bytes()).map_err(write_error)?;
    }
    for file in &manifest.file {
        append_file(&mut tar, folder, file, write_error)?;
    }
    let finish = || {
        tar.into_inner()?
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
    };
    publish(finish().map_err(write_error)?, &path, out).map_err(write_error)?;
    Ok(path)
}

/// What a signature says it is over; `minisign -V` shows it.
pub(super) fn comment(manifest: &Manifest) -> String {
    format!(
        "{} {} counter {}",
        manifest.product, manifest.version, manifest.counter
    )
}

/// The text of the key sets `brings`; the manifest names the last one.
fn bring(manifest: &mut Manifest, brings: &[KeySet]) -> Result<String, String> {
    for pair in brings.windows(2) {
        pair[1].follows(&pair[0]).map_err(|why| why.to_string())?;
    }
    if let Some(last) = brings.last() {
        last.is_whole().map_err(|why| why.to_string())?;
        manifest.key_set = Some(last.number());
    }
    let text: String = brings.iter().map(KeySet::to_text).collect();
    if text.len() as u64 > MAX_KEY_SETS {
        return Err(format!("its key sets are longer than {MAX_KEY_SETS} bytes"));
    }
    Ok(text)
}

/// Gives the file its name, on disk.
pub(super) fn publish(temporary: NamedTempFile, path: &Path, out: &Path) -> io::Result<()> {
    temporary
        .as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    File::open(out)?.sync_all()
}

/// The manifest of `folder`, files included.
fn describe(folder: &Path) -> Result<Manifest, BundleError> {
    let failed = |why: String| BundleError::Build {
        path: folder.to_owned(),
        why,
    };
    let (mut manifest, services) = read_source(folder)?;
    let mut paths = Vec::new();
    walk(folder, "", &mut paths)?;
    paths.sort();
    for path in paths {
        manifest.file.push(entry(folder, &path, &services)?);
    }
    let there = |place: &String| manifest.file.iter().any(|file| covers(place, &file.path));
    if let Some(place) = services.values().flatten().find(|place| !there(place)) {
        return Err(failed(format!(
            "its [services] name {place}, which is not there"
        )));
    }
    let executable = |path: &String| {
        manifest
            .file
            .iter()
            .any(|file| file.path == *path && file.mode.on_disk() & 0o100 != 0)
    };
    if let Some(hook) = manifest.hooks.values().find(|path| !executable(path)) {
        return Err(failed(format!(
            "the hook {hook} is missing or not executable"
        )));
    }
    Ok(manifest)
}

type Services = BTreeMap<String, Vec<String>>;

fn read_source(folder: &Path) -> Result<(Manifest, Services), BundleError> {
    let path = folder.join(MANIFEST);
    let failed = |why: String| BundleError::Build {
        path: path.clone(),
        why,
    };
    let text = fs::read_to_string(&path).map_err(|source| BundleError::Read {
        path: path.clone(),
        source,
    })?;
    let mut table: toml::Table = text
        .parse()
        .map_err(|error| failed(toml_line(&text, &error)))?;
    if table.contains_key("file") {
        return Err(failed(
            "it has [[file]] entries; leave them out, they are computed".to_owned(),
        ));
    }
    let services = table
        .remove("services")
        .map(toml::Value::try_into::<Services>)
        .transpose();
    let services = services.map_err(|error| failed(format!("services: {}", error.message())))?;
    let manifest = table
        .try_into()
        .map_err(|error: toml::de::Error| failed(error.message().to_owned()))?;
    Ok((manifest, services.unwrap_or_default()))
}

fn walk(root: &Path, below: &str, paths: &mut Vec<String>) -> Result<(), BundleError> {
    let folder = root.join(below);
    let read = |source| BundleError::Read {
        path: folder.clone(),
        source,
    };
    for item in fs::read_dir(&folder).map_err(read)? {
        let item = item.map_err(read)?;
        let failed = |why: &str| BundleError::Build {
            path: item.path(),
            why: why.to_owned(),
        };
        let name = item.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| failed("its name is not UTF-8"))?;
        let path = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        let kind = item.file_type().map_err(read)?;
        if kind.is_dir() {
            walk(root, &path, paths)?;
        } else if !kind.is_file() {
            return Err(failed(
                "it is neither a file nor a folder: links and devices cannot be in a bundle",
            ));
        } else if [SIGNATURE, KEYS].contains(&path.as_str()) {
            return Err(failed(
                "it has the name of the signature or the key sets, which are put there here",
            ));
        } else if path != MANIFEST {
            names::check_path(path.as_bytes()).map_err(|refusal| failed(&refusal.to_string()))?;
            paths.push(path);
        }
    }
    Ok(())
}

fn entry(folder: &Path, path: &str, services: &Services) -> Result<FileEntry, BundleError> {
    let full = folder.join(path);
    let read = |source| BundleError::Read {
        path: full.clone(),
        source,
    };
    let file = open(&full).map_err(read)?;
    let mode = file.metadata().map_err(read)?.mode();
    if mode & 0o6000 != 0 {
        return Err(BundleError::Build {
            path: full,
            why: "it is setuid or setgid".to_owned(),
        });
    }
    let mut owners = services
        .iter()
        .filter(|(_, places)| places.iter().any(|place| covers(place, path)));
    let service = owners.next().map(|(service, _)| service.clone());
    if let (Some(one), Some((other, _))) = (&service, owners.next()) {
        return Err(BundleError::Build {
            path: full,
            why: format!("it belongs to two services, {one} and {other}"),
        });
    }
    let mut hashing = Hashing {
        from: file,
        hash: Sha256::new(),
        count: 0,
    };
    io::copy(&mut hashing, &mut io::sink()).map_err(read)?;
    Ok(FileEntry {
        path: path.to_owned(),
        size: hashing.count,
        mode: Mode::new(Mode::new(mode & 0o777).on_disk()),
        sha256: Digest::of(hashing.hash),
        service,
    })
}

/// `place` is the file `path`, or a folder that it is in.
fn covers(place: &str, path: &str) -> bool {
    let rest = path.strip_prefix(place.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn append_file<W: Write>(
    tar: &mut tar::Builder<W>,
    folder: &Path,
    entry: &FileEntry,
    write_error: impl Fn(io::Error) -> BundleError,
) -> Result<(), BundleError> {
    let full = folder.join(&entry.path);
    let file = open(&full).map_err(|source| BundleError::Read {
        path: full.clone(),
        source,
    })?;
    let mut hashing = Hashing {
        from: file.take(entry.size),
        hash: Sha256::new(),
        count: 0,
    };
    append(
        tar,
        &entry.path,
        entry.mode.on_disk(),
        entry.size,
        &mut hashing,
    )
    .map_err(write_error)?;
    if hashing.count != entry.size || Digest::of(hashing.hash) != entry.sha256 {
        return Err(BundleError::Build {
            path: full,
            why: "it changed while the bundle was built".to_owned(),
        });
    }
    Ok(())
}

/// A bundle of a manifest, its signature and one file: a delta.
pub(super) fn write_one(
    (manifest, signature): (&str, &str),
    file: &FileEntry,
    bytes: &[u8],
    to: &Path,
) -> io::Result<()> {
    let out = match to.parent() {
        Some(out) if out != Path::new("") => out,
        Some(_) | None => Path::new("."),
    };
    let temporary = tempfile::Builder::new().prefix(".hau-").tempfile_in(out)?;
    let mut tar = tar::Builder::new(BufWriter::new(temporary));
    for (name, text) in [(MANIFEST, manifest), (SIGNATURE, signature)] {
        append(&mut tar, name, 0o644, text.len() as u64, text.as_bytes())?;
    }
    append(&mut tar, &file.path, file.mode.on_disk(), file.size, bytes)?;
    let temporary = tar.into_inner()?.into_inner();
    publish(temporary.map_err(io::IntoInnerError::into_error)?, to, out)
}

/// One member, header and padded body, as [`build`] writes it.
pub(super) fn member(to: &mut impl Write, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, path, 0o644, bytes.len() as u64, bytes)?;
    // Without the end of the archive, which is not here.
    to.write_all(tar.get_ref())
}

/// Time and owner are fixed: they carry no meaning, and the same input gives the same bundle.
pub(super) fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    path: &str,
    mode: u32,
    size: u64,
    from: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    tar.append_data(&mut header, path, from)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)
}

struct Hashing<R> {
    from: R,
    hash: Sha256,
    count: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        self.hash.update(&to[..count]);
        self.count += count as u64;
        Ok(count)
    }
}
