//! Records as lines for people: each message with its time, size and latency, and what it answers.

use super::record::{Record, Side, What};
use crate::failure::Failure;
use crate::show;
use crate::style::{Colour, Style};
use rpyc::Dialect;
use rpyc::escape;
use rpyc::wire::{Decoded, DecodedKind, Decoder};
use std::collections::HashMap;

/// So much of a request stands beside its answer.
const REQUEST_WIDTH: usize = 80;
/// So many bytes of garbage are shown.
const GARBAGE: usize = 32;
/// Requests that wait for an answer, remembered for each direction. Those to which none comes must not pile up.
const MOST_PENDING: usize = 1 << 16;

pub struct Printer {
    style: Style,
    quiet: bool,
    width: usize,
    connections: HashMap<u64, Watched>,
    all: Sums,
    opened: u64,
}

/// A connection between its first and its last record.
struct Watched {
    began: u64,
    client: Direction,
    server: Direction,
    sums: Sums,
    dialect: Dialect,
}

struct Direction {
    decoder: Decoder,
    /// The first bytes, as long as there are few.
    first: Vec<u8>,
    told_tls: bool,
    /// Requests of this side that have no answer.
    pending: HashMap<i64, Pending>,
    /// Methods that this side lent, by the names under which they were got.
    names: HashMap<String, String>,
    /// The last bytes that came, for those that turn out to be garbage, and how many came in all.
    tail: Vec<u8>,
    received: u64,
    /// Bytes that came after it was lost where frames begin.
    unread: u64,
    ended: bool,
}

struct Pending {
    at: u64,
    text: String,
    /// Of the attribute that is asked for.
    name: Option<String>,
}

/// What a line tells beside the message itself.
#[derive(Default)]
struct Beside {
    latency: Option<u64>,
    /// The request that it answers.
    answers: String,
    garbage: String,
}

#[derive(Default)]
struct Sums {
    requests: u64,
    exceptions: u64,
    faults: u64,
    to_server: u64,
    to_client: u64,
    slowest: Option<(u64, String)>,
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

impl Printer {
    pub fn new(style: Style, quiet: bool, width: usize) -> Printer {
        Printer { style, quiet, width, connections: HashMap::new(), all: Sums::default(), opened: 0 }
    }

    pub fn print(&mut self, record: &Record) -> Result<(), Failure> {
        let id = record.connection;
        match &record.what {
            What::Opened { client, server } => {
                self.opened += 1;
                let (client_side, server_side) = (Direction::new(self.width), Direction::new(self.width));
                let watched = Watched {
                    began: record.at,
                    client: client_side,
                    server: server_side,
                    sums: Sums::default(),
                    dialect: Dialect::Auto,
                };
                self.connections.insert(id, watched);
                self.event(record.at, record.connection, Colour::Bold, &format!("opened: {client} -> {server}"))
            }
            What::NotOpened { client, why } => {
                self.all.faults += 1;
                self.event(record.at, record.connection, Colour::Red, &format!("{client} is turned away: {why}"))
            }
            What::Data { from, bytes } => self.data(record, *from, bytes),
            What::Ended { from, why } => self.ended(record, *from, why),
        }
    }

    /// At this time: what has no answer yet on connections that are still open, and the sums of all that was seen.
    pub fn finish(&mut self, at: u64) -> Result<(), Failure> {
        let mut open: Vec<(u64, Watched)> = self.connections.drain().collect();
        open.sort_by_key(|(connection, _)| *connection);
        for (connection, watched) in open {
            self.rest(at, connection, &watched, false)?;
            let after = time(at.saturating_sub(watched.began));
            self.event(at, connection, Colour::Bold, &format!("still open after {after}: {}", watched.sums.text()))?;
            self.all.add(watched.sums);
        }
        let plural = if self.opened == 1 { "" } else { "s" };
        show::line(format_args!("--- {} connection{plural}: {}", self.opened, self.all.text()))
    }

    fn stamp(&self, at: u64, connection: u64) -> String {
        let (seconds, micros) = (at / 1_000_000_000, at / 1000 % 1_000_000);
        let stamp = format!("{seconds:>4}.{micros:06} #{connection}");
        self.style.paint(Colour::Dim, stamp).to_string()
    }

    /// A line about a connection itself.
    fn event(&self, at: u64, connection: u64, colour: Colour, text: &str) -> Result<(), Failure> {
        let text = escape::lines(text);
        show::line(format_args!("{} {}", self.stamp(at, connection), self.style.paint(colour, text)))
    }

    fn data(&mut self, record: &Record, from: Side, bytes: &[u8]) -> Result<(), Failure> {
        let Some(watched) = self.connections.get_mut(&record.connection) else {
            // The beginning of the trace is not there.
            return Ok(());
        };
        let sum = match from {
            Side::Client => &mut watched.sums.to_server,
            Side::Server => &mut watched.sums.to_client,
        };
        *sum += bytes.len() as u64;
        let direction = watched.direction(from);
        direction.decoder.feed(bytes);
        direction.received += bytes.len() as u64;
        direction.tail.extend_from_slice(bytes);
        let surplus = direction.tail.len().saturating_sub(super::record::CHUNK);
        direction.tail.drain(..surplus);
        let looks_like_tls = direction.is_tls(bytes);
        if looks_like_tls {
            watched.sums.faults += 1;
            let text =
                format!("the {} begins a TLS handshake: the trace can pass it on, but not look into it", from.name());
            self.event(record.at, record.connection, Colour::Yellow, &text)?;
        }
        self.messages(record, from)
    }

