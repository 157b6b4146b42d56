//! Tars and age files of the real host: what backups are made of.
use super::{
    HostResult,
    files::{self, failed, parent, sync_dir},
};
use nix::unistd::syncfs;
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Packs files and folders into a tar at `to`, durably. Names are stored without the leading
/// slash, links as links.
pub fn archive(paths: &[PathBuf], to: &Path) -> HostResult<()> {
    pack(paths, to).map_err(failed("archive to", to))
}

fn pack(paths: &[PathBuf], to: &Path) -> io::Result<()> {
    let dir = to.parent().unwrap_or(Path::new("/"));
    let mut out = tempfile::NamedTempFile::new_in(dir)?;
    let mut builder = tar::Builder::new(&mut out);
    builder.follow_symlinks(false);
    for path in paths {
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
    sync_dir(dir)
}

/// Unpacks a tar that `archive` made into the folder `to`, with modes and owners, durably. What
/// was in `to` is gone; nothing is written outside of it.
pub fn unarchive(tar: &Path, to: &Path) -> HostResult<()> {
    files::remove(to)?;
    files::make_dir(to, 0o700)?;
    let unpacked = || {
        let mut archive = tar::Archive::new(File::open(tar)?);
        archive.set_preserve_permissions(true);
        archive.set_preserve_ownerships(true);
        archive.unpack(to)?;
        // All of it at once: a sync for each of thousands of small files takes many times as long.
        syncfs(File::open(to)?)?;
        sync_dir(&parent(to)?)
    };
    unpacked().map_err(failed("unpack", tar))
}

/// Encrypts a file to `recipients` (`age1…`), durably.
pub fn encrypt(file: &Path, to: &Path, recipients: &[String]) -> HostResult<()> {
    let sealed = seal(&files::read(file)?, recipients);
    let sealed = sealed.map_err(|why| failed("encrypt", file)(io::Error::other(why)))?;
    files::write(to, &sealed, 0o600)
}

fn seal(plain: &[u8], recipients: &[String]) -> Result<Vec<u8>, String> {
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

/// Opens what `encrypt` made with the secret half of one of its recipients, as age-keygen writes
/// it (lines that begin with `#` are comments).
///
/// # Errors
/// One sentence. It never repeats a part of the identity.
pub fn decrypt(sealed: &[u8], identity: &str) -> Result<Vec<u8>, String> {
    let lines = identity.lines().map(str::trim);
    let secret = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.parse::<age::x25519::Identity>());
    let keys: Vec<age::x25519::Identity> = secret
        .collect::<Result<_, _>>()
        .map_err(|_| "the identity file holds no AGE-SECRET-KEY-1… line".to_owned())?;
    if keys.is_empty() {
        return Err("the identity file holds no AGE-SECRET-KEY-1… line".to_owned());
    }
    let decryptor = age::Decryptor::new(sealed).map_err(|e| e.to_string())?;
    let mut reader = decryptor
        .decrypt(keys.iter().map(|k| k as &dyn age::Identity))
        .map_err(|e| e.to_string())?;
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).map_err(|e| e.to_string())?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_opens_with_its_identity_and_with_no_other() {
        let secret = age::x25519::Identity::generate();
        let sealed = seal(b"the root key", &[secret.to_public().to_string()]).unwrap();
        let file = |identity: &age::x25519::Identity| {
            use age::secrecy::ExposeSecret;
            format!(
                "# created: today\n{}\n",
                identity.to_string().expose_secret()
            )
        };
        assert_eq!(decrypt(&sealed, &file(&secret)).unwrap(), b"the root key");
        let other = age::x25519::Identity::generate();
        assert!(decrypt(&sealed, &file(&other)).is_err());
        assert!(decrypt(&sealed, "# nothing\n").is_err());
    }
}
