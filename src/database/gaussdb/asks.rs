//! Questions over one kept connection, and over others where it is in use.
use super::{
    DatabaseResult, Gaussdb,
    connect::Server,
    error::{self, WireError},
    wire::Client,
};
use crate::{core::Problem, database::rows::Rows};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// The server's own word for it.
const WRONG_PASSWORD: &str = "28P01";
/// Asked every second with a wrong password, a server locks the account after ten, for a day.
const NOT_AGAIN: Duration = Duration::from_secs(3600);

/// A password that a server did not take. Another one is tried at once.
pub(super) struct Refused {
    password: Zeroizing<String>,
    at: Instant,
}

impl Gaussdb {
    /// Asks on the kept connection, and once more on a new one if that turns out broken: `sql` may run twice.
    pub(super) fn ask(&self, action: &str, sql: &str, limit: Duration) -> DatabaseResult<Rows> {
        let end = Instant::now() + limit;
        // The lock is let go before the question.
        let kept = self.slot().take();
        if let Some(mut client) = kept {
            let answer = client.query(sql, end);
            if client.is_usable() {
                *self.slot() = Some(client);
                return answer.map_err(|e| error::told(&e, action));
            }
            if matches!(answer, Err(WireError::TimedOut)) {
                return answer.map_err(|e| error::told(&e, action));
            }
        }
        self.ask_anew(sql, end).map_err(|e| error::told(&e, action))
    }

    fn ask_anew(&self, sql: &str, end: Instant) -> Result<Rows, WireError> {
        let mut client = self.log_in(&self.server, end)?;
        let answer = client.query(sql, end);
        if client.is_usable() {
            *self.slot() = Some(client);
        }
        answer
    }

    /// A connection for what changes a session or takes long.
    pub(super) fn connect(&self, action: &str, end: Instant) -> DatabaseResult<Client> {
        let opened = self.log_in(&self.server, end);
        opened.map_err(|e| error::told(&e, action))
    }

    /// Ends the kept connection.
    pub(super) fn close(&self) {
        drop(self.slot().take());
    }

    pub(super) fn log_in(&self, server: &Server, end: Instant) -> Result<Client, WireError> {
        // One that cannot be read is told by the login, if the server asks for it.
        let password = server.password().ok();
        let is_known =
            |r: &Refused| Some(&r.password) == password.as_ref() && r.at.elapsed() < NOT_AGAIN;
        let is_refused = lock(&self.refused).as_ref().is_some_and(is_known);
        if is_refused {
            return Err(WireError::Refused(Problem {
                what: "the server has refused this password, and locks the account of who tries on".to_owned(),
                remedy: "put the right one into password_file; or set this one in the server, then systemctl restart hau-sidecar".to_owned(),
            }));
        }
        let logged_in = Client::connect(server, end);
        let is_wrong = matches!(&logged_in, Err(WireError::Server(e)) if e.code == WRONG_PASSWORD);
        let refused = password.filter(|_| is_wrong).map(|password| Refused {
            password,
            at: Instant::now(),
        });
        *lock(&self.refused) = refused;
        logged_in
    }

    fn slot(&self) -> MutexGuard<'_, Option<Client>> {
        lock(&self.kept)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::{
        GaussdbConfig,
        rows::first,
        wire::mock::{self, Method, Mock},
    };
    use super::*;
    use crate::host::{Host, fake::FakeHost};
    use std::{
        path::{Path, PathBuf},
        sync::Arc,
    };

    const FILE: &str = "/etc/hau/database.password";

    fn asking(mock: &Mock<bool>, host: &Arc<FakeHost>) -> Gaussdb {
        let config = GaussdbConfig {
            dsn: format!("host={} dbname=shop user=hau", mock.dir().display()),
            password_file: Some(FILE.into()),
            ca_file: None,
            data_dir: PathBuf::new(),
            home: PathBuf::new(),
            os_user: String::new(),
            node: String::new(),
        };
        Gaussdb::new(config, host.clone()).expect("a dsn")
    }

    fn put(host: &FakeHost, password: &str) {
        let written = host.write(Path::new(FILE), password.as_bytes(), 0o600);
        written.expect("written");
    }

    #[test]
    fn a_refused_password_is_not_tried_again_but_another_one_is() {
        let mock = Mock::new(2, |mut stream, number| {
            let let_in = mock::log_in(&mut stream, Method::Sha256, [number; 4]).is_ok();
            drop(mock::converse(&mut stream, |_| {
                mock::table(&[&[Some("1")]])
            }));
            let_in
        });
        let host = Arc::new(FakeHost::new());
        host.make_dir(Path::new("/etc/hau"), 0o755).expect("made");
        put(&host, "Hau@12346");
        let db = asking(&mock, &host);
        let ask = || db.ask("ask", "select 1", Duration::from_secs(5));
        let told = [0, 1, 2].map(|_| ask().expect_err("refused"));
        assert!(told[0].what.contains("28P01") && told[1].what.contains("locks the account"));
        assert!(
            told.iter()
                .all(|e| !e.transient && e.remedy.contains("password_file"))
        );
        put(&host, mock::PASSWORD);
        assert_eq!(first(&ask().expect("let in")), Some("1"));
        assert_eq!(first(&ask().expect("on the same connection")), Some("1"));
        drop(db);
        assert_eq!(mock.served(), [false, true]);
    }
}
