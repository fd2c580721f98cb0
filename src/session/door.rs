//! Implements the interface of the objects layer to a session: objects reply over it, but cannot wait on it, because
//! the application does the I/O.

use super::{Session, closed, stale};
use crate::budget::Account;
use crate::codec::pickle;
use crate::config::{Config, Limits};
use crate::error::{Error, Result};
use crate::objects::{Conversion, Outcome, Peer, Promise};
use crate::protocol::{Access, Question, Request, RequestId};
use crate::sync::Instant;
use crate::sync::atomic::AtomicU64;
use crate::value::{Ask, Home, Inquiry, Local, Proxy, Value};
use std::sync::{Arc, Weak};
use std::time::Duration;

pub struct Door {
    protocol: Weak<Session>,
    limits: Limits,
    account: Account,
    timeout: Option<Duration>,
    /// The number that the application set for the session.
    pub id: AtomicU64,
}

impl Door {
    pub fn new(protocol: Weak<Session>, config: &Config, account: Account) -> Door {
        let (limits, timeout) = (config.limits.clone(), config.sync_request_timeout);
        Door { protocol, limits, account, timeout, id: AtomicU64::new(0) }
    }

    /// Returns whether the memory of all connections is limited.
    pub fn has_budget(&self) -> bool {
        self.account.is_limited()
    }

    fn cannot_wait() -> Error {
        Error::State("the object belongs to a session; send the request with rpyc_session_ask()".into())
    }
}

impl Home for Door {
    fn ask(self: Arc<Self>, _object: &Arc<Proxy>, _ask: Ask<'_>) -> Result<Value> {
        Err(Door::cannot_wait())
    }

    fn is_instance(self: Arc<Self>, _class: &Arc<Proxy>, _id_pack: &[u8]) -> Result<Value> {
        Err(Door::cannot_wait())
    }

    fn can_wait(&self) -> bool {
        false
    }

    fn ask_burst(self: Arc<Self>, inquiries: Vec<Inquiry<'_>>, timeout: Option<Duration>) {
        let session = self.protocol.upgrade();
        for Inquiry { object, ask, then } in inquiries {
            match &session {
                Some(session) => session.inquire(&object, &ask, then, timeout),
                None => then(Err(stale())),
            }
        }
    }
}

impl Peer for Door {
    fn answer(&self, id: &RequestId, outcome: Outcome) -> Result<()> {
        self.protocol.upgrade().ok_or_else(closed)?.answer(id, outcome)
    }

    fn answer_exists(
        &self,
        id: RequestId,
        target: Arc<dyn Local>,
        question: Question,
        access: Box<Access>,
        exists: bool,
    ) -> Option<Request> {
        self.protocol.upgrade()?.answer_exists(id, target, question, access, exists)
    }

    /// The application sends.
    fn flush(&self) {}

    fn pickle(&self, value: Value, protocol: u8) -> Result<Vec<u8>> {
        // Only waiting can get the items of a peer's objects.
        if value.holds_objects() {
            return Err(Error::Type("cannot pickle an object that holds objects".into()));
        }
        Ok(pickle::write(&value, protocol, self.limits.bytes)?)
    }

    fn limits(&self) -> Limits {
        self.limits.clone()
    }

    fn account(&self) -> Account {
        self.account.clone()
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn is_closed(&self) -> bool {
        self.protocol.upgrade().is_none_or(|protocol| protocol.is_closed())
    }

    fn is_abandoned(&self) -> bool {
        self.protocol.upgrade().is_none()
    }

    fn collect(&self) {}

    fn name(&self) -> String {
        "a session".into()
    }

    fn check_fork(&self) -> Result<()> {
        self.protocol.upgrade().map_or(Ok(()), |protocol| protocol.check_fork())
    }

    fn ended(&self) -> Error {
        closed()
    }

    /// No thread reads here.
    fn wait_for(self: Arc<Self>, promise: &Promise, _until: Option<Instant>) -> Result<bool> {
        Ok(promise.is_settled())
    }

    fn serve_arrived(self: Arc<Self>) -> bool {
        false
    }

    fn resume(self: Arc<Self>, request: Request) {
        if let Some(session) = self.protocol.upgrade() {
            session.serve(request);
        }
    }

    /// The requests have deadlines, on the application's clock.
    fn watch(&self, _conversion: Weak<dyn Conversion>, _timeout: Duration) {}

    fn wake_for(&self, _promise: &Promise) {}
}
