//! Follows a conversation: matches replies to requests, measures latencies, and counts bytes that cannot be decoded.

use super::event::{Event, Garbage, Message, Sums, Teller};
use super::record::{Record, Side, What};
use crate::failure::Failure;
use crate::show;
use rpyc::Dialect;
use rpyc::wire::{Decoded, DecodedKind, Decoder};
use std::collections::HashMap;

/// Maximum number of characters of a request that are repeated with its reply.
const REQUEST_WIDTH: usize = 80;
/// Maximum number of pending requests remembered for each direction, because some are never answered.
const MOST_PENDING: usize = 1 << 16;

pub struct Conversation {
    width: usize,
    connections: HashMap<u64, Watched>,
    all: Sums,
    opened: u64,
}

/// A connection that has been opened and not closed.
struct Watched {
    began: u64,
    client: Direction,
    server: Direction,
    sums: Sums,
    dialect: Dialect,
}

struct Direction {
    decoder: Decoder,
    /// The first few bytes, to recognise TLS.
    first: Vec<u8>,
    told_tls: bool,
    /// Requests of this side without a reply.
    pending: HashMap<i64, Pending>,
    /// Methods that this side passed to the peer, with the names under which they were read.
    names: HashMap<String, String>,
    /// The last received bytes, in case they are garbage, and the number of all received bytes.
    tail: Vec<u8>,
    received: u64,
    /// Number of bytes received since frame boundaries were lost.
    unread: u64,
    ended: bool,
}

struct Pending {
    at: u64,
    text: String,
    /// The name of the requested attribute.
    name: Option<String>,
}

impl Direction {
    fn new(width: usize) -> Direction {
        let mut decoder = Decoder::new();
        decoder.set_width(width);
        Direction {
            decoder,
            first: Vec::new(),
            told_tls: false,
            pending: HashMap::new(),
            names: HashMap::new(),
            tail: Vec::new(),
            received: 0,
            unread: 0,
            ended: false,
        }
    }
}

