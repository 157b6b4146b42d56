//! The pair that every simulated rollout runs on: what is configured and what lies on the disks.
use hau::config::Settings;
use hau::core::{Details, Kind, NodeId, Row};
use hau::database::fake::{Cluster, FakeDatabase};
use hau::host::fake::{FakeBundle, FakeHost, FakeUnit, PeerAsk};
use hau::host::{BundleInfo, Host, HostError, HttpAnswer};
use hau::keepalived::levels::{Levels, NodeWeights};
use hau::time::Time;
use hau::{checks, steps, sync};
use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub(crate) const FROM: &str = "1.0.0";
pub(crate) const TO: &str = "2.0.0";
pub(crate) const STATE: &str = "/var/lib/hau";
pub(crate) const WEIGHT: &str = "/run/hau/track/weight";
pub(crate) const BUNDLE: &str = "/var/lib/hau/incoming/shop-2.0.0.hau";
pub(crate) const KEY: &str = "/etc/shop/root.key";
pub(crate) const JAR: &str = "/opt/shop/releases/2.0.0/app.jar";
/// In the folder that the release is put into, and in no release.
pub(crate) const DATA: &str = "/srv/shop/hooks/data";
pub(crate) const SERVICES: [&str; 2] = ["shop-worker.service", "shop-api.service"];
pub(crate) const TIMER: &str = "config-sync.timer";
pub(crate) const SYNC: &str = "config-sync.service";
pub(crate) const URL: &str = "http://127.0.0.1:8080/healthz";
pub(crate) const FENCE: &str = "/usr/local/sbin/fence-peer";
pub(crate) const HOOKS: [&str; 4] = ["engine", "before_stop", "after_activate", "after_start"];
pub(crate) const CHECK_WEIGHT: i32 = -40;
pub(crate) const BASES: [i32; 2] = [110, 100];

const TOML: &str = r#"
[cluster]
name = "shop"
[nodes.a]
address = "10.77.0.11"
[nodes.b]
address = "10.77.0.12"
[vrrp]
instance = "web"
[[service]]
name = "worker"
unit = "shop-worker.service"
ports = [9001]
uses_database = false
[[service]]
name = "api"
unit = "shop-api.service"
ports = [8080]
via_vip = true
depends_on = ["worker"]
http = [{ url = "http://127.0.0.1:8080/healthz", status = 200, body = "ok" }]
[release]
root = "/opt/shop"
in_place = "/srv/shop"
user = "shop"
[database]
kind = "postgres"
dsn = "dbname=shop"
data_dir = "/var/lib/postgresql/15/main"
unit = "postgresql.service"
failover = "auto"
rejoin = "auto"
[fence]
command = ["/usr/local/sbin/fence-peer", "{node}"]
[config_sync]
units = ["config-sync.timer", "config-sync.service"]
paths = ["/etc/shop"]
[root_key]
path = "/etc/shop/root.key"
[backup]
prove = "restore"
config_paths = ["/etc/shop", "/srv/shop/conf"]
recipients = ["age1nsv50qactqal6wa4luj4xq2ff8vjdxjccx94ggw4qa2sgsl4qqxqx85c3d"]
[limits]
node_upgrade = "2m"
start = "40s"
soak = { checks = 3, within = "3s" }
backup = "1m"
schema = "1m"
"#;

/// What does not change from one rollout to the next.
pub(crate) struct Site {
    pub(crate) settings: Settings,
    pub(crate) vips: [IpAddr; 1],
    pub(crate) state: PathBuf,
    pub(crate) nodes: [NodeId; 2],
    pub(crate) levels: [Levels; 2],
    pub(crate) info: BundleInfo,
    pub(crate) details: Arc<Details>,
}

