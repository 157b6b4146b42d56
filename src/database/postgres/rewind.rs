//! A primary that was replaced while it was away goes back to where the new one left it, or is copied
//! anew. Either way it is then a standby that has not been started yet: `rejoin` does that.
use super::{DatabaseResult, Deadline, Postgres, guard, refusal, server::io_error};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// Settings by ALTER SYSTEM: both programs bring the source's own, and this node's stay.
const AUTO_CONF: &str = "postgresql.auto.conf";
/// This node's, put aside: what was cut off between taking and putting back finds it here. Beside the data, for
/// pg_rewind removes what the source has not.
const KEPT: &str = ".hau-auto.conf";
const ANEW: &str = ".hau-new";
const OLD: &str = ".hau-old";

pub(super) fn rewind(db: &Postgres, rebuild: bool, deadline: Deadline) -> DatabaseResult<()> {
    let data = &db.config.data_dir;
    finish_exchange(data)?;
    let source = source(db, deadline)?;
    guard::stop(db, deadline)?;
    let kept = beside(data, KEPT);
    if !kept.exists() {
        done(fs::copy(data.join(AUTO_CONF), &kept), "copy", &kept)?;
    }
    if rebuild {
        copy_anew(db, &source, deadline)?;
    } else {
        take_back(db, &source, deadline)?;
        put_back(&kept, data)?;
    }
    db.write_standby_signal()?;
    done(fs::remove_file(&kept), "remove", &kept)
}

fn take_back(db: &Postgres, source: &str, deadline: Deadline) -> DatabaseResult<()> {
    let mut args = vec!["-D".to_owned(), db.config.data_dir.display().to_string()];
    args.push(format!("--source-server={source} dbname=postgres"));
    // Older ones look for it in the data directory only.
    if let Some(file) = config_file(db).filter(|_| db.major_version().is_ok_and(|v| v >= 15)) {
        args.push(format!("--config-file={file}"));
    }
    db.run_tool("pg_rewind", args, None, deadline.left())
        .map(drop)
        .map_err(|e| {
            let remedy = "mend that and repeat it; hau-ctl rejoin --rebuild copies everything anew";
            refusal(e.what, remedy)
        })
}

/// Into the file that is there: it has the right owner.
fn put_back(kept: &Path, data: &Path) -> DatabaseResult<()> {
    let conf = data.join(AUTO_CONF);
    let own = done(fs::read(kept), "read", kept)?;
    done(fs::write(&conf, own), "write", &conf)
}

/// Beside the old one, which is there until the new one is whole.
fn copy_anew(db: &Postgres, source: &str, deadline: Deadline) -> DatabaseResult<()> {
    let data = &db.config.data_dir;
    let anew = beside(data, ANEW);
    if anew.exists() {
        done(fs::remove_dir_all(&anew), "remove", &anew)?;
    }
    let args = ["-D", &anew.display().to_string(), "-d", source];
    let args = args.iter().map(|arg| (*arg).to_owned());
    let how = ["-X", "stream", "-c", "fast"].map(str::to_owned);
    db.run_tool(
        "pg_basebackup",
        args.chain(how).collect(),
        None,
        deadline.left(),
    )?;
    put_back(&beside(data, KEPT), &anew)?;
    let old = beside(data, OLD);
    done(fs::rename(data, &old), "move away", data)?;
    finish_exchange(data)
}

/// What a power cut left between the two renames, too.
fn finish_exchange(data: &Path) -> DatabaseResult<()> {
    let (anew, old) = (beside(data, ANEW), beside(data, OLD));
    if !old.exists() {
        return Ok(());
    }
    if !data.exists() {
        done(fs::rename(&anew, data), "move", &anew)?;
    }
    done(fs::remove_dir_all(&old), "remove", &old)
}

fn beside(data: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(data);
    name.push(suffix);
    PathBuf::from(name)
}

/// primary_conninfo, asked of a server that is down.
fn source(db: &Postgres, deadline: Deadline) -> DatabaseResult<String> {
    let mut args = vec!["-D".to_owned(), db.config.data_dir.display().to_string()];
    if let Some(file) = config_file(db) {
        args.extend(["-c".to_owned(), format!("config_file={file}")]);
    }
    args.extend(["-C".to_owned(), "primary_conninfo".to_owned()]);
    let said = db.run_tool("postgres", args, None, deadline.left())?;
    let conninfo = said.trim();
    if conninfo.is_empty() || conninfo.contains("password=") {
        return Err(refusal(
            "primary_conninfo is empty or holds a password, which a command line would show",
            "name the other node in it, and a passfile",
        ));
    }
    Ok(conninfo.to_owned())
}

/// Where the configuration lies if not in the data directory: as the server was started last.
fn config_file(db: &Postgres) -> Option<String> {
    let words = fs::read_to_string(db.config.data_dir.join("postmaster.opts")).ok()?;
    let word = words
        .split('"')
        .find_map(|w| w.strip_prefix("config_file="))?;
    Some(word.to_owned())
}

fn done<T>(result: io::Result<T>, action: &str, path: &Path) -> DatabaseResult<T> {
    result.map_err(|e| io_error(action, path, &e))
}
