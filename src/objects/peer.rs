//! The interface between objects and the driver of a session: a connection, or an application that does the I/O.

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

/// Conversions without a waiting thread. They end when they are no longer referenced.
pub trait Conversion: Send + Sync {
    /// The timeout has passed: missing replies are errors.
    fn expire(&self);
}

/// A peer, which makes requests to local objects and owns remote ones.
pub trait Peer: Home {
    /// Answers a request of the peer. Any thread.
    fn answer(&self, id: &RequestId, outcome: Outcome) -> Result<()>;

    /// Answers `Op::Exists` and returns the request that follows.
    fn answer_exists(
        &self,
        id: RequestId,
        target: Arc<dyn Local>,
        question: Question,
        access: Box<Access>,
        exists: bool,
    ) -> Option<Request>;

    /// Sends pending output.
    fn flush(&self);

    /// Pickles plain data. Makes requests to objects in it.
    fn pickle(&self, value: Value, protocol: u8) -> Result<Vec<u8>>;

    /// The limits on values of this peer.
    fn limits(&self) -> Limits;

    /// The memory that this peer takes from the budget.
    fn account(&self) -> Account;

    /// The timeout of requests.
    fn timeout(&self) -> Option<Duration>;

    fn is_closed(&self) -> bool;

    /// Returns whether the peer has ended the connection or its stream.
    fn is_abandoned(&self) -> bool;

    /// A call that outlived the connection has ended: frees cycles of containers that it referenced.
    fn collect(&self);

    /// The name of the peer in messages.
    fn name(&self) -> String;

    /// Fails in a forked child.
    fn check_fork(&self) -> Result<()>;

    /// The error of further requests.
    fn ended(&self) -> Error;

    /// Serves the peer until the promise is settled (true), the time is over or the connection has ended (false). Fails
    /// if the thread was interrupted.
    fn wait_for(self: Arc<Self>, promise: &Promise, until: Option<Instant>) -> Result<bool>;

    /// Handles one received message without waiting. False: there was none.
    fn serve_arrived(self: Arc<Self>) -> bool;

    /// Resumes a call whose arguments have been converted, as if it had just arrived.
    fn resume(self: Arc<Self>, request: Request);

    /// Ends a conversion after the timeout, unless it has finished.
    fn watch(&self, conversion: Weak<dyn Conversion>, timeout: Duration);

    /// Something other than a message has settled the promise: wakes the threads that wait for it.
    fn wake_for(&self, promise: &Promise);
}

/// Makes a request to an object of a peer, and waits for the reply.
#[inline]
pub fn ask_peer(object: &Arc<Proxy>, ask: Ask<'_>) -> Result<Value> {
    home_of(object)?.ask(object, ask)
}

/// Returns the driver to which requests for an object of a peer are made.
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
