//! Reads keepalived.data, the text keepalived writes on SIGUSR1: what it believes about an instance and a tracked file.
//!
//! The format is not promised by keepalived: what is not found is absent, never guessed. Fixture: a real dump of 2.2.7.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

use super::fifo::State;

/// What the dump says about one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceDump {
    /// Absent while keepalived is in INIT.
    pub state: Option<State>,
    pub priority: Option<i32>,
    /// Clamped to 1…254: what is advertised.
    pub effective_priority: Option<i32>,
    /// Before clamping.
    pub total_priority: Option<i32>,
    /// The VIP is set, as keepalived thinks.
    pub vip_set: bool,
    /// Those beside its adverts, too.
    pub vips: Vec<IpAddr>,
    /// Names of the scripts this instance tracks, and their weights.
    pub track_scripts: Vec<(String, i32)>,
    /// Names of the files this instance tracks.
    pub track_files: Vec<String>,
    /// Something follows: the lists above are not cut short.
    pub is_whole: bool,
}

/// What the dump says about one tracked file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackFileDump {
    pub path: String,
    /// The value keepalived read last.
    pub value: i32,
    pub weight: i32,
}

/// The instance called `name`; nothing when the dump has none (a dump cut short has the rest absent).
#[must_use]
pub fn instance(dump: &str, name: &str) -> Option<InstanceDump> {
    let (lines, is_whole) = block(dump, "VRRP Instance", name)?;
    let number = |key: &str| value(&lines, key)?.parse().ok();
    Some(InstanceDump {
        state: value(&lines, "State").and_then(|s| s.parse().ok()),
        priority: number("Priority"),
        effective_priority: number("Effective priority"),
        total_priority: number("Total priority"),
        vip_set: below(&lines, "Virtual IP").any(|l| l.split_whitespace().any(|w| w == "set")),
        vips: below(&lines, "Virtual IP")
            .chain(below(&lines, "Virtual IP Excluded"))
            .filter_map(address)
            .collect(),
        track_scripts: below(&lines, "Tracked scripts")
            .filter_map(script)
            .collect(),
        track_files: below(&lines, "Tracked files")
            .filter_map(|l| Some(l.trim().split_once(',')?.0.to_owned()))
            .collect(),
        is_whole,
    })
}

/// The tracked file called `name`.
#[must_use]
pub fn track_file(dump: &str, name: &str) -> Option<TrackFileDump> {
    let (lines, _) = block(dump, "Track file", name)?;
    Some(TrackFileDump {
        path: value(&lines, "File")?.to_owned(),
        value: value(&lines, "Status")?.parse().ok()?,
        weight: value(&lines, "Weight")?.parse().ok()?,
    })
}

/// `10.99.7.100/24 dev eth0 …`
fn address(line: &str) -> Option<IpAddr> {
    let word = line.split_whitespace().next()?;
    word.split('/').next()?.parse().ok()
}

/// `hau_check weight -40`
fn script(line: &str) -> Option<(String, i32)> {
    let mut words = line.split_whitespace();
    let name = words.next()?.trim_end_matches(',');
    let mut rest = words.skip_while(|w| *w != "weight");
    let weight = rest.nth(1)?.parse::<i32>().ok()?;
    let is_reversed = rest.next() == Some("reverse");
    Some((name.to_owned(), if is_reversed { -weight } else { weight }))
}

/// The lines of `KIND = name`, up to the next line that is indented no deeper; and whether there is one.
fn block<'a>(dump: &'a str, kind: &str, name: &str) -> Option<(Vec<&'a str>, bool)> {
    let mut lines = dump.lines().skip_while(|line| {
        let head = line.trim_start().split_once(" = ");
        head != Some((kind, name))
    });
    let depth = indent(lines.next()?);
    let mut block: Vec<&str> = lines.collect();
    let end = block.iter().position(|l| indent(l) <= depth);
    // A line cut within its indentation ends nothing.
    let is_whole = end.is_some_and(|end| !block[end].trim().is_empty());
    block.truncate(end.unwrap_or(block.len()));
    Some((block, is_whole))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn value<'a>(lines: &[&'a str], key: &str) -> Option<&'a str> {
    lines.iter().find_map(|l| {
        let (found, value) = l.trim().split_once(" = ")?;
        (found == key).then_some(value)
    })
}

/// The lines of the list under a title such as `Virtual IP (1):`, in other versions `Virtual IP :` or `Virtual IP = 1`.
fn below<'a>(lines: &[&'a str], title: &str) -> impl Iterator<Item = &'a str> {
    let is_start = |l: &&str| {
        let rest = l.trim_start().strip_prefix(title);
        rest.is_some_and(|rest| rest.trim_start().starts_with(['(', ':', '=']))
    };
    let start = lines.iter().position(is_start);
    let list = start.map_or(&[][..], |s| &lines[s..]);
    let depth = list.first().map_or(0, |l| indent(l));
    let rest = list.get(1..).unwrap_or_default();
    let end = rest.iter().position(|l| indent(l) <= depth);
    rest[..end.unwrap_or(rest.len())].iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = include_str!("../../tests/data/keepalived-2.2.7.data");

    #[test]
    fn a_real_dump() {
        let web = instance(REAL, "web").unwrap();
        assert_eq!(
            web,
            InstanceDump {
                state: Some(State::Master),
                priority: Some(110),
                effective_priority: Some(80),
                total_priority: Some(80),
                vip_set: true,
                vips: vec!["10.99.7.100".parse().unwrap()],
                track_scripts: vec![("hau_check".to_owned(), -40)],
                track_files: vec!["hau".to_owned()],
                is_whole: true,
            }
        );
        let other = instance(REAL, "other").unwrap();
        assert_eq!(
            (other.state, other.effective_priority),
            (Some(State::Backup), Some(90))
        );
        assert!(!other.vip_set && other.track_files.is_empty());
        assert_eq!(instance(REAL, "we"), None);
        let file = track_file(REAL, "hau").unwrap();
        assert_eq!(
            (file.path.as_str(), file.value, file.weight),
            ("/run/hau/track/weight", -30, 1)
        );
        assert_eq!(track_file(REAL, "none"), None);
    }

    /// An instance of one family can hold addresses of the other one in no other way.
    #[test]
    fn vips_beside_the_adverts_are_vips() {
        for title in ["Virtual IP Excluded (1):", "Virtual IP Excluded = 1"] {
            let beside =
                format!("   {title}\n     fd00::64/64 dev eth0 scope global set\n   fd_in 15");
            let web = instance(&REAL.replace("   fd_in 15", &beside), "web").unwrap();
            let both: [IpAddr; 2] = ["10.99.7.100".parse().unwrap(), "fd00::64".parse().unwrap()];
            assert_eq!(web.vips, both);
        }
    }

    #[test]
    fn a_dump_cut_anywhere_lies_about_nothing_but_the_last_figure() {
        for end in (0..REAL.len()).filter(|e| REAL.is_char_boundary(*e)) {
            if let Some(web) = instance(&REAL[..end], "web") {
                assert!(matches!(web.state, None | Some(State::Master)));
                assert!(matches!(web.priority, None | Some(1 | 11 | 110)));
                let lists = web.vips.len() + web.track_scripts.len() + web.track_files.len();
                assert!(!web.is_whole || lists == 3, "cut at {end}");
            }
        }
    }
}
