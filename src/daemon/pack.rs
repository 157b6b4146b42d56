//! Packing files into a tar, and sealing one for those who may open it.
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// Files and folders into a tar at `to`, durably.
pub(super) fn archive(paths: &[PathBuf], to: &Path) -> std::io::Result<()> {
    let dir = to.parent().unwrap_or(Path::new("/"));
    let mut out = tempfile::NamedTempFile::new_in(dir)?;
    let mut builder = tar::Builder::new(&mut out);
    builder.follow_symlinks(false);
    for path in paths {
        // Stored without the leading slash, as tar does.
        let name = path.strip_prefix("/").unwrap_or(path);
        if path.is_dir() {
            builder.append_dir_all(name, path)?;
        } else {
            builder.append_path_with_name(path, name)?;
        }
    }
    builder.finish()?;
    drop(builder);
    out.as_file().sync_all()?;
    out.persist(to)?;
    std::fs::File::open(dir)?.sync_all()
}

/// For `recipients`, so that the age tool opens it.
pub(super) fn encrypt(plain: &[u8], recipients: &[String]) -> Result<Vec<u8>, String> {
    let parse = |r: &String| {
        r.parse::<age::x25519::Recipient>()
            .map_err(|e| format!("{r}: {e}"))
    };
    let keys = recipients
        .iter()
        .map(parse)
        .collect::<Result<Vec<_>, _>>()?;
    let refs = keys.iter().map(|k| k as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(refs).map_err(|e| e.to_string())?;
    let mut sealed = Vec::new();
    let mut writer = encryptor
        .wrap_output(&mut sealed)
        .map_err(|e| e.to_string())?;
    writer
        .write_all(plain)
        .and_then(|()| writer.finish().map(drop))
        .map_err(|e| e.to_string())?;
    Ok(sealed)
}