pub(crate) fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| {
        let settings = Settings::parse(Path::new("hau.toml"), TOML).expect("valid");
        let level = |own, other| {
            let weights = |base| NodeWeights { base };
            Levels::compute(weights(own), weights(other), CHECK_WEIGHT).expect("fits")
        };
        Site {
            settings,
            vips: ["10.77.0.10".parse().expect("an address")],
            state: PathBuf::from(STATE),
            nodes: [NodeId("a".into()), NodeId("b".into())],
            levels: [level(BASES[0], BASES[1]), level(BASES[1], BASES[0])],
            info: bundle(b"the new version").info,
            details: Arc::default(),
        }
    })
}

/// The rows of a plan, as the daemon makes them; `dump`: of a rollback that restores the database.
pub(crate) fn rows(kind: Kind, first: usize, dump: bool) -> Vec<Row> {
    static ROWS: OnceLock<[[[Vec<Row>; 2]; 2]; KINDS.len()]> = OnceLock::new();
    let all = ROWS.get_or_init(|| {
        let s = site();
        let made = |kind, first: usize, dump| {
            let bundle = (kind == Kind::Upgrade).then_some(&s.info);
            let content = steps::Content { bundle, dump };
            let (first, second) = (&s.nodes[first], &s.nodes[1 - first]);
            steps::rows(kind, &s.settings, content, first, second)
        };
        KINDS.map(|kind| [0, 1].map(|first| [false, true].map(|dump| made(kind, first, dump))))
    });
    let n = KINDS.iter().position(|k| *k == kind).expect("a kind");
    all[n][first][usize::from(dump)].clone()
}

pub(crate) const KINDS: [Kind; 4] = [
    Kind::Upgrade,
    Kind::Switch,
    Kind::Rollback,
    Kind::RollbackNode,
];

pub(crate) fn bundle(jar: &[u8]) -> FakeBundle {
    let info = BundleInfo {
        version: TO.to_owned(),
        counter: 2,
        sha256: "5ha".to_owned(),
        size_bytes: 1000,
        payload_bytes: 5000,
        schema_compatible: true,
        schema: vec![PathBuf::from("schema/1.sql")],
        hooks: HOOKS
            .map(|hook| (hook.to_owned(), PathBuf::from(format!("hooks/{hook}"))))
            .into(),
    };
    let file = |name: &str, bytes: &[u8]| (PathBuf::from(name), (bytes.to_vec(), 0o644));
    let files = [
        file("app.jar", jar),
        file("conf/app.conf", b"as delivered"),
        file("schema/1.sql", b"alter table orders add note text"),
    ];
    let hooks = HOOKS.map(|hook| file(&format!("hooks/{hook}"), b"a program"));
    let files = files.into_iter().chain(hooks);
    let (product, upgrades_from) = ("shop".to_owned(), BTreeSet::new());
    FakeBundle {
        product,
        info,
        upgrades_from,
        expires: Time(u64::MAX),
        files: files.collect(),
    }
}

/// Which node's sidecar answers its peer right now, and whether the bundle can be fetched.
#[derive(Default)]
pub(crate) struct Link {
    pub(crate) answers: [AtomicBool; 2],
    pub(crate) can_fetch: AtomicBool,
}

pub(crate) struct Pair {
    pub(crate) hosts: [Arc<FakeHost>; 2],
    pub(crate) databases: [FakeDatabase; 2],
    pub(crate) link: Arc<Link>,
}

/// Two healthy hosts; `primary` has the VIP's database, `asked` alone holds the bundle.
pub(crate) fn pair(primary: usize, asked: usize) -> Pair {
    let hosts = [host(0), host(1)];
    hosts[asked].edit(|w| {
        w.add_bundle(Path::new(BUNDLE), bundle(b"the new version"))
            .expect("fits")
    });
    let known = hosts[asked].edit(|w| w.bundles.clone());
    hosts[1 - asked].edit(|w| w.bundles = known);
    let link = Arc::new(Link::default());
    link.can_fetch.store(true, Ordering::Relaxed);
    for n in 0..2 {
        // Weak: two hosts that hold each other would outlive their rollout, and there are a million of them.
        let (other, link) = (Arc::downgrade(&hosts[1 - n]), link.clone());
        let answer = move |ask: PeerAsk<'_>| answer(&other.upgrade(), &link, 1 - n, ask);
        hosts[n].edit(|w| w.peer = Some(Arc::new(answer)));
    }
    let cluster = Arc::new(Mutex::new(Cluster::new(primary)));
    let database = |n: usize| FakeDatabase::new(cluster.clone(), hosts[n].clone(), n);
    Pair {
        databases: [database(0), database(1)],
        hosts,
        link,
    }
}

