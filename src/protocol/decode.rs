//! Decodes streams for people: frames and messages of either dialect and either direction, for tracing and tests.

use super::boxing;
use super::request::Handler;
use super::vinegar;
use crate::codec::brine::{Reader, tag};
use crate::codec::frame::{FrameError, inflate};
use crate::codec::native;
use crate::config::{Dialect, Limits};
use crate::error::{Error, Result};
use crate::nesting;
use crate::value::Value;
use std::fmt::Write;

/// The content of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodedKind {
    /// A request.
    Request,
    /// A reply.
    Reply,
    /// An exception as the reply.
    Exception,
    /// Not a message.
    Garbage,
}

impl DecodedKind {
    /// Returns its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            DecodedKind::Request => "request",
            DecodedKind::Reply => "reply",
            DecodedKind::Exception => "exception",
            DecodedKind::Garbage => "garbage",
        }
    }
}

/// The place and the reason at which a stream is not RPyC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeFault {
    /// The offset in the stream; for the content of a compressed frame, that of the frame.
    pub offset: u64,
    /// The reason.
    pub text: String,
}

/// One frame of a stream.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The offset of its beginning in the stream.
    pub offset: u64,
    /// Its total size in the stream.
    pub size: usize,
    /// The size of its content, decompressed.
    pub payload: usize,
    /// Whether it was compressed.
    pub compressed: bool,
    /// The kind of the message.
    pub kind: DecodedKind,
    /// Auto if it is unknown.
    pub dialect: Dialect,
    /// Sender and receiver, with bind_threads.
    pub threads: Option<(u64, u64)>,
    /// The number of the request.
    pub sequence: Option<i64>,
    /// The number of a request's handler.
    pub handler: Option<i64>,
    /// The message in one line.
    pub text: String,
    /// Set for garbage, and for a message that could be read in part.
    pub fault: Option<DecodeFault>,
}

impl Decoded {
    /// Returns the name of a request's handler; "" if there is none, or if RPyC has none of this number.
    pub fn handler_name(&self) -> &'static str {
        self.handler.and_then(Handler::from_number).map_or("", Handler::name)
    }
}

const HEADER: usize = 5;
const WIDTH: usize = 120;
/// Maximum size of a frame. A header that announces more is garbage.
const LARGEST: usize = 1 << 30;
/// Size above which a frame must begin as a message does.
const LARGE: usize = 1 << 20;
/// Maximum size of a decompressed frame: this, or a multiple of its compressed size.
const INFLATED: usize = 64 << 20;
const RATIO: usize = 64;
/// Approximate maximum length of a line if values are shortened.
const LINE: usize = 64 << 10;

/// Decodes one direction of a connection. It never fails: data that is not RPyC is returned as garbage.
pub struct Decoder {
    bytes: Vec<u8>,
    /// The number of `bytes` that were returned.
    taken: usize,
    /// The offset of `bytes` in the stream.
    begin: u64,
    ended: bool,
    /// The following frames cannot be separated.
    lost: bool,
    width: usize,
    limits: Limits,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// Makes a decoder for the beginning of a stream.
    pub fn new() -> Decoder {
        Decoder {
            bytes: Vec::new(),
            taken: 0,
            begin: 0,
            ended: false,
            lost: false,
            width: WIDTH,
            limits: Limits::default(),
        }
    }

