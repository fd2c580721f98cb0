//! Frame bodies to zlib and back. The streams are big: connections borrow them for one frame, and a few are kept for all.

use super::FrameError;
use crate::budget::{Charge, SMALL};
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};
use std::sync::{Mutex, TryLockError};

/// The compression of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    pub enabled: bool,
    /// Payloads above this many bytes are compressed.
    pub threshold: usize,
    pub level: u32,
}

/// Payloads above this are compressed only if samples of them shrink.
const SAMPLED: usize = 8 * 1024;
const SAMPLE: usize = 2 * 1024;
/// The size of each of three samples that are checked for noise.
const LOOK: usize = 1024;
/// Percent of what random bytes have, up to which the squares of the frequencies are those of noise.
const EVEN: u64 = 115;
/// Percent of its size to which a sample must shrink.
const WORTHWHILE: usize = 95;
/// Output larger than this is not kept for reuse.
const MAX_KEPT_CAPACITY: usize = 64 * 1024;

/// The number of streams of a kind that are kept for the next frame. A compressing one takes over 300 KiB, which
/// otherwise each connection would hold that has ever sent a long frame.
const SPARE: usize = 2;

/// Unused streams. If a lock is taken, which may be forever after a fork, a new stream is made instead.
struct Spare<T>([Mutex<Option<T>>; SPARE]);

impl<T> Spare<T> {
    const fn new() -> Spare<T> {
        Spare([const { Mutex::new(None) }; SPARE])
    }

    fn with<R>(&self, mut f: impl FnMut(&mut Option<T>) -> Option<R>) -> Option<R> {
        self.0.iter().find_map(|place| match place.try_lock() {
            Ok(mut place) => f(&mut place),
            Err(TryLockError::Poisoned(place)) => f(&mut place.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })
    }

    fn take(&self, fits: impl Fn(&T) -> bool) -> Option<T> {
        self.with(|place| place.take_if(|stream| fits(stream)))
    }

    /// With all places taken, it is dropped.
    fn put(&self, stream: T) {
        let mut stream = Some(stream);
        self.with(|place| {
            if place.is_none() {
                *place = stream.take();
            }
            stream.is_none().then_some(())
        });
    }
}

/// With the level that it was made for.
static COMPRESSING: Spare<(u32, Box<Compress>)> = Spare::new();
static INFLATING: Spare<Box<Decompress>> = Spare::new();

#[derive(Default)]
pub(super) struct Deflater {
    out: Vec<u8>,
}

impl Deflater {
    /// Compresses the parts to one zlib stream, if that is smaller. Return the buffer with `recycle`.
    pub(super) fn compress(&mut self, parts: &[&[u8]], size: usize, level: u32) -> Option<Vec<u8>> {
        if is_noise(parts, size) {
            return None;
        }
        let level = level.min(9);
        let new = || Box::new(Compress::new(flate2::Compression::new(level), true));
        let mut stream = COMPRESSING.take(|(made_for, _)| *made_for == level).map_or_else(new, |(_, stream)| stream);
        let mut out = std::mem::take(&mut self.out);
        let room = if size <= SAMPLED { enough(size) } else { size };
        let done = shrinks(&mut stream, parts, size, &mut out).and_then(|worth| match worth {
            true => deflate(&mut stream, parts, &mut out, room).map(|()| out.len() < size),
            false => Some(false),
        });
        // A stream that was abandoned half way corrupts the next one, even after `reset`.
        if done.is_some() {
            COMPRESSING.put((level, stream));
        }
        if done == Some(true) {
            return Some(out);
        }
        self.recycle(out);
        None
    }

