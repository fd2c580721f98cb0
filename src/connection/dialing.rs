//! Detects the dialect of a peer, before there is a connection that application code could see.
//!
//! No first message is accepted by peers of both dialects: a message of one is an error to the other that ends the
//! stream, and a thread pool of rpyc 4.1 to 5.3 does not even reply (docs/internals/wire-notes.md, "Dialects"). So
//! GETROOT is sent in the likelier dialect, and the first bytes of the peer decide. If none come for a moment, a second
//! connection sends GETROOT in the other dialect, and the one that gets a reply is kept. The first is not given up, so
//! a slow peer is found too. All of this runs in the caller's thread.

use super::admission::admit;
use super::ending::lost;
use super::limit::{Limit, Received};
use super::requests::{GET_ROOT, expired_text};
use super::shared::Shared;
use super::state::Token;
use super::{hints, threads};
use crate::config::{Config, Dialect};
use crate::error::{Error, Result};
use crate::log::Level;
use crate::protocol::{Protocol, Threads, wrong_dialect};
use crate::sync::Instant;
use crate::transport::{self, Address, Transport};
use crate::value::Value;
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for the first bytes before the other dialect is tried. Twice the connection time is added.
const PATIENCE: Duration = Duration::from_millis(300);
/// Maximum time for the second connection attempt, during which the first may get its reply; also the pause after a
/// failure.
const SECOND: Duration = Duration::from_secs(1);
/// Maximum length of one wait.
const MAX_SLEEP: Duration = Duration::from_secs(3600);
/// A frame without a payload, which peers of all versions ignore.
const NOTHING: [u8; 6] = [0, 0, 0, 0, 0, b'\n'];
/// Maximum number of bytes, such as empty frames, that a peer may send without a message.
const WORDLESS: usize = 64 << 10;

/// Makes a transport within a timeout.
pub type Connect<'a> = dyn Fn(Option<Duration>) -> Result<Arc<dyn Transport>> + 'a;

/// Connects to one address.
pub(super) struct Dial<'a> {
    address: &'a Address,
    connect: &'a Connect<'a>,
    config: &'a Arc<Config>,
    /// The total connection time so far, which `connect_timeout` limits.
    connecting: Duration,
    /// The deadline for replies, from the first request on.
    deadline: Option<Instant>,
}

/// A peer whose dialect is known.
pub(super) struct Found {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) protocol: Protocol<Token>,
    /// The result of the authenticator, which has run on this stream.
    pub(super) credentials: Option<Value>,
    /// The request for its root, and the deadline of its reply.
    pub(super) root_asked: (i64, Option<Instant>),
}

/// A stream on which the root was requested.
struct Attempt {
    transport: Arc<dyn Transport>,
    credentials: Option<Value>,
    protocol: Protocol<Token>,
    /// Auto until the first request.
    dialect: Dialect,
    asked: i64,
}

/// The first bytes of a peer.
enum Word {
    /// Nothing yet.
    None,
    /// A message in the dialect of the request.
    Own,
    Other(Dialect),
    /// The end of the stream, or malformed data.
    Over(Error),
}

fn other(dialect: Dialect) -> Dialect {
    if dialect == Dialect::V5 { Dialect::V6 } else { Dialect::V5 }
}

impl Attempt {
    /// Opens a stream within a timeout, authentication included.
    fn open(connect: &Connect<'_>, config: &Arc<Config>, timeout: Option<Duration>) -> Result<Attempt> {
        let start = Instant::now();
        let transport = connect(timeout)?;
        keep_alive(&*transport, config);
        let left = timeout.map(|timeout| timeout.saturating_sub(Instant::now().saturating_duration_since(start)));
        let credentials = admit(&transport, config, false, left)?;
        let protocol = Shared::protocol(config.clone());
        Ok(Attempt { transport, credentials, protocol, dialect: Dialect::Auto, asked: 0 })
    }

