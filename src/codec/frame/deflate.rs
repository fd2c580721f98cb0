//! Frame bodies to zlib and back. The streams are big and are made once, when first needed.

use super::FrameError;
use crate::budget::{Charge, SMALL};
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

/// How frames are compressed.
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
/// How much is looked at in three places to see whether it is noise.
const LOOK: usize = 1024;
/// Percent of what random bytes have, up to which the squares of the frequencies are those of noise.
const EVEN: u64 = 115;
/// Percent of its size to which a sample must shrink.
const WORTHWHILE: usize = 95;
/// Output larger than this is not kept for reuse.
const MAX_KEPT_CAPACITY: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct Deflater {
    stream: Option<(u32, Box<Compress>)>,
    out: Vec<u8>,
}

impl Deflater {
    /// The parts as one zlib stream, if that is smaller than they are. To be given back with `recycle`.
    pub(super) fn compress(&mut self, parts: &[&[u8]], size: usize, level: u32) -> Option<Vec<u8>> {
        if is_noise(parts, size) {
            return None;
        }
        let level = level.min(9);
        if self.stream.as_ref().is_none_or(|(made_for, _)| *made_for != level) {
            self.stream = Some((level, Box::new(Compress::new(flate2::Compression::new(level), true))));
        }
        let (_, stream) = self.stream.as_mut()?;
        let mut out = std::mem::take(&mut self.out);
        let room = if size <= SAMPLED { enough(size) } else { size };
        let done = shrinks(stream, parts, size, &mut out).and_then(|worth| match worth {
            true => deflate(stream, parts, &mut out, room).map(|()| out.len() < size),
            false => Some(false),
        });
        match done {
            Some(true) => return Some(out),
            Some(false) => {}
            // A stream that was given up half way spoils the next one, whatever `reset` says.
            None => self.stream = None,
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

/// Destination in which a stream of so many bytes comes to its end, even if it grows.
fn enough(size: usize) -> usize {
    size + size / 8 + 256
}

/// Are all bytes about equally frequent, in the whole or in samples of it? Then a look at it costs less than the attempt
/// to compress it, which finds nothing but whole passages that come again.
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
    // Of random bytes the sum of the squares is about n + n²/256; a text's is many times that.
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

/// So many bytes from an offset into the joined parts.
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

#[derive(Default)]
pub struct Inflater {
    stream: Option<Box<Decompress>>,
}

impl Inflater {
    /// What a zlib stream holds; what follows the stream does not matter.
    pub fn inflate(&mut self, input: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
        let mut out = Vec::new();
        self.inflate_into(&mut out, &mut Charge::default(), input, limit)?;
        Ok(out)
    }

    /// The same. Where it is too much, a little more than the limit is in `out`.
    pub(super) fn inflate_into(
        &mut self,
        out: &mut Vec<u8>,
        charge: &mut Charge,
        input: &[u8],
        limit: usize,
    ) -> Result<(), FrameError> {
        let stream = self.stream.get_or_insert_with(|| Box::new(Decompress::new(true)));
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
                    return Err(FrameError::Zlib("it ends too early".to_owned()));
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
