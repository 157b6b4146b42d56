//! A primary that was replaced while it was away goes back to where the new one left it, or is copied
//! anew. Either way it is then a standby that has not been started yet: `rejoin` does that.
use super::{DatabaseResult, Deadline, Postgres, guard, refusal, server::io_error, transient};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Settings, those by ALTER SYSTEM first, where they lie with the data: both programs bring the source's own, and
/// this node's stay.
const OWN: [&str; 4] = [
    "postgresql.auto.conf",
    "postgresql.conf",
    "pg_hba.conf",
    "pg_ident.conf",
];
/// Between two looks at the source.
const SOURCE_POLL: Duration = Duration::from_millis(200);
const ANEW: &str = ".hau-new";
const OLD: &str = ".hau-old";

pub(super) fn rewind(db: &Postgres, rebuild: bool, deadline: Deadline) -> DatabaseResult<()> {
    let data = &db.config.data_dir;
    finish_exchange(data)?;
    let source = source(db, deadline)?;
    guard::stop(db, deadline)?;
    for (own, kept) in own(data) {
        if own.exists() && !kept.exists() {
            done(fs::copy(&own, &kept), "copy", &kept)?;
        }
    }
    if rebuild {
        copy_anew(db, &source, deadline)?;
    } else {
        wait_for_checkpoint(db, &source, deadline)?;
        take_back(db, &source, deadline)?;
        put_back(data, data)?;
    }
    db.write_standby_signal()?;
    for (_, kept) in own(data).filter(|(_, kept)| kept.exists()) {
        done(fs::remove_file(&kept), "remove", &kept)?;
    }
    Ok(())
}

/// This node's settings, and where they are put aside: what was cut off between taking and putting back finds them
/// there. Beside the data, for pg_rewind removes what the source has not.
fn own(data: &Path) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    OWN.into_iter()
        .map(|name| (data.join(name), beside(data, &format!(".hau-{name}"))))
}

/// The source says which timeline it is on in its control file, as of its last checkpoint. pg_rewind before version 16
/// takes that for the truth: of one that was promoted a moment ago it would see nothing to do. Like pg_rewind it asks
/// nobody for a password.
fn wait_for_checkpoint(db: &Postgres, source: &str, deadline: Deadline) -> DatabaseResult<()> {
    let question = "select lpad(to_hex(timeline_id), 8, '0') = lower(left(pg_walfile_name(pg_current_wal_lsn()), 8)) \
                    from pg_control_checkpoint()";
    let told = deadline.poll(SOURCE_POLL, || {
        let conninfo = format!("{source} dbname=postgres");
        let args = [&conninfo, "-wXAtc", question].map(str::to_owned);
        let user = Some(db.config.os_user.clone());
        let output = db.run_tool_as(user, "psql", args.into(), None, deadline.left())?;
        Ok((output.stdout.trim() == "t").then_some(()))
    })?;
    told.ok_or_else(|| {
        transient(
            "the new primary has not made a checkpoint since it was promoted, and pg_rewind needs it",
            "checkpoint on the other node, then hau-ctl rejoin again",
        )
    })
}

fn take_back(db: &Postgres, source: &str, deadline: Deadline) -> DatabaseResult<()> {
    let mut args = vec!["-D".to_owned(), db.config.data_dir.display().to_string()];
    args.push(format!("--source-server={source} dbname=postgres"));
    // Older ones look for it in the data directory only.
    if let Some(file) = config_file(db).filter(|_| db.major_version().is_ok_and(|v| v >= 15)) {
        args.push(format!("--config-file={file}"));
    }
    // It leaves this in the data directory, and a primary has none.
    let is_rewound = db.config.data_dir.join("backup_label").exists();
    let user = Some(db.config.os_user.clone());
    let output = db.run_tool_as(user, "pg_rewind", args, None, deadline.left());
    let output = output.map_err(|e| {
        let remedy = "mend that and repeat it; hau-ctl rejoin --rebuild copies everything anew";
        refusal(e.what, remedy)
    })?;
    // It sees nothing to do then, and the two are not one.
    if output.stderr.contains("on the same timeline") && !is_rewound {
        return Err(refusal(
            "both databases were promoted to one timeline, each without the other, and pg_rewind does not tell them apart",
            "hau-ctl rejoin --rebuild",
        ));
    }
    Ok(())
}

/// Into the files that came from the source: they have the right owner.
fn put_back(data: &Path, into: &Path) -> DatabaseResult<()> {
    for (name, (_, kept)) in OWN.iter().zip(own(data)) {
        if kept.exists() {
            let (conf, own) = (into.join(name), done(fs::read(&kept), "read", &kept)?);
            done(fs::write(&conf, own), "write", &conf)?;
        }
    }
    Ok(())
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
    put_back(data, &anew)?;
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
