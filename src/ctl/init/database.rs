//! `[database]`: the PostgreSQL that runs here, asked as its own user over its own socket; of a GaussDB what its process tells.
use super::{
    Part, quoted,
    scene::{Listener, Scene, run},
};
use crate::words::Sentence;
use std::path::Path;

/// One line a fact: what it is, what it says.
const QUESTION: &str = "select 'database=' || datname from pg_database where not datistemplate and datname <> 'postgres' \
     union all select 'hau=' || rolsuper from pg_roles where rolname = 'hau' \
     union all select 'conninfo=' || current_setting('primary_conninfo') \
     union all select 'client=' || client_addr from pg_stat_replication where client_addr is not null";

#[derive(Debug)]
pub(super) struct Postgres {
    unit: String,
    data_dir: String,
    socket_dir: String,
    port: u16,
    databases: Vec<String>,
    has_role: bool,
    /// Whom it follows, else who follows it.
    pub(super) peer: Option<String>,
}

pub(super) fn find(scene: &Scene<'_>) -> Part {
    let mut part = Part::default();
    let Some(db) = postgres(scene) else {
        match scene.listeners.iter().find(|one| one.program == "gaussdb") {
            Some(server) => gaussdb(scene, server, &mut part),
            None => {
                part.line("# [database]");
                part.line("# No PostgreSQL or GaussDB listens here: the pair is upgraded without a database.");
            }
        }
        return part;
    };
    part.line("[database]");
    part.line("kind = \"postgres\"");
    let port = if db.port == 5432 {
        String::new()
    } else {
        format!(" port={}", db.port)
    };
    let dsn = |name: &str| {
        format!(
            "dsn = {}",
            quoted(&format!(
                "host={}{port} dbname={name} user=hau",
                db.socket_dir
            ))
        )
    };
    match &db.databases[..] {
        [name] => part.line(dsn(name)),
        others => part.ask(
            &dsn("…"),
            sentence!(
                "which of its databases is the product's? There are: {}",
                others.join(", ")
            ),
        ),
    }
    part.line(format!("data_dir = {}", quoted(&db.data_dir)));
    part.line(format!("unit = {}", quoted(&db.unit)));
    if !db.has_role {
        part.ask(
            "create role hau superuser login",
            sentence!(
                "it has no superuser hau; say this on the primary, and let root in as hau by peer authentication (README, PostgreSQL)"
            ),
        );
    }
    part
}

pub(super) fn postgres<'s>(scene: &'s Scene<'_>) -> Option<&'s Postgres> {
    let look = || {
        let mut listening = scene.listeners.iter();
        look(scene, listening.find(|one| one.program == "postgres")?)
    };
    scene.postgres.get_or_init(look).as_ref()
}

/// What its process tells. It is not asked: its tools want an environment that is the site's own.
fn gaussdb(scene: &Scene<'_>, server: &Listener, part: &mut Part) {
    let told = scene.text(Path::new(&format!("/proc/{}/environ", server.pid)));
    let variable = |name: &str| {
        let pairs = told.split('\0').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
            .next()
    };
    let (data_dir, socket_dir) = place(scene, server).unwrap_or_default();
    part.line("[database]");
    part.line("kind = \"gaussdb\"");
    let dsn = format!("host={socket_dir} port={} dbname=… user=hau", server.port);
    part.ask(
        &format!("dsn = {}", quoted(&dsn)),
        sentence!(
            "which of its databases is the product's? create user hau monadmin there (README, GaussDB)"
        ),
    );
    let mut known = |key: &str, value: Option<String>, question: Sentence| match value {
        Some(value) if !value.is_empty() => part.line(format!("{key} = {}", quoted(&value))),
        Some(_) | None => part.ask(&format!("{key} = \"/…\""), question),
    };
    known(
        "data_dir",
        Some(data_dir),
        sentence!("where does it keep its data?"),
    );
    known(
        "home",
        variable("GAUSSHOME"),
        sentence!("what is $GAUSSHOME of its system user?"),
    );
    known(
        "os_user",
        variable("USER"),
        sentence!("which system user does it run as?"),
    );
}

/// Where its data and its socket are.
fn place(scene: &Scene<'_>, server: &Listener) -> Option<(String, String)> {
    let command = scene.text(Path::new(&format!("/proc/{}/cmdline", server.pid)));
    let mut words = command.split('\0');
    words.find(|word| *word == "-D")?;
    let data_dir = words.next()?.to_owned();
    let pidfile = scene.text(&Path::new(&data_dir).join("postmaster.pid"));
    let socket_dir = pidfile.lines().nth(4).filter(|dir| !dir.is_empty())?;
    Some((data_dir, socket_dir.to_owned()))
}

fn look(scene: &Scene<'_>, server: &Listener) -> Option<Postgres> {
    let (data_dir, socket_dir) = place(scene, server)?;
    let port = server.port.to_string();
    let args = [
        "-XAtq",
        "-h",
        &socket_dir,
        "-p",
        &port,
        "-d",
        "postgres",
        "-c",
        QUESTION,
    ];
    let said = run(scene.machine, "psql", &args, Some("postgres")).unwrap_or_default();
    let told = |key: &str| -> Vec<String> {
        let lines = said.lines().filter_map(|line| line.split_once('='));
        lines
            .filter(|(one, _)| *one == key)
            .map(|(_, value)| value.to_owned())
            .collect()
    };
    let follows = told("conninfo").into_iter().find_map(|conninfo| {
        let mut pairs = conninfo
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(key, _)| *key == "host")
            .map(|(_, host)| host.trim_matches('\'').to_owned())
    });
    Some(Postgres {
        unit: server.unit.clone(),
        data_dir,
        socket_dir,
        port: server.port,
        databases: told("database"),
        has_role: told("hau").iter().any(|is_super| is_super == "true"),
        peer: follows.or_else(|| told("client").into_iter().next()),
    })
}
