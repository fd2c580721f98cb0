//! What the objects need of whoever drives a session: a connection, or a session whose application does its own I/O.

use super::promise::Promise;
use crate::budget::Account;
use crate::config::Limits;
use crate::error::{Error, Exception, Result};
use crate::protocol::{Access, Question, Request, RequestId};
use crate::sync::Instant;
use crate::value::{Ask, Home, Local, Proxy, Value};
use std::sync::{Arc, Weak};
use std::time::Duration;

pub type Outcome = Result<Value, Exception>;

/// Conversions that nobody waits for. Once nobody holds them any more, they are over.
pub trait Conversion: Send + Sync {
    /// The time is up: what has not been answered is an error.
    fn expire(&self);
}

/// A peer: it asks our objects, and is asked for its own.
pub trait Peer: Home {
    /// Answers a request of the peer, from any thread.
    fn answer(&self, id: &RequestId, outcome: Outcome) -> Result<()>;

    /// The answer to `Op::Exists`; the request as it goes on then.
    fn answer_exists(
        &self,
        id: RequestId,
        target: Arc<dyn Local>,
        question: Question,
        access: Box<Access>,
        exists: bool,
    ) -> Option<Request>;

    /// Sends what waits to be sent.
    fn flush(&self);

    /// The pickle of plain data, for which objects in it are asked.
    fn pickle(&self, value: Value, protocol: u8) -> Result<Vec<u8>>;

    /// What bounds the values of this peer.
    fn limits(&self) -> Limits;

    /// What this peer takes of the memory of all.
    fn account(&self) -> Account;

    /// How long an answer is waited for.
    fn timeout(&self) -> Option<Duration>;

    fn is_closed(&self) -> bool;

    /// Is it gone, or has it said all that it will say?
    fn is_abandoned(&self) -> bool;

    /// A call has ended that came before the end of the connection: frees circles of containers that it held.
    fn collect(&self);

    /// What messages call it.
    fn name(&self) -> String;

    /// Refuses in a forked child.
    fn check_fork(&self) -> Result<()>;

    /// Why requests fail from now on.
    fn ended(&self) -> Error;

    /// Serves the peer until the promise is kept, the time is over or the connection has ended. True: it is kept. The error:
    /// the thread was interrupted.
    fn wait_for(self: Arc<Self>, promise: &Promise, until: Option<Instant>) -> Result<bool>;

    /// Handles one message that has arrived, without waiting. False: there was none.
    fn serve_arrived(self: Arc<Self>) -> bool;

    /// Goes on with a call whose arguments have been converted, as if it had come just now.
    fn resume(self: Arc<Self>, request: Request);

    /// Ends a conversion when the time is up, unless it is over.
    fn watch(&self, conversion: Weak<dyn Conversion>, timeout: Duration);

    /// Something else than a message has kept the promise: those who wait for it look again.
    fn wake_for(&self, promise: &Promise);
}

/// Asks an object of a peer, and waits for the answer.
#[inline]
pub fn ask_peer(object: &Arc<Proxy>, ask: Ask<'_>) -> Result<Value> {
    home_of(object)?.ask(object, ask)
}

/// Whoever can be asked for an object of a peer.
#[inline]
pub fn home_of(object: &Proxy) -> Result<Arc<dyn Home>> {
    object.home().owner().ok_or_else(gone)
}

#[cold]
fn gone() -> Error {
    Error::Stale("the object's connection has ended; connect again, and request the root and all objects again".into())
}

pub(super) fn outcome(result: Result<Value>) -> Outcome {
    result.map_err(Exception::from)
}
