//! What can go wrong, as the caller of the library sees it.

mod builtin;

use crate::config::Meaning;
use crate::value::{Text, Value};
use std::fmt;
use std::sync::Arc;

/// How a refusal by RPyC's connection begins.
const REFUSAL: &str = "cannot access ";

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
    /// Of one that came from a peer: what the host may know of its type.
    pub meaning: Option<Meaning>,
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

    /// Of a type as people write it: `ValueError` is a builtin, `bank.Closed` has a module.
    pub fn named(type_name: &str, args: Vec<Value>) -> Exception {
        let (module, name) = type_name.rsplit_once('.').unwrap_or(("builtins", type_name));
        Exception::with_args(module, name, args)
    }

    pub fn stop_iteration() -> Exception {
        Exception::with_args("builtins", "StopIteration", Vec::new())
    }

    pub fn is_builtin(&self, name: &str) -> bool {
        self.module.as_bytes() == b"builtins" && self.name.as_bytes() == name.as_bytes()
    }

    /// The code that the host has registered for its type, if it may be told apart.
    pub fn code(&self) -> Option<i32> {
        self.meaning.as_ref()?.code(self)
    }

    /// What a program that ends with it gives its parent, as Python has it.
    pub fn exit_code(&self) -> i32 {
        if self.is_builtin("KeyboardInterrupt") {
            return 130;
        }
        match self.args.as_slice() {
            [] | [Value::None] => 0,
            [Value::Int(code)] => *code as i32,
            [Value::Bool(code)] => (*code).into(),
            _ => 1,
        }
    }

    /// Has it to do with the end of the program in which it was raised?
    #[inline]
    pub fn ends_program(&self) -> bool {
        self.is_builtin("SystemExit") || self.is_builtin("KeyboardInterrupt")
    }

    /// The attribute rules of a peer keep the name back: in the words of RPyC's connection, or of its services. Not where
    /// the peer says that there is no such name.
    pub fn is_refusal(&self) -> bool {
        let refusal = |text: &str| text.starts_with(REFUSAL) || text == "access denied";
        self.is_builtin("AttributeError")
            && self.attribute("missing_from").is_none()
            && (self.attribute("refused_by").is_some()
                || matches!(self.args.as_slice(), [Value::Str(text)] if refusal(text.as_str())))
    }

    /// A service refuses to be written to, whatever the name.
    pub fn is_denied_by_service(&self) -> bool {
        matches!(self.args.as_slice(), [Value::Str(text)] if text.as_str() == "access denied")
    }

    /// What Python says of a name that an object does not have, where a librpyc peer refused it in RPyC's words for that.
    pub fn absence(&self) -> Option<String> {
        match (self.args.as_slice(), self.attribute("missing_from")) {
            ([Value::Str(text)], Some(Value::Str(class))) if self.is_builtin("AttributeError") => {
                let name = text.as_str().strip_prefix(REFUSAL)?;
                Some(format!("'{class}' object has no attribute {name}"))
            }
            _ => None,
        }
    }

    /// Which rule it was, if it tells.
    pub fn refused_by(&self) -> Option<&str> {
        match self.attribute("refused_by") {
            Some(Value::Str(rule)) => Some(rule.as_str()),
            _ => None,
        }
    }

    fn attribute(&self, name: &str) -> Option<&Value> {
        let named = self.attributes.iter().find(|(known, _)| known.as_bytes() == name.as_bytes());
        named.map(|(_, value)| value).filter(|value| !matches!(value, Value::None))
    }

    /// Is it an OSError or one of its kind?
    fn is_of_the_system(&self) -> bool {
        self.attribute("errno").is_some() && self.attribute("strerror").is_some()
    }

    /// As OSError prints itself: with number and files, of which only the attributes know.
    fn system_text(&self, strerror: &Value) -> String {
        let plain = |value: &Value| match value {
            Value::Str(text) => text.to_string(),
            other => other.repr(),
        };
        let mut text =
            format!("[Errno {}] {}", self.attribute("errno").map_or_else(String::new, plain), plain(strerror));
        if let Some(file) = self.attribute("filename") {
            text += &format!(": {}", file.repr());
            if let Some(second) = self.attribute("filename2") {
                text += &format!(" -> {}", second.repr());
            }
        }
        text
    }

    /// `Name: text`, as Python prints it.
    pub fn summary(&self) -> String {
        let name = match self.module.as_bytes() {
            b"builtins" | b"" => self.name.to_string(),
            _ => format!("{}.{}", self.module, self.name),
        };
        let text = match self.args.as_slice() {
            [] => String::new(),
            [_, strerror] if self.is_of_the_system() => self.system_text(strerror),
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
    /// The caller gave an asynchronous request up.
    #[error("{0}")]
    Cancelled(String),
    /// The connection was closed before.
    #[error("{0}")]
    Closed(String),
    #[error("{0}")]
    Address(String),
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Limit(String),
    /// The peer does not receive, and much waits to be sent: not now.
    #[error("{0}")]
    Backpressure(String),
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    UnknownObject(String),
    #[error("{0}")]
    Dialect(String),
    #[error("{}", .0.summary())]
    Remote(Exception),
    /// The host says so, with a status of its own choice.
    #[error("{1}")]
    Host(i32, String),
    /// A callback of ours raised SystemExit or KeyboardInterrupt, which stays here.
    #[error("{}: a callback ended the connection", .0.summary())]
    Exit(Exception),
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
