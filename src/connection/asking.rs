//! Sends requests to the objects of a peer. Requests to objects of this process are served here, with the same kind of
//! result.

use super::shared::Shared;
use crate::codec::frame::{Destination, fill};
use crate::error::{Error, Result};
use crate::objects::{self, Membership, Promise, ask_here_later, home_of, membership};
use crate::protocol::{Body, Handler, Prepared};
use crate::value::{Ask, Inquiry, Proxy, Reference, Text, Value};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Gets the connection over which an object was imported.
#[inline]
pub fn shared_of(proxy: &Proxy) -> Result<Arc<Shared>> {
    Shared::of_home(home_of(proxy)?).ok_or_else(driven_by_hand)
}

#[cold]
fn driven_by_hand() -> Error {
    Error::State("the object belongs to a session; send the request with rpyc_session_ask()".into())
}

/// Sends a request and waits for the reply. A bytes reply that fits is received into the buffer.
pub fn ask_into(object: &Reference, ask: Ask<'_>, room: Option<Box<dyn Destination>>) -> Result<Value> {
    match object {
        Reference::Remote(proxy) => {
            let shared = shared_of(proxy)?;
            with_body(proxy, &ask, |body| shared.sync_request(body, room))
        }
        Reference::Local(_) => objects::ask(object, ask).map(|value| filled(room, value)),
    }
}

/// Sends a request without waiting.
pub fn ask_later(object: &Reference, ask: Ask<'_>, timeout: Option<Duration>) -> Result<Promise> {
    match object {
        Reference::Remote(proxy) => request_later(proxy, ask, timeout, None),
        Reference::Local(target) => Ok(ask_here_later(target, ask, timeout, |answer| answer)),
    }
}

/// Sends a request without waiting. A bytes reply that fits is received into the buffer.
pub fn ask_later_into(
    object: &Reference,
    ask: Ask<'_>,
    timeout: Option<Duration>,
    room: Option<Box<dyn Destination>>,
) -> Result<Promise> {
    match object {
        Reference::Remote(proxy) => request_later(proxy, ask, timeout, room),
        Reference::Local(target) => {
            Ok(ask_here_later(target, ask, timeout, move |answer| answer.map(|value| filled(room, value))))
        }
    }
}

/// Sends a request without waiting. If `judge` rejects the value, the value is dropped and the error is the result.
pub(super) fn ask_later_judged(
    object: &Reference,
    ask: Ask<'_>,
    timeout: Option<Duration>,
    judge: impl FnOnce(&Value) -> Result<()> + Send + 'static,
) -> Result<Promise> {
    match object {
        Reference::Remote(proxy) => {
            let shared = shared_of(proxy)?;
            let promise = promised(&shared, timeout, || ask.text());
            promise.judged_by(Box::new(judge));
            with_body(proxy, &ask, |body| shared.async_request(body, &promise, None))?;
            Ok(promise)
        }
        Reference::Local(target) => Ok(ask_here_later(target, ask, timeout, move |answer| {
            answer.and_then(|value| judge(&value).map(|()| value))
        })),
    }
}

fn filled(room: Option<Box<dyn Destination>>, value: Value) -> Value {
    match room {
        Some(room) => fill(room, value).0,
        None => value,
    }
}

fn request_later(
    proxy: &Arc<Proxy>,
    ask: Ask<'_>,
    timeout: Option<Duration>,
    room: Option<Box<dyn Destination>>,
) -> Result<Promise> {
    let shared = shared_of(proxy)?;
    let promise = promised(&shared, timeout, || ask.text());
    with_body(proxy, &ask, |body| shared.async_request(body, &promise, room))?;
    Ok(promise)
}

/// Calls a method whose name and object are encoded already.
pub(super) fn request_prepared(
    call: &Prepared,
    args: &[Value],
    keywords: &[(Text, Value)],
    timeout: Option<Duration>,
) -> Result<Promise> {
    let shared = shared_of(call.target())?;
    let promise = promised(&shared, timeout, || call.text());
    shared.async_request(Body::Prepared { call, args, keywords }, &promise, None)?;
    Ok(promise)
}