    /// All messages that are there as a whole.
    fn messages(&mut self, record: &Record, from: Side) -> Result<(), Failure> {
        while let Some(watched) = self.connections.get_mut(&record.connection) {
            let direction = watched.direction(from);
            let lost = direction.decoder.is_lost();
            let Some(message) = direction.decoder.next_message() else { break };
            if lost {
                // Its beginning has been shown.
                direction.unread += message.size as u64;
                continue;
            }
            if watched.dialect != message.dialect && message.dialect != Dialect::Auto {
                watched.dialect = message.dialect;
                let text = match message.dialect {
                    Dialect::V5 => "speaks the protocol of rpyc 4.1 to 5.3",
                    _ => "speaks the protocol of rpyc 6",
                };
                self.event(record.at, record.connection, Colour::Dim, text)?;
            }
            self.message(record, from, &message)?;
        }
        Ok(())
    }

    fn message(&mut self, record: &Record, from: Side, message: &Decoded) -> Result<(), Failure> {
        let Some(watched) = self.connections.get_mut(&record.connection) else { return Ok(()) };
        let mut beside = Beside::default();
        let mut text = message.text.clone();
        match (message.kind, message.sequence) {
            (DecodedKind::Request, Some(sequence)) => {
                watched.sums.requests += 1;
                watched.direction(from.other()).name_target(&mut text);
                let pending = &mut watched.direction(from).pending;
                if pending.len() < MOST_PENDING {
                    let name = attribute_name(&message.text).map(str::to_owned);
                    let text = show::shortened(&text, REQUEST_WIDTH);
                    pending.insert(sequence, Pending { at: record.at, text, name });
                }
            }
            (DecodedKind::Reply | DecodedKind::Exception, Some(sequence)) => {
                if message.kind == DecodedKind::Exception {
                    watched.sums.exceptions += 1;
                }
                if let Some(request) = watched.direction(from.other()).pending.remove(&sequence) {
                    let took = record.at.saturating_sub(request.at);
                    if watched.sums.slowest.as_ref().is_none_or(|(slowest, _)| *slowest < took) {
                        watched.sums.slowest = Some((took, request.text.clone()));
                    }
                    watched.direction(from).learn(&text, request.name);
                    (beside.latency, beside.answers) = (Some(took), request.text);
                }
            }
            _ => {}
        }
        if message.fault.is_some() || message.kind == DecodedKind::Garbage {
            watched.sums.faults += 1;
            beside.garbage = hex(watched.direction(from).bytes_of(message));
        }
        if self.quiet && message.fault.is_none() {
            return Ok(());
        }
        self.print_message(record, from, message, text, &beside)
    }

    fn print_message(
        &self,
        record: &Record,
        from: Side,
        message: &Decoded,
        mut text: String,
        beside: &Beside,
    ) -> Result<(), Failure> {
        let style = self.style;
        let (arrow, arrow_colour) = match from {
            Side::Client => ("->", Colour::Blue),
            Side::Server => ("<-", Colour::Green),
        };
        let kind_colour = match message.kind {
            DecodedKind::Request => Colour::Cyan,
            DecodedKind::Reply => Colour::Green,
            DecodedKind::Exception => Colour::Yellow,
            DecodedKind::Garbage => Colour::Red,
        };
        if message.compressed && message.payload > 0 {
            text += &format!(" [compressed, {} inflated]", bytes(message.payload as u64));
        } else if message.compressed {
            text += " [compressed]";
        }
        if let Some((sender, receiver)) = message.threads {
            text += &format!(" [thread {sender} to {receiver}]");
        }
        if !beside.answers.is_empty() {
            text += &style.paint(Colour::Dim, format_args!("  (to {})", beside.answers)).to_string();
        }
        if let Some(fault) = &message.fault {
            let fault = format!(" ! {} (at byte {})", escape::lines(&fault.text), fault.offset);
            text += &style.paint(Colour::Red, fault).to_string();
        }
        if !beside.garbage.is_empty() {
            text += &format!(" {}", beside.garbage);
        }
        let sequence = message.sequence.map_or_else(String::new, |sequence| sequence.to_string());
        show::line(format_args!(
            "{} {} {:>9} {:>10}  {} {:<4} {}",
            self.stamp(record.at, record.connection),
            style.paint(arrow_colour, arrow),
            bytes(message.size as u64),
            beside.latency.map_or_else(String::new, time),
            style.paint(kind_colour, format_args!("{:<9}", message.kind.name())),
            sequence,
            text.trim_start()
        ))
    }

