//! Runs the authenticator on the raw stream of a peer, within a time limit.

use super::shared::Shared;
use crate::authentication::{Opening, User};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::sync::Instant;
use crate::transport::{TICK, Transport};
use crate::value::Value;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Maximum number of bytes of one receive: memory grows with the data that has arrived.
const CHUNK: usize = 16 << 10;

/// The raw stream of a peer, with the deadline of its authentication.
struct Admission {
    transport: Arc<dyn Transport>,
    server: bool,
    timeout: Option<Duration>,
    /// None also if it is not representable.
    deadline: Option<Instant>,
    /// The first failure of the stream.
    failed: OnceLock<Error>,
}

/// Authenticates the peer of a new stream, if the configuration has an authenticator, and returns its credentials.
/// The stream of a refused peer is shut down.
pub(super) fn admit(
    transport: &Arc<dyn Transport>,
    config: &Config,
    server: bool,
    timeout: Option<Duration>,
) -> Result<Option<Value>> {
    let Some(authenticator) = config.application.authenticator.clone() else { return Ok(None) };
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let admission =
        Arc::new(Admission { transport: transport.clone(), server, timeout, deadline, failed: OnceLock::new() });
    let opening: Arc<dyn Opening> = admission.clone();
    let answer = authenticator(&opening);
    // The time counts, and a failed read, even if the authenticator did not look at it.
    let outcome = match (admission.failed.get(), answer) {
        (Some(error @ Error::Timeout(_)), _) | (Some(error), Ok(_)) => Err(error.clone()),
        (_, Err(error)) => Err(error),
        (None, Ok(credentials)) => admission.check_time().map(|()| credentials),
    };
    outcome.map(Some).map_err(|error| {
        transport.shutdown();
        let name = Shared::name_of(&**transport, config.connid.as_deref());
        match error {
            Error::Timeout(why) => Error::Timeout(format!("{name}: {why}")),
            error => Error::Authentication(format!("{name}: {error}")),
        }
    })
}

impl Admission {
    fn check_time(&self) -> Result<()> {
        if self.time_left().is_none_or(|left| !left.is_zero()) {
            return Ok(());
        }
        let option = if self.server { "handshake_timeout" } else { "connect_timeout" };
        let seconds = self.timeout.unwrap_or_default().as_secs_f64();
        Err(Error::Timeout(format!("the authentication has not ended within {seconds:.3} s ({option})")))
    }

    /// Waits until the stream is ready in one direction, or a tick has passed.
    fn wait(&self, write: bool) -> Result<()> {
        let left = self.time_left().map_or(TICK, |left| left.min(TICK));
        match self.transport.poll(!write, write, Some(left)) {
            Err(e) if e.kind() != ErrorKind::Interrupted => Err(broken(e)),
            _ => Ok(()),
        }
    }

    fn read_all(&self, room: &mut [u8]) -> Result<()> {
        let mut received = Vec::new();
        let mut rest = room;
        while !rest.is_empty() {
            self.check_time()?;
            received.clear();
            match self.transport.recv(&mut received, rest.len().min(CHUNK), false) {
                Ok(0) => return Err(self.ended()),
                Ok(_) => {
                    let (filled, open) = rest.split_at_mut(received.len().min(rest.len()));
                    filled.copy_from_slice(received.get(..filled.len()).unwrap_or(&[]));
                    rest = open;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.wait(false)?,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return Err(self.ended()),
                Err(e) => return Err(broken(e)),
            }
        }
        Ok(())
    }

    fn write_all(&self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.check_time()?;
            match self.transport.send(&[IoSlice::new(rest)]) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or(&[]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.wait(true)?,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                    return Err(self.ended());
                }
                Err(e) => return Err(broken(e)),
            }
        }
        Ok(())
    }

    fn ended(&self) -> Error {
        match self.transport.failure() {
            Some(why) => Error::Authentication(format!("the stream failed during the authentication: {why}")),
            None => Error::Authentication("the peer ended the stream during the authentication".into()),
        }
    }

    /// Runs one operation. After a failure there are no more.
    fn once(&self, run: impl FnOnce() -> Result<()>) -> Result<()> {
        if let Some(error) = self.failed.get() {
            return Err(error.clone());
        }
        run().map_err(|error| self.failed.get_or_init(|| error).clone())
    }
}

fn broken(error: io::Error) -> Error {
    Error::io("the stream failed during the authentication", error)
}

impl Opening for Admission {
    fn read(&self, room: &mut [u8]) -> Result<()> {
        self.once(|| self.read_all(room))
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        self.once(|| self.write_all(bytes))
    }

    fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn is_server(&self) -> bool {
        self.server
    }

    fn peer_name(&self) -> String {
        self.transport.peer_name()
    }

    fn user(&self) -> Option<User> {
        self.transport.user()
    }

    fn certificate(&self) -> Option<Vec<u8>> {
        self.transport.certificate()
    }
}
