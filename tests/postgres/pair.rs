//! Two real PostgreSQL servers in a temporary folder, each configured to stream from the other,
//! and a writer who notes what was committed.
use super::host::PgCtl;
use hau::{
    database::{
        Replica,
        postgres::{Postgres, PostgresConfig},
    },
    host::{Command, Host},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub(crate) const LIMIT: Duration = Duration::from_secs(20);
const PORT: u16 = 5432;
/// The scenarios measure and stop processes: one at a time.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct Node {
    pub(crate) db: Postgres,
    pub(crate) data_dir: PathBuf,
    pub(crate) unit: String,
    pub(crate) dsn: String,
}

impl Node {
    pub(crate) fn sql(&self) -> ::postgres::Client {
        ::postgres::Client::connect(&self.dsn, ::postgres::NoTls).expect("a connection")
    }

    pub(crate) fn count(&self, table: &str) -> i64 {
        let sql = format!("select count(*) from {table}");
        self.sql().query_one(&sql, &[]).expect("a count").get(0)
    }

    pub(crate) fn postmaster(&self) -> nix::unistd::Pid {
        let text = fs::read_to_string(self.data_dir.join("postmaster.pid")).expect("a pidfile");
        nix::unistd::Pid::from_raw(text.lines().next().unwrap().parse().unwrap())
    }
}

pub(crate) struct Pair {
    pub(crate) a: Node,
    pub(crate) b: Node,
    pub(crate) host: Arc<PgCtl>,
    dir: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Pair {
    /// `a` is the primary, `b` streams from it. In memory where that is possible: no scenario
    /// cuts the power.
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            Self::below(memory)
        } else {
            Self::on_disk()
        }
    }

    /// Where the time that an fsync takes is part of what is measured.
    pub(crate) fn on_disk() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(nix::unistd::geteuid().is_root(), "these tests need root");
        let dir = tempfile::Builder::new()
            .prefix("hau-pg-")
            .tempdir_in(parent)
            .unwrap();
        let bin_dir = bin_dir();
        let unit = |name: &str| (format!("pg-{name}.service"), dir.path().join(name));
        let host = Arc::new(PgCtl {
            bin_dir: bin_dir.clone(),
            units: [unit("a"), unit("b")].into(),
        });
        let owner = nix::unistd::User::from_name("postgres").unwrap().unwrap();
        nix::unistd::chown(dir.path(), Some(owner.uid), Some(owner.gid)).unwrap();
        let node = |name: &str| node(dir.path(), name, &host);
        let (a, b) = (node("a"), node("b"));
        let pair = Self {
            a,
            b,
            host,
            dir,
            _turn: turn,
        };
        pair.build();
        pair
    }

    fn build(&self) {
        let (a, b) = (&self.a.data_dir, &self.b.data_dir);
        let path = |p: &Path| p.display().to_string();
        let sockets = [path(a) + ".run", path(b) + ".run"];
        self.tool(
            "initdb",
            &["-D", &path(a), "-U", "hau", "-A", "trust", "--no-sync"],
        );
        for socket in &sockets {
            self.run(Path::new("/usr/bin/mkdir"), &[socket.as_str()]);
        }
        configure(a, &sockets[0], &sockets[1]);
        self.host.start_unit(&self.a.unit, LIMIT).unwrap();
        let dsn = format!("host={} user=hau dbname=postgres", sockets[0]);
        self.until("the shop database is there", || {
            ::postgres::Client::connect(&dsn, ::postgres::NoTls)
                .and_then(|mut sql| sql.batch_execute("create database shop"))
                .is_ok()
        });
        let copy = [
            "-h",
            &sockets[0],
            "-U",
            "hau",
            "-D",
            &path(b),
            "-R",
            "--no-sync",
            "-c",
            "fast",
        ];
        self.tool("pg_basebackup", &copy);
        // pg_basebackup's own primary_conninfo would win over the configured one.
        fs::write(b.join("postgresql.auto.conf"), "").unwrap();
        configure(b, &sockets[1], &sockets[0]);
        self.start(&self.b);
        self.until("b streams", || {
            self.a
                .db
                .replication()
                .is_ok_and(|r| r.streaming && r.lag_bytes.is_some())
        });
    }

    /// The database's system user may write here.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn start(&self, node: &Node) {
        self.host.start_unit(&node.unit, LIMIT).unwrap();
        self.until("the server is up", || node.db.role().is_ok());
    }

    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + LIMIT;
        while !is_so() {
            assert!(
                Instant::now() < end,
                "waited in vain: {what}\n{}",
                self.logs()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn logs(&self) -> String {
        let log = |node: &Node| self.host.unit_log(&node.unit, 15).join("\n");
        format!("log of a:\n{}\nlog of b:\n{}", log(&self.a), log(&self.b))
    }

    pub(crate) fn tool(&self, name: &str, args: &[&str]) {
        self.run(&self.host.bin_dir.join(name), args);
    }

    fn run(&self, program: &Path, args: &[&str]) {
        let output = self
            .host
            .run(&Command {
                program: program.to_owned(),
                args: args.iter().map(|arg| (*arg).to_owned()).collect(),
                user: Some("postgres".into()),
                limit: Duration::from_secs(60),
                ..Command::default()
            })
            .unwrap();
        assert_eq!(
            output.code,
            Some(0),
            "{program:?} {args:?}: {}",
            output.stderr
        );
    }

    /// A writer who follows the primary wherever it is.
    pub(crate) fn writer(&self) -> Writer {
        self.a
            .sql()
            .batch_execute("create table if not exists orders (id bigint primary key)")
            .unwrap();
        let dsn = format!(
            "host={0}.run,{1}.run user=hau dbname=shop target_session_attrs=read-write",
            self.a.data_dir.display(),
            self.b.data_dir.display()
        );
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let thread = thread::spawn(move || write(&dsn, &asked));
        Writer { stop, thread }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for node in [&self.a, &self.b] {
            if node.data_dir.join("postmaster.pid").exists() {
                let _ = nix::sys::signal::kill(node.postmaster(), nix::sys::signal::SIGCONT);
                let args = ["-m", "immediate", "-D"].map(String::from);
                let _ = self.host.run(&Command {
                    program: self.host.bin_dir.join("pg_ctl"),
                    args: args
                        .into_iter()
                        .chain([node.data_dir.display().to_string(), "stop".into()])
                        .collect(),
                    user: Some("postgres".into()),
                    limit: LIMIT,
                    ..Command::default()
                });
            }
        }
    }
}

pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<Written>,
}

