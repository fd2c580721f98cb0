//! Streams that never block.

use std::io;

/// The result of one call of a stream.
pub enum Step {
    /// The number of bytes read or written; not 0.
    Done(usize),
    /// Nothing, until the base can be read or written.
    Want(Direction),
    /// The end of the stream.
    End,
    /// The stream is broken.
    Failed(io::Error),
}

/// The direction of the base that a stream waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
}

/// A stream that never blocks. Its calls do not overlap, and none follows one that returned `End` or `Failed` in its
/// direction.
pub trait Stream: Send {
    /// Reads into `room`, which is not empty.
    fn read(&mut self, room: &mut [u8]) -> Step;

    /// Writes from `bytes`, which is not empty. After `Want` it is called with the same bytes again, and perhaps more
    /// behind them.
    fn write(&mut self, bytes: &[u8]) -> Step;

    /// Returns whether `read` would return data that the base no longer shows.
    fn holds_data(&mut self) -> bool {
        false
    }

    /// Prepares the stream for data. None when it is ready.
    fn begin(&mut self) -> Option<Step> {
        None
    }

    /// Returns the peer's certificate, as DER.
    fn certificate(&self) -> Option<Vec<u8>> {
        None
    }

    /// Called before the stream is shut down, unless another call of the stream is running.
    fn end(&mut self) {}
}
