//! Answers that are still to come.

use crate::connection::{Connection, ask_later, shared_of};
use crate::error::Result;
use crate::objects::Promise;
use crate::value::{Ask, Reference, Value};
use std::time::Duration;

/// The answer to a request, which may still be on its way. Letting go of it does not take the request back.
pub struct Pending(Promise);

impl Pending {
    pub(super) fn ask(object: &Reference, ask: Ask<'_>) -> Result<Pending> {
        let timeout = match object {
            Reference::Remote(proxy) => Connection::borrowed(shared_of(proxy)?).config().sync_request_timeout,
            Reference::Local(_) => None,
        };
        ask_later(object, ask, timeout).map(Pending)
    }

    /// Waits for the answer.
    pub fn wait(&self) -> Result<Value> {
        self.0.value()
    }

    /// Has it come? What has arrived meanwhile is handled for that, without waiting.
    pub fn is_ready(&self) -> bool {
        self.0.ready()
    }

    /// From now on it waits at most so long (`None`: for ever), and not for the time of the option `sync_request_timeout`.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        self.0.set_expiry(timeout);
    }

    /// Gives it up: whoever waits gets [`Error::Cancelled`](crate::Error::Cancelled). False: it had come already.
    pub fn cancel(&self) -> bool {
        self.0.cancel()
    }
}
