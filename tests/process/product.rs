//! The product: its signed bundles, and its services, which answer what the release that `current` points to says.
use crate::net::VIP;
use hau::bundle::{KeySet, SigningKey, Statement, build, delta, keygen, public_key_text};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// The private folder of a host, as the host sees it.
pub(crate) const SRV: &str = "/srv";
pub(crate) const API: u16 = 8080;
pub(crate) const WORKER: u16 = 9001;
/// A service of a broken release is well again where this file is.
pub(crate) const MENDED: &str = "mended";

pub(crate) struct Publisher {
    dir: PathBuf,
    key: SigningKey,
    counter: u32,
}

impl Publisher {
    pub(crate) fn new(dir: PathBuf) -> Self {
        fs::create_dir_all(dir.join("out")).unwrap();
        fs::create_dir_all(dir.join("keys")).unwrap();
        let pair = keygen(&dir.join("keys"), "publisher", None).unwrap();
        let key = SigningKey::load(&pair.secret, None).unwrap();
        Self {
            dir,
            key,
            counter: 0,
        }
    }

    pub(crate) fn public_key(&self) -> PathBuf {
        self.dir.join("keys/publisher.pub")
    }

    /// The next version's bundle, and its version.
    pub(crate) fn bundle(&mut self, broken: bool) -> (PathBuf, String) {
        self.made(broken, self.counter + 1, &[])
    }

    /// The next version's, made before this one: with an older counter.
    pub(crate) fn old_bundle(&mut self) -> (PathBuf, String) {
        self.made(false, self.counter - 1, &[])
    }

    /// The next version's, which brings key sets.
    pub(crate) fn bundle_that_brings(&mut self, sets: &[KeySet]) -> (PathBuf, String) {
        self.made(false, self.counter + 1, sets)
    }

    /// Key set 1, of the publisher and a second key, and key set 2 without that.
    pub(crate) fn key_sets(&self) -> [KeySet; 2] {
        let key = |name| public_key_text(&self.dir.join("keys").join(name)).unwrap();
        keygen(&self.dir.join("keys"), "second", None).unwrap();
        let mut keys = BTreeMap::from([
            ("publisher".to_owned(), key("publisher.pub")),
            ("second".to_owned(), key("second.pub")),
        ]);
        [1, 2].map(|number| {
            let mut set = KeySet::new(&Statement {
                format: 1,
                product: "shop".to_owned(),
                number,
                expires: "2099-01-01T00:00:00Z".parse().unwrap(),
                threshold: 1,
                keys: keys.clone(),
            })
            .unwrap();
            keys.remove("second");
            set.sign(&self.key).unwrap();
            set
        })
    }

    fn made(&mut self, broken: bool, counter: u32, sets: &[KeySet]) -> (PathBuf, String) {
        self.counter += 1;
        let version = format!("1.{}.0", self.counter);
        let source = self.dir.join(format!("source-{version}"));
        let head = format!(
            "format = 1\nproduct = \"shop\"\nversion = \"{version}\"\ncounter = {}\n\
             upgrades_from = [\">=1.0.0, <{version}\"]\nexpires = \"2099-01-01T00:00:00Z\"\n",
            counter,
        );
        release(&source, &version, broken);
        fs::write(source.join("manifest.toml"), head).unwrap();
        (
            build(&source, &self.key, sets, &self.dir.join("out")).unwrap(),
            version,
        )
    }

    /// What makes the bundle of `version` where `base` runs.
    pub(crate) fn delta(&self, base: &str, version: &str) -> PathBuf {
        let out = self.dir.join("out");
        let full = |version: &str| out.join(format!("shop-{version}.hau"));
        let to = out.join(format!("shop-{base}-{version}.hau"));
        let (old, new, trusted) = (full(base), full(version), self.key.trusted());
        delta(&old, &new, &self.key, &trusted, &to).unwrap();
        to
    }
}

fn release(dir: &Path, version: &str, broken: bool) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("version"), version).unwrap();
    fs::write(dir.join("payload"), vec![b'x'; 300_000]).unwrap();
    if broken {
        fs::write(dir.join("broken"), "this version answers 500\n").unwrap();
    }
}

