//! What goes wrong with a GaussDB server, and what to do about it.
use super::super::DatabaseError;
use crate::core::Problem;
use std::io;

/// Why there is no answer. Nothing secret is in it.
#[derive(Debug)]
pub(in crate::database) enum WireError {
    /// It cannot be reached, or the connection is gone.
    Io(io::Error),
    TimedOut,
    /// The server says so itself.
    Server(Box<ServerError>),
    /// What hau does not do, whoever asks for it: a login, a connection without TLS.
    Refused(Problem),
    /// The server sent what cannot be understood.
    Broken(String),
}

/// What a server says of an error, each field in one line of some hundred characters at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::database) struct ServerError {
    /// "ERROR", "FATAL", "PANIC" or the server's own word for it in its language.
    pub(super) severity: String,
    /// Five characters of SQLSTATE.
    pub(super) code: String,
    pub(super) message: String,
    pub(super) detail: Option<String>,
    pub(super) hint: Option<String>,
}

impl From<io::Error> for WireError {
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::TimedOut {
            return WireError::TimedOut;
        }
        WireError::Io(e)
    }
}

/// One sentence and what to do, with whether trying again may help. `action`: what was to be done, as in "read the
/// role".
pub(super) fn told(error: &WireError, action: &str) -> DatabaseError {
    let passing = |why: &dyn std::fmt::Display, remedy: &str| DatabaseError {
        what: format!("cannot {action}: {why}"),
        remedy: remedy.to_owned(),
        transient: true,
    };
    match error {
        WireError::Io(e) => passing(
            e,
            "look whether the server runs and where it listens, then try again",
        ),
        WireError::TimedOut => passing(
            &"the database gave no answer in time",
            "look whether the server is stopped or overloaded, and into its log",
        ),
        WireError::Server(e) => e.told(action),
        WireError::Refused(Problem { what, remedy }) => DatabaseError {
            what: format!("cannot {action}: {what}"),
            remedy: remedy.clone(),
            transient: false,
        },
        WireError::Broken(why) => DatabaseError {
            what: format!("cannot {action}: what the server sent cannot be understood: {why}"),
            remedy: "see that the dsn names a GaussDB or openGauss server".to_owned(),
            transient: false,
        },
    }
}

impl ServerError {
    /// It ends the connection.
    pub(super) fn is_fatal(&self) -> bool {
        self.severity == "FATAL" || self.severity == "PANIC"
    }

    fn told(&self, action: &str) -> DatabaseError {
        let Self { code, message, .. } = self;
        let of_class = |class: &&str| code.starts_with(class);
        let usual = if of_class(&"28") {
            // Tried again and again, a wrong password locks the user out.
            "see the user in the dsn, the password in password_file, and the server's pg_hba.conf"
        } else {
            "look into the server's log"
        };
        let said = self.hint.as_deref().or(self.detail.as_deref());
        // Classes 40 and 57: rolled back, cancelled, starting up, shutting down. 53: no resources. 55P03: locked.
        let passing = ["40", "53", "57", "55P03"].iter().any(of_class);
        DatabaseError {
            what: format!("cannot {action}: {message} ({code})"),
            remedy: said.unwrap_or(usual).to_owned(),
            transient: passing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: &str) -> WireError {
        WireError::Server(Box::new(ServerError {
            severity: "ERROR".to_owned(),
            code: code.to_owned(),
            message: "no".to_owned(),
            ..ServerError::default()
        }))
    }

    #[test]
    fn what_passes_is_told_apart() {
        for code in ["40001", "53300", "57P03", "55P03"] {
            assert!(told(&server(code), "ask").transient, "{code}");
        }
        for code in ["42601", "28P01", "55006", ""] {
            assert!(!told(&server(code), "ask").transient, "{code}");
        }
        assert_eq!(told(&server("42601"), "ask").what, "cannot ask: no (42601)");
        let gone = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(told(&gone.into(), "ask").transient);
        let late = io::Error::from(io::ErrorKind::TimedOut);
        assert!(told(&late.into(), "ask").what.contains("in time"));
        let broken = told(&WireError::Broken("no".to_owned()), "ask");
        assert!(!broken.transient && broken.remedy.contains("dsn"));
    }

    #[test]
    fn what_the_server_advises_comes_first() {
        let mut error = ServerError {
            code: "28P01".to_owned(),
            ..ServerError::default()
        };
        assert!(error.told("log in").remedy.contains("password_file"));
        error.detail = Some("of detail".to_owned());
        assert_eq!(error.told("log in").remedy, "of detail");
        error.hint = Some("of hint".to_owned());
        assert_eq!(error.told("log in").remedy, "of hint");
    }
}
