//! Writes the requests of this side directly into the output.

use super::envelope::Kind;
use super::request::{Handler, Seq};
use super::{Core, Protocol, State, boxing, native};
use crate::codec::brine::{self, Sink, tag};
use crate::error::{Error, Result};
use crate::value::{Proxy, Reference, Text, Value};
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

/// The body of a request.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Any handler, with its arguments as values.
    Raw {
        handler: i64,
        args: &'a [Value],
    },
    Call {
        target: &'a Arc<Proxy>,
        args: &'a [Value],
        keywords: &'a [(Text, Value)],
    },
    CallAttr {
        target: &'a Arc<Proxy>,
        name: &'a str,
        args: &'a [Value],
        keywords: &'a [(Text, Value)],
    },
    /// A call whose object and name are encoded already.
    Prepared {
        call: &'a Prepared,
        args: &'a [Value],
        keywords: &'a [(Text, Value)],
    },
    /// Gets the methods of an object by its id_pack.
    Inspect {
        target: &'a Arc<Proxy>,
    },
    InstanceCheck {
        class: &'a Arc<Proxy>,
        /// The id_pack of the object, which may belong to any process.
        other: &'a [u8],
    },
}

/// A method of a remote object whose calls all begin with the same bytes, in the most common form of a message.
pub struct Prepared {
    target: Arc<Proxy>,
    /// None if the object itself is called.
    name: Option<Box<str>>,
    /// The bytes between the number of the request and its arguments.
    head: Box<[u8]>,
}

impl Prepared {
    pub fn new(target: Arc<Proxy>, name: Option<&str>) -> Prepared {
        let mut head = Vec::new();
        match name {
            Some(name) => {
                head.put(&boxing::METHOD_CALL);
                head.put(&target.id_pack);
                boxing::put_label(&mut head, boxing::VALUE);
                brine::put_str(&mut head, name.as_bytes());
            }
            None => {
                head.put(&boxing::OBJECT_CALL);
                head.put(&target.id_pack);
            }
        }
        Prepared { target, name: name.map(Into::into), head: head.into() }
    }

    #[inline]
    pub fn target(&self) -> &Arc<Proxy> {
        &self.target
    }

    /// Describes the request, for messages.
    pub fn text(&self) -> String {
        match &self.name {
            Some(name) => format!("{name}()"),
            None => format!("a call of {}", self.target.type_name),
        }
    }

    #[inline]
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Converts the call to a body that is valid in every form of message.
    pub(super) fn body<'a>(&'a self, args: &'a [Value], keywords: &'a [(Text, Value)]) -> Body<'a> {
        let target = &self.target;
        match &self.name {
            Some(name) => Body::CallAttr { target, name, args, keywords },
            None => Body::Call { target, args, keywords },
        }
    }
}

impl<T> Protocol<T> {
    /// Sends a request. Its reply has `token`. The pending releases are sent behind it.
    #[inline]
    pub fn request(&mut self, body: Body<'_>, token: T) -> Result<i64> {
        match self.core.usual_request(&body) {
            Some(seq) => {
                self.core.pending.insert(Some(token));
                Ok(seq)
            }
            None => self.any_request(body, token),
        }
    }

    #[inline(never)]
    fn any_request(&mut self, body: Body<'_>, token: T) -> Result<i64> {
        self.send_request::<false>(body, token, None)
    }

    /// Does the same as `request`, and sends the timeout to a peer that agreed to get it.
    #[cold]
    #[inline(never)]
    pub fn request_within(&mut self, body: Body<'_>, token: T, left: Option<Duration>) -> Result<i64> {
        let left = left.filter(|_| self.core.native.sends_deadlines && body.runs_code());
        self.send_request::<true>(body, token, left.and_then(native::deadline))
    }