fn answer(
    other: &Option<Arc<FakeHost>>,
    link: &Link,
    n: usize,
    ask: PeerAsk<'_>,
) -> Result<Vec<u8>, HostError> {
    let lost = || HostError::new("ask", "the other node", "it is not reachable");
    let other = other.as_deref().ok_or_else(lost)?;
    if !link.answers[n].load(Ordering::Relaxed) {
        return Err(lost());
    }
    match ask {
        PeerAsk::Bundle(_) if !link.can_fetch.load(Ordering::Relaxed) => Err(lost()),
        PeerAsk::Bundle(_) => other.read(Path::new(BUNDLE)),
        PeerAsk::Thing(checks::IDENTITY) => Ok(b"one".to_vec()),
        PeerAsk::Thing(checks::CLOCK) => Ok(other.now().0.to_string().into_bytes()),
        PeerAsk::Thing(thing) => {
            let listing = sync::listing(other, &site().settings)?;
            let Some(hash) = thing.strip_prefix(sync::FILE) else {
                return serde_json::to_vec(&listing)
                    .map_err(|e| HostError::new("list", "files", e));
            };
            let found = listing.iter().find(|(_, file)| file.sha256 == hash);
            other.read(found.ok_or_else(lost)?.0)
        }
    }
}

fn host(n: usize) -> Arc<FakeHost> {
    let host = Arc::new(FakeHost::new());
    let put = |path: &str, text: &str, mode: u32| {
        let path = Path::new(path);
        host.make_dir(path.parent().expect("absolute"), 0o755)
            .expect("a folder");
        host.write(path, text.as_bytes(), mode).expect("a file");
    };
    let write = |path: &str, text: &str| put(path, text, 0o644);
    write("/opt/shop/releases/1.0.0/app.jar", "the old version");
    write("/srv/shop/app.jar", "the old version");
    write(DATA, "an order\n");
    write("/srv/shop/conf/app.conf", "of the site");
    write("/etc/shop/shop.conf", "threads = 4\n");
    write(KEY, "the root key");
    write("/etc/hau/keys/site.pub", "a key");
    put(FENCE, "a program", 0o755);
    write(WEIGHT, "0\n");
    write("/var/lib/hau/incoming/readme", "");
    write("/var/lib/hau/staging/readme", "");
    write("/var/lib/hau/backups/readme", "");
    let root = Path::new("/opt/shop");
    host.link(Path::new("releases/1.0.0"), &root.join("current"))
        .expect("a link");
    host.edit(|w| {
        w.free_bytes = 1 << 40;
        for (unit, port) in SERVICES.iter().zip([9001, 8080]) {
            let mut unit_is = FakeUnit::running(&[port]);
            unit_is.ready_after = Duration::from_millis(600 + 200 * n as u64);
            w.units.insert((*unit).to_owned(), unit_is);
        }
        w.units.insert(TIMER.to_owned(), FakeUnit::running(&[]));
        w.units.insert(SYNC.to_owned(), FakeUnit::default());
        w.units
            .insert("keepalived.service".to_owned(), FakeUnit::running(&[]));
        w.http.insert(
            URL.to_owned(),
            HttpAnswer {
                status: 200,
                body: "ok".to_owned(),
            },
        );
    });
    host
}
