//! The form of a native value's skeleton: bincode 1.3.3 with integers of variable length. No other file of the library names
//! bincode, so that another of serde's formats can take its place here.
//!
//! bincode is no longer maintained, and trusted with little: it reads from a slice, so that no announced length makes
//! it allocate, and borrows strings and bytes from it; `ValueSeed` limits depth, items and memory.

use super::NativeError;
use crate::value::{Image, Part, Value, ValueSeed};
use bincode::Options;
use serde::de::Deserialize;
use serde::ser::Serialize;
use std::io;

/// Without a limit on bytes: when reading, the slice is the limit; when writing, one would cost a second pass.
fn options() -> impl Options {
    bincode::DefaultOptions::new().with_varint_encoding().with_little_endian().reject_trailing_bytes()
}

/// Grows only where there is memory.
struct Growing<'a>(&'a mut Vec<u8>);

impl io::Write for Growing<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.0.capacity() - self.0.len() < bytes.len() {
            self.grow(bytes.len())?;
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Growing<'_> {
    #[cold]
    fn grow(&mut self, more: usize) -> io::Result<()> {
        self.0.try_reserve(more).map_err(|_| io::ErrorKind::OutOfMemory.into())
    }
}

pub(super) fn write(out: &mut Vec<u8>, image: Image<'_>) -> Result<(), NativeError> {
    let mut serializer = bincode::Serializer::new(Growing(out), options());
    image.serialize(&mut serializer).map_err(|error| match *error {
        bincode::ErrorKind::Io(_) => NativeError::Memory("no memory for its encoding".into()),
        other => NativeError::Unwritable(other.to_string()),
    })
}

pub(super) fn read(skeleton: &[u8], seed: ValueSeed<'_>) -> Result<Value, NativeError> {
    options().deserialize_seed(seed, skeleton).map_err(|error| malformed(*error))
}

/// Skips a value without recursion. Calls `see` for each reference in it, in order.
#[cold]
pub(super) fn each_reference(
    skeleton: &[u8],
    mut see: impl FnMut(u8, &[u8]) -> Result<(), NativeError>,
) -> Result<(), NativeError> {
    let mut deserializer = bincode::Deserializer::from_slice(skeleton, options());
    // bincode puts nothing between or after the parts of a container: its items are just counted in.
    let mut left = 1usize;
    while left > 0 {
        left -= 1;
        match Part::deserialize(&mut deserializer).map_err(|error| malformed(*error))? {
            Part::Whole => {}
            Part::Container(inside) => left = left.saturating_add(inside),
            Part::Reference(label, id) => see(label, id)?,
        }
    }
    Ok(())
}

#[cold]
fn malformed(error: bincode::ErrorKind) -> NativeError {
    NativeError::Malformed(match error {
        bincode::ErrorKind::Io(_) => "it is truncated inside a value".into(),
        bincode::ErrorKind::Custom(text) => text,
        other => other.to_string(),
    })
}
