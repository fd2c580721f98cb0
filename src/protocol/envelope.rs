//! Reads and writes the envelope of a message, in either dialect (wire.md, sections 4, 11 and 15).

use super::request::{RequestId, Seq, Threads};
use super::{Core, Protocol, State, boxing};
use crate::codec::brine::{self, Reader, Sink, tag};
use crate::codec::frame::{Compression, FrameMark};
use crate::config::Dialect;
use crate::error::{Error, Exception, Result};
use crate::log::Level;
use crate::value::Value;

/// Size of the two thread ids before a message with bind_threads.
pub(super) const THREADS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Request = 1,
    Reply = 2,
    Exception = 3,
}

impl Kind {
    fn from_number(number: i64) -> Option<Kind> {
        match number {
            1 => Some(Kind::Request),
            2 => Some(Kind::Reply),
            3 => Some(Kind::Exception),
            _ => None,
        }
    }
}

pub struct Message {
    pub kind: Kind,
    pub seq: Seq,
    pub threads: Threads,
}

impl<T> Core<T> {
    /// Reads up to the body, and detects the dialect if it is unknown.
    #[inline]
    pub(super) fn open_message(&mut self, reader: &mut Reader<'_>) -> Result<Message> {
        // As nearly all messages begin: the kind, a pair, a number.
        if let (Dialect::V6, false, [kind, tag::TUPLE_2, tag::INT_L1 | tag::INT_FIRST..=tag::INT_LAST, ..]) =
            (self.dialect, self.config.bind_threads, reader.rest())
        {
            if let Some(kind) = Kind::from_number((*kind).into()) {
                self.heard = Dialect::V6;
                reader.advance(2);
                let seq = match reader.value()? {
                    Value::Int(seq) => Seq::Int(seq),
                    other => Seq::Other(Box::new(other)),
                };
                return Ok(Message { kind, seq, threads: Threads::default() });
            }
        }
        self.open_any_message(reader)
    }

    fn open_any_message(&mut self, reader: &mut Reader<'_>) -> Result<Message> {
        let mut threads = Threads::default();
        if self.config.bind_threads {
            let prefix = reader
                .raw(THREADS, "thread ids")
                .ok()
                .and_then(|bytes| Some((bytes.first_chunk::<8>()?, bytes.last_chunk::<8>()?)))
                .ok_or_else(without_threads)?;
            threads = Threads { from: u64::from_be_bytes(*prefix.0), to: u64::from_be_bytes(*prefix.1) };
        }
        let heard = dialect_of(reader.peek(), self.config.bind_threads)?;
        self.heard = heard;
        if self.dialect != heard {
            if self.spoken || self.dialect != Dialect::Auto {
                // A peer that speaks first learns from a CLOSE which dialect this is, as from stock servers.
                if self.state == State::Open && self.pending.next_seq() == 0 {
                    self.put_close();
                }
                return Err(wrong_dialect(heard, self.config.dialect));
            }
            self.dialect = heard;
        }
        let kind = match heard {
            Dialect::V6 => {
                let kind = reader.raw(1, "message kind")?.first().and_then(|byte| Kind::from_number((*byte).into()));
                expect_tuple(reader, 2)?;
                kind
            }
            _ => {
                expect_tuple(reader, 3)?;
                Kind::from_number(reader.int()?)
            }
        };
        let kind =
            kind.ok_or_else(|| Error::Malformed("a message that is not a request, reply or exception".into()))?;
        let seq = match reader.peek() {
            Some(tag::INT_L1 | tag::INT_L4 | tag::INT_FIRST..=tag::INT_LAST) => match reader.value()? {
                Value::Int(seq) => Seq::Int(seq),
                other => Seq::Other(Box::new(other)),
            },
            _ => Seq::Other(Box::new(reader.value()?)),
        };
        Ok(Message { kind, seq, threads })
    }

