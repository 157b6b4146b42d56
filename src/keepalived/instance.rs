//! What the words of keepalived.conf mean: one VRRP instance, the files and scripts it tracks, the global settings.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::conf::{ConfError, Item, Tree};
use read::{instance, millis, number, reversed};

mod read;

/// A virtual address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vip {
    pub addr: IpAddr,
    pub prefix: u8,
    pub dev: String,
}

/// A tracker as an instance uses it: its weight there, its sign not yet applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    pub name: String,
    /// −254…254; as given here, else in the definition, else keepalived's default.
    pub weight: i32,
    pub reverse: bool,
}

/// The sync group an instance is a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncGroup {
    pub name: String,
    pub members: Vec<String>,
    /// `sync_group_tracking_weight` or `global_tracking`: without it members lose the weights of their own trackers.
    pub tracking_weight: bool,
    pub track_files: Vec<Tracked>,
    pub track_scripts: Vec<Tracked>,
    pub notifies: Vec<Notify>,
}

/// A notify script: on what, and what is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// `notify`, `notify_master`, …
    pub on: String,
    pub command: String,
    pub at: super::conf::Place,
}

/// One `vrrp_instance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub name: String,
    /// 1…255, keepalived's default 100.
    pub priority: i32,
    /// The configured initial state is MASTER.
    pub state_master: bool,
    pub interface: String,
    pub advert_int_ms: u32,
    /// As written: version 2 takes whole seconds only.
    pub advert_int: String,
    /// 2 or 3.
    pub version: u8,
    pub virtual_router_id: u8,
    pub vips: Vec<Vip>,
    pub unicast_peers: Vec<IpAddr>,
    pub nopreempt: bool,
    pub preempt_delay_ms: u32,
    pub track_files: Vec<Tracked>,
    pub track_scripts: Vec<Tracked>,
    pub track_interfaces: Vec<Tracked>,
    pub notifies: Vec<Notify>,
    pub garp_master_delay: u32,
    pub garp_master_refresh: u32,
    pub higher_prio_send_advert: bool,
    pub auth_ah: bool,
    /// Here or for all: each change of priority goes to the FIFO.
    pub notify_priority_changes: bool,
    pub in_sync_group: Option<SyncGroup>,
    pub at: super::conf::Place,
}

/// A definition of a tracked file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackFile {
    pub name: String,
    pub path: PathBuf,
    pub weight: i32,
    pub reverse: bool,
    pub init_file: bool,
    pub at: super::conf::Place,
}

/// A definition of a check script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VrrpScript {
    pub name: String,
    pub command: String,
    /// Seconds (milliseconds exist since 2.3.2).
    pub interval_ms: u32,
    /// Default: the interval.
    pub timeout_ms: u32,
    pub weight: i32,
    pub reverse: bool,
    pub fall: u32,
    pub rise: u32,
    pub at: super::conf::Place,
}

/// What matters of `global_defs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Globals {
    pub notify_fifo: Option<PathBuf>,
    pub enable_script_security: bool,
    pub script_user: Option<String>,
    pub vrrp_rt_priority: Option<u32>,
    pub vrrp_rlimit_rttime: Option<u32>,
}

impl Instance {
    /// The instance called `name`.
    ///
    /// # Errors
    /// When there is none, or a number or address in it is none.
    pub fn find(tree: &Tree, name: &str) -> Result<Self, ConfError> {
        let known: Vec<&str> = tree.all("vrrp_instance").map(Item::arg).collect();
        let item = tree.all("vrrp_instance").filter(|i| i.arg() == name).last();
        let item = item.ok_or_else(|| ConfError::NoInstance {
            file: tree.files.first().cloned().unwrap_or_default(),
            name: name.to_owned(),
            known: if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            },
        })?;
        instance(tree, item)
    }

    /// The names of all instances.
    #[must_use]
    pub fn names(tree: &Tree) -> Vec<&str> {
        tree.all("vrrp_instance").map(Item::arg).collect()
    }

    /// The trackers that act on this instance's priority: its own and its sync group's.
    pub fn files(&self) -> impl Iterator<Item = &Tracked> {
        let group = self.in_sync_group.iter().flat_map(|g| &g.track_files);
        self.track_files.iter().chain(group)
    }

    /// As [`Instance::files`], for check scripts.
    pub fn scripts(&self) -> impl Iterator<Item = &Tracked> {
        let group = self.in_sync_group.iter().flat_map(|g| &g.track_scripts);
        self.track_scripts.iter().chain(group)
    }

    /// The other members of its sync group: they move when it does.
    pub fn partners(&self) -> impl Iterator<Item = &str> {
        let members = self.in_sync_group.iter().flat_map(|group| &group.members);
        members
            .filter(|name| **name != self.name)
            .map(String::as_str)
    }

    /// Every VIP that moves with this instance: its own, and those of its partners. keepalived passes over
    /// a partner that is not there.
    ///
    /// # Errors
    /// When a number or address in a partner is none.
    pub fn moving(&self, tree: &Tree) -> Result<Vec<Vip>, ConfError> {
        let (mut vips, known) = (self.vips.clone(), Self::names(tree));
        for partner in self.partners().filter(|name| known.contains(name)) {
            vips.extend(Self::find(tree, partner)?.vips);
        }
        Ok(vips)
    }

    /// Those of `vips` that are on another interface than this instance's adverts.
    pub fn elsewhere<'a>(&self, vips: &'a [Vip]) -> impl Iterator<Item = &'a Vip> {
        vips.iter().filter(|vip| vip.dev != self.interface)
    }

    /// IPv6 addresses are advertised over IPv6.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.vips.first().is_some_and(|v| v.addr.is_ipv6())
    }
}

