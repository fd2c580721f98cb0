//! Finding out which dialect a peer speaks, before there is a connection that application code could see.
//!
//! No first message is survived by peers of both dialects: what one reads as a message is to the other an error that
//! ends the stream, and a thread pool of rpyc 4.1 to 5.3 says nothing at all of it (docs/internals/wire-notes.md, "Dialects"). So
//! GETROOT is sent in the likelier dialect, and the first word of the peer decides. If none comes for a moment, a second
//! connection asks in the other dialect beside it, and the one that is answered stays: a peer that is merely slow is
//! never given up. All of it runs in the caller's thread.

use super::ending::lost_text;
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
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

/// How long the first word may take before the other dialect is tried; twice the time that connecting took is added.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long connecting a second time may take, while the first connection may be answered; and the pause after a failure.
const SECOND: Duration = Duration::from_secs(1);
/// No wait is longer than this.
const MAX_SLEEP: Duration = Duration::from_secs(3600);
/// A frame without a payload, which peers of all versions pass over.
const NOTHING: [u8; 6] = [0, 0, 0, 0, 0, b'\n'];
/// What a peer may send without saying a word, such as empty frames.
const WORDLESS: usize = 64 << 10;

/// Makes a transport within the time that it is given.
pub type Connect<'a> = dyn Fn(Option<Duration>) -> Result<Arc<dyn Transport>> + 'a;

/// Connecting to one address.
pub(super) struct Dial<'a> {
    address: &'a Address,
    connect: &'a Connect<'a>,
    config: &'a Arc<Config>,
    /// How long connecting has taken so far, which `connect_timeout` bounds in total.
    connecting: Duration,
    /// Until when answers are waited for, from the first question on.
    deadline: Option<Instant>,
}

/// A peer whose dialect is known.
pub(super) struct Found {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) protocol: Protocol<Token>,
    /// The request for its root, and until when its answer is waited for.
    pub(super) root_asked: (i64, Option<Instant>),
}

/// A stream on which a peer was asked for its root.
struct Attempt {
    transport: Arc<dyn Transport>,
    protocol: Protocol<Token>,
    /// Auto: nothing has been asked yet.
    dialect: Dialect,
    asked: i64,
}

/// What came first from a peer.
enum Word {
    /// Nothing yet.
    None,
    /// A message in the dialect in which it was asked.
    Own,
    Other(Dialect),
    /// The end, or something that is no message.
    Over(Error),
}

fn other(dialect: Dialect) -> Dialect {
    if dialect == Dialect::V5 { Dialect::V6 } else { Dialect::V5 }
}

impl Attempt {
    fn new(transport: Arc<dyn Transport>, config: &Arc<Config>) -> Attempt {
        keep_alive(&*transport, config);
        Attempt { transport, protocol: Shared::protocol(config.clone()), dialect: Dialect::Auto, asked: 0 }
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
                // Whoever listens finds the end, and what came before it.
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Takes in what has arrived, up to the first word.
    fn listen(&mut self) -> Word {
        // Not for ever, if there is no end of what comes: the time is to be looked at.
        for _ in 0..16 {
            match self.protocol.first_word() {
                Ok(None) => {}
                Ok(Some(heard)) if heard == self.dialect => return Word::Own,
                Ok(Some(heard)) => return Word::Other(heard),
                Err(error) => return Word::Over(error),
            }
            let incoming = self.protocol.incoming();
            if incoming.buffered() > WORDLESS {
                return Word::Over(Error::Limit("the peer sends and sends, and no message comes".into()));
            }
            match Limit::Now.receive(&*self.transport, incoming) {
                Received::Bytes => {}
                Received::Nothing | Received::TimedOut => return Word::None,
                Received::End => {
                    let cut = if incoming.is_mid_frame() { " inside a message" } else { "" };
                    let how = match self.transport.failure() {
                        Some(why) => format!("the stream failed: {why}"),
                        None => format!("the peer ended the stream{cut}"),
                    };
                    return Word::Over(Error::Eof(lost_text(&self.name(), &how)));
                }
            }
        }
        Word::None
    }

    /// What messages call the peer.
    fn name(&self) -> String {
        Shared::name_of(&*self.transport, self.protocol.config().connid.as_deref())
    }
}

impl<'a> Dial<'a> {
    pub(super) fn new(address: &'a Address, connect: &'a Connect<'a>, config: &'a Arc<Config>) -> Dial<'a> {
        Dial { address, connect, config, connecting: Duration::ZERO, deadline: None }
    }

