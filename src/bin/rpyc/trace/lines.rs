//! Prints events as lines for people: each message with its time, size, latency and request.

use super::event::{Event, Garbage, Message, Sums, Teller};
use super::record::Side;
use crate::failure::Failure;
use crate::show;
use crate::style::{Colour, Style};
use rpyc::escape;
use rpyc::wire::DecodedKind;

/// Prints events.
pub struct Lines {
    style: Style,
    quiet: bool,
}

impl Lines {
    pub fn new(style: Style, quiet: bool) -> Lines {
        Lines { style, quiet }
    }

    fn stamp(&self, at: u64, connection: u64) -> String {
        let (seconds, micros) = (at / 1_000_000_000, at / 1000 % 1_000_000);
        let stamp = format!("{seconds:>4}.{micros:06} #{connection}");
        self.style.paint(Colour::Dim, stamp).to_string()
    }

    /// Prints a line about a connection.
    fn line(&self, at: u64, connection: u64, colour: Colour, text: &str) -> Result<(), Failure> {
        let text = escape::lines(text);
        show::line(format_args!("{} {}", self.stamp(at, connection), self.style.paint(colour, text)))
    }

    fn message(&self, at: u64, connection: u64, message: &Message) -> Result<(), Failure> {
        let (style, decoded) = (self.style, &message.decoded);
        let (arrow, arrow_colour) = match message.from {
            Side::Client => ("->", Colour::Blue),
            Side::Server => ("<-", Colour::Green),
        };
        let kind_colour = match decoded.kind {
            DecodedKind::Request => Colour::Cyan,
            DecodedKind::Reply => Colour::Green,
            DecodedKind::Exception => Colour::Yellow,
            DecodedKind::Garbage => Colour::Red,
        };
        let mut text = message.text.clone();
        if decoded.compressed && decoded.payload > 0 {
            text += &format!(" [compressed, {} inflated]", bytes(decoded.payload as u64));
        } else if decoded.compressed {
            text += " [compressed]";
        }
        if let Some((sender, receiver)) = decoded.threads {
            text += &format!(" [thread {sender} to {receiver}]");
        }
        if let Some(request) = &message.answers {
            text += &style.paint(Colour::Dim, format_args!("  (to {request})")).to_string();
        }
        if let Some(fault) = &decoded.fault {
            let fault = format!(" ! {} (at byte {})", escape::lines(&fault.text), fault.offset);
            text += &style.paint(Colour::Red, fault).to_string();
        }
        if let Some(garbage) = &message.garbage {
            text += &format!(" {}", hex(garbage));
        }
        let sequence = decoded.sequence.map_or_else(String::new, |sequence| sequence.to_string());
        show::line(format_args!(
            "{} {} {:>9} {:>10}  {} {:<4} {}",
            self.stamp(at, connection),
            style.paint(arrow_colour, arrow),
            bytes(decoded.size as u64),
            message.latency.map_or_else(String::new, time),
            style.paint(kind_colour, format_args!("{:<9}", decoded.kind.name())),
            sequence,
            text.trim_start()
        ))
    }
}

impl Teller for Lines {
    fn tell(&mut self, at: u64, connection: u64, event: &Event) -> Result<(), Failure> {
        let (colour, text) = match event {
            Event::Message(message) if self.quiet && message.decoded.fault.is_none() => return Ok(()),
            Event::Message(message) => return self.message(at, connection, message),
            Event::Opened { client, server } => (Colour::Bold, format!("opened: {client} -> {server}")),
            Event::Rejected { client, reason } => (Colour::Red, format!("{client} was rejected: {reason}")),
            Event::Protocol { protocol: 5 } => (Colour::Dim, "speaks the protocol of rpyc 4.1 to 5.3".into()),
            Event::Protocol { .. } => (Colour::Dim, "speaks the protocol of rpyc 6".into()),
            Event::Tls { from } => (
                Colour::Yellow,
                format!("the {} begins a TLS handshake: the trace forwards it, but cannot decrypt it", from.name()),
            ),
            Event::Ended { from, reason: None } => (Colour::Dim, format!("the {} ended its stream", from.name())),
            Event::Ended { from, reason: Some(reason) } => {
                (Colour::Yellow, format!("the {} ended its stream ({reason})", from.name()))
            }
            Event::Unread { from, bytes: count } => {
                (Colour::Red, format!("{} more of the {} could not be read", bytes(*count), from.name()))
            }
            Event::Unanswered { from, sequence, request, age, open } => {
                let (whose, age) = (from.name(), time(*age));
                let text = match open {
                    true => format!("request {sequence} of the {whose} has no reply after {age}: {request}"),
                    false => format!("request {sequence} of the {whose} was never replied to: {request}"),
                };
                (Colour::Yellow, text)
            }
            Event::Closed { after, open, sums } => {
                let how = if *open { "still open" } else { "closed" };
                (Colour::Bold, format!("{how} after {}: {}", time(*after), statistics(sums)))
            }
            Event::Summary { connections, sums } => {
                let plural = if *connections == 1 { "" } else { "s" };
                return show::line(format_args!("--- {connections} connection{plural}: {}", statistics(sums)));
            }
        };
        self.line(at, connection, colour, &text)
    }
}

fn statistics(sums: &Sums) -> String {
    let mut text = format!(
        "{} requests, {} exceptions, {} to the server, {} to the client",
        sums.requests,
        sums.exceptions,
        bytes(sums.bytes_to_server),
        bytes(sums.bytes_to_client)
    );
    if sums.faults > 0 {
        text += &format!(", {} faults", sums.faults);
    }
    if let Some((took, request)) = &sums.slowest {
        text += &format!("; slowest {}: {request}", time(*took));
    }
    text
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

/// Formats bytes as hexadecimal digits and printable characters.
fn hex(garbage: &Garbage) -> String {
    let shown = &garbage.shown;
    let digits: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String =
        shown.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }).collect();
    let more = if garbage.more { " ..." } else { "" };
    format!("{}{more} |{text}|", digits.join(" "))
}