    /// Begins a message in the dialect of the connection. The body follows.
    pub(super) fn begin(&mut self, kind: Kind, seq: &Seq, to: u64) -> FrameMark {
        if self.dialect == Dialect::Auto {
            self.dialect = Dialect::V6;
        }
        self.spoken = true;
        let mark = self.outgoing.begin_frame();
        let out = &mut self.outgoing;
        if self.config.bind_threads {
            out.put(&self.threads.from.to_be_bytes());
            out.put(&to.to_be_bytes());
        }
        if self.dialect == Dialect::V5 {
            brine::put_tuple_header(out, 3);
            brine::put_int(out, kind as i64);
        } else {
            out.put(&[kind as u8, tag::TUPLE_2]);
        }
        let [ours, theirs] = &mut self.digits;
        match seq {
            Seq::Int(number) if kind == Kind::Request => out.put(ours.of(*number)),
            Seq::Int(number) => out.put(theirs.of(*number)),
            other => other.put(out, &self.config.limits),
        }
        mark
    }

    #[inline(always)]
    pub(super) fn finish(&mut self, mark: FrameMark) -> Result<()> {
        let compression = Compression {
            enabled: self.config.compress,
            threshold: self.config.compression_threshold,
            level: self.config.compression_level,
        };
        Ok(self.outgoing.end_frame(mark, &compression)?)
    }

    /// Writes one complete message. If it fails, nothing is written and the counts of its exports are undone.
    pub(super) fn send(
        &mut self,
        kind: Kind,
        seq: &Seq,
        to: u64,
        body: impl FnOnce(&mut boxing::Boxer<'_>, &mut crate::codec::frame::Outgoing) -> Result<()>,
    ) -> Result<()> {
        let before = (self.dialect, self.spoken);
        let mark = self.begin(kind, seq, to);
        self.lent.clear();
        let Core { outgoing, exports, imports, config, wrap, lent, native, .. } = self;
        let (home, native, origin) = (imports.releases(), native.agreed, mark.payload());
        let mut boxer = boxing::Boxer { exports, home, limits: &config.limits, wrap: &**wrap, lent, native, origin };
        let written = body(&mut boxer, outgoing);
        let result = written.and_then(|()| self.finish(mark));
        if result.is_err() {
            (self.dialect, self.spoken) = before;
            self.outgoing.abandon_frame(mark);
            for id in std::mem::take(&mut self.lent) {
                self.exports.unlend(id);
            }
        } else {
            self.note_traffic("sent", kind, Some(seq));
        }
        result
    }

    #[inline]
    pub(super) fn reply(&mut self, id: &RequestId, value: &Value) -> Result<()> {
        if self.usual_answer(id, value) { Ok(()) } else { self.any_reply(id, value) }
    }

    #[inline(never)]
    fn any_reply(&mut self, id: &RequestId, value: &Value) -> Result<()> {
        let sent = self.send(Kind::Reply, &id.seq, id.threads().from, |boxer, out| boxer.put(out, value));
        if let Err(error) = &sent {
            let (name, hint) = match error {
                Error::Limit(_) => ("ValueError", ""),
                Error::Memory(_) => ("MemoryError", self.account.hint()),
                _ => ("TypeError", ""),
            };
            self.raise_at_once(id, &Exception::builtin(name, format!("the result cannot be sent: {error}{hint}")));
        }
        sent
    }

    pub(super) fn reply_at_once(&mut self, id: &RequestId, value: &Value) {
        // On a failure the peer has got an exception already.
        let _ = self.reply(id, value);
    }

    pub(super) fn raise_at_once(&mut self, id: &RequestId, exception: &Exception) {
        self.note_exception(id, exception);
        self.note_traffic("sent", Kind::Exception, Some(&id.seq));
        let mark = self.begin(Kind::Exception, &id.seq, id.threads().from);
        super::vinegar::put_exception(&mut self.outgoing, exception, &self.config, self.dialect);
        if let Err(error) = self.finish(mark) {
            self.outgoing.abandon_frame(mark);
            self.failure = Some(Box::new(error));
        }
    }
}

impl<T> Core<T> {
    /// Logs an exception as RPyC does, except the end of an iteration. For a denied access it adds that this side
    /// denied it, and the rule.
    #[cold]
    fn note_exception(&mut self, id: &RequestId, exception: &Exception) {
        if !self.config.log_exceptions || exception.is_builtin("StopIteration") {
            return;
        }
        self.notes.add(Level::Debug, || {
            let seq = seq_text(&id.seq);
            let reason = match (exception.refused_by(), exception.absence()) {
                (Some(rule), _) => format!(" (denied here by {rule})"),
                (None, Some(absence)) => format!(" ({absence})"),
                (None, None) => String::new(),
            };
            format!("exception sent for request {seq}: {}{reason}", exception.summary())
        });
    }