    /// Sets the approximate length, in characters, to which strings and bytes are shortened; 0 for no limit.
    pub fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    /// Returns whether the stream is no longer a sequence of frames. Everything that follows is garbage.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Adds the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.taken > 0 && self.taken >= self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.begin += self.taken as u64;
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Ends the stream. The rest is returned as garbage.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Returns the next complete frame.
    pub fn next_message(&mut self) -> Option<Decoded> {
        loop {
            let rest = self.bytes.get(self.taken..).unwrap_or_default();
            if rest.is_empty() {
                return None;
            }
            if self.lost {
                return Some(self.garbage(rest.len(), "the beginning of the next frame is unknown".into()));
            }
            let Some(&[a, b, c, d, compressed]) = rest.first_chunk::<HEADER>() else {
                return self.cut(rest.len(), "the stream ends inside the header of a frame");
            };
            let body = u32::from_be_bytes([a, b, c, d]) as usize;
            if body > LARGEST {
                self.lost = true;
                return Some(self.garbage(rest.len(), format!("the header announces a frame of {body} bytes")));
            }
            let size = HEADER + body + 1;
            if rest.len() < size {
                if body > LARGE && !rest.get(HEADER..).is_none_or(|rest| may_begin(rest, compressed != 0)) {
                    self.lost = true;
                    return Some(
                        self.garbage(rest.len(), format!("{body} bytes are announced, and no message follows")),
                    );
                }
                return self.cut(rest.len(), "the stream ends inside a frame");
            }
            if body == 0 {
                self.taken += size;
                continue;
            }
            let start = self.taken + HEADER;
            let offset = self.begin + self.taken as u64;
            self.taken += size;
            let body = self.bytes.get(start..start + body).unwrap_or_default();
            let mut decoded = Decoded::at(offset, size);
            decoded.compressed = compressed != 0;
            if !decoded.compressed {
                decoded.read(body, offset + HEADER as u64, &self.limits, self.width);
                return Some(decoded);
            }
            let most = body.len().saturating_mul(RATIO).clamp(INFLATED, self.limits.inflated);
            match inflate(body, most) {
                Ok(payload) => {
                    let limits = Limits { memory: most.saturating_mul(2), ..self.limits.clone() };
                    decoded.read(&payload, offset, &limits, self.width);
                }
                Err(FrameError::InflatesTooFar { limit }) => {
                    decoded.fail(offset, format!("a compressed frame of {} bytes holds over {limit}", body.len()));
                }
                Err(error) => decoded.fail(offset, error.to_string()),
            }
            return Some(decoded);
        }
    }

    fn cut(&mut self, size: usize, why: &str) -> Option<Decoded> {
        self.ended.then(|| self.garbage(size, why.into()))
    }

    /// Returns the rest of the buffer as garbage.
    fn garbage(&mut self, size: usize, why: String) -> Decoded {
        let offset = self.begin + self.taken as u64;
        self.taken += size;
        let mut decoded = Decoded::at(offset, size);
        decoded.fail(offset, why);
        decoded
    }
}

impl Decoded {
    fn at(offset: u64, size: usize) -> Decoded {
        Decoded {
            offset,
            size,
            payload: 0,
            compressed: false,
            kind: DecodedKind::Garbage,
            dialect: Dialect::Auto,
            threads: None,
            sequence: None,
            handler: None,
            text: String::new(),
            fault: None,
        }
    }

    fn fail(&mut self, offset: u64, text: String) {
        self.fault = Some(DecodeFault { offset, text });
    }

    fn read(&mut self, payload: &[u8], origin: u64, limits: &Limits, width: usize) {
        self.payload = payload.len();
        let mut reader = Reader::new(payload, None, limits);
        let result = self.message(&mut reader, limits, width).and_then(|()| match reader.rest().len() {
            0 => Ok(()),
            left => Err(Error::Malformed(format!("{left} bytes follow the message"))),
        });
        if let Err(error) = result {
            let within = if self.compressed { 0 } else { reader.position() as u64 };
            self.fail(origin + within, error.to_string());
        }
    }