    fn ask(&mut self, dialect: Dialect, deadline: Option<Instant>) -> Result<()> {
        self.dialect = dialect;
        self.protocol.speak(dialect);
        if self.protocol.config().bind_threads {
            self.protocol.set_threads(Threads { from: threads::id(), to: 0 });
        }
        self.asked = self.protocol.request(GET_ROOT, Token::Sync)?;
        while let Some(bytes @ [_, ..]) = self.protocol.outgoing().whole() {
            match self.transport.send(&[IoSlice::new(bytes)]) {
                Ok(sent) => self.protocol.outgoing().advance(sent),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                    if left.is_some_and(|left| left.is_zero()) || self.transport.poll(false, true, left).is_err() {
                        break;
                    }
                }
                // The next `listen` finds the end, and the bytes before it.
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Receives what has arrived, up to the first message.
    fn listen(&mut self) -> Word {
        // Bounded, so that a peer that sends without end does not keep the caller from checking its deadline.
        for _ in 0..16 {
            match self.protocol.first_word() {
                Ok(None) => {}
                Ok(Some(heard)) if heard == self.dialect => return Word::Own,
                Ok(Some(heard)) => return Word::Other(heard),
                Err(error) => return Word::Over(error),
            }
            let incoming = self.protocol.incoming();
            if incoming.buffered() > WORDLESS {
                return Word::Over(Error::Limit("the peer sent more than 64 KiB without a complete message".into()));
            }
            match Limit::Now.receive(&*self.transport, incoming) {
                Received::Bytes => {}
                Received::Nothing | Received::TimedOut => return Word::None,
                Received::End => {
                    let cut = if incoming.is_mid_frame() { " inside a message" } else { "" };
                    let how = format!("the peer ended the stream{cut}");
                    return Word::Over(lost(&*self.transport, &self.name(), &how));
                }
            }
        }
        Word::None
    }

    /// Gets the name of the peer in error messages.
    fn name(&self) -> String {
        Shared::name_of(&*self.transport, self.protocol.config().connid.as_deref())
    }
}

impl<'a> Dial<'a> {
    pub(super) fn new(address: &'a Address, connect: &'a Connect<'a>, config: &'a Arc<Config>) -> Dial<'a> {
        Dial { address, connect, config, connecting: Duration::ZERO, deadline: None }
    }

    /// Connects, twice if necessary, and returns the stream that got a reply.
    pub(super) fn find_out(mut self) -> Result<Found> {
        if !self.address.can_connect_again() {
            return self.ask_once();
        }
        let found = self.race(hints::dialect(self.address));
        hints::note(self.address, found.as_ref().ok().map(|found| found.protocol.dialect()));
        found
    }

    fn race(&mut self, first: Dialect) -> Result<Found> {
        let mut attempts = vec![self.open(first, None)?];
        let mut tried = vec![first];
        // The time at which the other dialect is tried beside the first.
        let mut next = Instant::now().checked_add(PATIENCE.saturating_add(self.connecting.saturating_mul(2)));
        let (mut heard, mut failed) = (None, None);
        loop {
            for mut attempt in std::mem::take(&mut attempts) {
                match attempt.listen() {
                    Word::None => attempts.push(attempt),
                    Word::Own => return Ok(self.found(attempt)),
                    Word::Other(dialect) => heard = Some(dialect),
                    Word::Over(error) => failed = failed.or(Some(error)),
                }
            }
            if let Some(dialect) = heard {
                next = None;
                attempts.retain(|attempt| attempt.dialect == dialect);
                if attempts.is_empty() && !tried.contains(&dialect) {
                    tried.push(dialect);
                    attempts.push(self.open(dialect, None).map_err(|error| self.gone(dialect, Some(error)))?);
                    continue;
                }
            }
            if attempts.is_empty() {
                return Err(match heard {
                    Some(dialect) => self.gone(dialect, failed),
                    None => failed.unwrap_or_else(|| Error::Eof("the peer ended the stream".into())),
                });
            }
            let now = Instant::now();
            if next.is_some_and(|next| now >= next) {
                // An authentication may take longer.
                match self.open(other(first), Some(SECOND.max(self.connecting.saturating_mul(2)))) {
                    Ok(attempt) => {
                        tried.push(attempt.dialect);
                        attempts.push(attempt);
                        next = None;
                    }
                    // The first may still get a reply.
                    Err(_) => next = Instant::now().checked_add(SECOND),
                }
                continue;
            }
            self.check_time(&attempts)?;
            let until = next.into_iter().chain(self.deadline).min();
            await_words(
                &attempts,
                until.map_or(MAX_SLEEP, |until| until.saturating_duration_since(now)).min(MAX_SLEEP),
            );
        }
    }

    /// Connects within the rest of `connect_timeout`, and at most within `most`, and requests the root.
    fn open(&mut self, dialect: Dialect, most: Option<Duration>) -> Result<Attempt> {
        let left = self.config.connect_timeout.map(|timeout| timeout.saturating_sub(self.connecting));
        let start = Instant::now();
        let opened = Attempt::open(self.connect, self.config, left.into_iter().chain(most).min());
        self.connecting = self.connecting.saturating_add(Instant::now().saturating_duration_since(start));
        let mut attempt = opened?;
        self.start_clock();
        attempt.ask(dialect, self.deadline)?;
        Ok(attempt)
    }

    fn start_clock(&mut self) {
        if self.deadline.is_none() {
            self.deadline = self.config.sync_request_timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        }
    }

    fn check_time(&self, attempts: &[Attempt]) -> Result<()> {
        match (self.deadline, attempts.first()) {
            (Some(deadline), Some(attempt)) if Instant::now() >= deadline => {
                Err(Error::Timeout(expired_text(&GET_ROOT, &attempt.name(), self.config.sync_request_timeout)))
            }
            _ => Ok(()),
        }
    }

    fn found(&self, attempt: Attempt) -> Found {
        let Attempt { transport, protocol, credentials, asked, .. } = attempt;
        Found { transport, protocol, credentials, root_asked: (asked, self.deadline) }
    }

    /// Makes the error for a server that replied in a dialect and can no longer be reached in it.
    fn gone(&self, dialect: Dialect, why: Option<Error>) -> Error {
        let option = if dialect == Dialect::V5 { "5" } else { "6" };
        let address = self.address;
        let why = match why {
            Some(Error::Eof(_)) => Some("it ended the stream".to_owned()),
            Some(why @ (Error::Authentication(_) | Error::Dialect(_) | Error::Malformed(_) | Error::Limit(_))) => {
                return why;
            }
            why => why.map(|why| why.to_string()),
        };
        match why {
            Some(why) => Error::Dialect(format!(
                "{address} speaks the dialect of rpyc {} and could not be reached again after an attempt in the other one: {why}; for a \
                 server of one connection set the option dialect to {option}",
                if dialect == Dialect::V5 { "5.3 and older" } else { "6.0 and later" }
            )),
            None => Error::Dialect(format!(
                "the peer at {address} replied in a different dialect of rpyc on each connection; set the option dialect"
            )),
        }
    }

    /// Detects the dialect of a peer that cannot be connected to again. The request is sent when the peer receives and
    /// has sent nothing by then: a peer that sends first, as `rpyc_classic -m stdio` does, shows its dialect.
    fn ask_once(&mut self) -> Result<Found> {
        let mut attempt = Attempt::open(self.connect, self.config, self.config.connect_timeout)?;
        self.start_clock();
        if let Some(heard) = self.await_receiver(&mut attempt)? {
            attempt.ask(heard, self.deadline)?;
            return Ok(self.found(attempt));
        }
        attempt.ask(Dialect::V6, self.deadline)?;
        loop {
            match attempt.listen() {
                Word::None => {}
                Word::Own => return Ok(self.found(attempt)),
                Word::Other(heard) => return Err(wrong_dialect(heard, Dialect::Auto)),
                Word::Over(error) => return Err(error),
            }
            let alone = std::slice::from_ref(&attempt);
            self.check_time(alone)?;
            await_words(
                alone,
                self.deadline.map_or(MAX_SLEEP, |deadline| deadline.saturating_duration_since(Instant::now())),
            );
        }
    }

    /// Waits until the peer receives, and returns the dialect if it has sent before. For a child process this can take
    /// long.
    fn await_receiver(&self, attempt: &mut Attempt) -> Result<Option<Dialect>> {
        // With bind_threads, rpyc 6 does not ignore an empty frame.
        let told = !self.config.bind_threads && attempt.transport.send(&[IoSlice::new(&NOTHING)]).is_ok();
        let mut nap = Duration::from_millis(1);
        loop {
            // Tested before `listen`: a peer that sends first does so before it receives.
            let receives = !told || attempt.transport.unread().is_none_or(|unread| unread == 0);
            match attempt.listen() {
                Word::None | Word::Own => {}
                Word::Other(heard) => return Ok(Some(heard)),
                Word::Over(error) => return Err(error),
            }
            if receives {
                return Ok(None);
            }
            self.check_time(std::slice::from_ref(attempt))?;
            await_words(std::slice::from_ref(attempt), nap);
            nap = (nap * 2).min(Duration::from_millis(20));
        }
    }
}

/// Waits at most `most` until one of them has input.
fn await_words(attempts: &[Attempt], most: Duration) {
    if let [attempt] = attempts {
        // `listen` reports the error again.
        let _ = attempt.transport.poll(true, false, Some(most));
        return;
    }
    let fds: Vec<_> = attempts.iter().filter_map(|attempt| attempt.transport.fileno()).collect();
    let most = if fds.len() < attempts.len() { most.min(Duration::from_millis(20)) } else { most };
    transport::await_input(fds.into_iter(), most);
}

/// Enables the kernel's keepalive probes for a silent peer.
pub(super) fn keep_alive(transport: &dyn Transport, config: &Config) {
    if let Some(idle) = config.tcp_keepalive {
        if let Err(e) = transport.set_keepalive(Some(idle)) {
            config
                .application
                .logger
                .write(Level::Warn, || format!("cannot enable keepalive for {}: {e}", transport.peer_name()));
        }
    }
}
