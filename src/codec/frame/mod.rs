//! Frames: a header of 5 bytes, a body that may be compressed, and a newline that is ignored.

mod body;
mod deflate;
mod destination;
mod incoming;
mod outgoing;
mod skip;

pub use deflate::{Compression, inflate};
pub use destination::{Destination, Direct, Expected, fill};
pub use incoming::{Incoming, Payload, Target};
pub use outgoing::{FrameMark, Outgoing};
pub use skip::{Readable, Skipped, Skipping};

/// The body's length in 4 bytes, and whether it is compressed.
const HEADER: usize = 5;
/// The byte after the body.
const FLUSHER: u8 = b'\n';

/// A frame that cannot be received or sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {size} bytes exceeds the limit of {limit} (max_frame)")]
    TooLong { size: usize, limit: usize },
    #[error("the peer begins a TLS handshake, and plain RPyC is expected here")]
    Tls,
    #[error(
        "a frame of {size} bytes exceeds the limit of {limit} (max_frame), and was not continued in time (frame_timeout)"
    )]
    TooSlow { size: usize, limit: usize },
    #[error("a compressed frame holds over {limit} bytes (max_inflated)")]
    InflatesTooFar { limit: usize },
    #[error("a compressed frame is broken: {0}")]
    Zlib(String),
    #[error("a message of {size} bytes cannot be sent, frames end at 4 GiB")]
    PayloadTooLong { size: usize },
    #[error("no memory for the {size} bytes of a frame")]
    OutOfMemory { size: usize },
}
