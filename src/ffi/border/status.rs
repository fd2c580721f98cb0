//! What functions of the border answer, and how the errors of the layers below become that.

use crate::budget::NoMemory;
use crate::error::{Error, Exception};
use std::ffi::{CStr, c_char};
use std::fmt;

/// Result of a call: RPYC_OK or an error code.
pub type rpyc_status = i32;

/// Success.
pub const RPYC_OK: rpyc_status = 0;
/// A required pointer was NULL.
pub const RPYC_ERR_NULL: rpyc_status = 1;
/// An argument is out of range or malformed.
pub const RPYC_ERR_ARGUMENT: rpyc_status = 2;
/// A string is not UTF-8.
pub const RPYC_ERR_UTF8: rpyc_status = 3;
/// Not valid in the current state, for example a call already answered or a server not yet started.
pub const RPYC_ERR_STATE: rpyc_status = 4;
/// The call would deadlock.
pub const RPYC_ERR_DEADLOCK: rpyc_status = 5;
/// The handle was made in the parent, before a fork().
pub const RPYC_ERR_FORKED: rpyc_status = 6;
/// struct_size is invalid, or unknown flags are set.
pub const RPYC_ERR_ABI: rpyc_status = 7;
/// Value of the wrong type.
pub const RPYC_ERR_TYPE: rpyc_status = 8;
/// Number out of range for the requested type, or index past the end.
pub const RPYC_ERR_RANGE: rpyc_status = 9;
/// Not supported on this system or by this peer.
pub const RPYC_ERR_UNSUPPORTED: rpyc_status = 10;
/// An allocation failed whose size an argument or a peer determined. The call had no effect; consumed arguments are
/// freed.
pub const RPYC_ERR_NO_MEMORY: rpyc_status = 11;
/// The operating system reported an error on read, write or open.
pub const RPYC_ERR_IO: rpyc_status = 100;
/// The peer ended the stream.
pub const RPYC_ERR_EOF: rpyc_status = 101;
/// The operation timed out.
pub const RPYC_ERR_TIMEOUT: rpyc_status = 102;
/// The connection was closed, by this side or before the call.
pub const RPYC_ERR_CLOSED: rpyc_status = 103;
/// The address is malformed, cannot be resolved or cannot be reached.
pub const RPYC_ERR_ADDRESS: rpyc_status = 104;
/// The peer does not receive and the output queue is full. Try again when the descriptor is writable.
pub const RPYC_ERR_BACKPRESSURE: rpyc_status = 105;
/// The request was cancelled with rpyc_async_result_cancel().
pub const RPYC_ERR_CANCELLED: rpyc_status = 106;
/// The wait was ended with rpyc_connection_interrupt().
pub const RPYC_ERR_WAIT_INTERRUPTED: rpyc_status = 107;
/// The peer did not authenticate itself, or it refused this side. See rpyc_config_set_authenticator().
pub const RPYC_ERR_AUTHENTICATION: rpyc_status = 110;
/// The object belongs to a connection that had ended before the call. Nothing was sent. Get the object again, over a new
/// connection.
pub const RPYC_ERR_STALE: rpyc_status = 111;
/// The peer sent malformed data.
pub const RPYC_ERR_MALFORMED: rpyc_status = 200;
/// A limit on size, number or depth was exceeded.
pub const RPYC_ERR_LIMIT: rpyc_status = 201;
/// The peer sent data that is not safe to accept: a pickle of more than plain data, or a name that points outside of a
/// directory.
pub const RPYC_ERR_UNSAFE: rpyc_status = 202;
/// The peer named an object that was not exported to it.
pub const RPYC_ERR_UNKNOWN_OBJECT: rpyc_status = 203;
/// The peer speaks an unsupported dialect of RPyC.
pub const RPYC_ERR_DIALECT: rpyc_status = 204;
/// The peer raised an exception.
pub const RPYC_ERR_REMOTE: rpyc_status = 300;
/// The peer raised StopIteration: the end of an iteration.
pub const RPYC_ERR_STOP_ITERATION: rpyc_status = 301;
/// The attribute rules of the object's owner deny access to a name. This is an AttributeError with RPyC's message.
pub const RPYC_ERR_DENIED: rpyc_status = 302;
/// A local callback raised SystemExit, which is not sent to the peer (propagate_SystemExit_locally). The connection
/// has ended, and the program should exit.
pub const RPYC_ERR_EXIT: rpyc_status = 303;
/// A local callback raised KeyboardInterrupt, which is not sent to the peer (propagate_KeyboardInterrupt_locally). The
/// connection has ended, and the program should exit.
pub const RPYC_ERR_INTERRUPTED: rpyc_status = 304;
/// A panic inside the library. The affected connection is closed.
pub const RPYC_ERR_PANIC: rpyc_status = 900;

/// Gets the name of a status as in this header, such as "RPYC_ERR_TIMEOUT".
///
/// @param status any number
/// @return borrowed, always valid; NULL for an unknown number
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_status_name(status: rpyc_status) -> *const c_char {
    // Nothing here can panic: there is no guard, which needs this file.
    name(status).map_or(std::ptr::null(), CStr::as_ptr)
}