/// What a host has before it ever heard of hau. `srv`: its private folder, seen from outside.
pub(crate) fn install(srv: &Path) {
    release(&srv.join("shop/releases/1.0.0"), "1.0.0", false);
    symlink("releases/1.0.0", srv.join("shop/current")).unwrap();
    fs::create_dir_all(srv.join("made")).unwrap();
    fs::write(srv.join("made/1.0.0"), "").unwrap();
    fs::create_dir_all(srv.join("site")).unwrap();
    fs::write(srv.join("site/app.conf"), "colour = blue\n").unwrap();
    write_key(&srv.join("site"), b"the first key");
}

fn write_key(site: &Path, key: &[u8]) {
    let temporary = site.join(".root.key");
    fs::write(&temporary, key).unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(temporary, site.join("root.key")).unwrap();
}

/// The first start of a version makes a root key of its own, as the real product does.
fn key_of(version: &str) -> Vec<u8> {
    let (site, made) = (
        Path::new(SRV).join("site"),
        Path::new(SRV).join("made").join(version),
    );
    if !made.exists() {
        let mut key = [0; 32];
        fs::File::open("/dev/urandom")
            .unwrap()
            .read_exact(&mut key)
            .unwrap();
        write_key(&site, &key);
        fs::write(made, "").unwrap();
    }
    fs::read(site.join("root.key")).unwrap()
}

/// Role `service`: NAME PORT. Ends with the signal that stops it.
pub(crate) fn serve(args: &[String]) {
    let [name, port] = args else {
        panic!("service NAME PORT")
    };
    let release = fs::canonicalize(Path::new(SRV).join("shop/current")).unwrap();
    let version = fs::read_to_string(release.join("version")).unwrap();
    let key = if name == "api" {
        key_of(&version)
    } else {
        Vec::new()
    };
    let key: String = Sha256::digest(key)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let listener = TcpListener::bind(("0.0.0.0", port.parse().unwrap())).unwrap();
    for stream in listener.incoming().flatten() {
        let (release, version, key) = (release.clone(), version.clone(), key.clone());
        thread::spawn(move || answer(stream, &release, &version, &key));
    }
}

fn answer(mut stream: TcpStream, release: &Path, version: &str, key: &str) {
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let mut asked = [0; 1024];
    let Ok(n) = stream.read(&mut asked) else {
        return;
    };
    let asked = String::from_utf8_lossy(&asked[..n]).into_owned();
    let broken = release.join("broken").exists() && !Path::new(SRV).join(MENDED).exists();
    let (status, body) = match asked.split(' ').nth(1) {
        Some("/key") => ("200 OK", key[..16].to_owned()),
        Some("/healthz") if broken => ("500 Broken", "broken".to_owned()),
        _ => ("200 OK", format!("shop {version}")),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    // Who asked may have gone.
    let _ = stream.write_all(answer.as_bytes());
}

pub(crate) const HAU_TOML: &str = r#"
[cluster]
name = "shop"
[nodes.a]
address = "10.77.0.11"
[nodes.b]
address = "10.77.0.12"
[vrrp]
instance = "web"
config = "/srv/keepalived.conf"
[[service]]
name = "worker"
unit = "shop-worker.service"
ports = [9001]
[[service]]
name = "api"
unit = "shop-api.service"
ports = [8080]
via_vip = true
depends_on = ["worker"]
http = [{ url = "http://127.0.0.1:8080/healthz", status = 200, body = "shop" }]
[release]
root = "/srv/shop"
[config_sync]
units = ["config-sync.timer", "config-sync.service"]
paths = ["/srv/site"]
[root_key]
path = "/srv/site/root.key"
shown_by = "http://127.0.0.1:8080/key"
[backup]
dir = "/srv/backups"
config_paths = ["/srv/site"]
recipients = ["age1nsv50qactqal6wa4luj4xq2ff8vjdxjccx94ggw4qa2sgsl4qqxqx85c3d"]
prove = "verify"
[bundle]
incoming = "/srv/incoming"
keys = "/srv/hau/keys"
[limits]
vip_switch = "15s"
start = "15s"
health = "6s"
soak = { checks = 1, within = "1s" }
drain = "10s"
"#;

/// The lab's configuration, so that both are shown with the same one.
pub(crate) fn keepalived_conf(node: &str) -> String {
    include_str!("../lab/files/keepalived-hau.conf.in")
        .replace("@NODE@", node)
        .replace("@PRIORITY@", if node == "a" { "110" } else { "100" })
        .replace("@VIP@", VIP)
        .replace("@PREFIX@", "24")
}