    fn message(&mut self, reader: &mut Reader<'_>, limits: &Limits, width: usize) -> Result<()> {
        // A message of either dialect begins with its kind or a tuple, so 0 is the first byte of a thread's number.
        if let ([0, ..], Some(prefix)) = (reader.rest(), reader.rest().first_chunk::<16>()) {
            let number = |bytes: &[u8]| bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
            let (from, to) = prefix.split_at(8);
            self.threads = Some((number(from), number(to)));
            reader.advance(prefix.len());
        }
        let (dialect, kind) = match reader.peek() {
            Some(kind @ 1..=3) => {
                reader.advance(1);
                expect_tuple(reader, 2, "a message is a pair")?;
                (Dialect::V6, i64::from(kind))
            }
            Some(tag::TUPLE_3) => {
                reader.advance(1);
                (Dialect::V5, reader.int()?)
            }
            Some(tag::TUPLE_L1 | tag::TUPLE_L4) => {
                expect_tuple(reader, 3, "message: expected a tuple of 3")?;
                (Dialect::V5, reader.int()?)
            }
            Some(byte) => return Err(Error::Malformed(format!("no message begins with byte {byte:#04x}"))),
            None => return Err(Error::Malformed("the frame is empty".into())),
        };
        let kind = match kind {
            1 => DecodedKind::Request,
            2 => DecodedKind::Reply,
            3 => DecodedKind::Exception,
            other => return Err(Error::Malformed(format!("unknown kind of message: {other}"))),
        };
        let sequence = reader.value()?;
        self.sequence = sequence.to_i64();
        (self.kind, self.dialect) = (kind, dialect);
        let mut line = Line { text: &mut self.text, limits, width, full: false };
        match kind {
            DecodedKind::Request => {
                expect_tuple(reader, 2, "a request is a pair")?;
                let (number, left) = match reader.value()? {
                    // Between peers that agreed on the native dialect.
                    Value::Tuple(pair) if matches!(&*pair, [Value::Int(_), Value::Int(0..)]) => {
                        (pair[0].clone(), pair.get(1).cloned())
                    }
                    number => (number, None),
                };
                self.handler = number.to_i64();
                let handler = self.handler.and_then(Handler::from_number);
                match handler {
                    Some(handler) => line.put(handler.name()),
                    None => line.value(&number),
                }
                if let Some(left) = left {
                    line.put(" within ");
                    line.value(&left);
                    line.put(" ms");
                }
                line.request(reader, handler)
            }
            DecodedKind::Exception => {
                match vinegar::read_exception(reader)? {
                    Some(exception) => line.value_text(&exception.summary()),
                    None => line.put("<an exception of unknown form>"),
                }
                Ok(())
            }
            _ => line.boxed(reader),
        }
    }
}

/// Returns whether a body can begin like this.
fn may_begin(body: &[u8], compressed: bool) -> bool {
    match (compressed, body) {
        (true, &[method, flags, ..]) => method & 15 == 8 && (u32::from(method) << 8 | u32::from(flags)) % 31 == 0,
        (false, [1..=3, second, ..]) => matches!(*second, tag::TUPLE_2 | tag::TUPLE_L1 | tag::TUPLE_L4),
        (false, [first, _, ..]) => matches!(*first, 0 | tag::TUPLE_3 | tag::TUPLE_L1 | tag::TUPLE_L4),
        _ => true,
    }
}

fn expect_tuple(reader: &mut Reader<'_>, n: usize, what: &str) -> Result<()> {
    match reader.tuple_header()? {
        got if got == n => Ok(()),
        got => Err(Error::Malformed(format!("{what}, not a tuple of {got}"))),
    }
}

/// One line of output.
struct Line<'a> {
    text: &'a mut String,
    limits: &'a Limits,
    width: usize,
    full: bool,
}

