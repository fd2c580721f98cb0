//! Streams as people read them: frames and messages of either dialect and either direction, for tracing and tests.

use super::boxing;
use super::request::Handler;
use super::vinegar;
use crate::codec::brine::Reader;
use crate::codec::frame::Inflater;
use crate::config::{Dialect, Limits};
use crate::error::{Error, Result};
use crate::value::Value;
use std::fmt::Write;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodedKind {
    Request,
    Reply,
    Exception,
    Garbage,
}

impl DecodedKind {
    pub fn name(self) -> &'static str {
        match self {
            DecodedKind::Request => "request",
            DecodedKind::Reply => "reply",
            DecodedKind::Exception => "exception",
            DecodedKind::Garbage => "garbage",
        }
    }
}

/// Where a stream stops being RPyC, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeFault {
    /// In the stream; of what lies in a compressed frame, that of the frame.
    pub offset: u64,
    pub text: String,
}

/// One frame of a stream.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Where it begins in the stream.
    pub offset: u64,
    /// All of it, as it travels.
    pub size: usize,
    /// What is in it, decompressed.
    pub payload: usize,
    pub compressed: bool,
    pub kind: DecodedKind,
    /// Auto where it cannot be told.
    pub dialect: Dialect,
    /// From and to, with bind_threads.
    pub threads: Option<(u64, u64)>,
    pub sequence: Option<i64>,
    /// The number of a request's handler.
    pub handler: Option<i64>,
    /// The message in one line.
    pub text: String,
    /// Of garbage, and of a message that could be read in part.
    pub fault: Option<DecodeFault>,
}

impl Decoded {
    /// The name of a request's handler; "" where there is none, or none that RPyC has.
    pub fn handler_name(&self) -> &'static str {
        self.handler.and_then(Handler::from_number).map_or("", Handler::name)
    }
}

const HEADER: usize = 5;
const WIDTH: usize = 120;
/// Frames up to here are collected; what announces more is no frame.
const LARGEST: usize = 1 << 30;

/// Takes one direction of a connection apart. It never fails: what it cannot read, it gives as garbage.
pub struct Decoder {
    bytes: Vec<u8>,
    /// How many of `bytes` have been given out.
    taken: usize,
    /// Where `bytes` begins in the stream.
    begin: u64,
    ended: bool,
    /// What follows cannot be told apart.
    lost: bool,
    width: usize,
    limits: Limits,
    inflater: Inflater,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder {
            bytes: Vec::new(),
            taken: 0,
            begin: 0,
            ended: false,
            lost: false,
            width: WIDTH,
            limits: Limits::default(),
            inflater: Inflater::default(),
        }
    }

    /// Longer texts and bytes are cut to about so many characters; 0: they are not.
    pub fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        if self.taken > 0 && self.taken >= self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.begin += self.taken as u64;
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The stream is over: what is left of it comes as garbage.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next frame that is here as a whole.
    pub fn next_message(&mut self) -> Option<Decoded> {
        loop {
            let rest = self.bytes.get(self.taken..).unwrap_or_default();
            if rest.is_empty() {
                return None;
            }
            if self.lost {
                return Some(self.garbage(rest.len(), "it cannot be told where the next frame begins".into()));
            }
            let Some(&[a, b, c, d, compressed]) = rest.first_chunk::<HEADER>() else {
                return self.cut(rest.len(), "the stream ends inside the header of a frame");
            };
            let body = u32::from_be_bytes([a, b, c, d]) as usize;
            if body > LARGEST {
                self.lost = true;
                return Some(self.garbage(rest.len(), format!("a frame of {body} bytes is announced")));
            }
            let size = HEADER + body + 1;
            if rest.len() < size {
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
            match self.inflater.inflate(body, self.limits.inflated) {
                Ok(payload) => decoded.read(&payload, offset, &self.limits, self.width),
                Err(error) => decoded.fail(offset, error.to_string()),
            }
            return Some(decoded);
        }
    }

    fn cut(&mut self, size: usize, why: &str) -> Option<Decoded> {
        self.ended.then(|| self.garbage(size, why.into()))
    }

    /// All that is left.
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
            Some(0x12) => {
                reader.advance(1);
                (Dialect::V5, reader.int()?)
            }
            Some(0x14 | 0x15) => {
                expect_tuple(reader, 3, "a message is a tuple of 3")?;
                (Dialect::V5, reader.int()?)
            }
            Some(byte) => return Err(Error::Malformed(format!("no message begins with byte {byte:#04x}"))),
            None => return Err(Error::Malformed("the frame is empty".into())),
        };
        let kind = match kind {
            1 => DecodedKind::Request,
            2 => DecodedKind::Reply,
            3 => DecodedKind::Exception,
            other => return Err(Error::Malformed(format!("no kind of message has number {other}"))),
        };
        let sequence = reader.value()?;
        self.sequence = sequence.to_i64();
        (self.kind, self.dialect) = (kind, dialect);
        let mut line = Line { text: &mut self.text, limits, width };
        match kind {
            DecodedKind::Request => {
                expect_tuple(reader, 2, "a request is a pair")?;
                let number = reader.value()?;
                self.handler = number.to_i64();
                let handler = self.handler.and_then(Handler::from_number);
                match handler {
                    Some(handler) => line.put(handler.name()),
                    None => line.value(&number),
                }
                line.request(reader, handler)
            }
            DecodedKind::Exception => {
                match vinegar::read_exception(reader)? {
                    Some(exception) => line.value_text(&exception.summary()),
                    None => line.put("<an exception of no known form>"),
                }
                Ok(())
            }
            _ => line.boxed(reader),
        }
    }
}