    #[inline(always)]
    fn send_request<const LIMITED: bool>(&mut self, body: Body<'_>, token: T, limit: Option<i64>) -> Result<i64> {
        let core = &mut self.core;
        match core.state {
            State::Open => {}
            _ => return Err(Error::Closed("the connection is closed".into())),
        }
        if core.pending.len() >= core.config.limits.pending {
            let text = format!("{} requests wait for a reply (max_pending)", core.pending.len());
            return Err(Error::Limit(text));
        }
        if core.native.to_offer() {
            core.put_offer();
        }
        let seq = core.pending.next_seq();
        let to = core.threads.to;
        core.send(Kind::Request, &Seq::Int(seq), to, |boxer, out| put_body::<_, LIMITED>(boxer, out, &body, limit))?;
        core.pending.insert(Some(token));
        if !core.imports.releases().is_empty() {
            core.put_releases();
        }
        Ok(seq)
    }

    /// Returns the time at which `expire` must be called, on the application's clock.
    pub fn next_deadline(&self) -> Option<Duration> {
        let requests = self.core.deadlines.peek().map(|Reverse((deadline, _))| *deadline);
        requests.into_iter().chain(self.skip_deadline()).min()
    }

    /// Sets the deadline of a request, on the application's clock.
    pub fn set_deadline(&mut self, seq: i64, deadline: Duration) {
        let Core { deadlines, pending, .. } = &mut self.core;
        if deadlines.len() > 2 * pending.len() + 64 {
            // Most of these requests got their reply long before the deadline.
            deadlines.retain(|Reverse((_, seq))| pending.contains(*seq));
        }
        deadlines.push(Reverse((deadline, seq)));
    }

    /// Gives up a request whose deadline has passed, and returns it. Its reply will be read and dropped.
    pub fn expire(&mut self, now: Duration) -> Option<(i64, T)> {
        while let Some(Reverse((deadline, seq))) = self.core.deadlines.peek().copied() {
            if deadline > now {
                return None;
            }
            self.core.deadlines.pop();
            if let Some(Some(token)) = self.core.pending.remove(seq) {
                self.forget_destination(seq);
                return Some((seq, token));
            }
        }
        None
    }
}

impl Body<'_> {
    /// Returns whether an object of the peer is asked, and not the connection.
    pub fn asks_object(&self) -> bool {
        match self {
            Body::Raw { args, .. } => matches!(args.first(), Some(Value::Ref(Reference::Remote(_)))),
            _ => true,
        }
    }

    /// Returns whether the request may run code of the peer's application, which can take long.
    fn runs_code(&self) -> bool {
        use Handler::*;
        match *self {
            Body::Call { .. } | Body::CallAttr { .. } | Body::Prepared { .. } => true,
            Body::Inspect { .. } | Body::InstanceCheck { .. } => false,
            Body::Raw { handler, .. } => Handler::from_number(handler)
                .is_some_and(|handler| !matches!(handler, Ping | Close | GetRoot | Del | Inspect | InstanceCheck)),
        }
    }
}

/// Writes the body. `limit` is the timeout in milliseconds, for a peer that agreed to get it. Most requests cannot have
/// one.
pub(super) fn put_body<S: Sink, const LIMITED: bool>(
    boxer: &mut boxing::Boxer<'_>,
    out: &mut S,
    body: &Body<'_>,
    limit: Option<i64>,
) -> Result<()> {
    let limit = limit.filter(|_| LIMITED);
    match *body {
        Body::CallAttr { target, name, args, keywords } => {
            check_home(boxer, target)?;
            put_call(out, &boxing::METHOD_CALL, limit);
            out.put(&target.id_pack);
            boxing::put_label(out, boxing::VALUE);
            brine::put_str(out, name.as_bytes());
            boxer.put_sequence(out, args)?;
            boxer.put_keywords(out, keywords)
        }
        Body::Prepared { call, args, keywords } => {
            put_body::<S, LIMITED>(boxer, out, &call.body(args, keywords), limit)
        }
        Body::Raw { handler, args } => {
            put_handler(out, handler, limit);
            boxer.put_sequence(out, args)
        }
        Body::Call { target, args, keywords } => {
            check_home(boxer, target)?;
            put_call(out, &boxing::OBJECT_CALL, limit);
            out.put(&target.id_pack);
            boxer.put_sequence(out, args)?;
            boxer.put_keywords(out, keywords)
        }
        Body::Inspect { target } => {
            check_home(boxer, target)?;
            put_handler(out, Handler::Inspect as i64, None);
            boxing::put_label(out, boxing::VALUE);
            brine::put_tuple_header(out, 1);
            out.put(&target.id_pack);
            Ok(())
        }
        Body::InstanceCheck { class, other } => {
            put_handler(out, Handler::InstanceCheck as i64, None);
            boxed_tuple(out, 2);
            put_target(boxer, out, class)?;
            boxing::put_label(out, boxing::VALUE);
            out.put(other);
            Ok(())
        }
    }
}