    fn ended(&mut self, record: &Record, from: Side, why: &str) -> Result<(), Failure> {
        let Some(watched) = self.connections.get_mut(&record.connection) else { return Ok(()) };
        let direction = watched.direction(from);
        direction.ended = true;
        direction.decoder.end();
        self.messages(record, from)?;
        let Some(watched) = self.connections.get_mut(&record.connection) else { return Ok(()) };
        let both = watched.client.ended && watched.server.ended;
        let how = if why.is_empty() { String::new() } else { format!(" ({why})") };
        let text = format!("the {} sends nothing more{how}", from.name());
        self.event(record.at, record.connection, if why.is_empty() { Colour::Dim } else { Colour::Yellow }, &text)?;
        if !both {
            return Ok(());
        }
        let Some(watched) = self.connections.remove(&record.connection) else { return Ok(()) };
        let took = time(record.at.saturating_sub(watched.began));
        self.rest(record.at, record.connection, &watched, true)?;
        self.event(
            record.at,
            record.connection,
            Colour::Bold,
            &format!("closed after {took}: {}", watched.sums.text()),
        )?;
        self.all.add(watched.sums);
        Ok(())
    }

    /// What was not understood on a connection, and what was not answered.
    fn rest(&self, at: u64, connection: u64, watched: &Watched, closed: bool) -> Result<(), Failure> {
        for (side, direction) in [(Side::Client, &watched.client), (Side::Server, &watched.server)] {
            if direction.unread > 0 {
                let text = format!("{} more of the {} could not be read", bytes(direction.unread), side.name());
                self.event(at, connection, Colour::Red, &text)?;
            }
            // CLOSE is never answered.
            let waiting = direction.pending.iter().filter(|(_, request)| !request.text.starts_with("CLOSE"));
            let mut waiting: Vec<(&i64, &Pending)> = waiting.collect();
            waiting.sort_by_key(|(sequence, _)| **sequence);
            for (sequence, request) in waiting {
                let (whose, text) = (side.name(), &request.text);
                let text = if closed {
                    format!("request {sequence} of the {whose} was never answered: {text}")
                } else {
                    let age = time(at.saturating_sub(request.at));
                    format!("request {sequence} of the {whose} has no answer after {age}: {text}")
                };
                self.event(at, connection, Colour::Yellow, &text)?;
            }
        }
        Ok(())
    }
}

impl Direction {
    /// The bytes of a message, if they are still there.
    fn bytes_of(&self, message: &Decoded) -> &[u8] {
        let begin = self.received - self.tail.len() as u64;
        let start = message.offset.checked_sub(begin).and_then(|start| usize::try_from(start).ok());
        start.and_then(|start| self.tail.get(start..start + message.size)).unwrap_or_default()
    }

    /// Python gets a method and then calls it. What is got under a name is called by that name from then on.
    fn learn(&mut self, reply: &str, name: Option<String>) {
        let object = reply.strip_prefix("my ").filter(|object| is_method(object) && !object.contains(' '));
        if let (Some(object), Some(name)) = (object, name) {
            if self.names.len() >= MOST_PENDING {
                self.names.clear();
            }
            self.names.insert(object.to_owned(), name);
        }
    }

    /// Writes the name of the method behind the target of a CALL.
    fn name_target(&self, text: &mut String) {
        const CALL: &str = "CALL your ";
        let Some(target) = text.strip_prefix(CALL).and_then(|rest| rest.split(' ').next()) else { return };
        if let Some(name) = self.names.get(target) {
            text.insert_str(CALL.len() + target.len(), &format!(" <{name}>"));
        }
    }

    /// Does the stream begin with a handshake record of TLS? Says so once.
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

/// What a GETATTR asks for: `GETATTR your Root#3 'add'`.
fn attribute_name(request: &str) -> Option<&str> {
    request.strip_prefix("GETATTR ")?.strip_suffix('\'')?.rsplit_once(" '").map(|(_, name)| name)
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.requests += other.requests;
        self.exceptions += other.exceptions;
        self.faults += other.faults;
        self.to_server += other.to_server;
        self.to_client += other.to_client;
        let slowest = |sums: &Option<(u64, String)>| sums.as_ref().map_or(0, |(took, _)| *took);
        if slowest(&other.slowest) > slowest(&self.slowest) {
            self.slowest = other.slowest;
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} requests, {} exceptions, {} to the server, {} to the client",
            self.requests,
            self.exceptions,
            bytes(self.to_server),
            bytes(self.to_client)
        );
        if self.faults > 0 {
            text += &format!(", {} faults", self.faults);
        }
        if let Some((took, request)) = &self.slowest {
            text += &format!("; slowest {}: {request}", time(*took));
        }
        text
    }
}

fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

fn time(nanos: u64) -> String {
    match nanos {
        0..10_000_000_000 => format!("{:.3} ms", nanos as f64 / 1e6),
        _ => format!("{:.1} s", nanos as f64 / 1e9),
    }
}

/// Bytes as they are read best: hexadecimal, and what is text of it.
fn hex(bytes: &[u8]) -> String {
    let shown = bytes.get(..GARBAGE).unwrap_or(bytes);
    let digits: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String =
        shown.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }).collect();
    let more = if bytes.len() > shown.len() { " ..." } else { "" };
    format!("{}{more} |{text}|", digits.join(" "))
}
