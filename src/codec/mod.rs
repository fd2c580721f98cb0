//! Values to bytes and back: brine is how a value is written, natively where two librpyc peers agreed; a frame is what travels; a
//! pickle is data for Python.

pub mod brine;
pub mod frame;
pub mod native;
pub mod pickle;

use crate::error::Error;
use crate::value::GraphError;
use brine::{DecodeError, EncodeError};
use frame::FrameError;
use native::NativeError;
use pickle::PickleError;

impl From<DecodeError> for Error {
    #[cold]
    fn from(e: DecodeError) -> Error {
        match e.kind() {
            kind if kind.is_memory() => Error::Memory(e.to_string()),
            kind if kind.is_limit() => Error::Limit(e.to_string()),
            _ => Error::Malformed(e.to_string()),
        }
    }
}

impl From<EncodeError> for Error {
    #[cold]
    fn from(e: EncodeError) -> Error {
        match e {
            EncodeError::NotPlain(_) => Error::Type(e.to_string()),
            EncodeError::TooDeep { .. } | EncodeError::TooManyDigits { .. } | EncodeError::TooLong { .. } => {
                Error::Limit(e.to_string())
            }
            EncodeError::OutOfMemory { .. } => Error::Memory(e.to_string()),
        }
    }
}

impl From<NativeError> for Error {
    #[cold]
    fn from(e: NativeError) -> Error {
        match e {
            NativeError::Brine(e) => e.into(),
            NativeError::Malformed(_) => Error::Malformed(e.to_string()),
            NativeError::Memory(_) => Error::Memory(e.to_string()),
            NativeError::Limit(_) | NativeError::Stack(_) | NativeError::Unwritable(_) => Error::Limit(e.to_string()),
        }
    }
}

impl From<FrameError> for Error {
    #[cold]
    fn from(e: FrameError) -> Error {
        match e {
            FrameError::Zlib(_) | FrameError::Tls => Error::Malformed(e.to_string()),
            FrameError::TooLong { .. }
            | FrameError::TooSlow { .. }
            | FrameError::InflatesTooFar { .. }
            | FrameError::PayloadTooLong { .. } => Error::Limit(e.to_string()),
            FrameError::OutOfMemory { .. } => Error::Memory(e.to_string()),
        }
    }
}

impl From<PickleError> for Error {
    #[cold]
    fn from(e: PickleError) -> Error {
        match e {
            _ if e.is_limit() => Error::Limit(e.to_string()),
            PickleError::NoMemory { .. } => Error::Memory(e.to_string()),
            PickleError::Refused { .. } => Error::Unsafe(e.to_string()),
            PickleError::NotPlain(_) | PickleError::Graph(GraphError::Cycle) => Error::Type(e.to_string()),
            _ => Error::Malformed(e.to_string()),
        }
    }
}