    /// Logs one line for each message, with the option debug.
    #[inline]
    pub(super) fn note_traffic(&mut self, what: &str, kind: Kind, seq: Option<&Seq>) {
        if self.config.debug {
            self.note_message(what, kind, seq);
        }
    }

    #[cold]
    fn note_message(&mut self, what: &str, kind: Kind, seq: Option<&Seq>) {
        self.notes.add(Level::Debug, || {
            let kind = match kind {
                Kind::Request => "request",
                Kind::Reply => "reply to",
                Kind::Exception => "exception for",
            };
            format!("{what} {kind} {}", seq.map_or_else(|| "a request for bytes".into(), seq_text))
        });
    }
}

pub(super) fn seq_text(seq: &Seq) -> String {
    match seq {
        Seq::Int(seq) => seq.to_string(),
        Seq::Other(other) => other.repr(),
    }
}

fn expect_tuple(reader: &mut Reader<'_>, n: usize) -> Result<()> {
    match reader.tuple_header()? {
        got if got == n => Ok(()),
        got => Err(Error::Malformed(format!("message: expected a tuple of {n}, got one of {got}"))),
    }
}

fn without_threads() -> Error {
    Error::Malformed("a message without thread ids; set the option bind_threads equally at both ends".into())
}

/// Returns the dialect of a message that begins with this byte.
fn dialect_of(first: Option<u8>, bind_threads: bool) -> Result<Dialect> {
    match first {
        Some(1..=3) => Ok(Dialect::V6),
        Some(tag::TUPLE_3 | tag::TUPLE_L1 | tag::TUPLE_L4) => Ok(Dialect::V5),
        Some(0) if !bind_threads => {
            Err(Error::Malformed("not a message of RPyC; set the option bind_threads equally at both ends".into()))
        }
        Some(byte) => Err(Error::Malformed(format!("not a message of RPyC: it starts with byte {byte:#04x}"))),
        None => Err(Error::Malformed("not a message of RPyC: it is empty".into())),
    }
}

pub fn wrong_dialect(heard: Dialect, configured: Dialect) -> Error {
    let (theirs, ours, option) = match heard {
        Dialect::V5 => ("rpyc 5.3 and older", "6.0", 5),
        _ => ("rpyc 6.0 and later", "5.3 and older", 6),
    };
    // With auto, this side had to send first, on a stream that cannot be opened again.
    let or_auto = if configured == Dialect::Auto { "" } else { " (or auto)" };
    Error::Dialect(format!(
        "the peer speaks the dialect of {theirs}, not that of {ours}; set the option dialect to {option}{or_auto}"
    ))
}

/// Functions to detect the dialect before any message.
impl<T> Protocol<T> {
    /// Sets the dialect. No message may have been sent or received before.
    pub fn speak(&mut self, dialect: Dialect) {
        self.core.dialect = dialect;
    }

    /// Returns the dialect of the peer's first message as soon as its beginning is buffered. Consumes nothing.
    pub fn first_word(&mut self) -> Result<Option<Dialect>> {
        let bind_threads = self.core.config.bind_threads;
        let at = if bind_threads { THREADS } else { 0 };
        match self.incoming().peek(at + 1)? {
            None => Ok(None),
            Some(begun) if begun.len() < at => Err(without_threads()),
            Some(begun) => dialect_of(begun.get(at).copied(), bind_threads).map(Some),
        }
    }
}
