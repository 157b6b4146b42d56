//! Where a server is, who asks it, and the way there: its Unix socket, or TCP with TLS.
//!
//! # Why TLS is not a choice
//! The server proves nothing when somebody logs in, so over a network its certificate has to: of a CA that is trusted,
//! and of the name in the dsn. Only what never leaves this host goes without.
use super::error::WireError;
use super::link::{Link, Timed, in_time, left};
use crate::core::Problem;
use crate::database::{DatabaseError, DatabaseResult};
use crate::host::{Host, secret};
use crate::tls;
use ::postgres::config::Host as Named;
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};
use zeroize::Zeroizing;

const PORT: u16 = 5432;

/// Where a server is and who asks.
#[derive(Clone)]
pub(super) struct Server {
    place: Place,
    port: u16,
    dbname: String,
    user: String,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    host: Arc<dyn Host>,
}

#[derive(Clone)]
enum Place {
    /// The folder of its socket.
    Here(PathBuf),
    /// A name or an address.
    Tcp(String),
}

impl Server {
    /// `dsn`: one host, as "host=/opt/gaussdb/tmp port=5432 dbname=shop user=hau"; without a dbname that of the user;
    /// what else it says has no meaning here. `password_file`: read anew at each login that asks for one. `ca_file`:
    /// whom the server's certificate may be of; None: who this host trusts.
    ///
    /// # Errors
    /// The dsn cannot be read, leaves something out, or holds a password.
    pub(super) fn new(
        dsn: &str,
        password_file: Option<PathBuf>,
        ca_file: Option<PathBuf>,
        host: Arc<dyn Host>,
    ) -> DatabaseResult<Self> {
        let wrong = |what: &str, remedy: &str| DatabaseError {
            what: what.to_owned(),
            remedy: remedy.to_owned(),
            transient: false,
        };
        // The library's own words may repeat a part of the dsn.
        let read: ::postgres::Config = dsn
            .parse()
            .map_err(|_| wrong("the dsn of the database cannot be read", DSN))?;
        if read.get_password().is_some() {
            return Err(wrong(
                "the dsn of the database holds a password",
                "put it into a file that root alone can read, name that in password_file, and take it out of the dsn",
            ));
        }
        let one = read.get_hostaddrs().is_empty() && read.get_ports().len() <= 1;
        let place = match read.get_hosts() {
            [Named::Unix(folder)] if one && folder.is_absolute() => Place::Here(folder.clone()),
            [Named::Tcp(name)] if one => Place::Tcp(name.clone()),
            _ => return Err(wrong("the dsn of the database does not name one host", DSN)),
        };
        let user = read
            .get_user()
            .ok_or_else(|| wrong("the dsn of the database names no user", DSN))?;
        Ok(Self {
            place,
            port: read.get_ports().first().copied().unwrap_or(PORT),
            dbname: read.get_dbname().unwrap_or(user).to_owned(),
            user: user.to_owned(),
            password_file,
            ca_file,
            host,
        })
    }

    pub(super) fn dbname(&self) -> &str {
        &self.dbname
    }