#[inline]
fn put_handler<S: Sink>(out: &mut S, handler: i64, limit: Option<i64>) {
    brine::put_tuple_header(out, 2);
    match limit {
        None => brine::put_int(out, handler),
        Some(limit) => {
            brine::put_tuple_header(out, 2);
            brine::put_int(out, handler);
            brine::put_int(out, limit);
        }
    }
}

/// Writes the beginning of a call, up to the id_pack of its target.
#[inline]
fn put_call<S: Sink>(out: &mut S, call: &[u8; 7], limit: Option<i64>) {
    match limit {
        None => out.put(call),
        Some(limit) => {
            let [pair, handler, boxes @ ..] = call;
            out.put(&[*pair, tag::TUPLE_2, *handler]);
            brine::put_int(out, limit);
            out.put(boxes);
        }
    }
}

#[inline]
fn boxed_tuple<S: Sink>(out: &mut S, n: usize) {
    boxing::put_label(out, boxing::TUPLE);
    brine::put_tuple_header(out, n);
}

#[inline]
fn put_target<S: Sink>(boxer: &mut boxing::Boxer<'_>, out: &mut S, target: &Arc<Proxy>) -> Result<()> {
    check_home(boxer, target)?;
    boxing::put_label(out, boxing::LOCAL_REF);
    out.put(&target.id_pack);
    Ok(())
}

#[inline]
fn check_home(boxer: &boxing::Boxer<'_>, proxy: &Arc<Proxy>) -> Result<()> {
    if Arc::ptr_eq(proxy.home(), boxer.home) {
        return Ok(());
    }
    Err(Error::Argument("the object belongs to another connection".into()))
}

impl<T> Core<T> {
    /// Writes one DEL for each dropped proxy. No caller waits for the replies.
    pub(super) fn put_releases(&mut self) {
        if self.state != State::Open {
            return;
        }
        for (id_pack, count) in self.imports.take_released() {
            self.put_release(&id_pack, count);
        }
    }

    pub(super) fn put_release(&mut self, id_pack: &[u8], count: u64) {
        let seq = self.pending.next_seq();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        // For any thread: the one that was last addressed may have ended, and would never handle it.
        let sent = self.send(Kind::Request, &Seq::Int(seq), 0, |_, out| {
            put_handler(out, Handler::Del as i64, None);
            boxed_tuple(out, 2);
            boxing::put_label(out, boxing::LOCAL_REF);
            out.put(id_pack);
            boxing::put_label(out, boxing::VALUE);
            brine::put_int(out, count);
            Ok(())
        });
        if sent.is_ok() {
            self.pending.insert(None);
        }
    }

    /// Writes a PING whose reply only shows that the peer is there.
    #[cold]
    pub(super) fn put_heartbeat(&mut self) {
        if self.state != State::Open || self.heartbeat.is_some() {
            return;
        }
        let seq = self.pending.next_seq();
        let data = [Value::from("heartbeat")];
        let sent = self.send(Kind::Request, &Seq::Int(seq), 0, |boxer, out| {
            put_body::<_, false>(boxer, out, &Body::Raw { handler: Handler::Ping as i64, args: &data }, None)
        });
        if sent.is_ok() {
            self.pending.insert(None);
            self.heartbeat = Some(seq);
        }
    }

    pub(super) fn put_close(&mut self) {
        let seq = self.pending.next_seq();
        let sent = self.send(Kind::Request, &Seq::Int(seq), 0, |boxer, out| {
            put_body::<_, false>(boxer, out, &Body::Raw { handler: Handler::Close as i64, args: &[] }, None)
        });
        if sent.is_ok() {
            self.pending.insert(None);
        }
    }
}
