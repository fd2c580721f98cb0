//! Failures of commands: their messages and exit codes.

use crate::show;
use rpyc::escape;
use rpyc::{Error, Exception, Value};
use serde::{Serialize, Serializer};
use std::io;

/// The peer raised an exception, or did not answer all requests.
pub const RAISED: u8 = 1;
/// The command line is invalid.
pub const USAGE: u8 = 2;
/// Nothing listens at the address.
pub const CONNECT: u8 = 3;
/// The connection broke or timed out, or the peer does not speak RPyC.
pub const PROTOCOL: u8 = 4;
/// A file or the output cannot be read or written.
pub const FILE: u8 = 5;

/// The exit code of a command, or its failure.
pub type Outcome = Result<u8, Failure>;

#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    text: String,
    /// The remedy.
    hint: Option<String>,
    broken_pipe: bool,
    /// The traceback of the peer, printed instead of the message.
    exception: Option<Exception>,
}

impl Failure {
    pub fn new(code: u8, text: impl Into<String>) -> Failure {
        Failure { code, text: text.into(), hint: None, broken_pipe: false, exception: None }
    }

    pub fn usage(text: impl Into<String>) -> Failure {
        Failure::new(USAGE, text)
    }

    pub fn file(context: impl std::fmt::Display, error: io::Error) -> Failure {
        Failure::new(FILE, format!("{context}: {error}"))
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Nobody reads the output any more, as with `rpyc trace ... | head`.
    pub fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    pub fn tell(&self, command: &str) {
        if let Some(exception) = &self.exception {
            let traceback = exception.traceback.as_str().trim_end();
            if !traceback.is_empty() {
                show::complain(format_args!("{}", escape::lines(traceback)));
            }
            let summary = exception.summary();
            // Python's tracebacks end with the message.
            if !traceback.ends_with(&summary) {
                show::complain(format_args!("{}", escape::lines(&summary)));
            }
            if let Some(absence) = exception.absence() {
                show::complain(format_args!("  {}", escape::lines(&absence)));
            }
            return;
        }
        let space = if command.is_empty() { "" } else { " " };
        show::complain(format_args!("rpyc{space}{command}: {}", escape::lines(&self.text)));
        if let Some(hint) = &self.hint {
            show::complain(format_args!("  {}", escape::lines(hint)));
        }
    }
}

/// The document of `--json` for a failure.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Raised<'f> {
            r#type: String,
            message: String,
            traceback: &'f str,
        }
        #[derive(Serialize)]
        struct Told<'f> {
            kind: &'static str,
            code: u8,
            message: &'f str,
            hint: Option<&'f str>,
            exception: Option<Raised<'f>>,
        }
        #[derive(Serialize)]
        struct Document<'f> {
            ok: bool,
            error: Told<'f>,
        }
        let kind = match self.code {
            RAISED => "exception",
            USAGE => "usage",
            CONNECT => "unreachable",
            PROTOCOL => "protocol",
            _ => "file",
        };
        let exception = self.exception.as_ref().map(|exception| Raised {
            r#type: format!("{}.{}", exception.module, exception.name),
            message: exception.args.first().map_or_else(String::new, |first| match first {
                Value::Str(text) => text.to_string(),
                other => other.repr(),
            }),
            traceback: exception.traceback.as_str(),
        });
        let hint = self.hint.as_deref();
        let error = Told { kind, code: self.code, message: &self.text, hint, exception };
        Document { ok: false, error }.serialize(serializer)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Failure {
        Failure::usage(error.to_string()).hint("'rpyc help' lists the commands, 'rpyc help COMMAND' the options of one")
    }
}

/// A failure to write to stdout. For files, see `Failure::file`.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Failure { broken_pipe, ..Failure::file("cannot write the output", error) }
    }
}

/// A failure after the first reply, when the peer is known to speak RPyC. See `Failure::at_first`.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let text = error.to_string();
        let hint = match error {
            Error::Remote(exception) => return Failure { exception: Some(exception), ..Failure::new(RAISED, text) },
            Error::Address(_) => {
                return Failure::usage(text).hint("for example tcp://localhost:18861 or unix:///run/service.sock");
            }
            Error::Argument(_) => return Failure::usage(text),
            Error::Connect { .. } => return Failure::new(CONNECT, text),
            Error::Eof(_) | Error::Closed(_) | Error::Stale(_) => {
                "The peer ended the connection before it replied. It was stopped, has crashed, or enforces a limit; see its log"
            }
            Error::Timeout(_) => "The request may still be running there. --timeout SECONDS waits longer",
            Error::Malformed(_) => {
                "Peer or network has a fault: earlier messages were RPyC. 'rpyc trace' shows the bytes"
            }
            Error::Limit(ref limit) if limit.contains("max_frame") => "-o max_frame=BYTES accepts larger messages",
            _ => return Failure::new(PROTOCOL, text),
        };
        Failure::new(PROTOCOL, text).hint(hint)
    }
}

impl Failure {
    /// A failure before the first reply, when the peer may be something else than an RPyC server.
    pub fn at_first(error: Error, address: &impl std::fmt::Display) -> Failure {
        let text = error.to_string();
        match error {
            Error::Eof(_) | Error::Closed(_) | Error::Stale(_) => Failure::new(PROTOCOL, text).hint(
                "The peer ended the connection before its first reply. It may require TLS, deny this client, or not be an \
                 RPyC server; see its log",
            ),
            Error::Timeout(_) => Failure::new(PROTOCOL, text).hint(
                "The connection was made, but no reply was received. Is it an RPyC server? --timeout SECONDS waits longer",
            ),
            Error::Authentication(_) => {
                Failure::new(PROTOCOL, text).hint("--secret-file FILE must hold the secret of the server; see also its log")
            }
            Error::Malformed(text) | Error::Limit(text) => {
                Failure::new(PROTOCOL, format!("{address} does not speak RPyC: {text}")).hint(
                    "Is it the right port? A server of another protocol, such as HTTP, replies like this, or one before \
                     rpyc 4.1",
                )
            }
            Error::Dialect(_) => Failure::new(PROTOCOL, text).hint(
                "--dialect 5 is rpyc 4.1 to 5.3, --dialect 6 is rpyc 6. Without --dialect it is detected, except where the \
                 peer accepts one connection only: a OneShotServer, exec:",
            ),
            other => other.into(),
        }
    }
}
