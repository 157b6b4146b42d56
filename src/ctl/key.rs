//! `backup restore-key`: the encrypted root key of a backup, opened where its secret is. The daemon has
//! no part in it.
use super::output::{Output, say};
use super::verbs::Ended;
use crate::backup;
use crate::host::archive;
use crate::wire::{Code, Failure};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{Read, Write},
    path::Path,
};

pub(super) fn restore(folder: &Path, identity: &Path, check: bool, out: Output) -> Ended {
    let lang = out.lang;
    let usage = |what: String, remedy: String| Failure::new(Code::Usage, what, remedy);
    let secret = if identity == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(identity)
    };
    let secret = secret.map_err(|e| {
        let what = say!(lang, "cannot read {}: {}", identity.display(), e);
        usage(what, say!(lang, "name the file that age-keygen wrote"))
    })?;
    let manifest = fs::read(folder.join(backup::MANIFEST)).map_err(|e| e.to_string());
    let manifest = manifest
        .and_then(|m| serde_json::from_slice::<backup::Manifest>(&m).map_err(|e| e.to_string()));
    let no_backup = |why: String| {
        let what = say!(lang, "{} is no backup: {}", folder.display(), why);
        let remedy = say!(
            lang,
            "name the folder of a backup, as /var/lib/hau/backups/backup_…"
        );
        usage(what, remedy)
    };
    let Some((path, info)) = manifest.map_err(no_backup)?.root_key else {
        let what = say!(lang, "{} holds no root key", folder.display());
        let remedy = say!(lang, "[root_key] was not configured when it was made");
        return Err(usage(what, remedy));
    };
    let other = say!(
        lang,
        "try the identity of another recipient; hau-ctl backup verify says whether the file is whole"
    );
    let refused = |what: String| Failure::new(Code::Refused, what, other.as_str());
    let sealed = fs::read(folder.join(backup::KEY)).map_err(|e| refused(e.to_string()))?;
    let plain = archive::decrypt(&sealed, &secret);
    let plain =
        plain.map_err(|why| refused(say!(lang, "{} does not open: {}", backup::KEY, why)))?;
    let digest = Sha256::digest(&plain);
    let hash: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    if hash != info.sha256 {
        let what = say!(
            lang,
            "{} opens, but is not the key that the manifest names",
            backup::KEY
        );
        return Err(refused(what));
    }
    if !check {
        let written = std::io::stdout().write_all(&plain);
        let failed = |e| Failure::new(Code::Failed, say!(lang, "cannot write the key: {}", e), "");
        return written.map(|()| 0).map_err(failed);
    }
    if out.json {
        out.json(&json!({"path": path, "sha256": hash}));
    } else {
        say(&say!(
            lang,
            "the root key opens and is the one that belongs to {} (SHA-256 {})",
            path.display(),
            hash
        ));
    }
    Ok(0)
}