pub(crate) fn name(status: rpyc_status) -> Option<&'static CStr> {
    Some(match status {
        RPYC_OK => c"RPYC_OK",
        RPYC_ERR_NULL => c"RPYC_ERR_NULL",
        RPYC_ERR_ARGUMENT => c"RPYC_ERR_ARGUMENT",
        RPYC_ERR_UTF8 => c"RPYC_ERR_UTF8",
        RPYC_ERR_STATE => c"RPYC_ERR_STATE",
        RPYC_ERR_DEADLOCK => c"RPYC_ERR_DEADLOCK",
        RPYC_ERR_FORKED => c"RPYC_ERR_FORKED",
        RPYC_ERR_ABI => c"RPYC_ERR_ABI",
        RPYC_ERR_TYPE => c"RPYC_ERR_TYPE",
        RPYC_ERR_RANGE => c"RPYC_ERR_RANGE",
        RPYC_ERR_UNSUPPORTED => c"RPYC_ERR_UNSUPPORTED",
        RPYC_ERR_NO_MEMORY => c"RPYC_ERR_NO_MEMORY",
        RPYC_ERR_IO => c"RPYC_ERR_IO",
        RPYC_ERR_EOF => c"RPYC_ERR_EOF",
        RPYC_ERR_TIMEOUT => c"RPYC_ERR_TIMEOUT",
        RPYC_ERR_CLOSED => c"RPYC_ERR_CLOSED",
        RPYC_ERR_ADDRESS => c"RPYC_ERR_ADDRESS",
        RPYC_ERR_BACKPRESSURE => c"RPYC_ERR_BACKPRESSURE",
        RPYC_ERR_CANCELLED => c"RPYC_ERR_CANCELLED",
        RPYC_ERR_WAIT_INTERRUPTED => c"RPYC_ERR_WAIT_INTERRUPTED",
        RPYC_ERR_AUTHENTICATION => c"RPYC_ERR_AUTHENTICATION",
        RPYC_ERR_STALE => c"RPYC_ERR_STALE",
        RPYC_ERR_MALFORMED => c"RPYC_ERR_MALFORMED",
        RPYC_ERR_LIMIT => c"RPYC_ERR_LIMIT",
        RPYC_ERR_UNSAFE => c"RPYC_ERR_UNSAFE",
        RPYC_ERR_UNKNOWN_OBJECT => c"RPYC_ERR_UNKNOWN_OBJECT",
        RPYC_ERR_DIALECT => c"RPYC_ERR_DIALECT",
        RPYC_ERR_REMOTE => c"RPYC_ERR_REMOTE",
        RPYC_ERR_STOP_ITERATION => c"RPYC_ERR_STOP_ITERATION",
        RPYC_ERR_DENIED => c"RPYC_ERR_DENIED",
        RPYC_ERR_EXIT => c"RPYC_ERR_EXIT",
        RPYC_ERR_INTERRUPTED => c"RPYC_ERR_INTERRUPTED",
        RPYC_ERR_PANIC => c"RPYC_ERR_PANIC",
        _ => return None,
    })
}

/// Why a function of the border fails.
#[derive(Debug)]
pub(crate) struct Failure {
    pub status: rpyc_status,
    pub message: String,
    /// What the peer raised.
    pub exception: Option<Exception>,
    /// The status says it all: no error is made.
    pub silent: bool,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    #[cold]
    pub fn new(status: rpyc_status, message: impl fmt::Display) -> Failure {
        Failure { status, message: message.to_string(), exception: None, silent: false }
    }

    /// No more items: nothing went wrong.
    pub fn end() -> Failure {
        Failure { status: RPYC_ERR_STOP_ITERATION, message: String::new(), exception: None, silent: true }
    }

    #[cold]
    pub fn null(argument: impl fmt::Display) -> Failure {
        Failure::new(RPYC_ERR_NULL, format_args!("{argument} is NULL"))
    }
}

impl From<NoMemory> for Failure {
    #[cold]
    fn from(error: NoMemory) -> Failure {
        Error::from(error).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = status_of(&error);
        let message = match &error {
            Error::Remote(exception) if status == RPYC_ERR_DENIED => {
                // The usual rules keep back what does not exist as well, in the same words.
                let absent = match exception.refused_by() {
                    None if !exception.is_denied_by_service() => "there is no such attribute, or ",
                    _ => "",
                };
                let rule = exception.refused_by().map_or_else(String::new, |rule| format!(" ({rule})"));
                format!(
                    "{error}: {absent}the attribute rules of the object's owner deny it{rule}; check the name, expose it there, or change the rules"
                )
            }
            Error::Remote(exception) => match exception.absence() {
                Some(absence) => format!("AttributeError: {absence}"),
                None => error.to_string(),
            },
            _ => error.to_string(),
        };
        let exception = match error {
            Error::Remote(exception) | Error::Exit(exception) => Some(exception),
            _ => None,
        };
        Failure { status, message, exception, silent: false }
    }
}

