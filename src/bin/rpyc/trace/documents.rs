//! Events as JSON, one document each: the lines of `--json` and the data of the page.

use super::event::{Event, Sums, Teller};
use super::record::Head;
use crate::failure::Failure;
use crate::json::{self, Exact};
use serde::Serialize;

/// Prints events for programs.
pub struct Documents {
    quiet: bool,
}

impl Documents {
    pub fn new(quiet: bool) -> Documents {
        Documents { quiet }
    }
}

impl Teller for Documents {
    fn tell(&mut self, at: u64, connection: u64, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Message(message) if self.quiet && message.decoded.fault.is_none() => Ok(()),
            _ => json::print(&Document::of(at, connection, event)),
        }
    }
}

/// The first document of a trace.
#[derive(Serialize)]
pub struct Beginning<'e> {
    event: &'static str,
    listen: &'e str,
    to: &'e str,
    began: String,
}

impl<'e> Beginning<'e> {
    pub fn of(head: &'e Head) -> Beginning<'e> {
        Beginning { event: "trace", listen: &head.listen, to: &head.to, began: head.date() }
    }
}

#[derive(Serialize)]
pub struct Document<'e> {
    at_ms: f64,
    connection: u64,
    #[serde(flatten)]
    told: Told<'e>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Told<'e> {
    Opened {
        client: &'e str,
        server: &'e str,
    },
    Rejected {
        client: &'e str,
        reason: &'e str,
    },
    Protocol {
        protocol: u8,
    },
    Tls {
        from: &'static str,
    },
    Message(Message<'e>),
    Ended {
        from: &'static str,
        reason: Option<&'e str>,
    },
    Unread {
        from: &'static str,
        bytes: u64,
    },
    Unanswered {
        from: &'static str,
        sequence: Exact,
        request: &'e str,
        age_ms: f64,
        open: bool,
    },
    Closed {
        after_ms: f64,
        open: bool,
        #[serde(flatten)]
        sums: Statistics<'e>,
    },
    Summary {
        connections: u64,
        #[serde(flatten)]
        sums: Statistics<'e>,
    },
}

#[derive(Serialize)]
struct Message<'e> {
    from: &'static str,
    kind: &'static str,
    sequence: Option<Exact>,
    handler: Option<&'static str>,
    bytes: usize,
    compressed: bool,
    threads: Option<(Exact, Exact)>,
    text: &'e str,
    latency_ms: Option<f64>,
    answers: Option<&'e str>,
    fault: Option<Fault<'e>>,
    garbage: Option<String>,
}

#[derive(Serialize)]
struct Fault<'e> {
    text: &'e str,
    offset: u64,
}

#[derive(Serialize)]
struct Statistics<'e> {
    requests: u64,
    exceptions: u64,
    faults: u64,
    bytes_to_server: u64,
    bytes_to_client: u64,
    slowest_ms: Option<f64>,
    slowest: Option<&'e str>,
}

/// Milliseconds with the resolution of a nanosecond.
fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

impl<'e> Document<'e> {
    pub fn of(at: u64, connection: u64, event: &'e Event) -> Document<'e> {
        let told = match event {
            Event::Opened { client, server } => Told::Opened { client, server },
            Event::Rejected { client, reason } => Told::Rejected { client, reason },
            Event::Protocol { protocol } => Told::Protocol { protocol: *protocol },
            Event::Tls { from } => Told::Tls { from: from.name() },
            Event::Ended { from, reason } => Told::Ended { from: from.name(), reason: reason.as_deref() },
            Event::Unread { from, bytes } => Told::Unread { from: from.name(), bytes: *bytes },
            Event::Unanswered { from, sequence, request, age, open } => Told::Unanswered {
                from: from.name(),
                sequence: Exact((*sequence).into()),
                request,
                age_ms: millis(*age),
                open: *open,
            },
            Event::Closed { after, open, sums } => {
                Told::Closed { after_ms: millis(*after), open: *open, sums: Statistics::of(sums) }
            }
            Event::Summary { connections, sums } => {
                Told::Summary { connections: *connections, sums: Statistics::of(sums) }
            }
            Event::Message(message) => {
                let decoded = &message.decoded;
                let handler = decoded.handler_name();
                Told::Message(Message {
                    from: message.from.name(),
                    kind: decoded.kind.name(),
                    sequence: decoded.sequence.map(|number| Exact(number.into())),
                    handler: (!handler.is_empty()).then_some(handler),
                    bytes: decoded.size,
                    compressed: decoded.compressed,
                    threads: decoded.threads.map(|(from, to)| (Exact(from.into()), Exact(to.into()))),
                    text: &message.text,
                    latency_ms: message.latency.map(millis),
                    answers: message.answers.as_deref(),
                    fault: decoded.fault.as_ref().map(|fault| Fault { text: &fault.text, offset: fault.offset }),
                    garbage: message
                        .garbage
                        .as_ref()
                        .map(|garbage| garbage.shown.iter().map(|byte| format!("{byte:02x}")).collect()),
                })
            }
        };
        Document { at_ms: millis(at), connection, told }
    }
}

impl<'e> Statistics<'e> {
    fn of(sums: &'e Sums) -> Statistics<'e> {
        Statistics {
            requests: sums.requests,
            exceptions: sums.exceptions,
            faults: sums.faults,
            bytes_to_server: sums.bytes_to_server,
            bytes_to_client: sums.bytes_to_client,
            slowest_ms: sums.slowest.as_ref().map(|(took, _)| millis(*took)),
            slowest: sums.slowest.as_ref().map(|(_, request)| request.as_str()),
        }
    }
}
