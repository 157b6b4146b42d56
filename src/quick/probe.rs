//! Without the daemon: do all ports of the services listen? The kernel's own list says so.
use super::Places;
use crate::host::sockets;
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

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
    let open = sockets::listening();
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

#[cfg(test)]
mod tests {
    use super::*;

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