    /// The same server, another database.
    pub(super) fn at(&self, dbname: &str) -> Self {
        Self {
            dbname: dbname.to_owned(),
            ..self.clone()
        }
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// As the server's tools take it: a host or the folder of a socket, and the port.
    pub(super) fn address(&self) -> (String, u16) {
        let place = match &self.place {
            Place::Here(folder) => folder.display().to_string(),
            Place::Tcp(name) => name.clone(),
        };
        (place, self.port)
    }

    /// # Errors
    /// None is configured, or its file is not as it should be.
    pub(super) fn password(&self) -> Result<Zeroizing<String>, WireError> {
        let Some(path) = &self.password_file else {
            return Err(refused(
                "the server asks for a password, and hau has none",
                "put it into a file that root alone can read, and name that in password_file under [database]",
            ));
        };
        secret::read(&*self.host, path).map_err(WireError::Refused)
    }

    /// The first way that leads there, and the connection.
    ///
    /// # Errors
    /// Why the last one did not, or what was refused: that says more than that nobody is there.
    pub(super) fn open(&self, end: Instant) -> Result<(Route, Link), WireError> {
        let routes = self.routes(end)?;
        let mut failed = WireError::Io(ErrorKind::AddrNotAvailable.into());
        for (tried, route) in (0..).zip(&routes) {
            // Somebody who does not answer leaves time for the others.
            let others = u32::try_from(routes.len()).unwrap_or(u32::MAX) - tried;
            let now = Instant::now();
            let until = now + end.saturating_duration_since(now) / others;
            match route.open(until) {
                Ok(mut link) => {
                    link.until(end);
                    return Ok((route.clone(), link));
                }
                Err(_) if matches!(failed, WireError::Refused(_)) => {}
                Err(e) => failed = e,
            }
        }
        Err(failed)
    }

    fn routes(&self, end: Instant) -> Result<Vec<Route>, WireError> {
        let name = match &self.place {
            Place::Here(folder) => {
                let socket = folder.join(format!(".s.PGSQL.{}", self.port));
                return Ok(vec![Route::Here(socket)]);
            }
            Place::Tcp(name) => name,
        };
        let ip = name.parse::<IpAddr>();
        if let Ok(ip) = ip
            && ip.to_canonical().is_loopback()
        {
            let address = SocketAddr::new(ip, self.port);
            return Ok(vec![Route::Tcp(address, None)]);
        }
        let addresses = match ip {
            Ok(ip) => vec![SocketAddr::new(ip, self.port)],
            Err(_) => resolve(name.clone(), self.port, end)?,
        };
        let secure = self.secure(name)?;
        let routes = addresses.into_iter();
        Ok(routes
            .map(|address| Route::Tcp(address, Some(secure.clone())))
            .collect())
    }

    /// Read anew, for certificates are renewed.
    fn secure(&self, name: &str) -> Result<Secure, WireError> {
        let remedy =
            "name a file with the certificate of your CA (PEM) in ca_file under [database]";
        let pem = match &self.ca_file {
            Some(path) => Some(
                self.host
                    .read(path)
                    .map_err(|e| refused(e.to_string(), remedy))?,
            ),
            None => None,
        };
        let config = tls::roots(pem.as_deref()).and_then(|roots| tls::outside_config(&roots));
        let at = self.ca_file.as_ref();
        let at = at.map_or(String::new(), |path| format!("{}: ", path.display()));
        let config = config.map_err(|e| refused(format!("{at}{e}"), remedy))?;
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| refused("the host in the dsn is no name that TLS knows", DSN))?;
        Ok(Secure { name, config })
    }
}

const DSN: &str = "write it as host=/opt/gaussdb/tmp port=5432 dbname=shop user=hau";

/// A resolver has no limit that could be set, so it is left behind on its thread.
fn resolve(name: String, port: u16, end: Instant) -> Result<Vec<SocketAddr>, WireError> {
    let (found, outcome) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let addresses = (name.as_str(), port).to_socket_addrs();
        // Nobody may be waiting any more.
        drop(found.send(addresses.map(Vec::from_iter)));
    })?;
    match outcome.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(addresses) => Ok(addresses?),
        Err(_) => Err(WireError::TimedOut),
    }
}

/// One way to a server.
#[derive(Clone)]
pub(super) enum Route {
    /// Its Unix socket.
    Here(PathBuf),
    /// TLS only where somebody could listen.
    Tcp(SocketAddr, Option<Secure>),
}

