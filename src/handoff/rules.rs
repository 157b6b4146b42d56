//! New node: the rules that forward what belongs to connections of the old one. One table named
//! `hau`, put and removed whole, through the JSON interface of nftables.
use super::Mac;
use crate::host::{Command, HostError, HostResult, commands, files};
use serde_json::{Value, json};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

const PROGRAMS: [&str; 3] = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
const LIMIT: Duration = Duration::from_secs(5);
/// Connections that began here, at once. When it is full a new one would be sent to the old node.
const CONNECTIONS_MOST: u32 = 1_000_000;
/// Far longer than the table lives. Sets without a time do not grow on every kernel.
const REMEMBERED_S: u32 = 86_400;

/// What is to be forwarded where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) interface: String,
    pub(super) vips: Vec<IpAddr>,
    pub(super) ports: Vec<u16>,
    pub(super) own: Mac,
    pub(super) peer: Mac,
}

pub(super) fn put(rules: &Rules) -> HostResult<()> {
    nft(&[], &rules.transaction()).map(drop)
}

/// Asks the kernel without changing anything.
pub(super) fn check(rules: &Rules) -> HostResult<()> {
    nft(&["-c"], &rules.transaction()).map(drop)
}

pub(super) fn remove() -> HostResult<()> {
    nft(&[], &commands(clean().to_vec())).map(drop)
}

pub(super) fn are_there() -> HostResult<bool> {
    let listed = nft(&[], &commands(vec![json!({ "list": { "tables": {} } })]))?;
    let listed: Value = serde_json::from_str(&listed)
        .map_err(|e| HostError::new("understand", "the answer of nft", e))?;
    let objects = listed["nftables"].as_array();
    Ok(objects
        .into_iter()
        .flatten()
        .any(|object| object["table"]["family"] == "netdev" && object["table"]["name"] == "hau"))
}

impl Rules {
    fn transaction(&self) -> Value {
        let mut all = clean().to_vec();
        all.push(add("table", json!({ "family": "netdev", "name": "hau" })));
        let chain = json!({
            "family": "netdev", "table": "hau", "name": "in", "type": "filter",
            "hook": "ingress", "dev": self.interface, "prio": 0, "policy": "accept",
        });
        all.push(add("chain", chain));
        for family in [Family::V4, Family::V6] {
            let vips: Vec<&IpAddr> = self.vips.iter().filter(|v| family.holds(v)).collect();
            if !vips.is_empty() && !self.ports.is_empty() {
                all.extend(self.family(family, &vips));
            }
        }
        commands(all)
    }

    fn family(&self, family: Family, vips: &[&IpAddr]) -> [Value; 4] {
        let (ip, set) = (family.protocol(), family.set());
        let field = |protocol: &str, field: &str| json!({ "payload": { "protocol": protocol, "field": field } });
        let is = |left: Value, right: Value| json!({ "match": { "op": "==", "left": left, "right": right } });
        let connection = json!({ "concat": [
            field(ip, "saddr"), field("tcp", "sport"), field(ip, "daddr"), field("tcp", "dport"),
        ] });
        let to_us = [
            is(field(ip, "daddr"), json!({ "set": vips })),
            is(field("tcp", "dport"), json!({ "set": self.ports })),
        ];
        let flags = json!({ "&": [field("tcp", "flags"), ["syn", "ack"]] });
        let rule = |rest: Vec<Value>| {
            let all: Vec<Value> = to_us.iter().cloned().chain(rest).collect();
            let rule = json!({ "family": "netdev", "table": "hau", "chain": "in", "expr": all });
            add("rule", rule)
        };
        let accept = json!({ "accept": null });
        let rewrite = |side: &str, to: Mac| json!({ "mangle": { "key": field("ether", side), "value": to.to_string() } });
        [
            add(
                "set",
                json!({
                    "family": "netdev", "table": "hau", "name": set,
                    "type": [family.address(), "inet_service", family.address(), "inet_service"],
                    "flags": ["timeout"], "timeout": REMEMBERED_S, "size": CONNECTIONS_MOST,
                }),
            ),
            rule(vec![
                is(flags, json!("syn")),
                json!({ "set": { "op": "update", "elem": connection, "set": format!("@{set}") } }),
                accept.clone(),
            ]),
            rule(vec![is(connection, json!(format!("@{set}"))), accept]),
            // Both addresses: with the client's own in it, the switch would look for the client here.
            rule(vec![
                rewrite("daddr", self.peer),
                rewrite("saddr", self.own),
                json!({ "fwd": { "dev": self.interface } }),
            ]),
        ]
    }
}