fn expect_tuple(reader: &mut Reader<'_>, n: usize, what: &str) -> Result<()> {
    match reader.tuple_header()? {
        got if got == n => Ok(()),
        got => Err(Error::Malformed(format!("{what}, not a tuple of {got}"))),
    }
}

/// One line of text that grows.
struct Line<'a> {
    text: &'a mut String,
    limits: &'a Limits,
    width: usize,
}

impl Line<'_> {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn value(&mut self, value: &Value) {
        let text = value.repr();
        self.value_text(&text);
    }

    fn value_text(&mut self, text: &str) {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let cut = text.char_indices().nth(self.width.max(8)).filter(|_| self.width > 0).map(|(at, _)| at);
        self.text.extend(text.get(..cut.unwrap_or(text.len())).unwrap_or_default().chars().map(printable));
        if cut.is_some() {
            let _ = write!(self.text, "... ({} characters)", text.chars().count());
        }
    }

    /// The arguments of a request, as they are read best: name and arguments of a call behind its target.
    fn request(&mut self, reader: &mut Reader<'_>, handler: Option<Handler>) -> Result<()> {
        let label = label(reader)?;
        if !(label == boxing::VALUE || label == boxing::TUPLE) || !boxing::is_tuple(reader) {
            self.put(" ");
            return self.labelled(reader, label, 0);
        }
        let count = reader.tuple_header()?;
        // Keywords are shown where there are some.
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
        if depth > self.limits.depth.min(Value::MAX_DEPTH) {
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
                let before = reader.position();
                reader.skip()?;
                let _ = write!(self.text, "<native, {} bytes>", reader.position() - before);
            }
            other => return Err(Error::Malformed(format!("a box has label {other}"))),
        }
        Ok(())
    }

    /// An object, of the receiver ("your") or of the sender ("my").
    fn object(&mut self, reader: &mut Reader<'_>, whose: &str) -> Result<()> {
        let id_pack = reader.value()?;
        let parts = if let Value::Tuple(parts) = &id_pack { &parts[..] } else { &[] };
        match parts {
            [Value::Str(name), class, Value::Int(0)] => {
                let _ = write!(self.text, "{whose} class {name}#{}", class.repr());
            }
            [Value::Str(name), _, instance] => {
                let _ = write!(self.text, "{whose} {name}#{}", instance.repr());
            }
            _ => {
                let _ = write!(self.text, "{whose} ");
                self.value(&id_pack);
            }
        }
        Ok(())
    }
}

