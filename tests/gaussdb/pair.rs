//! Two PostgreSQL servers that look like openGauss: the pair of `tests/postgres` with a front (`front/`) before each.
use super::{conforms::until, host::PgCtl, postgres::Pair};
use hau::{
    database::{
        Replica,
        gaussdb::{Gaussdb, GaussdbConfig},
    },
    host::{Command, Host},
};
use nix::fcntl::{Flock, FlockArg};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

pub(crate) const PASSWORD: &str = "Hau@12345";

/// One node: its server, the front before it, and hau's adapter.
pub(crate) struct Member {
    pub(crate) db: Gaussdb,
    pub(crate) home: PathBuf,
    pub(crate) data_dir: PathBuf,
    host: Arc<PgCtl>,
    front: Child,
}

pub(crate) struct Gauss {
    pub(crate) a: Member,
    pub(crate) b: Member,
    pub(crate) pair: Pair,
}

impl Gauss {
    /// `a` is the primary, `b` streams from it.
    pub(crate) fn new() -> Self {
        let pair = Pair::new();
        let home = |data: &Path| data.with_extension("home");
        for (own, other) in [
            (&pair.a.data_dir, &pair.b.data_dir),
            (&pair.b.data_dir, &pair.a.data_dir),
        ] {
            lay_out(&home(own), own, other, &pair.host.bin_dir);
        }
        run(&home(&pair.a.data_dir), "gaussdb-front", &["install"]);
        let member = |data: &PathBuf| Member::new(home(data), data.clone(), &pair.host);
        let gauss = Self {
            a: member(&pair.a.data_dir),
            b: member(&pair.b.data_dir),
            pair,
        };
        gauss.pair.until("both fronts let hau in", || {
            [&gauss.a, &gauss.b]
                .iter()
                .all(|member| member.db.role().is_ok())
        });
        gauss
    }
}

impl Member {
    fn new(home: PathBuf, data_dir: PathBuf, host: &Arc<PgCtl>) -> Self {
        let log = fs::File::create(data_dir.with_extension("front.log")).expect("a log");
        let front = std::process::Command::new(home.join("bin/gaussdb-front"))
            .env("GAUSSHOME", &home)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("the front runs: it needs python3");
        Self {
            db: adapter(&home, &data_dir, PASSWORD, host),
            home,
            data_dir,
            host: host.clone(),
            front,
        }
    }

    /// hau anew, as after a restart of the daemon.
    pub(crate) fn again(&self, password: &str) -> Gaussdb {
        adapter(&self.home, &self.data_dir, password, &self.host)
    }

    /// Replaces a line of front.conf, which the front reads at each connection.
    pub(crate) fn set(&self, key: &str, value: &str) {
        let path = self.home.join("front.conf");
        let text = fs::read_to_string(&path).expect("front.conf");
        let line = |line: &str| {
            let (name, _) = line.split_once(" = ").unwrap_or((line, ""));
            if name == key {
                format!("{key} = {value}")
            } else {
                line.to_owned()
            }
        };
        let lines: Vec<String> = text.lines().map(line).collect();
        let beside = self.home.join("front.conf.new");
        fs::write(&beside, lines.join("\n") + "\n").expect("written");
        fs::rename(beside, path).expect("renamed");
    }

    /// A program of `$GAUSSHOME/bin` as a person of the database would run it: exit code and what it printed.
    pub(crate) fn program(&self, name: &str, args: &[&str]) -> (Option<i32>, String) {
        let home = self.home.display();
        let output = self
            .host
            .run(&Command {
                program: self.home.join("bin").join(name),
                args: args.iter().map(|arg| (*arg).to_owned()).collect(),
                user: Some("postgres".into()),
                env: [
                    ("GAUSSHOME".to_owned(), home.to_string()),
                    ("LD_LIBRARY_PATH".to_owned(), format!("{home}/lib")),
                ]
                .into(),
                limit: Duration::from_secs(120),
                ..Command::default()
            })
            .expect("it runs");
        (output.code, output.stdout + &output.stderr)
    }