impl TrackFile {
    /// Every definition, `track_file` and `vrrp_track_file`.
    ///
    /// # Errors
    /// When a weight is no number.
    pub fn all(tree: &Tree) -> Result<Vec<Self>, ConfError> {
        let items = tree
            .items
            .iter()
            .filter(|i| matches!(i.key(), "track_file" | "vrrp_track_file"));
        items
            .map(|item| {
                Ok(Self {
                    name: item.arg().to_owned(),
                    path: PathBuf::from(item.last("file").map_or("", Item::arg)),
                    weight: item.last("weight").map_or(Ok(1), |w| number(w, 1))?,
                    reverse: reversed(item.last("weight")),
                    init_file: item.last("init_file").is_some(),
                    at: item.at(),
                })
            })
            .collect()
    }
}

impl VrrpScript {
    /// Every `vrrp_script`.
    ///
    /// # Errors
    /// When a number is none.
    pub fn all(tree: &Tree) -> Result<Vec<Self>, ConfError> {
        tree.all("vrrp_script")
            .map(|item| {
                let interval_ms = item.last("interval").map_or(Ok(1000), |v| millis(v, 1))?;
                Ok(Self {
                    name: item.arg().to_owned(),
                    command: item.last("script").map(Item::rest).unwrap_or_default(),
                    interval_ms,
                    timeout_ms: item
                        .last("timeout")
                        .map_or(Ok(interval_ms), |v| millis(v, 1))?,
                    weight: item.last("weight").map_or(Ok(0), |w| number(w, 1))?,
                    reverse: reversed(item.last("weight")),
                    fall: item.last("fall").map_or(Ok(1), |v| number(v, 1))?,
                    rise: item.last("rise").map_or(Ok(1), |v| number(v, 1))?,
                    at: item.at(),
                })
            })
            .collect()
    }
}

impl Globals {
    /// The settings of all `global_defs` together.
    ///
    /// # Errors
    /// When a number is none.
    pub fn read(tree: &Tree) -> Result<Self, ConfError> {
        // `notify_…` without the prefix is for LVS too
        let either = |a: &str, b: &str| tree.global(a).or_else(|| tree.global(b));
        let limit = either("vrrp_rlimit_rttime", "vrrp_rlimit_rtime");
        Ok(Self {
            notify_fifo: either("vrrp_notify_fifo", "notify_fifo").map(|i| PathBuf::from(i.arg())),
            enable_script_security: tree.global("enable_script_security").is_some(),
            script_user: tree.global("script_user").map(|i| i.arg().to_owned()),
            vrrp_rt_priority: tree
                .global("vrrp_rt_priority")
                .map(|v| number(v, 1))
                .transpose()?,
            vrrp_rlimit_rttime: limit.map(|v| number(v, 1)).transpose()?,
        })
    }

