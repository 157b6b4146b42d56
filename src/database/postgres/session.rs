//! Connections with an end in time. Each lives on a thread of its own, because the client library
//! waits for ever on a server that hangs: the caller goes on at its limit, the thread is left behind.
use super::{DatabaseError, DatabaseResult, refusal, transient};
use ::postgres::{CancelToken, Client, Config, NoTls, error::SqlState};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// Connections left behind on a hanging server, at most: then nothing more is asked of it.
const THREADS: usize = 16;
type SqlResult<T> = Result<T, ::postgres::Error>;
type Job = Box<dyn FnOnce(&mut Client) + Send>;

/// The library's form of a dsn, with what hau wants of every connection.
pub(super) fn client_config(dsn: &str) -> DatabaseResult<Config> {
    // The library's own words may repeat a part of the dsn.
    let mut config: Config = dsn.parse().map_err(|_| {
        refusal(
            "the dsn of the database cannot be read",
            "write it as host=/var/run/postgresql dbname=shop user=hau",
        )
    })?;
    if config.get_password().is_some() {
        return Err(refusal(
            "the dsn of the database holds a password",
            "use peer authentication over the Unix socket and take the password out",
        ));
    }
    config
        .application_name("hau")
        .tcp_user_timeout(Duration::from_secs(30));
    Ok(config)
}

/// One kept connection for short questions and as many others as calls need at the same time.
pub(super) struct Sessions {
    config: Config,
    kept: Mutex<Option<Session>>,
    /// One count for each thread that lives.
    threads: Arc<()>,
}

struct Session {
    jobs: mpsc::Sender<Job>,
    /// The limit that the server has been told, in milliseconds.
    limit_ms: Arc<AtomicU64>,
    cancel: CancelToken,
}

/// Ends with its connection.
pub(super) struct Held<'a> {
    sessions: &'a Sessions,
    session: Session,
}

impl Held<'_> {
    pub(super) fn ask<T: Send + 'static>(
        &self,
        action: &str,
        limit: Duration,
        question: impl FnOnce(&mut Client) -> SqlResult<T> + Send + 'static,
    ) -> DatabaseResult<T> {
        let asked = self
            .sessions
            .run(&self.session, Instant::now() + limit, question);
        asked.map_err(|e| told(&e, action, limit))
    }
}

enum Failure {
    Sql(::postgres::Error),
    Hangs,
    Crowded,
}

impl Sessions {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            kept: Mutex::new(None),
            threads: Arc::new(()),
        }
    }

    /// Asks on the kept connection, and once more on a new one if the kept one turns out broken:
    /// `question` may run twice.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        action: &str,
        limit: Duration,
        question: impl Fn(&mut Client) -> SqlResult<T> + Clone + Send + 'static,
    ) -> DatabaseResult<T> {
        let end = Instant::now() + limit;
        if let Some(session) = self.take() {
            match self.run(&session, end, question.clone()) {
                Err(Failure::Sql(e)) if is_broken(&e) => {}
                answer => return self.settle(session, answer, action, limit),
            }
        }
        let session = self.open(end).map_err(|e| told(&e, action, limit))?;
        let answer = self.run(&session, end, question);
        self.settle(session, answer, action, limit)
    }

    /// Asks on a connection of its own, closed afterwards: for what takes long or changes the
    /// session. `question` runs at most once.
    pub(super) fn ask_alone<T: Send + 'static>(
        &self,
        action: &str,
        limit: Duration,
        question: impl FnOnce(&mut Client) -> SqlResult<T> + Send + 'static,
    ) -> DatabaseResult<T> {
        let end = Instant::now() + limit;
        self.open(end)
            .and_then(|session| self.run(&session, end, question))
            .map_err(|e| told(&e, action, limit))
    }

    /// A connection that stays open over several questions: for what must see one moment.
    pub(super) fn hold(&self, action: &str, limit: Duration) -> DatabaseResult<Held<'_>> {
        let session = self.open(Instant::now() + limit);
        let session = session.map_err(|e| told(&e, action, limit))?;
        Ok(Held {
            sessions: self,
            session,
        })
    }

    /// Closes the kept connection: a server that stops need not end it first.
    pub(super) fn close(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<Session> {
        self.slot().take()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Session>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle<T>(
        &self,
        session: Session,
        answer: Result<T, Failure>,
        action: &str,
        limit: Duration,
    ) -> DatabaseResult<T> {
        let usable = match &answer {
            Ok(_) => true,
            Err(Failure::Sql(e)) => !is_broken(e),
            Err(Failure::Hangs | Failure::Crowded) => false,
        };
        if usable {
            *self.slot() = Some(session);
        }
        answer.map_err(|e| told(&e, action, limit))
    }

    fn open(&self, end: Instant) -> Result<Session, Failure> {
        if Arc::strong_count(&self.threads) > THREADS {
            return Err(Failure::Crowded);
        }
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (opened, outcome) = mpsc::channel();
        let (alive, mut config) = (self.threads.clone(), self.config.clone());
        config.connect_timeout(end.saturating_duration_since(Instant::now()));
        thread::spawn(move || {
            let _alive = alive;
            let mut client = match config.connect(NoTls) {
                Ok(client) => client,
                Err(e) => return drop(opened.send(Err(e))),
            };
            if opened.send(Ok(client.cancel_token())).is_ok() {
                inbox.into_iter().for_each(|job| job(&mut client));
            }
        });
        let cancel = receive(&outcome, end)?.map_err(Failure::Sql)?;
        Ok(Session {
            jobs,
            limit_ms: Arc::default(),
            cancel,
        })
    }

    fn run<T: Send + 'static>(
        &self,
        session: &Session,
        end: Instant,
        question: impl FnOnce(&mut Client) -> SqlResult<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, outcome) = mpsc::channel();
        let limit_ms = server_limit(end.saturating_duration_since(Instant::now()));
        let told = session.limit_ms.clone();
        let job: Job = Box::new(move |client| {
            let result = tell(client, &told, limit_ms).and_then(|()| question(client));
            // Nobody may be waiting any more.
            drop(answer.send(result));
        });
        if session.jobs.send(job).is_err() {
            return Err(Failure::Hangs);
        }
        match receive(&outcome, end) {
            Ok(result) => result.map_err(Failure::Sql),
            Err(e) => {
                self.cancel(session.cancel.clone());
                Err(e)
            }
        }
    }

    /// Asks the server to give up, without waiting: it may hang as a whole.
    fn cancel(&self, token: CancelToken) {
        let alive = self.threads.clone();
        thread::spawn(move || {
            let _alive = alive;
            // It is the caller's limit that counts; this only spares the server work.
            drop(token.cancel_query(NoTls));
        });
    }
}

