//! What can go wrong, as the caller of the library sees it.

use crate::value::{Text, Value};
use std::fmt;
use std::sync::Arc;

/// An exception: one that a peer raised, or one to be raised at a peer. Small to move, as results hold it.
#[derive(Clone, Debug, Default)]
pub struct Exception(Box<Raised>);

/// What an exception is made of.
#[derive(Clone, Debug, Default)]
pub struct Raised {
    pub module: Text,
    pub name: Text,
    pub args: Vec<Value>,
    pub attributes: Vec<(Text, Value)>,
    /// The remote traceback; for one of ours the text to send, or empty.
    pub traceback: Text,
}

impl std::ops::Deref for Exception {
    type Target = Raised;

    fn deref(&self) -> &Raised {
        &self.0
    }
}

impl std::ops::DerefMut for Exception {
    fn deref_mut(&mut self) -> &mut Raised {
        &mut self.0
    }
}

impl From<Raised> for Exception {
    fn from(raised: Raised) -> Exception {
        Exception(Box::new(raised))
    }
}

impl Exception {
    /// An exception of Python's `builtins`.
    pub fn builtin(name: &str, message: impl AsRef<str>) -> Exception {
        Exception::with_args("builtins", name, vec![Value::Str(Text::new(message.as_ref()))])
    }

    pub fn with_args(module: &str, name: &str, args: Vec<Value>) -> Exception {
        Raised { module: Text::new(module), name: Text::new(name), args, ..Raised::default() }.into()
    }

    pub fn stop_iteration() -> Exception {
        Exception::with_args("builtins", "StopIteration", Vec::new())
    }

    pub fn is_builtin(&self, name: &str) -> bool {
        self.module.as_bytes() == b"builtins" && self.name.as_bytes() == name.as_bytes()
    }

    /// `Name: text`, as Python prints it.
    pub fn summary(&self) -> String {
        let name = match self.module.as_bytes() {
            b"builtins" | b"" => self.name.to_string(),
            _ => format!("{}.{}", self.module, self.name),
        };
        let text = match self.args.as_slice() {
            [] => String::new(),
            [Value::Str(text)] if !self.is_builtin("KeyError") => text.to_string(),
            [one] => one.repr(),
            many => Value::Tuple(many.into()).repr(),
        };
        if text.is_empty() { name } else { format!("{name}: {text}") }
    }
}

/// Everything that a function of this library can fail with.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Argument(String),
    #[error("{0}")]
    Type(String),
    #[error("{0}")]
    Range(String),
    #[error("{0}")]
    State(String),
    #[error("{0}")]
    Deadlock(String),
    #[error("{0}")]
    Unsupported(String),
    /// Made by the parent of a forked process.
    #[error("{0}")]
    Forked(String),
    #[error("{context}: {source}")]
    Io { context: String, source: Arc<std::io::Error> },
    /// Nobody answers at an address.
    #[error("{context}: {source}")]
    Connect { context: String, source: Arc<std::io::Error> },
    /// The peer ended the stream.
    #[error("{0}")]
    Eof(String),
    #[error("{0}")]
    Timeout(String),
    /// The connection was closed before.
    #[error("{0}")]
    Closed(String),
    #[error("{0}")]
    Address(String),
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Limit(String),
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    UnknownObject(String),
    #[error("{0}")]
    Dialect(String),
    #[error("{}", .0.summary())]
    Remote(Exception),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn io(context: impl fmt::Display, source: std::io::Error) -> Error {
        Error::Io { context: context.to_string(), source: Arc::new(source) }
    }

    pub fn connect(context: impl fmt::Display, source: std::io::Error) -> Error {
        Error::Connect { context: context.to_string(), source: Arc::new(source) }
    }

    pub fn is_stop_iteration(&self) -> bool {
        matches!(self, Error::Remote(e) if e.is_builtin("StopIteration"))
    }
}