fn label(reader: &mut Reader<'_>) -> Result<i64> {
    expect_tuple(reader, 2, "a box is a pair")?;
    Ok(reader.int()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::brine::{self, Sink};

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
        frame.push(0);
        frame.extend_from_slice(payload);
        frame.push(b'\n');
        frame
    }

    fn boxed(out: &mut Vec<u8>, label: i64) {
        boxing::put_label(out, label);
    }

    /// The body of `add(40, 2)` on an object of the receiver.
    fn call() -> Vec<u8> {
        let mut out = Vec::new();
        brine::put_tuple_header(&mut out, 2);
        brine::put_int(&mut out, Handler::CallAttr as i64);
        boxed(&mut out, boxing::TUPLE);
        brine::put_tuple_header(&mut out, 4);
        boxed(&mut out, boxing::LOCAL_REF);
        brine::put_tuple_header(&mut out, 3);
        brine::put_str(&mut out, b"interop.Root");
        brine::put_int(&mut out, 5);
        brine::put_int(&mut out, 7);
        boxed(&mut out, boxing::VALUE);
        brine::put_str(&mut out, b"add");
        boxed(&mut out, boxing::VALUE);
        brine::put_tuple_header(&mut out, 2);
        brine::put_int(&mut out, 40);
        brine::put_int(&mut out, 2);
        out.put(&boxing::NO_KEYWORDS);
        out
    }

    fn in_dialect(dialect: Dialect, kind: u8, sequence: i64, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match dialect {
            Dialect::V5 => {
                brine::put_tuple_header(&mut out, 3);
                brine::put_int(&mut out, kind.into());
            }
            _ => {
                out.put_byte(kind);
                brine::put_tuple_header(&mut out, 2);
            }
        }
        brine::put_int(&mut out, sequence);
        out.put(body);
        out
    }

    #[test]
    fn calls_in_both_dialects_byte_by_byte() {
        for dialect in [Dialect::V5, Dialect::V6] {
            let stream = frame(&in_dialect(dialect, 1, 1000, &call())).repeat(2);
            let mut decoder = Decoder::new();
            let mut got = Vec::new();
            for byte in &stream {
                decoder.feed(&[*byte]);
                got.extend(decoder.next_message());
            }
            let [first, second] = &got[..] else { panic!("{got:?}") };
            assert_eq!((first.kind, first.dialect, first.sequence), (DecodedKind::Request, dialect, Some(1000)));
            assert_eq!((first.handler, first.handler_name()), (Some(8), "CALLATTR"));
            assert_eq!(first.text, "CALLATTR your interop.Root#7 'add' (40, 2)");
            assert_eq!((first.offset, first.size * 2, &first.fault), (0, stream.len(), &None));
            assert_eq!(second.offset, first.size as u64);
        }
    }

    #[test]
    fn replies_objects_and_exceptions() {
        let mut reply = Vec::new();
        boxed(&mut reply, boxing::TUPLE);
        brine::put_tuple_header(&mut reply, 2);
        boxed(&mut reply, boxing::REMOTE_REF);
        brine::put_tuple_header(&mut reply, 3);
        brine::put_str(&mut reply, b"m.C");
        brine::put_int(&mut reply, 9);
        brine::put_int(&mut reply, 0);
        boxed(&mut reply, boxing::VALUE);
        brine::put_str(&mut reply, "x".repeat(1000).as_bytes());
        let mut error = Vec::new();
        let exception = crate::error::Exception::builtin("ValueError", "bad");
        vinegar::put_exception(&mut error, &exception, &crate::config::Config::default(), Dialect::V6);
        let mut threads = 77u64.to_be_bytes().to_vec();
        threads.extend(78u64.to_be_bytes());
        threads.extend(in_dialect(Dialect::V6, 3, 4, &error));
        let mut decoder = Decoder::new();
        decoder.set_width(20);
        decoder.feed(&[frame(&in_dialect(Dialect::V6, 2, 3, &reply)), frame(&threads)].concat());
        let reply = decoder.next_message().unwrap();
        assert_eq!(reply.text, "(my class m.C#9, 'xxxxxxxxxxxxxxxxxxx... (1002 characters))");
        let raised = decoder.next_message().unwrap();
        assert_eq!((raised.kind, raised.threads, &raised.fault), (DecodedKind::Exception, Some((77, 78)), &None));
        assert_eq!(raised.text, "ValueError: bad");
    }

    #[test]
    fn garbage_has_a_place_and_the_next_frame_is_read() {
        let good = frame(&in_dialect(Dialect::V6, 1, 1, &call()));
        let mut broken = in_dialect(Dialect::V6, 1, 2, &call());
        let at = broken.len() - 5;
        broken[at] = 0x07;
        let mut decoder = Decoder::new();
        decoder.feed(&[&frame(b"hello")[..], &frame(&broken), &good, b"\x00\x00"].concat());
        decoder.end();
        let hello = decoder.next_message().unwrap();
        let fault = hello.fault.unwrap();
        assert_eq!((hello.kind, fault.offset), (DecodedKind::Garbage, 5));
        assert!(fault.text.contains("0x68"), "{}", fault.text);
        let partly = decoder.next_message().unwrap();
        let fault = partly.fault.unwrap();
        assert_eq!((partly.kind, partly.sequence), (DecodedKind::Request, Some(2)));
        assert!(partly.text.starts_with("CALLATTR your interop.Root#7 'add'"), "{}", partly.text);
        assert!(fault.offset > partly.offset + 5 && fault.offset < partly.offset + partly.size as u64, "{fault:?}");
        assert_eq!(decoder.next_message().unwrap().fault, None);
        let cut = decoder.next_message().unwrap();
        assert_eq!((cut.kind, cut.size), (DecodedKind::Garbage, 2));
        assert!(decoder.next_message().is_none());
        decoder.feed(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(decoder.next_message().unwrap().kind, DecodedKind::Garbage);
        decoder.feed(&good);
        assert_eq!(decoder.next_message().unwrap().kind, DecodedKind::Garbage);
    }
}