    /// The sidecar's FIFO is the one keepalived writes.
    #[must_use]
    pub fn writes_to(&self, fifo: &Path) -> bool {
        self.notify_fifo.as_deref() == Some(fifo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
global_defs {
  vrrp_version 3
  vrrp_notify_fifo /run/hau/notify.fifo
  vrrp_notify_priority_changes true
  vrrp_garp_master_refresh 60
  vrrp_rt_priority 50
  script_user root
}
vrrp_track_file hau { file /run/hau/track/weight
 weight 1 }
vrrp_script hau_check {
  script "/usr/sbin/hau-sidecar check"
  interval 1
  timeout 2
  weight -40
  fall 3
  rise 2
}
vrrp_sync_group g { group { web other }  track_file { hau } }
vrrp_instance web {
  state MASTER
  interface eth0
  virtual_router_id 51
  priority 110
  advert_int 0.1
  nopreempt
  preempt_delay 1.5
  unicast_peer { 10.0.0.2 }
  virtual_ipaddress {
    10.0.0.100/24 dev eth1 label eth1:0
    10.0.0.101
  }
  virtual_ipaddress_excluded { 2001:db8::1/64 }
  track_file { hau weight 2 reverse
  }
  track_script { hau_check }
  track_interface { eth1 weight -10 }
  notify "/usr/local/bin/n x" root
  authentication { auth_type AH }
}
"#;

    fn tree(text: &str) -> Tree {
        Tree::parse(text, Path::new("k.conf"), "a").unwrap()
    }

    #[test]
    fn a_whole_instance() {
        let tree = tree(TEXT);
        let web = Instance::find(&tree, "web").unwrap();
        assert_eq!(
            (web.priority, web.version, web.virtual_router_id),
            (110, 3, 51)
        );
        assert_eq!(
            (
                web.advert_int_ms,
                web.preempt_delay_ms,
                web.garp_master_refresh
            ),
            (100, 1500, 60)
        );
        assert!(web.nopreempt && web.state_master && web.auth_ah && !web.is_v6());
        let vips: Vec<_> = web
            .vips
            .iter()
            .map(|v| format!("{}/{} {}", v.addr, v.prefix, v.dev))
            .collect();
        assert_eq!(
            vips,
            [
                "10.0.0.100/24 eth1",
                "10.0.0.101/32 eth0",
                "2001:db8::1/64 eth0"
            ]
        );
        let elsewhere: Vec<&Vip> = web.elsewhere(&web.vips).collect();
        assert_eq!(elsewhere, [&web.vips[0]]);
        assert_eq!(web.unicast_peers, [IpAddr::from([10, 0, 0, 2])]);
        let track = |t: &Tracked| (t.name.clone(), t.weight, t.reverse);
        assert_eq!(
            web.track_files.iter().map(track).collect::<Vec<_>>(),
            [("hau".to_owned(), 2, true)]
        );
        assert_eq!(
            web.scripts().map(track).collect::<Vec<_>>(),
            [("hau_check".to_owned(), -40, false)]
        );
        assert_eq!(web.track_interfaces[0].weight, -10);
        assert_eq!(web.notifies[0].command, "/usr/local/bin/n x root");
        let group = web.in_sync_group.clone().unwrap();
        assert_eq!(
            (
                group.name.as_str(),
                group.members.len(),
                group.tracking_weight
            ),
            ("g", 2, false)
        );
        assert_eq!(web.files().count(), 2);
    }

    /// The usual way to one service of both families.
    #[test]
    fn the_whole_sync_group_moves() {
        let moving = |more: &str| {
            let tree = tree(&format!("{TEXT}{more}"));
            let all = Instance::find(&tree, "web").unwrap().moving(&tree).unwrap();
            all.iter()
                .map(|vip| vip.addr.to_string())
                .collect::<Vec<_>>()
        };
        let own = ["10.0.0.100", "10.0.0.101", "2001:db8::1"];
        assert_eq!(moving(""), own);
        let foreign = "vrrp_instance foreign {\n virtual_ipaddress { 10.9.9.9 }\n}\n";
        assert_eq!(moving(foreign), own);
        let other = "vrrp_instance other {\n virtual_ipaddress { fd00::64 }\n}\n";
        assert_eq!(moving(other), [&own[..], &["fd00::64"]].concat());
    }

    #[test]
    fn definitions_and_globals() {
        let tree = tree(TEXT);
        let file = &TrackFile::all(&tree).unwrap()[0];
        assert_eq!(
            (file.path.to_str(), file.weight, file.init_file),
            (Some("/run/hau/track/weight"), 1, false)
        );
        let check = &VrrpScript::all(&tree).unwrap()[0];
        assert_eq!(
            (
                check.command.as_str(),
                check.interval_ms,
                check.timeout_ms,
                check.fall,
                check.rise
            ),
            ("/usr/sbin/hau-sidecar check", 1000, 2000, 3, 2)
        );
        let globals = Globals::read(&tree).unwrap();
        assert!(
            Instance::find(&tree, "web")
                .unwrap()
                .notify_priority_changes
        );
        assert!(globals.writes_to(Path::new("/run/hau/notify.fifo")));
        assert_eq!(
            (globals.vrrp_rt_priority, globals.vrrp_rlimit_rttime),
            (Some(50), None)
        );
    }

    #[test]
    fn defaults_are_keepalived_s() {
        let web = Instance::find(&tree("vrrp_instance w {\n interface e\n}\n"), "w").unwrap();
        assert_eq!(
            (
                web.priority,
                web.version,
                web.advert_int_ms,
                web.garp_master_delay
            ),
            (100, 2, 1000, 5)
        );
        let six = tree("vrrp_instance w {\n virtual_ipaddress { fe80::1 }\n}\n");
        assert_eq!(Instance::find(&six, "w").unwrap().version, 3);
    }

    #[test]
    fn errors_name_line_and_word() {
        let says = |inside: &str| {
            let tree = tree(&format!("vrrp_instance w {{\n{inside}\n}}\n"));
            Instance::find(&tree, "w").unwrap_err().to_string()
        };
        assert_eq!(
            says("priority high"),
            "k.conf:2: priority: high is not a number that fits; correct it"
        );
        assert!(says("virtual_router_id 256").contains("256 is not a number"));
        assert!(says("virtual_ipaddress { 10.0.0.300 }").contains("is not an address"));
        assert!(says("virtual_ipaddress { 10.0.0.3/33 }").contains("prefix length"));
        assert!(says("advert_int -1").contains("-1 is not a number of seconds"));
        assert!(says("priority").contains("nothing is not"));
        let none = Instance::find(&tree("vrrp_instance w { }"), "x").unwrap_err();
        assert_eq!(none.to_string(), "k.conf has no vrrp_instance x; it has: w");
    }
}
