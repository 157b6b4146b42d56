//! Without the daemon: do all ports of the services listen? The kernel's own list says so.
use super::Places;
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

const LISTEN: &str = "0A";

/// True when every port listens.
///
/// # Errors
/// The port that does not.
pub(super) fn all_listen(places: &Places) -> Result<bool, String> {
    let Some(ports) = ports(places) else {
        // Nobody can say what is wrong here: the VIP stays where it is.
        eprintln!(
            "hau-sidecar check: neither {} nor {} can be read: taken for fit",
            cache(places).display(),
            places.config.display()
        );
        return Ok(true);
    };
    let open = listening(Path::new("/proc/net"));
    match ports.difference(&open).next() {
        None => Ok(true),
        Some(port) => Err(format!("nothing listens on port {port}")),
    }
}

/// The ports of all services, one a line: written by the daemon whenever it reads its configuration.
fn cache(places: &Places) -> PathBuf {
    places.run.join("ports")
}

fn ports(places: &Places) -> Option<BTreeSet<u16>> {
    if let Ok(text) = fs::read_to_string(cache(places)) {
        let read: Result<_, _> = text.lines().map(str::parse).collect();
        if let Ok(ports) = read {
            return Some(ports);
        }
    }
    configured(&places.config)
}

/// Reads no more than it needs: a mistake elsewhere in the file must not cost the VIP.
#[derive(Default, Deserialize)]
struct Config {
    service: Option<Vec<Service>>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    ports: Vec<u16>,
}

fn configured(path: &Path) -> Option<BTreeSet<u16>> {
    let mut drop_ins = path.as_os_str().to_owned();
    drop_ins.push(".d");
    let entries = fs::read_dir(drop_ins).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let read = |file: &Path| {
        let text = fs::read_to_string(file).ok()?;
        toml::from_str::<Config>(&text).ok()?.service
    };
    // A list in a drop-in takes the place of the whole list.
    let last = files.iter().rev().find_map(|file| read(file));
    let services = last.or_else(|| read(path))?;
    Some(services.into_iter().flat_map(|s| s.ports).collect())
}

fn listening(net: &Path) -> BTreeSet<u16> {
    let lines = ["tcp", "tcp6"]
        .into_iter()
        .filter_map(|file| File::open(net.join(file)).ok())
        .flat_map(|file| BufReader::new(file).lines().map_while(Result::ok));
    lines.filter_map(|line| listening_port(&line)).collect()
}

/// `sl local_address rem_address st …`, addresses as hex `ADDRESS:PORT`.
fn listening_port(line: &str) -> Option<u16> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (_, port) = words.next()?.rsplit_once(':')?;
    let state = words.nth(1)?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (state == LISTEN).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n   \
        1: 0100007F:2329 0100007F:D431 01 00000000:00000000\n";
    const TCP6: &str = "  sl  local_address                         remote_address        st\n   \
        0: 00000000000000000000000000000000:2329 00000000000000000000000000000000:0000 0A 0:0\n";

    #[test]
    fn only_listening_sockets_count() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tcp"), TCP).unwrap();
        assert_eq!(listening(dir.path()), BTreeSet::from([8080]));
        fs::write(dir.path().join("tcp6"), TCP6).unwrap();
        assert_eq!(listening(dir.path()), BTreeSet::from([8080, 9001]));
    }

    #[test]
    fn the_cache_goes_before_the_configuration_and_rubbish_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("hau.toml");
        let places = Places {
            config: config.clone(),
            run: dir.path().to_owned(),
            ..Places::default()
        };
        assert_eq!(ports(&places), None);
        fs::write(
            &config,
            "new_key = 1\n[[service]]\nports = [1, 2]\n[[service]]\n",
        )
        .unwrap();
        assert_eq!(ports(&places), Some(BTreeSet::from([1, 2])));
        let drop_ins = dir.path().join("hau.toml.d");
        fs::create_dir(&drop_ins).unwrap();
        fs::write(drop_ins.join("10-a.toml"), "[[service]]\nports = [3]\n").unwrap();
        fs::write(drop_ins.join("20-b.toml"), "[limits]\nhealth = \"5s\"\n").unwrap();
        assert_eq!(ports(&places), Some(BTreeSet::from([3])));
        fs::write(cache(&places), "x\n").unwrap();
        assert_eq!(ports(&places), Some(BTreeSet::from([3])));
        fs::write(cache(&places), "4\n5\n").unwrap();
        assert_eq!(ports(&places), Some(BTreeSet::from([4, 5])));
    }
}