pub(crate) struct Written {
    /// Every id whose commit was confirmed.
    pub(crate) committed: Vec<i64>,
    /// From the last confirmed commit to the next, where a connection broke in between.
    pub(crate) gaps: Vec<Duration>,
}

impl Writer {
    pub(crate) fn end(self) -> Written {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn write(dsn: &str, stop: &AtomicBool) -> Written {
    let (mut committed, mut gaps) = (Vec::new(), Vec::new());
    let (mut id, mut last) = (0_i64, Instant::now());
    while !stop.load(Ordering::SeqCst) {
        let Ok(mut client) = ::postgres::Client::connect(dsn, ::postgres::NoTls) else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        let mut first = true;
        while !stop.load(Ordering::SeqCst) {
            id += 1;
            if client
                .execute("insert into orders values ($1)", &[&id])
                .is_err()
            {
                break;
            }
            if first && !committed.is_empty() {
                gaps.push(last.elapsed());
            }
            (first, last) = (false, Instant::now());
            committed.push(id);
            thread::sleep(Duration::from_millis(1));
        }
    }
    Written { committed, gaps }
}

fn node(dir: &Path, name: &str, host: &Arc<PgCtl>) -> Node {
    let data_dir = dir.join(name);
    let unit = format!("pg-{name}.service");
    let dsn = format!("host={}.run user=hau dbname=shop", data_dir.display());
    let config = PostgresConfig {
        dsn: dsn.clone(),
        data_dir: data_dir.clone(),
        unit: unit.clone(),
        os_user: "postgres".into(),
        bin_dir: None,
        may_start: None,
    };
    Node {
        db: Postgres::new(config, host.clone()).unwrap(),
        data_dir,
        unit,
        dsn,
    }
}

fn configure(data_dir: &Path, own: &str, other: &str) {
    let lines = format!(
        "listen_addresses = ''\nport = {PORT}\nunix_socket_directories = '{own}'\n\
         primary_conninfo = 'host={other} port={PORT} user=hau'\nshared_buffers = 32MB\n\
         wal_log_hints = on\nwal_retrieve_retry_interval = 100ms\nwal_keep_size = 256MB\n\
         log_min_messages = warning\ntimezone = UTC\n"
    );
    fs::write(data_dir.join("postgresql.conf"), lines).unwrap();
}

fn bin_dir() -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .expect("these tests need PostgreSQL: apt-get install postgresql-15")
}
