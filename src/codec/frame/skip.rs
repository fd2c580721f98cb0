//! Messages beyond a limit: they are passed over as they arrive, and only how they begin is kept.

use super::FrameError;
use crate::codec::brine::Scan;
use flate2::{Decompress, FlushDecompress, Status};

/// The number of first bytes of a message that are kept.
const HEAD: usize = 512;
/// A message longer than this many times the limit is not skipped.
const MOST: usize = 4;
/// The number of bytes that are inflated at once.
const PIECE: usize = 16 * 1024;

/// Whether the sender of the message can be read from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readable {
    Yes,
    No,
    /// Too little of it is here.
    NotYet,
}

/// The settings for skipping a message.
#[derive(Clone, Copy)]
pub struct Skipping {
    /// Looks at how a message begins.
    pub judge: fn(&[u8]) -> Readable,
    /// The tags with which that begins which is counted.
    pub counted: &'static [u8],
}

/// The description of a message that was skipped.
#[derive(Debug)]
pub struct Skipped {
    /// Its first bytes.
    pub head: Vec<u8>,
    pub error: FrameError,
    /// Whether the next frame follows; otherwise nothing more can be received.
    pub passed: bool,
    /// The number of occurrences of the counted bytes.
    pub counted: usize,
}

/// A frame that is being passed over.
pub(super) struct Skip {
    skipped: Skipped,
    judge: fn(&[u8]) -> Readable,
    readable: Readable,
    scan: Scan,
    /// The state of inflating a compressed frame.
    inflating: Option<Inflating>,
    /// The number of its bytes that are still to arrive, including the byte after it.
    left: usize,
    /// The number of bytes that have arrived.
    passed: usize,
    /// The rest is not waited for.
    given_up: bool,
}

struct Inflating {
    stream: Decompress,
    piece: Vec<u8>,
    /// The number of bytes that it may still inflate to.
    left: usize,
}

impl Skip {
    /// Begins to skip a frame with a body of `body` bytes.
    pub fn new(skipping: Skipping, body: usize, compressed: bool, limit: usize, inflated_limit: usize) -> Skip {
        let error = FrameError::TooLong { size: body, limit };
        let stream = || Inflating { stream: Decompress::new(true), piece: Vec::new(), left: inflated_limit };
        Skip {
            inflating: compressed.then(stream),
            left: body.saturating_add(1),
            given_up: body > limit.saturating_mul(MOST),
            ..Skip::of(skipping, error)
        }
    }

    /// Skips the rest of a frame for which there is no memory; `begun` is the received part of its body.
    pub fn rest(skipping: Skipping, body: usize, compressed: bool, begun: &[u8], inflated_limit: usize) -> Skip {
        let mut skip = Skip::new(skipping, body, compressed, body, inflated_limit);
        skip.skipped.error = FrameError::OutOfMemory { size: body };
        skip.push(begun);
        skip
    }

    fn of(skipping: Skipping, error: FrameError) -> Skip {
        Skip {
            skipped: Skipped { head: Vec::new(), error, passed: false, counted: 0 },
            judge: skipping.judge,
            readable: Readable::NotYet,
            scan: Scan::new(skipping.counted),
            inflating: None,
            left: 0,
            passed: 0,
            given_up: false,
        }
    }

    /// The number of bytes that have arrived.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// Consumes the received bytes that belong to the frame. Returns their number.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.left);
        // The last byte is none of the body.
        let body = bytes.get(..taken.min(self.left.saturating_sub(1))).unwrap_or(&[]);
        self.left -= taken;
        self.passed += taken;
        match self.inflating.take() {
            Some(inflating) => self.inflate(inflating, body),
            None => self.look(body),
        }
        if self.left == 0 {
            self.skipped.passed = true;
            self.end();
        }
        taken
    }

    fn inflate(&mut self, mut inflating: Inflating, mut body: &[u8]) {
        while !body.is_empty() {
            let Inflating { stream, piece, left } = &mut inflating;
            piece.clear();
            piece.reserve(PIECE);
            let before = stream.total_in();
            let status = stream.decompress_vec(body, piece, FlushDecompress::None);
            body = body.get((stream.total_in() - before) as usize..).unwrap_or(&[]);
            *left = left.saturating_sub(piece.len());
            let over = *left == 0 || !matches!(status, Ok(Status::Ok));
            self.look(&inflating.piece);
            if over {
                // Treated as its end: the rest is ignored.
                self.end();
                if !matches!(status, Ok(Status::StreamEnd)) {
                    self.scan.stop();
                }
                return;
            }
        }
        self.inflating = Some(inflating);
    }

    fn look(&mut self, payload: &[u8]) {
        self.scan.push(payload);
        let head = &mut self.skipped.head;
        let more = payload.get(..HEAD - head.len()).unwrap_or(payload);
        if self.readable == Readable::NotYet && !more.is_empty() {
            head.extend_from_slice(more);
            self.readable = (self.judge)(head);
            if head.len() == HEAD {
                self.end();
            }
        }
    }

    /// The beginning is complete.
    fn end(&mut self) {
        if self.readable == Readable::NotYet {
            self.readable = Readable::No;
        }
    }

    /// The rest is not waited for: it does not go on.
    pub fn give_up(&mut self) {
        self.skipped.error = match self.skipped.error {
            FrameError::TooLong { size, limit } => FrameError::TooSlow { size, limit },
            ref other => other.clone(),
        };
        self.given_up = true;
        self.end();
    }

    /// Returns whether the result is known.
    pub fn is_over(&self) -> bool {
        match self.readable {
            Readable::Yes => self.given_up || self.skipped.passed,
            Readable::No => true,
            Readable::NotYet => false,
        }
    }

    /// Returns the description.
    pub fn into_skipped(self) -> Result<Skipped, FrameError> {
        let Skip { readable, scan, skipped, .. } = self;
        match readable {
            Readable::Yes => Ok(Skipped { counted: scan.found(), ..skipped }),
            _ => Err(skipped.error),
        }
    }
}

/// Describes a complete frame that inflates beyond the limit; `begun` is the inflated part.
pub(super) fn inflated_too_far(skipping: Skipping, begun: &[u8], error: FrameError) -> Result<Skipped, FrameError> {
    let mut skip = Skip::of(skipping, error);
    skip.look(begun);
    skip.end();
    skip.skipped.passed = true;
    skip.into_skipped()
}
