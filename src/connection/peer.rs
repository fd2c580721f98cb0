//! Implements the interface of the objects layer to a connection: replies, requests, and reading during a wait.

use super::asking::{self, with_body};
use super::limit::Limit;
use super::obtain;
use super::shared::Shared;
use crate::budget::Account;
use crate::config::Limits;
use crate::error::{Error, Result};
use crate::objects::{Conversion, Outcome, Peer, Promise};
use crate::protocol::{Access, Body, Question, Request, RequestId};
use crate::sync::Instant;
use crate::value::{Ask, Home, Inquiry, Local, Proxy, Value};
use std::sync::{Arc, Weak};
use std::time::Duration;

impl Shared {
    /// Gets the connection of a peer. None for a session, whose application does its own I/O.
    pub fn of(peer: Arc<dyn Peer>) -> Option<Arc<Shared>> {
        peer.into_any_arc().downcast().ok()
    }

    /// Gets the connection that an object of the peer belongs to.
    #[inline]
    pub fn of_home(home: Arc<dyn Home>) -> Option<Arc<Shared>> {
        home.into_any_arc().downcast().ok()
    }
}

impl Home for Shared {
    #[inline]
    fn ask(self: Arc<Self>, object: &Arc<Proxy>, ask: Ask<'_>) -> Result<Value> {
        with_body(object, &ask, |body| self.sync_request(body, None))
    }

    fn is_instance(self: Arc<Self>, class: &Arc<Proxy>, id_pack: &[u8]) -> Result<Value> {
        self.sync_request(Body::InstanceCheck { class, other: id_pack }, None)
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn ask_burst(self: Arc<Self>, inquiries: Vec<Inquiry<'_>>, timeout: Option<Duration>) {
        asking::ask_burst(&self, inquiries, timeout);
    }
}

impl Peer for Shared {
    #[inline]
    fn answer(&self, id: &RequestId, outcome: Outcome) -> Result<()> {
        Shared::answer(self, id, outcome)
    }

    fn answer_exists(
        &self,
        id: RequestId,
        target: Arc<dyn Local>,
        question: Question,
        access: Box<Access>,
        exists: bool,
    ) -> Option<Request> {
        self.with_protocol(|protocol| protocol.answer_exists(id, target, question, access, exists))
    }

    fn flush(&self) {
        self.flush_all();
    }

    fn pickle(&self, value: Value, protocol: u8) -> Result<Vec<u8>> {
        obtain::pickled(value, protocol, &self.limits())
    }

    fn limits(&self) -> Limits {
        Shared::limits(self)
    }

    fn account(&self) -> Account {
        self.account.clone()
    }

    fn timeout(&self) -> Option<Duration> {
        self.with_protocol(|protocol| protocol.config().sync_request_timeout)
    }

    fn is_closed(&self) -> bool {
        Shared::is_closed(self)
    }

    fn is_abandoned(&self) -> bool {
        Shared::is_abandoned(self)
    }

    fn collect(&self) {
        Shared::collect(self);
    }

    fn name(&self) -> String {
        Shared::name(self)
    }

    fn check_fork(&self) -> Result<()> {
        Shared::check_fork(self)
    }

    fn ended(&self) -> Error {
        Shared::ended(self)
    }

    fn wait_for(self: Arc<Self>, promise: &Promise, until: Option<Instant>) -> Result<bool> {
        self.wait_for_result(promise, Limit::at(until))
    }

    fn serve_arrived(self: Arc<Self>) -> bool {
        self.serve(Limit::Now, false).unwrap_or(false)
    }

    fn resume(self: Arc<Self>, request: Request) {
        Shared::resume(&self, request);
    }

    fn watch(&self, conversion: Weak<dyn Conversion>, timeout: Duration) {
        Shared::watch(self, conversion, timeout);
    }

    fn wake_for(&self, promise: &Promise) {
        Shared::wake_for(self, promise);
    }
}
