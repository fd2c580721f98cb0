//! What went wrong, in words and as exit code.

use crate::show;
use rpyc::escape;
use rpyc::{Error, Exception};
use std::io;

/// The peer raised an exception, or answered less than it was asked.
pub const RAISED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Nobody answers at the address.
pub const CONNECT: u8 = 3;
/// The connection broke, took too long, or speaks something else.
pub const PROTOCOL: u8 = 4;
/// A file or the output.
pub const FILE: u8 = 5;

/// The exit code of a command, or why there is none.
pub type Outcome = Result<u8, Failure>;

pub struct Failure {
    pub code: u8,
    text: String,
    /// What can be done about it.
    hint: Option<String>,
    broken_pipe: bool,
    /// Of the peer; printed instead of the text.
    exception: Option<Exception>,
}

impl Failure {
    pub fn new(code: u8, text: impl Into<String>) -> Failure {
        Failure { code, text: text.into(), hint: None, broken_pipe: false, exception: None }
    }

    pub fn usage(text: impl Into<String>) -> Failure {
        Failure::new(USAGE, text)
    }

    /// Nobody is there to talk to.
    pub fn unreachable(text: impl Into<String>) -> Failure {
        Failure::new(CONNECT, text)
            .hint("Does the server run, and does it listen at this address? Python's servers listen at 0.0.0.0 or [::]")
    }

    pub fn file(context: impl std::fmt::Display, error: io::Error) -> Failure {
        Failure::new(FILE, format!("{context}: {error}"))
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Nobody reads what is printed any more, as with `rpyc trace ... | head`.
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
            // Python's tracebacks end with it.
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

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Failure {
        Failure::usage(error.to_string()).hint("'rpyc help' lists the commands, 'rpyc help COMMAND' the options of one")
    }
}

/// Of writing to the standard output; files have `Failure::file`.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Failure { broken_pipe, ..Failure::file("cannot write the output", error) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let text = error.to_string();
        match error {
            Error::Remote(exception) => Failure { exception: Some(exception), ..Failure::new(RAISED, text) },
            Error::Address(_) => Failure::usage(text).hint("such as tcp://localhost:18861 or unix:///run/service.sock"),
            Error::Argument(_) => Failure::usage(text),
            Error::Connect { .. } => Failure::unreachable(text),
            Error::Eof(_) | Error::Closed(_) => Failure::new(PROTOCOL, text).hint(
                "The peer ended the connection. It may want TLS, refuse this client, or be no RPyC server; its log may tell",
            ),
            Error::Timeout(_) => Failure::new(PROTOCOL, text).hint(
                "The connection was made, but no answer came. Is it an RPyC server? --timeout gives it longer",
            ),
            Error::Malformed(_) => {
                Failure::new(PROTOCOL, text).hint("What the peer sent is not RPyC, or a version before 4.1")
            }
            Error::Limit(text) if text.contains("max_frame") => Failure::new(PROTOCOL, text)
                .hint("What the peer sent is most likely not RPyC; if it is, -o max_frame=BYTES allows it more"),
            Error::Dialect(_) => Failure::new(PROTOCOL, text)
                .hint(
                    "--dialect 5 is rpyc 4.1 to 5.3, --dialect 6 is rpyc 6. Without --dialect it is found out, but where the \
                     peer can be asked only once: a OneShotServer, exec:",
                ),
            _ => Failure::new(PROTOCOL, text),
        }
    }
}