    /// Connects, twice if it must be, and gives what the peer answers.
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
        // When the other dialect is tried beside the first.
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
                match self.open(other(first), Some(SECOND)) {
                    Ok(attempt) => {
                        tried.push(attempt.dialect);
                        attempts.push(attempt);
                        next = None;
                    }
                    // The first may yet be answered.
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

    /// Connects within what is left of `connect_timeout`, and at most so long, and asks.
    fn open(&mut self, dialect: Dialect, most: Option<Duration>) -> Result<Attempt> {
        let left = self.config.connect_timeout.map(|timeout| timeout.saturating_sub(self.connecting));
        let start = Instant::now();
        let transport = (self.connect)(left.into_iter().chain(most).min());
        self.connecting = self.connecting.saturating_add(Instant::now().saturating_duration_since(start));
        let mut attempt = Attempt::new(transport?, self.config);
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
        let Attempt { transport, protocol, asked, .. } = attempt;
        Found { transport, protocol, root_asked: (asked, self.deadline) }
    }

    /// What is said of a server that answered in a dialect, and can no longer be spoken to in it.
    fn gone(&self, dialect: Dialect, why: Option<Error>) -> Error {
        let option = if dialect == Dialect::V5 { "5" } else { "6" };
        let address = self.address;
        let why = match why {
            Some(Error::Eof(_)) => Some("it ended the stream".to_owned()),
            Some(why @ (Error::Dialect(_) | Error::Malformed(_) | Error::Limit(_))) => return why,
            why => why.map(|why| why.to_string()),
        };
        match why {
            Some(why) => Error::Dialect(format!(
                "{address} speaks the dialect of rpyc {} and was gone once it had been asked in the other: {why}; for a \
                 server of one connection set the option dialect to {option}",
                if dialect == Dialect::V5 { "5.3 and older" } else { "6.0 and later" }
            )),
            None => Error::Dialect(format!(
                "the peer at {address} answered in another dialect of rpyc on each connection; set the option dialect"
            )),
        }
    }

    /// Asks a peer that cannot be connected to again. It is asked when it receives, and has said nothing by then: one that
    /// speaks first, as `rpyc_classic -m stdio` does, shows its dialect.
    fn ask_once(&mut self) -> Result<Found> {
        let transport = (self.connect)(self.config.connect_timeout)?;
        let mut attempt = Attempt::new(transport, self.config);
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

    /// Waits until the peer receives, and gives the dialect in which it has spoken before. A child process may take long
    /// until it does either.
    fn await_receiver(&self, attempt: &mut Attempt) -> Result<Option<Dialect>> {
        // With bind_threads, rpyc 6 does not pass over an empty frame.
        let told = !self.config.bind_threads && attempt.transport.send(&[IoSlice::new(&NOTHING)]).is_ok();
        let mut nap = Duration::from_millis(1);
        loop {
            // Before it is listened to: what it says first, it says before it receives.
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

/// Waits at most so long until one of them has something to be received.
fn await_words(attempts: &[Attempt], most: Duration) {
    if let [attempt] = attempts {
        // An error shows again when it is listened to.
        let _ = attempt.transport.poll(true, false, Some(most));
        return;
    }
    let fds: Vec<_> = attempts.iter().filter_map(|attempt| attempt.transport.fileno()).collect();
    let most = if fds.len() < attempts.len() { most.min(Duration::from_millis(20)) } else { most };
    transport::await_input(fds.into_iter(), most);
}

/// Has the kernel look whether a silent peer is still there.
pub(super) fn keep_alive(transport: &dyn Transport, config: &Config) {
    if let Some(idle) = config.tcp_keepalive {
        if let Err(e) = transport.set_keepalive(Some(idle)) {
            config
                .application
                .logger
                .write(Level::Warn, || format!("{} is not kept alive: {e}", transport.peer_name()));
        }
    }
}
