//! Implements conversions, which send requests to the objects that are converted: waiting for them, and calls that wait
//! for the conversion of their arguments.

use super::asking::shared_of;
use super::shared::Shared;
use super::state::Guard;
use super::threads;
use crate::error::{Error, Result};
use crate::objects::{Conversion, Converted, Peer, Promise, Target, await_all, convert_then, time_limit};
use crate::protocol::Request;
use crate::sync::{Instant, Mutex, lock};
use crate::value::{Reference, Value};
use std::sync::{Arc, Weak};
use std::time::Duration;

impl Shared {
    /// Continues a call whose arguments have been converted.
    pub(super) fn resume(self: &Arc<Shared>, request: Request) {
        let _guard = self.panic_guard();
        let mut inner = self.lock();
        inner.reader.conversions.retain(|(_, conversion)| conversion.strong_count() > 0);
        if inner.life.end.is_some() {
            drop(inner);
            return drop(request);
        }
        if self.bind_threads && !threads::is_for_here(&request) {
            let thread = request.id.threads().to;
            inner.reader.bound.push_back(request);
            inner.reader.wake(|waiter| waiter.thread == thread);
            inner.tell_loop();
        } else {
            inner = self.run(inner, request);
        }
        self.finish_wait(inner);
    }

    pub(super) fn watch(&self, conversion: Weak<dyn Conversion>, timeout: Duration) {
        let Some(until) = Instant::now().checked_add(timeout) else { return };
        let mut inner = self.lock();
        inner.reader.conversions.retain(|(_, conversion)| conversion.strong_count() > 0);
        inner.reader.conversions.push((until, conversion));
    }

    /// Ends the conversions whose deadline has passed. The thread that receives calls it regularly. Returns true if the
    /// lock was released meanwhile.
    #[cold]
    pub(super) fn expire_conversions<'a>(&'a self, mut inner: Guard<'a>) -> (Guard<'a>, bool) {
        let now = Instant::now();
        let is_due =
            |(until, conversion): &(Instant, Weak<dyn Conversion>)| *until <= now || conversion.strong_count() == 0;
        let all = std::mem::take(&mut inner.reader.conversions);
        let (due, left): (Vec<_>, Vec<_>) = all.into_iter().partition(is_due);
        inner.reader.conversions = left;
        if due.is_empty() {
            return (inner, false);
        }
        self.finish_wait(inner);
        due.iter().filter_map(|(_, conversion)| conversion.upgrade()).for_each(|conversion| conversion.expire());
        (self.lock(), true)
    }
}

/// Maximum number of values requested in one burst.
const BURST: usize = 1 << 14;

/// How long to wait for replies.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// The timeout of the connection for synchronous requests.
    Connection,
    Limit(Option<Duration>),
}

impl Patience {
    fn on(self, shared: Option<&Arc<Shared>>) -> Option<Duration> {
        match self {
            Patience::Connection => match time_limit::here() {
                None => shared.and_then(|shared| Peer::timeout(&**shared)),
                Some(within) => within.left(),
            },
            Patience::Limit(limit) => limit,
        }
    }

    /// Applies the timeout that the application set for this thread, as for other synchronous requests.
    fn here(self) -> Patience {
        match (self, time_limit::here().and_then(|within| within.left())) {
            (Patience::Limit(limit), Some(left)) => Patience::Limit(Some(limit.map_or(left, |limit| limit.min(left)))),
            (patience, _) => patience,
        }
    }
}

/// Gets the connection of a value that is a remote object.
fn connection_of(value: &Value) -> Result<Option<Arc<Shared>>> {
    match value {
        Value::Ref(Reference::Remote(proxy)) => shared_of(proxy).map(Some),
        _ => Ok(None),
    }
}

fn is_same(a: &Option<Arc<Shared>>, b: &Option<Arc<Shared>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => true,
    }
}

/// Converts values: requests their objects in bursts and waits for the replies.
pub fn convert(values: Vec<(Value, Target)>, patience: Patience) -> Converted {
    let patience = patience.here();
    let (mut converted, mut group) = (Vec::with_capacity(values.len()), Vec::new());
    let mut connection = None;
    let mut values = values.into_iter().enumerate().peekable();
    while let Some((at, (value, target))) = values.next() {
        connection = connection.or(connection_of(&value).map_err(|error| (at, error))?);
        group.push((value, target));
        let next = values.peek().map(|(at, (value, _))| connection_of(value).map_err(|error| (*at, error)));
        // Consecutive values of one connection are requested together.
        let goes_on = match next.transpose()? {
            Some(next) => is_same(&connection, &next) && group.len() < BURST,
            None => false,
        };
        if !goes_on {
            let first = converted.len();
            let part = convert_on(connection.take(), std::mem::take(&mut group), patience);
            converted.extend(part.map_err(|(at, error)| (first + at, error))?);
        }
    }
    Ok(converted)
}

fn convert_on(shared: Option<Arc<Shared>>, values: Vec<(Value, Target)>, patience: Patience) -> Converted {
    let place: Arc<Mutex<Option<Converted>>> = Arc::default();
    let result = place.clone();
    let awaited = await_all();
    let promise = start(shared, values, patience, move |converted| {
        *lock(&result) = Some(converted);
        Ok(Value::None)
    });
    drop(awaited);
    promise.wait().map_err(|error| (0, error))?;
    let converted = lock(&place).take();
    converted.unwrap_or_else(|| Err((0, Error::State("the conversion was dropped".into()))))
}

/// Converts values of one connection without waiting. The promise's value is a tuple of them.
pub fn convert_later(values: Vec<(Value, Target)>, timeout: Option<Duration>) -> Result<Promise> {
    let mut connection = None;
    for (value, _) in &values {
        let of_it = connection_of(value)?;
        if !is_same(&connection, &of_it) {
            return Err(Error::Argument("the values are objects of different connections".into()));
        }
        connection = connection.or(of_it);
    }
    Ok(start(connection, values, Patience::Limit(timeout), |converted| {
        converted.map(Value::tuple).map_err(|(_, error)| error)
    }))
}

/// Requests the conversions. The promise gets the value that `result` makes of them.
fn start(
    shared: Option<Arc<Shared>>,
    values: Vec<(Value, Target)>,
    patience: Patience,
    result: impl FnOnce(Converted) -> Result<Value> + Send + 'static,
) -> Promise {
    let timeout = patience.on(shared.as_ref());
    let promise = match &shared {
        Some(shared) => Promise::new(Arc::downgrade(shared), "a conversion".into(), timeout),
        None => {
            let promise = Promise::local("a conversion".into());
            promise.set_expiry(timeout);
            promise
        }
    };
    let kept = promise.clone();
    convert_then(values, timeout, move |converted| {
        kept.keep(result(converted));
        // The thread that waits for it may not be the reader.
        if let Some(peer) = kept.peer() {
            peer.wake_for(&kept);
        }
    });
    promise
}