#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn holds(self, address: &IpAddr) -> bool {
        matches!(self, Self::V4) == address.is_ipv4()
    }

    fn protocol(self) -> &'static str {
        match self {
            Self::V4 => "ip",
            Self::V6 => "ip6",
        }
    }

    fn address(self) -> &'static str {
        match self {
            Self::V4 => "ipv4_addr",
            Self::V6 => "ipv6_addr",
        }
    }

    fn set(self) -> &'static str {
        match self {
            Self::V4 => "mine4",
            Self::V6 => "mine6",
        }
    }
}

fn add(what: &str, object: Value) -> Value {
    json!({ "add": { what: object } })
}

/// No table, whether there was one or not.
fn clean() -> [Value; 2] {
    let table = json!({ "family": "netdev", "name": "hau" });
    [
        add("table", table.clone()),
        json!({ "delete": { "table": table } }),
    ]
}

fn commands(all: Vec<Value>) -> Value {
    json!({ "nftables": all })
}

fn nft(options: &[&str], input: &Value) -> HostResult<String> {
    let program = PROGRAMS
        .into_iter()
        .find(|path| files::exists(Path::new(path)));
    let failed = |why: &str| HostError::new("set up forwarding by", "nft", why);
    let program = program.ok_or_else(|| failed("it is not installed (package nftables)"))?;
    let output = commands::run(&Command {
        program: PathBuf::from(program),
        args: options
            .iter()
            .chain(&["-j", "-f", "-"])
            .map(|&arg| arg.to_owned())
            .collect(),
        stdin: input.to_string().into_bytes(),
        limit: LIMIT,
        ..Command::default()
    })?;
    if output.code == Some(0) {
        return Ok(output.stdout);
    }
    let said = output.stderr.lines().next().unwrap_or("it said nothing");
    Err(failed(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(vips: &[&str]) -> Rules {
        Rules {
            interface: "bond0.100".into(),
            vips: vips.iter().map(|v| v.parse().unwrap()).collect(),
            ports: vec![8080, 8443],
            own: Mac([2, 0, 0, 0, 0, 1]),
            peer: Mac([2, 0, 0, 0, 0, 2]),
        }
    }

    #[test]
    fn each_family_has_its_rules_and_only_if_it_has_a_vip() {
        let text = |vips: &[&str]| rules(vips).transaction().to_string();
        let four = text(&["10.77.0.100", "10.77.0.101"]);
        assert!(four.contains("mine4") && !four.contains("mine6"));
        assert!(four.contains(r#"{"set":["10.77.0.100","10.77.0.101"]}"#));
        assert!(four.contains(r#"{"set":[8080,8443]}"#));
        assert!(four.contains(r#"{"fwd":{"dev":"bond0.100"}}"#));
        let both = text(&["10.77.0.100", "fd00::64"]);
        assert!(both.contains("mine4") && both.contains("mine6"));
    }

    #[test]
    fn the_old_table_goes_in_the_same_transaction() {
        let all = rules(&["fd00::64"]).transaction();
        let first: Vec<&Value> = all["nftables"].as_array().unwrap().iter().take(3).collect();
        assert!(first[0]["add"]["table"].is_object());
        assert!(first[1]["delete"]["table"].is_object());
        assert!(first[2]["add"]["table"].is_object());
    }
}
