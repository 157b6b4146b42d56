//! `[[service]]`: names, ports and the order of starting.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{HttpUrl, Name, UnitName};
use super::read::{Found, Read, Section, all};
use super::settings::{HttpCheck, Service};

/// The ports of this host that are spoken for, and by whom.
pub(super) type TakenPorts = BTreeMap<u16, String>;

/// Reads all services and checks them against each other and the ports taken by hau.
pub(super) fn services(root: &mut Section<'_>, taken: &mut TakenPorts) -> Option<Vec<Service>> {
    let sections = root.sections("service")?;
    if sections.is_empty() {
        root.wrong(
            "there is no [[service]]",
            "write one for each service of the product",
        );
        return None;
    }
    let mut claims = Claims {
        names: BTreeSet::new(),
        units: BTreeSet::new(),
        taken,
    };
    let mut depends = Vec::new();
    let services = all(sections.into_iter().map(|mut section| {
        claims.claim(&mut section);
        depends.push(section.find("depends_on"));
        service(section)
    }));
    for found in depends.iter().flatten() {
        for other in found
            .strings()
            .into_iter()
            .filter(|other| !claims.names.contains(*other))
        {
            let known = claims
                .names
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            found.wrong::<()>(
                format!("names {other:?}, which is no service"),
                format!("name one of: {known}"),
            );
        }
    }
    let services = services?;
    if let Some((at, cycle)) = cycle(&services)
        && let Some(found) = &depends[at]
    {
        found.wrong::<()>(
            format!("goes in a circle: {}", cycle.join(" needs ")),
            "remove one of these, so that there is one to start first",
        );
    }
    Some(services)
}

/// The services, each after all it depends on, else in their own order; and those that cannot be
/// put in order because they wait, in the end, for themselves.
pub(super) fn in_start_order(services: &[Service]) -> (Vec<&Service>, Vec<&Service>) {
    let mut ordered: Vec<&Service> = Vec::new();
    let mut waiting: Vec<&Service> = services.iter().collect();
    loop {
        let is_ready = |service: &&Service| {
            service
                .depends_on
                .iter()
                .all(|d| ordered.iter().any(|done| done.name == *d))
        };
        let Some(next) = waiting.iter().position(is_ready) else {
            return (ordered, waiting);
        };
        ordered.push(waiting.remove(next));
    }
}

/// The index of a service in a circle of dependencies, and the circle's names, the first repeated.
fn cycle(services: &[Service]) -> Option<(usize, Vec<&str>)> {
    let (_, stuck) = in_start_order(services);
    let next = |from: &Service| {
        stuck
            .iter()
            .find(|s| from.depends_on.contains(&s.name))
            .copied()
    };
    // Every stuck service needs a stuck one: after as many steps as there are the walk is in the circle.
    let inside = stuck.iter().try_fold(*stuck.first()?, |at, _| next(at))?;
    let mut names = vec![inside.name.as_str()];
    let mut at = next(inside)?;
    while at.name != inside.name {
        names.push(&at.name);
        at = next(at)?;
    }
    names.push(&inside.name);
    let index = services.iter().position(|s| s.name == inside.name)?;
    Some((index, names))
}

/// What only one service can have.
struct Claims<'a> {
    names: BTreeSet<String>,
    units: BTreeSet<String>,
    taken: &'a mut TakenPorts,
}

impl Claims<'_> {
    /// Looks without judging the values themselves: that is [`service`]'s, and said once.
    fn claim(&mut self, section: &mut Section<'_>) {
        let name = section.peek("name").unwrap_or("?").to_string();
        for (key, seen) in [("name", &mut self.names), ("unit", &mut self.units)] {
            let Some(value) = section.peek(key) else {
                continue;
            };
            if !seen.insert(value.to_string())
                && let Some(found) = section.find(key)
            {
                found.wrong::<()>(
                    format!("is {value:?} a second time"),
                    "give each service its own",
                );
            }
        }
        let Some(found) = section.find("ports") else {
            return;
        };
        for port in found
            .integers()
            .into_iter()
            .filter_map(|port| u16::try_from(port).ok())
        {
            if let Some(owner) = self.taken.insert(port, format!("service {name}")) {
                found.wrong::<()>(
                    format!("has {port}, which {owner} has too"),
                    "give each its own port",
                );
            }
        }
    }
}

fn service(mut s: Section<'_>) -> Option<Service> {
    let name = s.required::<Name>("name", "give the service a name");
    let unit = s.required::<UnitName>(
        "unit",
        "name its systemd unit, such as \"shop-api.service\"",
    );
    let ports = s.or("ports", Vec::<u16>::new());
    let via_vip = s.or("via_vip", false);
    let uses_database = s.or("uses_database", true);
    let depends_on = s.or("depends_on", Vec::<String>::new());
    let http = s
        .sections("http")
        .and_then(|list| all(list.into_iter().map(http_check)));
    let warmup = s.or("warmup", Vec::<HttpUrl>::new());
    if let (Some(ports), Some(true)) = (&ports, via_vip)
        && ports.is_empty()
    {
        s.wrong(
            "a service with via_vip = true has no ports",
            "name the ports that are reached through the VIP",
        );
    }
    s.finish();
    Some(Service {
        name: name?.0,
        unit: unit?.0,
        ports: ports?,
        via_vip: via_vip?,
        uses_database: uses_database?,
        depends_on: depends_on?,
        http: http?,
        warmup: warmup?.into_iter().map(|url| url.0).collect(),
    })
}

fn http_check(mut s: Section<'_>) -> Option<HttpCheck> {
    let url = s.required::<HttpUrl>("url", "write http://HOST:PORT/PATH");
    let status = s.optional::<HttpStatus>("status");
    let body = s.optional("body");
    s.finish();
    Some(HttpCheck {
        url: url?.0,
        status: status?.map(|s| s.0),
        body: body?,
    })
}

struct HttpStatus(u16);

impl Read for HttpStatus {
    fn read(found: &Found<'_>) -> Option<HttpStatus> {
        found.integer(100..=599).map(HttpStatus)
    }
}