    /// The cluster manager takes over: this node is its number `node`.
    pub(crate) fn managed(&self, node: u32) -> Manager {
        self.set("node", &node.to_string());
        let agent = self.home.join("bin/cm_agent");
        // It is known by its name and by where it runs from, so it is an interpreter of that name.
        let python = fs::canonicalize("/usr/bin/python3").expect("python3");
        fs::copy(python, &agent).expect("copied");
        let lib = self.home.join("lib").display().to_string();
        let code = format!(
            "import sys; sys.path.insert(0, {lib:?}); from gaussfront import cmctl; cmctl.watch()"
        );
        let child = std::process::Command::new(agent)
            .args(["-B", "-c", &code])
            .env("GAUSSHOME", &self.home)
            .env("PYTHONHOME", "/usr")
            .stdin(Stdio::null())
            .spawn();
        let manager = Manager(child.expect("the agent runs"));
        // A program that is started goes by its parent's name for some moments.
        let comm = format!("/proc/{}/comm", manager.0.id());
        let is_named = || fs::read_to_string(&comm).is_ok_and(|name| name.trim_end() == "cm_agent");
        until("the agent has its name", is_named);
        manager
    }

    /// gs_ctl, which must end well.
    pub(crate) fn gs_ctl(&self, args: &[&str]) -> String {
        let data = self.data_dir.display().to_string();
        let (code, said) = self.program("gs_ctl", &[args, &["-D", &data]].concat());
        assert_eq!(code, Some(0), "{args:?}: {said}");
        said
    }

    /// No gs_ctl is at work here.
    pub(crate) fn is_free(&self) -> bool {
        let file = fs::File::open(self.data_dir.join("pg_ctl.lock"));
        file.is_ok_and(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.data_dir.with_extension("front.log")).unwrap_or_default()
    }
}

/// The cluster manager's part on one node.
pub(crate) struct Manager(Child);

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.front.kill();
        let _ = self.front.wait();
    }
}

fn adapter(home: &Path, data_dir: &Path, password: &str, host: &Arc<PgCtl>) -> Gaussdb {
    let file = home.join(format!("password-{}", password.len()));
    fs::write(&file, format!("{password}\n")).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("changed");
    let sockets = data_dir.with_extension("gs");
    let config = GaussdbConfig {
        dsn: format!("host={} port=5432 dbname=shop user=hau", sockets.display()),
        password_file: Some(file),
        ca_file: None,
        data_dir: data_dir.to_owned(),
        home: home.to_owned(),
        os_user: "postgres".to_owned(),
        node: data_dir.file_name().expect("a name").display().to_string(),
    };
    Gaussdb::new(config, host.clone()).expect("an adapter")
}

/// `$GAUSSHOME`: the programs, and front.conf with what this node is.
fn lay_out(home: &Path, own: &Path, other: &Path, bin: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gaussdb/front");
    let copied = std::process::Command::new("/usr/bin/cp")
        .arg("-r")
        .args([&source, home])
        .status();
    assert!(copied.expect("cp").success());
    let (own, other, bin) = (own.display(), other.display(), bin.display());
    let lines = format!(
        "[node]\ndata_dir = \"{own}\"\nsocket_dir = \"{own}.gs\"\n\
         [server]\nbin = \"{bin}\"\nsocket_dir = \"{own}.run\"\nlog = \"{own}.log\"\n\
         [auth]\nmethod = \"sha256\"\npasswords = {{ hau = \"{PASSWORD}\" }}\n\
         [ha]\nown = [\"{own}.ha\"]\npeer = \"{other}.ha\"\n\
         peer_conninfo = \"host={other}.run port=5432 user=hau dbname=postgres\"\n\
         [settings]\nmost_available_sync = \"off\"\nrights = \"sysadmin\"\n\
         [cm]\nnode = 0\n\
         [faults]\nswitchover_delay = 0.0\nnever = false\npoll = 0.2\n"
    );
    fs::write(home.join("front.conf"), lines).expect("written");
}

fn run(home: &Path, program: &str, args: &[&str]) {
    let output = std::process::Command::new(home.join("bin").join(program))
        .args(args)
        .env("GAUSSHOME", home)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{program}: {output:?}");
}
