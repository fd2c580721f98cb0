//! Events of a trace, printed for people (`lines`), for programs (`documents`) and for the page (`page`).

use super::record::Side;
use crate::failure::Failure;
use rpyc::wire::Decoded;

/// Times are in nanoseconds.
pub enum Event {
    Opened { client: String, server: String },
    Rejected { client: String, reason: String },
    Protocol { protocol: u8 },
    Tls { from: Side },
    Message(Message),
    Ended { from: Side, reason: Option<String> },
    Unread { from: Side, bytes: u64 },
    Unanswered { from: Side, sequence: i64, request: String, age: u64, open: bool },
    Closed { after: u64, open: bool, sums: Sums },
    Summary { connections: u64, sums: Sums },
}

pub struct Message {
    pub from: Side,
    pub decoded: Decoded,
    /// With the names of methods inserted.
    pub text: String,
    /// For replies.
    pub latency: Option<u64>,
    /// The request of this reply.
    pub answers: Option<String>,
    pub garbage: Option<Garbage>,
}

/// The first bytes that could not be decoded.
pub struct Garbage {
    pub shown: Vec<u8>,
    pub more: bool,
}

#[derive(Default)]
pub struct Sums {
    pub requests: u64,
    pub exceptions: u64,
    pub faults: u64,
    pub bytes_to_server: u64,
    pub bytes_to_client: u64,
    pub slowest: Option<(u64, String)>,
}

/// Receives events in the order of their times.
pub trait Teller {
    /// Connection 0 stands for all connections.
    fn tell(&mut self, at: u64, connection: u64, event: &Event) -> Result<(), Failure>;
}

impl Garbage {
    /// The number of bytes that are printed.
    const MOST: usize = 32;

    pub fn of(bytes: &[u8]) -> Garbage {
        let shown = bytes.get(..Garbage::MOST).unwrap_or(bytes).to_vec();
        Garbage { more: bytes.len() > shown.len(), shown }
    }
}

impl Sums {
    pub fn add(&mut self, other: &Sums) {
        self.requests += other.requests;
        self.exceptions += other.exceptions;
        self.faults += other.faults;
        self.bytes_to_server += other.bytes_to_server;
        self.bytes_to_client += other.bytes_to_client;
        let slowest = |sums: &Sums| sums.slowest.as_ref().map_or(0, |(took, _)| *took);
        if slowest(other) > slowest(self) {
            self.slowest.clone_from(&other.slowest);
        }
    }
}
