//! Handles messages beyond a limit: only the message fails, if its kind and number can be read.

use super::envelope::{Kind, Message, seq_text};
use super::request::RequestId;
use super::silence::PROGRESS;
use super::{Core, Event, Protocol, boxing};
use crate::codec::brine::{DecodeError, DecodeErrorKind, Reader, tag};
use crate::codec::frame::{Payload, Readable, Skipped, Skipping};
use crate::error::{Error, Exception};
use crate::log::Level;
use crate::value::Limits;
use std::time::Duration;

/// The beginning of a box with an object of the sender.
const REFERENCE: [u8; 4] = [tag::TUPLE_2, boxing::BOXED_REMOTE_REF, tag::TUPLE_3, tag::STR];

/// Makes the parameters with which `Incoming` skips messages.
pub(super) fn skipping(bind_threads: bool) -> Skipping {
    let judge = if bind_threads { judge::<{ super::envelope::THREADS }> } else { judge::<0> };
    Skipping { judge, counted: &REFERENCE }
}

/// Returns whether the kind and the number of a message can be read. `PREFIX` bytes are before it.
fn judge<const PREFIX: usize>(head: &[u8]) -> Readable {
    let Some(head) = head.get(PREFIX..) else { return Readable::NotYet };
    let limits = Limits::default();
    let mut reader = Reader::new(head, None, &limits);
    match read_head(&mut reader) {
        Ok(true) => Readable::Yes,
        Ok(false) => Readable::No,
        Err(error) => match error.kind() {
            DecodeErrorKind::End | DecodeErrorKind::Cut { .. } | DecodeErrorKind::Count { .. } => Readable::NotYet,
            _ => Readable::No,
        },
    }
}

fn read_head(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let kinds = Kind::Request as i64..=Kind::Exception as i64;
    match reader.peek() {
        Some(1..=3) => {
            reader.advance(1);
            if reader.tuple_header()? != 2 {
                return Ok(false);
            }
        }
        Some(tag::TUPLE_3 | tag::TUPLE_L1 | tag::TUPLE_L4) => {
            if reader.tuple_header()? != 3 || !kinds.contains(&reader.int()?) {
                return Ok(false);
            }
        }
        Some(_) => return Ok(false),
        None => reader.skip()?,
    }
    reader.skip()?;
    Ok(true)
}

/// Maximum number of references of one message that are released, and of boxes that are examined.
const MOST: usize = 1 << 16;

/// Walks a box and passes each id_pack of the sender to `found`, with the position of its end. Returns false if there
/// may be more.
fn each_reference<'a>(reader: &mut Reader<'a>, mut found: impl FnMut(&'a [u8], usize)) -> Result<bool, DecodeError> {
    let (mut open, mut all) = (vec![1], true);
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        if reader.tuple_header()? != 2 {
            return Ok(false);
        }
        let label = reader.int()?;
        match label {
            boxing::TUPLE if boxing::is_tuple(reader) && open.len() < MOST => open.push(reader.tuple_header()?),
            boxing::REMOTE_REF => {
                let start = reader.position();
                reader.skip()?;
                found(reader.raw_from(start), reader.position());
            }
            _ => {
                all &= matches!(label, boxing::VALUE | boxing::LOCAL_REF);
                reader.skip()?;
            }
        }
    }
    Ok(all)
}

/// Nothing is stored, so no limit is needed.
fn unlimited() -> Limits {
    let most = usize::MAX;
    Limits { depth: most, digits: most, items: most, memory: most, bytes: most, ..Limits::default() }
}

/// The fate of the references in a rejected message, for its error message.
enum Held {
    Released,
    /// The number found; it may be too high.
    Seen(usize),
    Unknown,
}

impl<T> Protocol<T> {
    /// Handles a message that was skipped.
    pub(super) fn skipped(&mut self, skipped: Skipped) -> Option<Event<T>> {
        self.skipping = None;
        let Skipped { head, error, passed, counted } = skipped;
        let error = Error::from(error);
        match self.core.open_message(&mut Reader::new(&head, None, &self.limits)) {
            Ok(message) if passed => self.core.refuse(message, error, &Held::Seen(counted)),
            Ok(message) => {
                if message.kind == Kind::Request {
                    self.core.refuse(message, error.clone(), &Held::Seen(counted));
                }
                Some(self.core.fail(error))
            }
            Err(unknown @ Error::Dialect(_)) => Some(self.core.fail(unknown)),
            Err(_) => Some(self.core.fail(error)),
        }
    }

    /// Handles a message that could not be decoded after `read` bytes.
    #[cold]
    pub(super) fn undecodable(&mut self, payload: &Payload, read: usize, error: Error) -> Option<Event<T>> {
        let (limits, core) = (unlimited(), &mut self.core);
        let bytes = self.incoming.as_ref().map_or(&[][..], |incoming| incoming.bytes(payload));
        let mut reader = Reader::new(bytes, None, &limits);
        let opened = match error {
            Error::Limit(_) | Error::Memory(_) => core.open_message(&mut reader).ok(),
            _ => None,
        };
        match opened {
            Some(message) => {
                let released = core.release_unread(&message, &mut reader, read, &limits).unwrap_or(false);
                core.refuse(message, error, if released { &Held::Released } else { &Held::Unknown })
            }
            None => Some(core.fail(error)),
        }
    }