impl Watched {
    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl Conversation {
    /// Shortens long values in messages to about `width` characters.
    pub fn new(width: usize) -> Conversation {
        Conversation { width, connections: HashMap::new(), all: Sums::default(), opened: 0 }
    }

    pub fn take(&mut self, record: &Record, teller: &mut dyn Teller) -> Result<(), Failure> {
        match &record.what {
            What::Opened { client, server } => {
                self.opened += 1;
                let watched = Watched {
                    began: record.at,
                    client: Direction::new(self.width),
                    server: Direction::new(self.width),
                    sums: Sums::default(),
                    dialect: Dialect::Auto,
                };
                self.connections.insert(record.connection, watched);
                let (client, server) = (client.clone(), server.clone());
                teller.tell(record.at, record.connection, &Event::Opened { client, server })
            }
            What::NotOpened { client, why } => {
                self.all.faults += 1;
                let (client, reason) = (client.clone(), why.clone());
                teller.tell(record.at, record.connection, &Event::Rejected { client, reason })
            }
            What::Data { from, bytes } => self.data(record, *from, bytes, teller),
            What::Ended { from, why } => self.ended(record, *from, why, teller),
        }
    }

    /// Reports the requests without a reply on open connections, and the sums of all connections.
    pub fn finish(&mut self, at: u64, teller: &mut dyn Teller) -> Result<(), Failure> {
        let mut open: Vec<(u64, Watched)> = self.connections.drain().collect();
        open.sort_by_key(|(connection, _)| *connection);
        for (connection, watched) in open {
            self.close(at, connection, watched, true, teller)?;
        }
        let sums = std::mem::take(&mut self.all);
        teller.tell(at, 0, &Event::Summary { connections: self.opened, sums })
    }

    fn data(&mut self, record: &Record, from: Side, bytes: &[u8], teller: &mut dyn Teller) -> Result<(), Failure> {
        let Some(watched) = self.connections.get_mut(&record.connection) else {
            // The trace does not contain the beginning of this connection.
            return Ok(());
        };
        let sum = match from {
            Side::Client => &mut watched.sums.bytes_to_server,
            Side::Server => &mut watched.sums.bytes_to_client,
        };
        *sum += bytes.len() as u64;
        let direction = watched.direction(from);
        direction.decoder.feed(bytes);
        direction.received += bytes.len() as u64;
        direction.tail.extend_from_slice(bytes);
        let surplus = direction.tail.len().saturating_sub(super::record::CHUNK);
        direction.tail.drain(..surplus);
        if direction.is_tls(bytes) {
            watched.sums.faults += 1;
            teller.tell(record.at, record.connection, &Event::Tls { from })?;
        }
        self.messages(record, from, teller)
    }

    /// Reports all complete messages.
    fn messages(&mut self, record: &Record, from: Side, teller: &mut dyn Teller) -> Result<(), Failure> {
        while let Some(watched) = self.connections.get_mut(&record.connection) {
            let direction = watched.direction(from);
            let lost = direction.decoder.is_lost();
            let Some(message) = direction.decoder.next_message() else { break };
            if lost {
                // The first garbage has been reported.
                direction.unread += message.size as u64;
                continue;
            }
            if watched.dialect != message.dialect && message.dialect != Dialect::Auto {
                watched.dialect = message.dialect;
                let protocol = if message.dialect == Dialect::V5 { 5 } else { 6 };
                teller.tell(record.at, record.connection, &Event::Protocol { protocol })?;
            }
            let told = watched.message(record.at, from, message);
            teller.tell(record.at, record.connection, &Event::Message(told))?;
        }
        Ok(())
    }

    fn ended(&mut self, record: &Record, from: Side, why: &str, teller: &mut dyn Teller) -> Result<(), Failure> {
        let Some(watched) = self.connections.get_mut(&record.connection) else { return Ok(()) };
        let direction = watched.direction(from);
        direction.ended = true;
        direction.decoder.end();
        self.messages(record, from, teller)?;
        let reason = (!why.is_empty()).then(|| why.to_owned());
        teller.tell(record.at, record.connection, &Event::Ended { from, reason })?;
        match self.connections.remove(&record.connection) {
            Some(watched) if watched.client.ended && watched.server.ended => {
                self.close(record.at, record.connection, watched, false, teller)
            }
            Some(watched) => {
                self.connections.insert(record.connection, watched);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Reports garbage, requests without a reply, and the sums of a connection.
    fn close(
        &mut self,
        at: u64,
        connection: u64,
        watched: Watched,
        open: bool,
        teller: &mut dyn Teller,
    ) -> Result<(), Failure> {
        for (from, direction) in [(Side::Client, &watched.client), (Side::Server, &watched.server)] {
            if direction.unread > 0 {
                teller.tell(at, connection, &Event::Unread { from, bytes: direction.unread })?;
            }
            // CLOSE has no reply.
            let waiting = direction.pending.iter().filter(|(_, request)| !request.text.starts_with("CLOSE"));
            let mut waiting: Vec<(&i64, &Pending)> = waiting.collect();
            waiting.sort_by_key(|(sequence, _)| **sequence);
            for (sequence, request) in waiting {
                let (sequence, request, age) = (*sequence, request.text.clone(), at.saturating_sub(request.at));
                teller.tell(at, connection, &Event::Unanswered { from, sequence, request, age, open })?;
            }
        }
        let after = at.saturating_sub(watched.began);
        self.all.add(&watched.sums);
        teller.tell(at, connection, &Event::Closed { after, open, sums: watched.sums })
    }
}

impl Watched {
    /// Makes the event of a message, with its latency and request.
    fn message(&mut self, at: u64, from: Side, decoded: Decoded) -> Message {
        let (mut text, mut latency, mut answers, mut garbage) = (decoded.text.clone(), None, None, None);
        match (decoded.kind, decoded.sequence) {
            (DecodedKind::Request, Some(sequence)) => {
                self.sums.requests += 1;
                self.direction(from.other()).name_target(&mut text);
                let pending = &mut self.direction(from).pending;
                if pending.len() < MOST_PENDING {
                    let name = attribute_name(&decoded.text).map(str::to_owned);
                    let text = show::shortened(&text, REQUEST_WIDTH);
                    pending.insert(sequence, Pending { at, text, name });
                }
            }
            (DecodedKind::Reply | DecodedKind::Exception, Some(sequence)) => {
                if decoded.kind == DecodedKind::Exception {
                    self.sums.exceptions += 1;
                }
                if let Some(request) = self.direction(from.other()).pending.remove(&sequence) {
                    let took = at.saturating_sub(request.at);
                    if self.sums.slowest.as_ref().is_none_or(|(slowest, _)| *slowest < took) {
                        self.sums.slowest = Some((took, request.text.clone()));
                    }
                    self.direction(from).learn(&text, request.name);
                    (latency, answers) = (Some(took), Some(request.text));
                }
            }
            _ => {}
        }
        if decoded.fault.is_some() || decoded.kind == DecodedKind::Garbage {
            self.sums.faults += 1;
            garbage = Some(Garbage::of(self.direction(from).bytes_of(&decoded)));
        }
        Message { from, decoded, text, latency, answers, garbage }
    }
}

impl Direction {
    /// Returns the bytes of a message, if they are still in `tail`.
    fn bytes_of(&self, message: &Decoded) -> &[u8] {
        let begin = self.received - self.tail.len() as u64;
        let start = message.offset.checked_sub(begin).and_then(|start| usize::try_from(start).ok());
        start.and_then(|start| self.tail.get(start..start + message.size)).unwrap_or_default()
    }

    /// Remembers the name under which a method was read, because Python reads a method before it calls it.
    fn learn(&mut self, reply: &str, name: Option<String>) {
        let object = reply.strip_prefix("my ").filter(|object| is_method(object) && !object.contains(' '));
        if let (Some(object), Some(name)) = (object, name) {
            if self.names.len() >= MOST_PENDING {
                self.names.clear();
            }
            self.names.insert(object.to_owned(), name);
        }
    }

    /// Appends the method's name to the target of a CALL.
    fn name_target(&self, text: &mut String) {
        const CALL: &str = "CALL your ";
        let Some(target) = text.strip_prefix(CALL).and_then(|rest| rest.split(' ').next()) else { return };
        if let Some(name) = self.names.get(target) {
            text.insert_str(CALL.len() + target.len(), &format!(" <{name}>"));
        }
    }

    /// Returns whether the stream begins with a TLS handshake record, once per direction.
    fn is_tls(&mut self, bytes: &[u8]) -> bool {
        if self.first.len() < 3 {
            self.first.extend(bytes.iter().take(3 - self.first.len()));
        }
        let found = matches!(self.first.as_slice(), [0x16, 3, 0..=4]) && !self.told_tls;
        self.told_tls |= found;
        found
    }
}

fn is_method(object: &str) -> bool {
    ["builtins.method#", "builtins.function#", "builtins.builtin_function_or_method#"]
        .into_iter()
        .any(|kind| object.starts_with(kind))
}

/// Returns the attribute name of a GETATTR: `GETATTR your Root#3 'add'`.
fn attribute_name(request: &str) -> Option<&str> {
    request.strip_prefix("GETATTR ")?.strip_suffix('\'')?.rsplit_once(" '").map(|(_, name)| name)
}