impl Line<'_> {
    /// Returns whether no room is left. Marks the cut once.
    fn is_full(&mut self) -> bool {
        let full = self.width > 0 && self.text.len() > LINE.max(self.width);
        if full && !self.full {
            self.text.push_str(" ...");
        }
        self.full |= full;
        full
    }

    fn put(&mut self, text: &str) {
        if !self.is_full() {
            self.text.push_str(text);
        }
    }

    /// Returns how many characters of one value are shown.
    fn room(&self) -> usize {
        if self.width == 0 { usize::MAX } else { self.width.max(8) }
    }

    fn value(&mut self, value: &Value) {
        if !self.is_full() {
            let (text, count) = value.repr_within(self.room());
            self.cut(&text, count);
        }
    }

    fn value_text(&mut self, text: &str) {
        if !self.is_full() {
            self.cut(text, text.chars().count());
        }
    }

    /// Appends a string, shortened to `count` characters.
    fn cut(&mut self, text: &str, count: usize) {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        self.text.extend(text.chars().take(self.room()).map(printable));
        if count > self.room() {
            let _ = write!(self.text, "... ({count} characters)");
        }
    }

    /// Formats the arguments of a request: the name and the arguments of a call after its target.
    fn request(&mut self, reader: &mut Reader<'_>, handler: Option<Handler>) -> Result<()> {
        let label = label(reader)?;
        if !(label == boxing::VALUE || label == boxing::TUPLE) || !boxing::is_tuple(reader) {
            self.put(" ");
            return self.labelled(reader, label, 0);
        }
        let count = reader.tuple_header()?;
        // Keywords are shown only if there are any.
        let keywords_at = match handler {
            Some(Handler::Call) => 2,
            Some(Handler::CallAttr) => 3,
            _ => usize::MAX,
        };
        for at in 0..count {
            if at == keywords_at && reader.rest().starts_with(&boxing::NO_KEYWORDS) {
                reader.advance(boxing::NO_KEYWORDS.len());
                continue;
            }
            self.put(" ");
            match label {
                boxing::TUPLE => self.boxed(reader)?,
                _ => self.value(&reader.value()?),
            }
        }
        Ok(())
    }

    fn boxed(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        self.boxed_at(reader, 0)
    }

    fn boxed_at(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<()> {
        let label = label(reader)?;
        self.labelled(reader, label, depth)
    }

    fn labelled(&mut self, reader: &mut Reader<'_>, label: i64, depth: usize) -> Result<()> {
        if depth > self.limits.depth.min(Value::MAX_DEPTH) || depth % 8 == 7 && nesting::is_short() {
            return Err(Error::Limit("boxes are nested too deep".into()));
        }
        match label {
            boxing::VALUE => self.value(&reader.value()?),
            boxing::TUPLE => {
                let count = reader.tuple_header()?;
                self.put("(");
                for at in 0..count {
                    self.put(if at > 0 { ", " } else { "" });
                    self.boxed_at(reader, depth + 1)?;
                }
                self.put(if count == 1 { ",)" } else { ")" });
            }
            boxing::LOCAL_REF => self.object(reader, "your")?,
            boxing::REMOTE_REF => self.object(reader, "my")?,
            boxing::NATIVE => {
                let refer = |label: u8, id_pack: &[u8]| {
                    let whose = if i64::from(label) == boxing::LOCAL_REF { "your" } else { "my" };
                    let mut text = String::new();
                    let mut line = Line { text: &mut text, limits: self.limits, width: self.width, full: false };
                    line.object(&mut Reader::new(id_pack, None, self.limits), whose).ok()?;
                    Some(Value::from(text))
                };
                let value = native::read(reader, self.limits, self.limits.depth, &refer).map_err(Error::from)?;
                self.put("native ");
                self.value(&value);
            }
            other => return Err(Error::Malformed(format!("unknown label of a box: {other}"))),
        }
        Ok(())
    }

    /// Formats an object, of the receiver ("your") or of the sender ("my").
    fn object(&mut self, reader: &mut Reader<'_>, whose: &str) -> Result<()> {
        let id_pack = reader.value()?;
        let parts = if let Value::Tuple(parts) = &id_pack { &parts[..] } else { &[] };
        match parts {
            [Value::Str(name), class, Value::Int(0)] => {
                self.put(&format!("{whose} class {}#", shown_name(name.as_str())));
                self.value(class);
            }
            [Value::Str(name), _, instance] => {
                self.put(&format!("{whose} {}#", shown_name(name.as_str())));
                self.value(instance);
            }
            _ => {
                self.put(&format!("{whose} "));
                self.value(&id_pack);
            }
        }
        Ok(())
    }
}

/// Removes control characters from the name of a type, which the peer chose.
fn shown_name(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len()), |mut shown, c| {
        if c.is_control() {
            let _ = write!(shown, "\\x{:02x}", u32::from(c));
        } else {
            shown.push(c);
        }
        shown
    })
}

fn label(reader: &mut Reader<'_>) -> Result<i64> {
    expect_tuple(reader, 2, "a box is a pair")?;
    Ok(reader.int()?)
}

#[cfg(test)]
mod tests;