    pub(super) fn recycle(&mut self, out: Vec<u8>) {
        if out.capacity() <= MAX_KEPT_CAPACITY {
            self.out = out;
        }
    }
}

/// The buffer size in which a stream of this size fits, even if it grows.
fn enough(size: usize) -> usize {
    size + size / 8 + 256
}

/// Returns whether all bytes are about equally frequent, in the whole or in samples. Such data does not compress,
/// except for repeated passages, and the check costs less than the attempt.
fn is_noise(parts: &[&[u8]], size: usize) -> bool {
    let mut counts = [0u32; 256];
    let mut seen = 0;
    let mut count = |start: usize, len: usize| {
        let mut skip = start;
        let mut left = len;
        for part in parts {
            let piece = part.get(skip..).unwrap_or(&[]);
            let piece = piece.get(..left).unwrap_or(piece);
            for byte in piece {
                counts[usize::from(*byte)] += 1;
            }
            skip = skip.saturating_sub(part.len());
            left -= piece.len();
        }
        seen += (len - left) as u64;
    };
    if size <= 3 * LOOK {
        count(0, size);
    } else {
        [0, (size - LOOK) / 2, size - LOOK].into_iter().for_each(|start| count(start, LOOK));
    }
    // For random bytes the sum of the squares is about n + n²/256; for text it is many times that.
    let squares: u64 = counts.iter().map(|n| u64::from(*n) * u64::from(*n)).sum();
    squares * 100 < (seen + seen * seen / 256) * EVEN
}

/// Would compressing shorten it? Judged by its beginning, middle and end. None: the stream was given up.
fn shrinks(stream: &mut Compress, parts: &[&[u8]], size: usize, out: &mut Vec<u8>) -> Option<bool> {
    if size <= SAMPLED {
        return Some(true);
    }
    let mut sample = Vec::with_capacity(3 * SAMPLE);
    for start in [0, (size - SAMPLE) / 2, size - SAMPLE] {
        copy_range(parts, start, SAMPLE, &mut sample);
    }
    deflate(stream, &[&sample], out, enough(sample.len()))?;
    Some(out.len() < sample.len() * WORTHWHILE / 100)
}

/// Copies bytes from an offset into the joined parts.
fn copy_range(parts: &[&[u8]], mut start: usize, mut len: usize, to: &mut Vec<u8>) {
    for part in parts {
        let piece = part.get(start..).unwrap_or(&[]);
        let piece = piece.get(..len).unwrap_or(piece);
        to.extend_from_slice(piece);
        start = start.saturating_sub(part.len());
        len -= piece.len();
    }
}

/// None when it needs more room than `limit`; the stream is then not at its end.
fn deflate(stream: &mut Compress, parts: &[&[u8]], out: &mut Vec<u8>, limit: usize) -> Option<()> {
    stream.reset();
    out.clear();
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            reserve_space(out, limit)?;
            let before = stream.total_in();
            stream.compress_vec(rest, out, FlushCompress::None).ok()?;
            rest = rest.get((stream.total_in() - before) as usize..)?;
        }
    }
    loop {
        reserve_space(out, limit)?;
        if stream.compress_vec(&[], out, FlushCompress::Finish).ok()? == Status::StreamEnd {
            return Some(());
        }
    }
}

fn reserve_space(out: &mut Vec<u8>, limit: usize) -> Option<()> {
    if out.len() < out.capacity() {
        return Some(());
    }
    let more = limit.checked_sub(out.len()).filter(|more| *more > 0)?;
    out.try_reserve_exact(more.min(out.len().max(4096))).ok()
}

/// Decompresses a zlib stream; bytes after it are ignored.
pub fn inflate(input: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut out = Vec::new();
    inflate_into(&mut out, &mut Charge::default(), input, limit)?;
    Ok(out)
}

/// The same. If the limit is exceeded, `out` has a little more than the limit.
pub(super) fn inflate_into(
    out: &mut Vec<u8>,
    charge: &mut Charge,
    input: &[u8],
    limit: usize,
) -> Result<(), FrameError> {
    let mut stream = INFLATING.take(|_| true).unwrap_or_else(|| Box::new(Decompress::new(true)));
    let inflated = inflate_with(&mut stream, out, charge, input, limit);
    INFLATING.put(stream);
    inflated
}

fn inflate_with(
    stream: &mut Decompress,
    out: &mut Vec<u8>,
    charge: &mut Charge,
    input: &[u8],
    limit: usize,
) -> Result<(), FrameError> {
    stream.reset(true);
    let mut rest = input;
    loop {
        if out.len() == out.capacity() {
            if out.len() > limit {
                return Err(FrameError::InflatesTooFar { limit });
            }
            let first = input.len().saturating_mul(4).clamp(1024, 1 << 20);
            let more = out.len().max(first).min((limit - out.len()).saturating_add(1));
            let size = out.len() + more;
            if size > SMALL && !charge.set(size) || out.try_reserve_exact(more).is_err() {
                return Err(FrameError::OutOfMemory { size });
            }
        }
        let before = stream.total_in();
        let status = stream
            .decompress_vec(rest, out, FlushDecompress::None)
            .map_err(|e| FrameError::Zlib(e.message().unwrap_or("not a zlib stream").to_owned()))?;
        rest = rest.get((stream.total_in() - before) as usize..).unwrap_or(&[]);
        match status {
            Status::StreamEnd => break,
            _ if rest.is_empty() && out.len() < out.capacity() => {
                return Err(FrameError::Zlib("it is truncated".to_owned()));
            }
            _ => {}
        }
    }
    if out.len() > limit {
        return Err(FrameError::InflatesTooFar { limit });
    }
    // Blobs may keep it alive for long.
    if out.capacity() / 2 > out.len() {
        out.shrink_to_fit();
        charge.set(charge.bytes().min(out.capacity()));
    }
    Ok(())
}

/// The first `n` bytes of what a zlib stream holds, or all of a shorter one; None if more of the stream is needed.
pub(super) fn begin_inflating(input: &[u8], n: usize) -> Result<Option<Vec<u8>>, FrameError> {
    let mut out = Vec::with_capacity(n);
    let status = Decompress::new(true)
        .decompress_vec(input, &mut out, FlushDecompress::None)
        .map_err(|e| FrameError::Zlib(e.message().unwrap_or("not a zlib stream").to_owned()))?;
    out.truncate(n);
    Ok((status == Status::StreamEnd || out.len() == n).then_some(out))
}