/// Sends requests to several objects of one peer, without waiting for the replies.
pub(super) fn ask_burst(shared: &Arc<Shared>, inquiries: Vec<Inquiry<'_>>, timeout: Option<Duration>) {
    let gathers = inquiries.len() > 1 && shared.cork_unless_corked();
    for Inquiry { object, ask, then } in inquiries {
        let promise = promised(shared, timeout, || ask.text());
        promise.add_callback(Box::new(move |promise| {
            then(promise.outcome().unwrap_or_else(|| Err(Error::State("the reply was dropped".into()))));
        }));
        if let Err(error) = with_body(&object, &ask, |body| shared.async_request(body, &promise, None)) {
            promise.keep(Err(error));
        }
    }
    if gathers {
        // At the end of the connection the results are errors already.
        let _ = shared.uncork();
    }
}

/// `what` describes the request in the message for a timeout.
fn promised(shared: &Arc<Shared>, timeout: Option<Duration>, what: impl FnOnce() -> String) -> Promise {
    let weak: Weak<Shared> = Arc::downgrade(shared);
    Promise::new(weak, timeout.map_or_else(String::new, |_| what()), timeout)
}

/// Requests without waiting whether an object is an instance of a class.
pub fn is_instance_later(object: &Reference, class: &Reference, timeout: Option<Duration>) -> Result<Promise> {
    match membership(object, class)? {
        Membership::Known(known) => Ok(Promise::settled(Ok(Value::Bool(known)))),
        Membership::Ask(class, other) => {
            let shared = shared_of(class)?;
            let promise = promised(&shared, timeout, || "isinstance".into());
            shared.async_request(Body::InstanceCheck { class, other: &other }, &promise, None)?;
            Ok(promise)
        }
    }
}

pub(super) fn with_body<R>(target: &Arc<Proxy>, ask: &Ask<'_>, send: impl FnOnce(Body<'_>) -> Result<R>) -> Result<R> {
    let this = || Value::Ref(Reference::Remote(target.clone()));
    match *ask {
        Ask::Call { args, keywords } => send(Body::Call { target, args, keywords }),
        Ask::CallAttr { name, args, keywords } => send(Body::CallAttr { target, name, args, keywords }),
        Ask::Inspect => send(Body::Inspect { target }),
        Ask::GetAttr(name) => send(raw_body(Handler::GetAttr, &[this(), Value::str(name)])),
        Ask::DelAttr(name) => send(raw_body(Handler::DelAttr, &[this(), Value::str(name)])),
        Ask::SetAttr(name, value) => send(raw_body(Handler::SetAttr, &[this(), Value::str(name), value.clone()])),
        Ask::Repr => send(raw_body(Handler::Repr, &[this()])),
        Ask::Str => send(raw_body(Handler::Str, &[this()])),
        Ask::Hash => send(raw_body(Handler::Hash, &[this()])),
        Ask::Dir => send(raw_body(Handler::Dir, &[this()])),
        Ask::Compare(op, other) => send(raw_body(Handler::Cmp, &[this(), other.clone(), Value::str(op.name())])),
        Ask::BuffIter(count) => send(raw_body(Handler::BuffIter, &[this(), Value::Int(count)])),
        Ask::Pickle(protocol) => send(raw_body(Handler::Pickle, &[this(), Value::Int(protocol.into())])),
        Ask::Exit(failed) => {
            // An exception class cannot be sent from here as Python sends it. Any true value means that there was an
            // error.
            let exc = if failed { Value::Bool(true) } else { Value::None };
            send(raw_body(Handler::CtxExit, &[this(), exc]))
        }
    }
}

fn raw_body(handler: Handler, args: &[Value]) -> Body<'_> {
    Body::Raw { handler: handler as i64, args }
}
