//! What can go wrong, as the caller of the library sees it.

mod builtin;
mod exception;
mod raise;
mod types;

pub use exception::{Exception, Raised};
pub use types::{ExceptionTypes, Meaning, Resolver};

use crate::budget::NoMemory;
use crate::fork;
use std::fmt;
use std::sync::Arc;

/// Everything that a function of this library can fail with.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// An argument has not the form that it must have.
    #[error("{0}")]
    Argument(String),
    /// A value of another type than is needed.
    #[error("{0}")]
    Type(String),
    /// A number that does not fit.
    #[error("{0}")]
    Range(String),
    /// Not now: answered already, not started yet, and the like.
    #[error("{0}")]
    State(String),
    /// Waiting here would never end.
    #[error("{0}")]
    Deadlock(String),
    /// Not possible on this system, or not with this peer.
    #[error("{0}")]
    Unsupported(String),
    /// Made by the parent of a forked process.
    #[error("{0}")]
    Forked(String),
    /// The operating system refused to read, write or open something.
    #[error("{context}: {source}")]
    Io {
        /// What was tried.
        context: String,
        /// What the system says.
        source: Arc<std::io::Error>,
    },
    /// Nobody answers at an address.
    #[error("{context}: {source}")]
    Connect {
        /// What was tried.
        context: String,
        /// What the system says.
        source: Arc<std::io::Error>,
    },
    /// The peer ended the stream.
    #[error("{0}")]
    Eof(String),
    /// The time is over.
    #[error("{0}")]
    Timeout(String),
    /// The caller gave an asynchronous request up.
    #[error("{0}")]
    Cancelled(String),
    /// Somebody ended the wait.
    #[error("{0}")]
    Interrupted(String),
    /// The connection was closed before.
    #[error("{0}")]
    Closed(String),
    /// An object whose connection had ended before the request, which was not sent.
    #[error("{0}")]
    Stale(String),
    /// An address that cannot be understood.
    #[error("{0}")]
    Address(String),
    /// The peer sent what is not RPyC.
    #[error("{0}")]
    Malformed(String),
    /// More, longer or deeper than the limits allow.
    #[error("{0}")]
    Limit(String),
    /// Memory that could not be had.
    #[error("{0}")]
    Memory(String),
    /// The peer does not receive, and much waits to be sent: not now.
    #[error("{0}")]
    Backpressure(String),
    /// What the peer sent is not safe to accept.
    #[error("{0}")]
    Unsafe(String),
    /// The peer named an object that it was not lent.
    #[error("{0}")]
    UnknownObject(String),
    /// The peer did not authenticate itself, or refused our authentication.
    #[error("{0}")]
    Authentication(String),
    /// The peer speaks a dialect of RPyC that is not spoken here.
    #[error("{0}")]
    Dialect(String),
    /// The peer raised an exception.
    #[error("{}", .0.summary())]
    Remote(Exception),
    /// The application says so, with a status of its own choice.
    #[error("{1}")]
    Application(i32, String),
    /// A callback of ours raised SystemExit or KeyboardInterrupt, which stays here.
    #[error("{}: a callback ended the connection", .0.summary())]
    Exit(Exception),
}

/// What functions of this library give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<NoMemory> for Error {
    #[cold]
    fn from(error: NoMemory) -> Error {
        Error::Memory(error.to_string())
    }
}

impl Error {
    /// Of the system, with what was tried.
    pub fn io(context: impl fmt::Display, source: std::io::Error) -> Error {
        Error::Io { context: context.to_string(), source: Arc::new(source) }
    }

    /// Of connecting, with what was tried.
    pub fn connect(context: impl fmt::Display, source: std::io::Error) -> Error {
        Error::Connect { context: context.to_string(), source: Arc::new(source) }
    }

    /// Is it the end of an iteration?
    pub fn is_stop_iteration(&self) -> bool {
        matches!(self, Error::Remote(e) if e.is_builtin("StopIteration"))
    }

    /// Refuses the use of what was made before a fork, in the parent.
    #[inline]
    pub fn unless_forked(made: u32, what: &str) -> Result<()> {
        if fork::is_ours(made) { Ok(()) } else { Err(Error::forked(what)) }
    }

    #[cold]
    fn forked(what: &str) -> Error {
        Error::Forked(format!("the {what} was made before a fork, in the parent process"))
    }
}
