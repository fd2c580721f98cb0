//! A descriptor with a read buffer. Output is written at once.

use crate::transport::write_quietly;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

pub(super) struct Stream {
    file: File,
    /// Input that was read ahead; `at` is the next byte.
    ahead: Vec<u8>,
    at: usize,
    /// The layer that is in use. Each layer has its own read-ahead.
    layer: Layer,
    /// The read-ahead of the other layers.
    others: [(Vec<u8>, usize); 3],
}

/// The layers of Python's `io` classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// As in Python, writes follow the read-ahead, and `CHUNK` bytes are read ahead.
    Text,
    Buffered,
    /// Reads nothing ahead.
    Raw,
}

const CHUNK: usize = 8 * 1024;

impl Stream {
    pub fn new(file: File, layer: Layer) -> Stream {
        Stream { file, ahead: Vec::new(), at: 0, layer, others: Default::default() }
    }

    /// Switches to a layer.
    pub fn enter(&mut self, layer: Layer) {
        if layer != self.layer {
            let before = (std::mem::take(&mut self.ahead), std::mem::take(&mut self.at));
            self.others[self.layer as usize] = before;
            (self.ahead, self.at) = std::mem::take(&mut self.others[layer as usize]);
            self.layer = layer;
        }
    }

    /// Seeks to the end if possible, as a file opened for appending does.
    pub fn seek_end(&mut self) {
        let _ = self.file.seek(SeekFrom::End(0));
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    fn unread(&self) -> &[u8] {
        self.ahead.get(self.at..).unwrap_or(&[])
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.unread().get(..count).unwrap_or(self.unread()).to_vec();
        self.at += taken.len();
        taken
    }

    /// Reads ahead. Returns false at the end. No more than `wanted` bytes are needed.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        let chunk = if self.layer == Layer::Raw { wanted.min(CHUNK) } else { CHUNK };
        self.ahead.drain(..self.at);
        self.at = 0;
        let len = self.ahead.len();
        self.ahead.try_reserve(chunk).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.ahead.resize(len + chunk, 0);
        let read = loop {
            match self.file.read(self.ahead.get_mut(len..).unwrap_or(&mut [])) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.ahead.truncate(len + *read.as_ref().unwrap_or(&0));
        Ok(read? > 0)
    }

    /// Reads this number of bytes, fewer at the end; all without a count.
    pub fn read(&mut self, count: Option<usize>) -> io::Result<Vec<u8>> {
        let missing = |stream: &Stream| count.unwrap_or(usize::MAX).saturating_sub(stream.unread().len());
        while missing(self) > 0 && self.fill(missing(self))? {}
        Ok(self.take(count.unwrap_or(usize::MAX)))
    }

    /// Reads available bytes, at most `count`, with at most one system call.
    pub fn read_some(&mut self, count: Option<usize>) -> io::Result<Vec<u8>> {
        if self.unread().is_empty() && count != Some(0) {
            self.fill(count.unwrap_or(usize::MAX))?;
        }
        Ok(self.take(count.unwrap_or(usize::MAX)))
    }

    /// Returns available bytes without consuming them.
    pub fn peek(&mut self) -> io::Result<Vec<u8>> {
        if self.unread().is_empty() {
            self.fill(usize::MAX)?;
        }
        Ok(self.unread().to_vec())
    }

    /// Returns whether the descriptor has a position.
    pub fn is_seekable(&mut self) -> bool {
        self.file.stream_position().is_ok()
    }

    /// Reads this number of UTF-8 characters, fewer at the end.
    pub fn read_chars(&mut self, count: usize) -> io::Result<Vec<u8>> {
        // Characters are counted once: reading ahead does not move unread bytes.
        let (mut at, mut chars) = (0, 0);
        loop {
            while chars < count {
                let Some(lead) = self.unread().get(at) else { break };
                let length = match lead {
                    0xc2..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xf4 => 4,
                    _ => 1,
                };
                if at + length > self.unread().len() {
                    break;
                }
                (at, chars) = (at + length, chars + 1);
            }
            if chars == count {
                return Ok(self.take(at));
            }
            if !self.fill(usize::MAX)? {
                return Ok(self.take(usize::MAX));
            }
        }
    }

    /// Reads up to and including the next newline, at most `limit` bytes.
    pub fn read_line(&mut self, limit: Option<usize>) -> io::Result<Vec<u8>> {
        let limit = limit.unwrap_or(usize::MAX);
        let mut searched = 0;
        loop {
            let unread = self.unread();
            let found = unread.get(searched..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
            if let Some(at) = found {
                return Ok(self.take((searched + at + 1).min(limit)));
            }
            searched = unread.len();
            let wanted = if self.layer == Layer::Raw { 1 } else { usize::MAX };
            if searched >= limit || !self.fill(wanted)? {
                return Ok(self.take(limit));
            }
        }
    }

    /// Returns bytes that were read last to the buffer.
    pub fn give_back(&mut self, bytes: &[u8]) {
        self.at = self.at.saturating_sub(bytes.len());
    }

    /// Drops the read-ahead and sets the system's position to ours. Without a position, the directions are independent.
    fn settle(&mut self) -> io::Result<()> {
        let ahead = self.unread().len() as i64;
        if ahead > 0 && self.file.seek(SeekFrom::Current(-ahead)).is_ok() {
            self.ahead.clear();
            self.at = 0;
        }
        Ok(())
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.layer == Layer::Text && !self.unread().is_empty() && self.file.stream_position().is_ok() {
            self.ahead.clear();
            self.at = 0;
        }
        self.settle()?;
        write_quietly(&self.file, bytes)
    }

    pub fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.settle()?;
        self.file.seek(to)
    }

    pub fn tell(&mut self) -> io::Result<u64> {
        let position = self.file.stream_position()?;
        Ok(position.saturating_sub(self.unread().len() as u64))
    }

    /// Sets the size of the file, by default to its position, and returns it.
    pub fn truncate(&mut self, size: Option<u64>) -> io::Result<u64> {
        if self.layer != Layer::Text {
            self.settle()?;
        }
        let size = size.map_or_else(|| self.file.stream_position(), Ok)?;
        self.file.set_len(size)?;
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn holding(content: &[u8]) -> Stream {
        let (read, mut write) = std::os::unix::net::UnixStream::pair().unwrap();
        let content = content.to_vec();
        std::thread::spawn(move || write.write_all(&content));
        Stream::new(File::from(std::os::fd::OwnedFd::from(read)), Layer::Text)
    }

    #[test]
    fn characters_across_reads() {
        let text = "a€𝄞é".repeat(30_000);
        let mut stream = holding(text.as_bytes());
        assert_eq!(stream.read_chars(3).unwrap(), "a€𝄞".as_bytes());
        assert_eq!(stream.read_chars(100_000).unwrap(), text[8..].chars().take(100_000).collect::<String>().as_bytes());
        assert_eq!(stream.read_chars(usize::MAX).unwrap().len(), text.len() - 8 - 250_000);
        assert_eq!(stream.read_chars(1).unwrap(), b"");
    }

    #[test]
    fn many_characters_are_counted_once() {
        // If all characters were counted again after each read-ahead, this would take minutes.
        const MANY: usize = 48 << 20;
        assert_eq!(holding(&vec![b'x'; MANY]).read_chars(MANY).unwrap().len(), MANY);
    }
}