/// In steps of a tenth of a second where that is little: a question that is asked again and again need not
/// set it again. Zero would mean no limit, and more than an i32 is refused.
fn server_limit(left: Duration) -> u64 {
    let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    let round = if ms > 1_000 { ms - ms % 100 } else { ms };
    round.clamp(1, i32::MAX as u64)
}

fn tell(client: &mut Client, told: &AtomicU64, limit_ms: u64) -> SqlResult<()> {
    if told.load(Ordering::Relaxed) != limit_ms {
        client.batch_execute(&format!("set statement_timeout = {limit_ms}"))?;
        told.store(limit_ms, Ordering::Relaxed);
    }
    Ok(())
}

fn receive<T>(outcome: &mpsc::Receiver<T>, end: Instant) -> Result<T, Failure> {
    // A little longer than the server's own limit, whose answer says more.
    const GRACE: Duration = Duration::from_millis(50);
    outcome
        .recv_timeout(end.saturating_duration_since(Instant::now()) + GRACE)
        .map_err(|_| Failure::Hangs)
}

fn is_broken(e: &::postgres::Error) -> bool {
    let Some(db) = e.as_db_error() else {
        return true;
    };
    db.severity() == "FATAL" || db.severity() == "PANIC"
}

fn told(failure: &Failure, action: &str, limit: Duration) -> DatabaseError {
    match failure {
        Failure::Hangs => transient(
            format!("cannot {action}: the database gave no answer within {limit:.1?}"),
            "look whether the server is stopped or overloaded, and into its log",
        ),
        Failure::Crowded => transient(
            format!("cannot {action}: the database has not answered {THREADS} earlier questions"),
            "look whether the server is stopped or overloaded, and into its log",
        ),
        Failure::Sql(e) => sql_error(action, e),
    }
}

/// What the server said, as one sentence, and whether saying it again may help.
pub(super) fn sql_error(action: &str, e: &::postgres::Error) -> DatabaseError {
    let Some(db) = e.as_db_error() else {
        return transient(
            format!("cannot {action}: {}", with_causes(e)),
            "look whether the server runs and where it listens, then try again",
        );
    };
    let code = db.code();
    let what = format!("cannot {action}: {} ({})", db.message(), code.code());
    let remedy = db
        .hint()
        .or(db.detail())
        .unwrap_or("look into the server's log");
    // Classes 40 and 57: rolled back, cancelled, starting up, shutting down. 53: no resources.
    let passing = ["40", "53", "57"]
        .iter()
        .any(|c| code.code().starts_with(c));
    DatabaseError {
        what,
        remedy: remedy.to_owned(),
        transient: passing || *code == SqlState::LOCK_NOT_AVAILABLE,
    }
}

/// The library's Display may leave out the cause, which is the part that helps.
fn with_causes(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_never_comes_near_a_command_line() {
        let e = client_config("host=/run dbname=a user=b password=sekret").unwrap_err();
        assert!(e.what.contains("holds a password") && !e.what.contains("sekret"));
    }

    #[test]
    fn an_unreadable_dsn_is_not_repeated() {
        let e = client_config("hots=/run sekret").unwrap_err();
        assert!(!format!("{e:?}").contains("sekret"));
        assert!(client_config("host=/run dbname=a user=b").is_ok());
    }
}
