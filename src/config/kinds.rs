//! Strings with a rule: durations, paths, addresses, names, units, URLs, recipients, mail, connection strings.

use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::Authority;
use lettre::Address;

use super::read::{Found, Read};
use super::settings::{Dsn, HookUrl, MailServer};
use super::tree::Value;

/// The name of a cluster, node or service; it becomes part of file names and of messages.
pub(super) struct Name(pub(super) String);

impl Name {
    pub(super) fn is_valid(text: &str) -> bool {
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(inner)
    }

    pub(super) const RULE: &'static str =
        "write letters, digits, '.', '_' and '-' only (64 at most, the first a letter or digit)";
}

impl Read for Name {
    fn read(found: &Found<'_>) -> Option<Name> {
        let text = String::read(found)?;
        if Name::is_valid(&text) {
            return Some(Name(text));
        }
        found.wrong(format!("is {text:?}"), Name::RULE)
    }
}

/// A systemd unit that can be started and stopped.
pub(super) struct UnitName(pub(super) String);

impl Read for UnitName {
    fn read(found: &Found<'_>) -> Option<UnitName> {
        let text = String::read(found)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b);
        let (stem, suffix) = text.rsplit_once('.').unwrap_or((&text, ""));
        if matches!(suffix, "service" | "timer" | "path" | "socket" | "target")
            && !stem.is_empty()
            && stem.bytes().all(plain)
        {
            return Some(UnitName(text));
        }
        found.wrong(
            format!("is {text:?}"),
            "write a systemd unit with its suffix, such as \"shop-api.service\"",
        )
    }
}

/// An `http://` URL. No TLS: what hau asks is on this host or answers hau alone.
pub(super) struct HttpUrl(pub(super) String);

impl Read for HttpUrl {
    fn read(found: &Found<'_>) -> Option<HttpUrl> {
        let text = String::read(found)?;
        let good = text.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("http") && uri.host().is_some_and(|h| !h.is_empty())
        });
        if good {
            return Some(HttpUrl(text));
        }
        found.wrong(format!("is {text:?}"), "write http://HOST:PORT/PATH")
    }
}

/// The text may hold a robot's token, so it is not repeated.
impl Read for HookUrl {
    fn read(found: &Found<'_>) -> Option<HookUrl> {
        let url = HookUrl::new(&String::read(found)?);
        url.or_else(|| found.wrong("is no URL to post to", HookUrl::RULE))
    }
}

impl Read for Address {
    fn read(found: &Found<'_>) -> Option<Address> {
        let text = String::read(found)?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => found.wrong(
                format!("is {text:?}"),
                "write a mail address without a name, such as \"hau@example.com\"",
            ),
        }
    }
}

impl Read for MailServer {
    fn read(found: &Found<'_>) -> Option<MailServer> {
        let text = String::read(found)?;
        let parsed = text.parse::<Authority>().ok();
        let server = parsed.and_then(|server| {
            let host = server.host().trim_start_matches('[').trim_end_matches(']');
            let is_plain = !host.is_empty() && !text.contains('@');
            let port = server.port_u16().filter(|port| is_plain && *port != 0)?;
            let host = host.to_owned();
            Some(MailServer { host, port })
        });
        server.or_else(|| {
            found.wrong(
                format!("is {text:?}"),
                "write HOST:PORT, such as \"mail.example.com:465\"",
            )
        })
    }
}

/// An age recipient, native X25519.
pub(super) struct Recipient(pub(super) String);

impl Read for Recipient {
    fn read(found: &Found<'_>) -> Option<Recipient> {
        let text = String::read(found)?;
        // The text may be the secret half (AGE-SECRET-KEY-1…), so it is not repeated.
        match text.parse::<age::x25519::Recipient>() {
            Ok(_) => Some(Recipient(text)),
            Err(_) => found.wrong(
                "is not an age recipient",
                "write the public key that age-keygen shows (age1…)",
            ),
        }
    }
}

impl Read for Dsn {
    fn read(found: &Found<'_>) -> Option<Dsn> {
        let text = String::read(found)?;
        // Neither the text nor the parser's complaint is repeated: both may quote a password.
        match text.parse::<postgres::Config>() {
            Ok(_) => Some(Dsn(text)),
            Err(_) => found.wrong(
                "is not a connection string",
                "write key=value pairs, such as \"host=/var/run/postgresql dbname=shop user=hau\"",
            ),
        }
    }
}

impl Read for Duration {
    fn read(found: &Found<'_>) -> Option<Duration> {
        const WANTED: &str = "a duration such as \"30s\", \"15m\" or \"1h 30m\"";
        let Value::String(text) = &found.entry.value else {
            return found.not_a(WANTED);
        };
        match text.parse::<jiff::SignedDuration>().map(Duration::try_from) {
            Ok(Ok(Duration::ZERO)) => found.wrong("is zero", "write a duration longer than that"),
            Ok(Ok(duration)) => Some(duration),
            Ok(Err(_)) | Err(_) => found.wrong(format!("is {text:?}"), format!("write {WANTED}")),
        }
    }
}

impl Read for PathBuf {
    fn read(found: &Found<'_>) -> Option<PathBuf> {
        let text = String::read(found)?;
        let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        if Path::new(&text).is_absolute() && Path::new(&text).components().all(plain) {
            return Some(PathBuf::from(text));
        }
        found.wrong(
            format!("is {text:?}"),
            "write a path that begins with / and has no ..",
        )
    }
}

impl Read for IpAddr {
    fn read(found: &Found<'_>) -> Option<IpAddr> {
        let text = String::read(found)?;
        match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if address.is_unspecified() || address.is_multicast() => {
                found.wrong(format!("is {text}"), "write the address of one host")
            }
            Ok(address) => Some(address),
            Err(_) => found.wrong(
                format!("is {text:?}"),
                "write an IP address (a name could change its meaning in mid-upgrade)",
            ),
        }
    }
}

impl Read for SocketAddr {
    fn read(found: &Found<'_>) -> Option<SocketAddr> {
        let text = String::read(found)?;
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Some(address),
            Ok(_) | Err(_) => found.wrong(
                format!("is {text:?}"),
                "write ADDRESS:PORT, such as \"127.0.0.1:9680\"",
            ),
        }
    }
}
