//! Errors of brine.

use std::fmt;

/// Input that is not brine, or exceeds a limit: what is wrong, and where.
// Boxed, since a small `Result` is what the readers of good input pay for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<(usize, DecodeErrorKind)>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The input ends where a value should begin.
    End,
    /// The input ends inside of something.
    Cut {
        what: &'static str,
        size: usize,
        have: usize,
    },
    UnknownTag(u8),
    /// Tag 09, which only Python 2 writes.
    LongOfPython2,
    /// A well-known tag in the wrong place.
    Wrong {
        want: &'static str,
        found: &'static str,
    },
    IntText,
    /// An int beyond 64 bits where only a small one makes sense.
    IntRange,
    Utf8,
    Unhashable(&'static str),
    /// More items than bytes are left to hold them.
    Count {
        count: usize,
        left: usize,
    },
    Trailing(usize),
    TooDeep {
        limit: usize,
    },
    TooManyItems {
        count: usize,
        limit: usize,
    },
    /// For all values of the message.
    TooMuchMemory {
        limit: usize,
    },
    TooManyDigits {
        digits: usize,
        limit: usize,
    },
    TooLong {
        what: &'static str,
        size: usize,
        limit: usize,
    },
    OutOfMemory {
        bytes: usize,
    },
}

impl DecodeError {
    #[cold]
    pub(super) fn new(offset: usize, kind: DecodeErrorKind) -> DecodeError {
        DecodeError(Box::new((offset, kind)))
    }

    /// The offset in the input.
    pub fn offset(&self) -> usize {
        self.0.0
    }

    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.1
    }
}

impl DecodeErrorKind {
    /// Returns whether the input is well formed, but exceeds the limits.
    pub fn is_limit(&self) -> bool {
        matches!(
            self,
            DecodeErrorKind::TooDeep { .. }
                | DecodeErrorKind::TooManyItems { .. }
                | DecodeErrorKind::TooMuchMemory { .. }
                | DecodeErrorKind::TooManyDigits { .. }
                | DecodeErrorKind::TooLong { .. }
        )
    }

    /// Returns whether the input is well formed, but there is no memory for it.
    pub fn is_memory(&self) -> bool {
        matches!(self, DecodeErrorKind::OutOfMemory { .. })
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DecodeErrorKind::*;
        let (at, kind) = &*self.0;
        f.write_str("brine: ")?;
        match kind {
            End => write!(f, "the input ends at offset {at}, where a value was expected"),
            Cut { what, size, have } => write!(f, "{what} of {size} bytes at offset {at} is cut after {have}"),
            UnknownTag(tag) => write!(f, "unknown tag {tag:#04x} at offset {at}"),
            LongOfPython2 => write!(f, "a long of Python 2 (tag 0x09) at offset {at}; rpyc 4.1 or later is needed"),
            Wrong { want, found } => write!(f, "expected {want} at offset {at}, got {found}"),
            IntText => write!(f, "the int at offset {at} is not written in canonical decimal"),
            IntRange => write!(f, "the int at offset {at} does not fit into 64 bits"),
            Utf8 => write!(f, "the byte at offset {at} is not UTF-8"),
            Unhashable(name) => write!(f, "the frozenset at offset {at} holds a {name}, which is unhashable"),
            Count { count, left } => write!(f, "a tuple of {count} items at offset {at} with {left} bytes left"),
            Trailing(bytes) => write!(f, "{bytes} bytes follow the value, from offset {at} on"),
            TooDeep { limit } => write!(f, "over {limit} levels of nesting at offset {at} (max_depth)"),
            TooManyItems { count, limit } => {
                write!(f, "over {limit} items in a message, with the {count} of a tuple at offset {at} (max_items)")
            }
            TooMuchMemory { limit } => {
                write!(f, "the values of a message take over {limit} bytes, from offset {at} on (max_memory)")
            }
            TooManyDigits { digits, limit } => {
                write!(f, "an int of {digits} digits at offset {at} exceeds the limit of {limit} (max_digits)")
            }
            TooLong { what, size, limit } => {
                write!(f, "{what} of {size} bytes at offset {at} exceeds the limit of {limit} (max_bytes)")
            }
            OutOfMemory { bytes } => write!(f, "no memory for the {bytes} bytes of the value at offset {at}"),
        }
    }
}

/// A value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("a value of type '{0}' cannot be sent by value")]
    NotPlain(String),
    #[error("a value nested over {limit} levels cannot be sent (max_depth)")]
    TooDeep { limit: usize },
    #[error("an int of {digits} digits cannot be sent: the limit is {limit} (max_digits)")]
    TooManyDigits { digits: usize, limit: usize },
    #[error("{what} of {size} cannot be sent, brine ends at 4 Gi")]
    TooLong { what: &'static str, size: usize },
    #[error("no memory to send a message of over {size} bytes")]
    OutOfMemory { size: usize },
}