    /// Returns whether a message is being skipped.
    #[inline]
    pub fn is_skipping(&self) -> bool {
        self.incoming.as_ref().is_some_and(|incoming| incoming.is_skipping())
    }

    /// Ends the connection if a message that is being skipped makes no progress, on a clock that shows `now`. It has as
    /// much time as a message that is kept.
    #[cold]
    pub fn watch_skipping(&mut self, now: Duration) {
        let Some(timeout) = self.core.config.frame_timeout else { return };
        let received = self.incoming().total();
        let until = match self.skipping {
            Some((until, before)) if received.saturating_sub(before) < PROGRESS => until,
            _ => now.saturating_add(timeout),
        };
        if self.skipping.is_none_or(|(before, _)| before != until) {
            self.skipping = Some((until, received));
        }
        if now >= until {
            self.incoming().give_up_skipping();
        }
    }

    /// Returns the time at which `watch_skipping` must be called at the latest.
    pub fn skip_deadline(&self) -> Option<Duration> {
        self.skipping.map(|(until, _)| until).filter(|_| self.is_skipping())
    }
}

impl<T> Core<T> {
    /// Releases the references in a message after its first `read` bytes. Returns false if there may be more.
    fn release_unread(
        &mut self,
        message: &Message,
        reader: &mut Reader<'_>,
        read: usize,
        limits: &Limits,
    ) -> Result<bool, DecodeError> {
        match message.kind {
            Kind::Request => {
                if reader.tuple_header()? != 2 {
                    return Ok(false);
                }
                reader.skip()?;
            }
            Kind::Reply => {}
            Kind::Exception => return Ok(true),
        }
        let (mut unread, mut more) = (Vec::new(), false);
        let all = each_reference(reader, |id_pack, end| {
            // The last one read may be the one that exceeded the limit, and then it was not imported.
            if end < read || end == read && self.imports.knows(id_pack) {
                return;
            }
            match unread.len() < MOST && boxing::is_usual_id_pack(id_pack, limits) {
                true => unread.push(id_pack),
                false => more = true,
            }
        });
        if self.state == super::State::Open {
            unread.into_iter().for_each(|id_pack| self.put_release(id_pack, 1));
        }
        Ok(all? && !more)
    }

    /// Reports the error to the sender of a request, or as the result of the request that the message is a reply to.
    #[cold]
    fn refuse(&mut self, message: Message, error: Error, held: &Held) -> Option<Event<T>> {
        let Message { kind, seq, threads } = message;
        let what = match kind {
            Kind::Request => "request",
            Kind::Reply | Kind::Exception => "the reply to request",
        };
        let hint = if let Error::Memory(_) = error { self.account.hint() } else { "" };
        self.notes.add(Level::Warn, || {
            let number = seq_text(&seq);
            let kept = "are not released, and the peer keeps those objects until the end of the connection";
            let held = match held {
                Held::Released => "the references in it are released".to_owned(),
                Held::Seen(0) => "no references were seen in it".to_owned(),
                Held::Seen(n) => format!("up to {n} references in it {kept}"),
                Held::Unknown => format!("some of the references in it {kept}"),
            };
            format!("{what} {number} was rejected: {error}{hint}; {held}")
        });
        match (kind, seq.as_int()) {
            (Kind::Request, _) => {
                let text = format!("the request was rejected: {error}{hint}");
                let name = if let Error::Memory(_) = error { "MemoryError" } else { "ValueError" };
                self.raise_at_once(&RequestId::new(seq, threads), &Exception::builtin(name, text));
                None
            }
            (_, Some(seq)) => match self.pending.remove(seq) {
                Some(Some(token)) => Some(Event::Reply { seq, token, outcome: Err(error) }),
                _ => self.unawaited(seq, Err(error)).err().map(|error| self.fail(error)),
            },
            (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_message_it_is() {
        let whole: [(&[u8], &[u8]); 4] = [
            (&[1, tag::TUPLE_2, tag::INT_0, tag::TUPLE_2], &[]),
            (&[3, tag::TUPLE_2, tag::INT_L1, 3, b'1', b'0', b'0', 0], &[]),
            (&[tag::TUPLE_3, tag::INT_0 + 2, tag::INT_0 + 9, 0], &[]),
            (&[2, tag::TUPLE_2, tag::BYTES_1, b'x', 0], &[7; 16]),
        ];
        for (message, threads) in whole {
            let judge = skipping(!threads.is_empty()).judge;
            let message = [threads, message].concat();
            assert_eq!(judge(&message), Readable::Yes);
            // A pair has two items.
            for cut in 0..message.len() - 1 {
                assert_eq!(judge(&message[..cut]), Readable::NotYet, "{:?}", &message[..cut]);
            }
        }
        let garbage: [&[u8]; 6] =
            [b"GET", &[4], &[1, tag::TUPLE_3], &[1, 7], &[tag::TUPLE_3, tag::INT_0 + 4], &[0; 17]];
        for garbage in garbage {
            assert_eq!((skipping(false).judge)(&[garbage, &[0; 20]].concat()), Readable::No, "{garbage:?}");
        }
    }
}
