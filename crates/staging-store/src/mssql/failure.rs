//! What the server and the network say, and what that means.

use std::time::Duration;

use tiberius::error::{Error as TdsError, IoErrorKind};

use crate::Error;

/// How the numbers of the server's errors are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Constraint,
    Deadlock,
    Locked,
    Full,
    Away,
    Login,
    Database,
    Other,
}

fn meaning(code: u32) -> Meaning {
    match code {
        // A row that is there already, in a constraint or an index; a check or key that does not hold; NULL where none may be.
        2627 | 2601 | 547 | 515 => Meaning::Constraint,
        // A deadlock, or a snapshot that somebody else has changed.
        1205 | 3960 => Meaning::Deadlock,
        // The lock timeout, also of an application lock.
        1222 => Meaning::Locked,
        // The data file, the log, the version store.
        1101 | 1105 | 9002 | 3958 | 3959 | 3966 => Meaning::Full,
        // Azure moves the database, or asks for patience.
        40_197 | 40_501 | 40_613 | 49_918..=49_920 | 10_928 | 10_929 => Meaning::Away,
        // Refused; not from a trusted domain; disabled; locked; expired; must be changed.
        18_456 | 18_452 | 18_470 | 18_486 | 18_487 | 18_488 => Meaning::Login,
        // Not there, or not for this login.
        4060 | 911 | 916 => Meaning::Database,
        _ => Meaning::Other,
    }
}

/// Whether the connection can be used after this: the server answered, and did not end the session.
pub(super) fn leaves_connection_sound(error: &TdsError) -> bool {
    matches!(error, TdsError::Server(said) if said.class() < 20 && meaning(said.code()) != Meaning::Away)
}

/// Gives a failure of a statement its meaning. `doing` is a statement's text or a description; parameters are never part of
/// it. The transaction around it is rolled back for sure, by us or by the server that lost us.
pub(super) fn failure(doing: &str, error: TdsError, statement_timeout: Duration) -> Error {
    let doing = shorten(doing);
    match &error {
        TdsError::Server(said) => match meaning(said.code()) {
            Meaning::Constraint => Error::Constraint { doing, source: error.into() },
            Meaning::Deadlock => Error::Deadlock { doing, source: error.into() },
            Meaning::Locked => Error::Busy { doing, source: error.into() },
            Meaning::Full => Error::Full { doing, source: error.into() },
            Meaning::Away => Error::ConnectionLost { doing, source: error.into() },
            Meaning::Login | Meaning::Database | Meaning::Other if said.class() >= 20 => {
                Error::ConnectionLost { doing, source: error.into() }
            }
            Meaning::Login | Meaning::Database | Meaning::Other => {
                Error::Statement { doing, source: error.into() }
            }
        },
        TdsError::Io { kind: IoErrorKind::TimedOut, .. } => {
            Error::Timeout { doing, after: statement_timeout, source: error.into() }
        }
        TdsError::Io { .. } | TdsError::Tls(_) | TdsError::Protocol(_) => {
            Error::ConnectionLost { doing, source: error.into() }
        }
        _ => Error::Statement { doing, source: error.into() },
    }
}

/// Gives a failure of a commit its meaning: a server that answered has not committed, of one that did not nobody knows.
pub(super) fn commit_failure(doing: &str, error: TdsError, statement_timeout: Duration) -> Error {
    match error {
        TdsError::Server(said) if said.class() < 20 => {
            failure(doing, TdsError::Server(said), statement_timeout)
        }
        other => Error::Ambiguous { doing: shorten(doing), source: other.into() },
    }
}

/// Gives a failure while connecting its meaning.
pub(super) fn connecting(server: &str, error: TdsError) -> Error {
    let server = server.to_owned();
    match &error {
        TdsError::Server(said) => match meaning(said.code()) {
            Meaning::Login => Error::LoginRefused { server, source: error.into() },
            Meaning::Database => Error::DatabaseMissing { server, source: error.into() },
            Meaning::Away => Error::Unreachable { server, source: error.into() },
            _ => Error::Open { database: server, source: error.into() },
        },
        TdsError::Tls(why) if why.contains("certificate") => {
            Error::UntrustedCertificate { server, source: error.into() }
        }
        TdsError::Io { .. } => Error::Unreachable { server, source: error.into() },
        _ => Error::Open { database: server, source: error.into() },
    }
}

pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(7);

    fn lost() -> TdsError {
        TdsError::Io { kind: IoErrorKind::ConnectionReset, message: "reset".to_owned() }
    }

    #[test]
    fn a_connection_lost_in_a_commit_is_ambiguous_and_one_lost_before_is_not() {
        assert!(commit_failure("a transaction", lost(), PATIENCE).is_ambiguous());
        let before = failure("UPDATE t", lost(), PATIENCE);
        assert!(before.is_transient() && !before.is_ambiguous());
    }

    #[test]
    fn a_timeout_tells_how_long_was_waited() {
        let late = TdsError::Io { kind: IoErrorKind::TimedOut, message: "late".to_owned() };
        let said = failure("UPDATE t", late, PATIENCE).to_string();
        assert_eq!(said, "the staging server took longer than 7 s for UPDATE t; nothing was changed");
    }
}