/// Whom to expect there.
#[derive(Clone)]
pub(super) struct Secure {
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl Route {
    pub(super) fn open(&self, end: Instant) -> Result<Link, WireError> {
        match self {
            Route::Here(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                // Connecting waits for ever where the backlog is full, but for a limit to sending.
                socket.set_write_timeout(Some(left(end)?))?;
                socket.connect(&SockAddr::unix(path)?).map_err(in_time)?;
                Ok(Link::Here(Timed::new(socket, end)))
            }
            Route::Tcp(address, secure) => {
                let tcp = Some(Protocol::TCP);
                let socket = Socket::new(Domain::for_address(*address), Type::STREAM, tcp)?;
                socket.connect_timeout(&(*address).into(), left(end)?)?;
                socket.set_tcp_nodelay(true)?;
                let timed = Timed::new(socket, end);
                match secure {
                    Some(secure) => secure.over(timed),
                    None => Ok(Link::Tcp(timed)),
                }
            }
        }
    }
}

impl Secure {
    fn over(&self, mut socket: Timed) -> Result<Link, WireError> {
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        socket.write_all(&request)?;
        // No more than this byte: what follows it in clear must not count as said over TLS.
        let mut answer = [0];
        socket.read_exact(&mut answer)?;
        if answer != *b"S" {
            return Err(refused(
                "the server does not do TLS",
                "set ssl = on on the server and give it a certificate, or ask it over its Unix socket",
            ));
        }
        let failed = |why: &dyn std::fmt::Display| {
            refused(
                format!("cannot agree on TLS: {why}"),
                "see that the server's certificate is valid and of the host in the dsn; if it is of a CA of your own, name that in ca_file under [database]",
            )
        };
        let connection = ClientConnection::new(self.config.clone(), self.name.clone())
            .map_err(|e| failed(&e))?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|e| {
                match e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
                    Some(why) => failed(why),
                    None => e.into(),
                }
            })?;
        }
        Ok(Link::Tls(Box::new(stream)))
    }
}

fn refused(what: impl Into<String>, remedy: &str) -> WireError {
    WireError::Refused(Problem {
        what: what.into(),
        remedy: remedy.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;
    use std::time::Duration;

    fn server(dsn: &str) -> DatabaseResult<Server> {
        Server::new(dsn, None, None, Arc::new(FakeHost::new()))
    }

    fn problem(dsn: &str) -> String {
        let DatabaseError { what, remedy, .. } = server(dsn).err().expect("refused");
        format!("{what}; {remedy}")
    }

    #[test]
    fn a_dsn_says_where_and_who() {
        let here = server("host=/opt/gaussdb/tmp port=8000 dbname=shop user=hau").unwrap();
        assert_eq!(here.address(), ("/opt/gaussdb/tmp".to_owned(), 8000));
        assert_eq!((here.dbname(), here.user()), ("shop", "hau"));
        let there = server("host=db.example user=hau").unwrap();
        assert_eq!(there.address(), ("db.example".to_owned(), PORT));
        assert_eq!(there.dbname(), "hau");
    }

    #[test]
    fn a_dsn_that_is_not_one_is_not_repeated() {
        for (dsn, why) in [
            ("hots=/run sekret", "cannot be read"),
            ("host=/run user=a password=sekret", "password_file"),
            ("host=/run,/tmp user=a", "one host"),
            ("host=a port=1,2 user=a", "one host"),
            ("host=a hostaddr=10.0.0.1 user=a", "one host"),
            ("user=a", "one host"),
            ("host=/run dbname=a", "no user"),
        ] {
            let told = problem(dsn);
            assert!(told.contains(why) && !told.contains("sekret"), "{told}");
        }
    }

    fn end() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn what_leaves_this_host_goes_over_tls() {
        for loopback in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let server = server(&format!("host={loopback} user=hau")).unwrap();
            let routes = server.routes(end()).unwrap();
            assert!(matches!(&routes[..], [Route::Tcp(_, None)]), "{loopback}");
        }
        let (host, ca) = (FakeHost::new(), PathBuf::from("/etc/ca.pem"));
        let issuer = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
        host.make_dir("/etc".as_ref(), 0o755).unwrap();
        host.write(&ca, issuer.cert.pem().as_bytes(), 0o644)
            .unwrap();
        let host = Arc::new(host);
        for name in ["10.0.0.1", "localhost", "fd00::1"] {
            let dsn = format!("host={name} user=hau");
            let server = Server::new(&dsn, None, Some(ca.clone()), host.clone()).unwrap();
            let routes = server.routes(end()).unwrap();
            let all = routes.iter().all(|r| matches!(r, Route::Tcp(_, Some(_))));
            assert!(all && !routes.is_empty(), "{name}");
        }
    }

    #[test]
    fn without_a_ca_nobody_is_trusted() {
        let dsn = "host=10.0.0.1 user=hau";
        let host = Arc::new(FakeHost::new());
        let ca = Some(PathBuf::from("/etc/ca.pem"));
        let server = Server::new(dsn, None, ca, host).unwrap();
        let Err(WireError::Refused(told)) = server.routes(end()) else {
            panic!("trusted somebody")
        };
        assert!(told.remedy.contains("ca_file"));
    }
}
