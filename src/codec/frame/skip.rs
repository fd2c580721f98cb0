//! Messages beyond a limit: they are passed over as they arrive, and only how they begin is kept.

use super::FrameError;
use crate::codec::brine::Scan;
use flate2::{Decompress, FlushDecompress, Status};

/// How many of a message's first bytes are kept.
const HEAD: usize = 512;
/// A message longer than this many times the limit is not skipped.
const MOST: usize = 4;
/// How much is inflated in one go.
const PIECE: usize = 16 * 1024;

/// Can whose message it is be read from how it begins?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readable {
    Yes,
    No,
    /// Too little of it is here.
    NotYet,
}

/// What can be told of a message that is passed over.
#[derive(Clone, Copy)]
pub struct Skipping {
    /// Looks at how a message begins.
    pub judge: fn(&[u8]) -> Readable,
    /// The tags with which that begins which is counted.
    pub counted: &'static [u8],
}

/// What is known of a message that was not received.
#[derive(Debug)]
pub struct Skipped {
    /// How it begins.
    pub head: Vec<u8>,
    pub error: FrameError,
    /// What comes now is the next frame; else nothing can be received any more.
    pub passed: bool,
    /// How often that was seen which is counted.
    pub counted: usize,
}

/// A frame that is being passed over.
pub(super) struct Skip {
    skipped: Skipped,
    judge: fn(&[u8]) -> Readable,
    readable: Readable,
    scan: Scan,
    /// Of a compressed frame, while it is inflated.
    inflating: Option<Inflating>,
    /// How much of it is still to come, the byte after it included.
    left: usize,
    /// How much has come.
    passed: usize,
    /// The rest is not waited for.
    given_up: bool,
}

struct Inflating {
    stream: Decompress,
    piece: Vec<u8>,
    /// How much more may come out of it.
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

    /// The rest of a frame for which there is no memory; `begun` is what of its body is here.
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

    /// How much has come.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// Takes in what has arrived, as far as it belongs to the frame; gives how much that was.
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
                // Its end, as nobody looks at the rest.
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

    /// No more of how it begins will come.
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

    /// Is there something to be told?
    pub fn is_over(&self) -> bool {
        match self.readable {
            Readable::Yes => self.given_up || self.skipped.passed,
            Readable::No => true,
            Readable::NotYet => false,
        }
    }

    /// What is known now.
    pub fn into_skipped(self) -> Result<Skipped, FrameError> {
        let Skip { readable, scan, skipped, .. } = self;
        match readable {
            Readable::Yes => Ok(Skipped { counted: scan.found(), ..skipped }),
            _ => Err(skipped.error),
        }
    }
}

/// Of a frame that came as a whole, and holds more than may be: `begun` is what was taken out of it.
pub(super) fn inflated_too_far(skipping: Skipping, begun: &[u8], error: FrameError) -> Result<Skipped, FrameError> {
    let mut skip = Skip::of(skipping, error);
    skip.look(begun);
    skip.end();
    skip.skipped.passed = true;
    skip.into_skipped()
}
