//! What a peer is told of what went wrong here: the exceptions that stock Python raises for the same.

use super::{Error, Exception};
use crate::nesting::TooDeep;
use crate::value::Value;
use std::io;

impl From<Error> for Exception {
    fn from(error: Error) -> Exception {
        let name = match &error {
            Error::Remote(_) | Error::Exit(_) => "",
            Error::Timeout(_) => "TimeoutError",
            Error::Interrupted(_) => "InterruptedError",
            Error::Eof(_) | Error::Closed(_) | Error::Stale(_) => "EOFError",
            Error::Io { source, .. } | Error::Connect { source, .. } => return of_the_system(&error, source),
            Error::Address(_) => "OSError",
            Error::Authentication(_) | Error::Unsafe(_) => "PermissionError",
            Error::Type(_) => "TypeError",
            Error::Range(_) => "OverflowError",
            Error::Memory(_) => "MemoryError",
            Error::Argument(_) | Error::Malformed(_) | Error::Limit(_) => "ValueError",
            Error::State(_)
            | Error::Deadlock(_)
            | Error::Unsupported(_)
            | Error::Forked(_)
            | Error::Cancelled(_)
            | Error::Backpressure(_)
            | Error::UnknownObject(_)
            | Error::Dialect(_)
            | Error::Application(..) => "RuntimeError",
        };
        match error {
            Error::Remote(exception) | Error::Exit(exception) => exception,
            other => Exception::builtin(name, other.to_string()),
        }
    }
}

/// An OSError, of the type that Python has for its number.
fn of_the_system(error: &Error, source: &io::Error) -> Exception {
    let text = error.to_string();
    let Some(number) = source.raw_os_error() else { return Exception::builtin("OSError", text) };
    // Python prints the number in front.
    let text = text.strip_suffix(&format!(" (os error {number})")).unwrap_or(&text);
    let mut exception = Exception::with_args("builtins", "OSError", vec![Value::Int(number.into()), Value::str(text)]);
    exception.construct();
    exception
}

impl TooDeep {
    /// What the caller gets. To be asked where the level was refused.
    #[cold]
    #[inline(never)]
    pub fn exception(self) -> Box<Exception> {
        Box::new(Exception::builtin("RecursionError", self.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_raised_as_python_would() {
        let refused = || io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let raised = |error: Error| Exception::from(error).summary();
        assert_eq!(raised(Error::Remote(Exception::builtin("KeyError", "k"))), "KeyError: 'k'");
        assert_eq!(raised(Error::Exit(Exception::builtin("SystemExit", "out"))), "SystemExit: out");
        assert_eq!(raised(Error::Closed("over".into())), "EOFError: over");
        assert_eq!(raised(Error::Eof("over".into())), "EOFError: over");
        assert_eq!(raised(Error::Timeout("late".into())), "TimeoutError: late");
        assert_eq!(raised(Error::Limit("long".into())), "ValueError: long");
        assert_eq!(raised(Error::Application(7, "mine".into())), "RuntimeError: mine");
        assert_eq!(
            raised(Error::connect("cannot connect to there", refused())),
            "ConnectionRefusedError: [Errno 111] cannot connect to there: Connection refused"
        );
        assert_eq!(raised(Error::io("cannot read", io::Error::other("odd"))), "OSError: cannot read: odd");
    }
}