fn status_of(error: &Error) -> rpyc_status {
    match error {
        Error::Argument(_) => RPYC_ERR_ARGUMENT,
        Error::Type(_) => RPYC_ERR_TYPE,
        Error::Range(_) => RPYC_ERR_RANGE,
        Error::State(_) => RPYC_ERR_STATE,
        Error::Deadlock(_) => RPYC_ERR_DEADLOCK,
        Error::Unsupported(_) => RPYC_ERR_UNSUPPORTED,
        Error::Forked(_) => RPYC_ERR_FORKED,
        Error::Memory(_) => RPYC_ERR_NO_MEMORY,
        Error::Io { .. } => RPYC_ERR_IO,
        Error::Eof(_) => RPYC_ERR_EOF,
        Error::Timeout(_) => RPYC_ERR_TIMEOUT,
        Error::Closed(_) => RPYC_ERR_CLOSED,
        Error::Stale(_) => RPYC_ERR_STALE,
        Error::Cancelled(_) => RPYC_ERR_CANCELLED,
        Error::Interrupted(_) => RPYC_ERR_WAIT_INTERRUPTED,
        Error::Address(_) | Error::Connect { .. } => RPYC_ERR_ADDRESS,
        Error::Authentication(_) => RPYC_ERR_AUTHENTICATION,
        Error::Malformed(_) => RPYC_ERR_MALFORMED,
        Error::Limit(_) => RPYC_ERR_LIMIT,
        Error::Backpressure(_) => RPYC_ERR_BACKPRESSURE,
        Error::Unsafe(_) => RPYC_ERR_UNSAFE,
        Error::UnknownObject(_) => RPYC_ERR_UNKNOWN_OBJECT,
        Error::Dialect(_) => RPYC_ERR_DIALECT,
        Error::Application(status, _) => *status,
        Error::Remote(_) if error.is_stop_iteration() => RPYC_ERR_STOP_ITERATION,
        Error::Remote(exception) if exception.is_refusal() => RPYC_ERR_DENIED,
        Error::Remote(_) => RPYC_ERR_REMOTE,
        Error::Exit(exception) if exception.is_builtin("SystemExit") => RPYC_ERR_EXIT,
        Error::Exit(_) => RPYC_ERR_INTERRUPTED,
    }
}

/// The error with a status; one of the application for a status without an error.
pub(crate) fn error_of(status: rpyc_status, text: String) -> Error {
    match status {
        RPYC_ERR_ARGUMENT | RPYC_ERR_NULL | RPYC_ERR_UTF8 => Error::Argument(text),
        RPYC_ERR_TYPE => Error::Type(text),
        RPYC_ERR_RANGE => Error::Range(text),
        RPYC_ERR_NO_MEMORY => Error::Memory(text),
        RPYC_ERR_EOF => Error::Eof(text),
        RPYC_ERR_TIMEOUT => Error::Timeout(text),
        RPYC_ERR_CLOSED => Error::Closed(text),
        RPYC_ERR_STALE => Error::Stale(text),
        RPYC_ERR_WAIT_INTERRUPTED => Error::Interrupted(text),
        // Its number is not kept.
        RPYC_ERR_ADDRESS | RPYC_ERR_IO => Error::Address(text),
        RPYC_ERR_AUTHENTICATION => Error::Authentication(text),
        RPYC_ERR_MALFORMED => Error::Malformed(text),
        RPYC_ERR_LIMIT => Error::Limit(text),
        RPYC_ERR_UNSAFE => Error::Unsafe(text),
        other => Error::Application(other, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_has_its_name() {
        let mut found = 0;
        for line in include_str!("status.rs").lines() {
            let Some((constant, rest)) = line.strip_prefix("pub const ").and_then(|l| l.split_once(": rpyc_status = "))
            else {
                continue;
            };
            let number: rpyc_status = rest.trim_end_matches(';').parse().unwrap();
            assert_eq!(name(number).unwrap().to_str().unwrap(), constant);
            found += 1;
        }
        assert_eq!(found, (-1000..1000).filter(|n| name(*n).is_some()).count());
        assert!(rpyc_status_name(-1).is_null());
        assert!(!rpyc_status_name(RPYC_OK).is_null());
    }

    #[test]
    fn exceptions_are_kept() {
        let failure = Failure::from(Error::Remote(Exception::builtin("ValueError", "no")));
        assert_eq!((failure.status, failure.message.as_str()), (RPYC_ERR_REMOTE, "ValueError: no"));
        assert!(failure.exception.unwrap().is_builtin("ValueError"));
        let end = Failure::from(Error::Remote(Exception::stop_iteration()));
        assert_eq!(end.status, RPYC_ERR_STOP_ITERATION);
        assert!(end.exception.is_some());
        let other = Failure::from(Error::Timeout("too late".into()));
        assert_eq!((other.status, other.message.as_str()), (RPYC_ERR_TIMEOUT, "too late"));
        assert!(other.exception.is_none());
    }
}
