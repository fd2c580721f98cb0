//! Implements objects that the application identifies by numbers (tokens), and the queue of requests to them.

use super::{Event, NOT_SENT};
use crate::error::{Error, Exception, Result};
use crate::ids::Id;
use crate::objects::{
    Answer, Call, Class, Forward, Function, Known, Member, MemberKind, Method, Object, Signature, may_ask,
    method_of_signature, own_events, thread_number,
};
use crate::protocol::Handler;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::{Mutex, lock};
use crate::value::{Local, Proxy, Text, Value};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Weak};

/// The kind of a request to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    Call,
    Get,
    Set,
    Del,
    /// Tests whether there is an attribute of this name.
    Exists,
    /// Makes an object of a class.
    Construct,
    /// Forwards a request to an object of another peer.
    Forward(Handler),
}

/// A request of the peer, to be answered through `call`.
pub struct Asked {
    pub asks: Asks,
    /// The token of the object, function or class.
    pub token: u64,
    /// The number that the application set for the member. None if it is identified by name.
    pub member: Option<u64>,
    /// The object of a forwarded request.
    pub object: Option<Arc<Proxy>>,
    pub call: Call,
}

impl Asked {
    /// Gets the name of the member, or the name that the peer sent.
    pub fn name(&self) -> &str {
        match (self.call.name(), self.call.args().first()) {
            ("", Some(Value::Str(name))) if !matches!(self.asks, Asks::Construct | Asks::Forward(_)) => name.as_str(),
            (name, _) => name,
        }
    }
}

/// The events that wait for the application.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    /// The session has ended.
    over: AtomicBool,
    /// The number of the thread that has taken events so far; ANY: more than one have, or may.
    taker: AtomicU32,
}

/// No number of a thread that was ever reached.
const ANY: u32 = u32::MAX;

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// The session was freed, so no event will be taken any more.
    gone: bool,
    /// The live objects, by token.
    objects: HashMap<u64, Weak<dyn Local>>,
}

impl Queue {
    /// Queues an event. Returns it if no event will be taken any more.
    pub fn push(&self, event: Event) -> Option<Event> {
        let mut waiting = lock(&self.waiting);
        if waiting.gone {
            return Some(event);
        }
        waiting.events.push_back(event);
        None
    }

    /// Notes that the session has ended, so replies are of no use.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Notes that this thread takes events.
    #[inline]
    pub fn taken_here(&self) {
        let (here, taker) = (thread_number(), self.taker.load(Ordering::Relaxed));
        if taker != here {
            self.taker.store(if taker == 0 { here } else { ANY }, Ordering::Relaxed);
        }
    }

    /// Notes that any thread may take events, whichever has so far.
    pub fn taken_anywhere(&self) {
        self.taker.store(ANY, Ordering::Relaxed);
    }

    /// Returns whether whoever waits for the call is the thread that would have to take it.
    fn is_taken_by_waiter(&self, call: &Call) -> bool {
        call.due().waiting_thread().is_some_and(|thread| thread == self.taker.load(Ordering::Relaxed))
    }

    pub fn pop(&self) -> Option<Event> {
        let mut waiting = lock(&self.waiting);
        loop {
            match waiting.events.pop_front()? {
                Event::Released(token) => match waiting.objects.get(&token) {
                    Some(object) if object.strong_count() == 0 => {
                        waiting.objects.remove(&token);
                        return Some(Event::Released(token));
                    }
                    // Exported again before the application was told, or told already, for all objects that the token
                    // had.
                    _ => {}
                },
                event => return Some(event),
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.waiting).events.is_empty()
    }

    /// Closes the queue. Drop the result without a lock.
    pub fn close(&self) -> VecDeque<Event> {
        let mut waiting = lock(&self.waiting);
        waiting.gone = true;
        std::mem::take(&mut waiting.events)
    }

    /// Removes the reply to this request, if it is queued. Drop the result without a lock.
    pub fn forget(&self, sequence: i64) -> Option<Event> {
        let mut waiting = lock(&self.waiting);
        let of_it = |event: &Event| matches!(event, Event::Reply { sequence: of, .. } if *of == sequence);
        let at = waiting.events.iter().position(of_it).filter(|_| sequence != NOT_SENT)?;
        waiting.events.remove(at)
    }

    /// Gets the object of a token if it is alive, or makes it.
    pub fn object<T: Local>(&self, token: u64, make: impl FnOnce() -> Arc<T>) -> Result<Arc<T>> {
        let of_kind = |object: Arc<dyn Local>| {
            object
                .into_any_arc()
                .downcast()
                .map_err(|_| Error::Argument(format!("{token} is an object of another kind")))
        };
        if let Some(object) = self.living(token) {
            return of_kind(object);
        }
        let made = make();
        let known: Arc<dyn Local> = made.clone();
        let mut waiting = lock(&self.waiting);
        // Another thread may have made it first. Then ours is dropped without the lock; its end is not reported while
        // the other is alive.
        if let Some(object) = waiting.objects.get(&token).and_then(Weak::upgrade) {
            drop(waiting);
            return of_kind(object);
        }
        waiting.objects.insert(token, Arc::downgrade(&known));
        Ok(made)
    }

    pub fn living(&self, token: u64) -> Option<Arc<dyn Local>> {
        lock(&self.waiting).objects.get(&token)?.upgrade()
    }
}

/// The state of an object of the application: its token.
pub struct Token {
    pub number: u64,
    queue: Arc<Queue>,
}

impl Token {
    pub fn new(number: u64, queue: &Arc<Queue>) -> Box<Token> {
        Box::new(Token { number, queue: queue.clone() })
    }
}

impl Known for Token {
    fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        drop(self.queue.push(Event::Released(self.number)));
    }
}

fn token_in(object: &Object) -> Option<&Token> {
    object.state().downcast_ref::<Token>()
}

/// Gets the token of an object or function of the application.
pub fn token_of(object: &dyn Local) -> Option<u64> {
    let any = object.as_any();
    let object = any.downcast_ref::<Object>().or_else(|| any.downcast_ref::<Function>().map(Function::object));
    object.and_then(token_in).map(|token| token.number)
}

/// Returns whether the session of a call has ended.
pub fn is_over(call: &Call) -> bool {
    token_in(call.object()).is_some_and(|token| token.queue.over.load(Ordering::Acquire))
}

/// Makes a method that queues its calls as requests of the object's session.
fn ask(asks: Asks, member: Option<u64>) -> Method {
    Arc::new(move |call: Call| {
        let Some((token, queue)) = token_in(call.object()).map(|token| (token.number, token.queue.clone())) else {
            return;
        };
        if !may_ask() {
            return; // dropping the call raises an exception, which is not used
        }
        if queue.is_taken_by_waiter(&call) {
            let mut call = call;
            drop(call.raise(own_events()));
            return;
        }
        put(&queue, Asked { asks, token, member, object: None, call });
    })
}

fn put(queue: &Queue, asked: Asked) {
    if let Some(Event::Request(asked)) = queue.push(Event::Request(Box::new(asked))) {
        refuse(asked.call);
    }
}

/// Answers a call with the error of a session that was freed.
pub fn refuse(mut call: Call) {
    let _ = call.raise(Exception::builtin("RuntimeError", "the session was freed"));
}

/// Queues the request whether an object has an attribute beyond its class.
pub fn ask_exists(call: Call) {
    ask(Asks::Exists, None)(call);
}

/// How a member of the application may be used.
pub enum Access {
    Method { signature: Option<Signature> },
    Property { get: bool, set: bool, del: bool },
    Value(Value),
}

/// Makes a member of a class with a number of the application.
pub fn member(name: &str, doc: Option<&str>, id: u64, access: Access) -> Member {
    let by = |asks| ask(asks, Some(id));
    let kind = match access {
        Access::Method { signature } => {
            let run = method_of_signature(by(Asks::Call), signature.as_ref());
            MemberKind::Method { run, signature, quick: false }
        }
        Access::Property { get, set, del } => MemberKind::Property {
            get: get.then(|| by(Asks::Get)),
            set: set.then(|| by(Asks::Set)),
            del: del.then(|| by(Asks::Del)),
        },
        Access::Value(value) => MemberKind::Constant(value),
    };
    Member { name: Text::new(name), doc: doc.map(Text::new), kind }
}

/// Makes a method that is identified by name.
pub fn by_name(asks: Asks) -> Method {
    ask(asks, None)
}

/// Makes the method that constructs objects of a class when a peer calls it.
pub fn construct(token: u64, queue: &Arc<Queue>) -> Method {
    let queue: Weak<Queue> = Arc::downgrade(queue);
    Arc::new(move |call: Call| match queue.upgrade() {
        Some(queue) if queue.is_taken_by_waiter(&call) => {
            let mut call = call;
            drop(call.raise(own_events()));
        }
        Some(queue) => put(&queue, Asked { asks: Asks::Construct, token, member: None, object: None, call }),
        None => refuse(call),
    })
}

/// The token of an object that the application did not make, so its end is not reported.
const NO_TOKEN: u64 = u64::MAX;

/// Makes the application forward a request to the owner of an object of another peer.
pub fn forward(queue: &Arc<Queue>, (object, token): (Arc<Proxy>, u64), forward: Forward, answer: Answer) {
    static FORWARDS: LazyLock<Arc<Class>> = LazyLock::new(Class::empty);
    let Forward { handler, name, args, keywords } = forward;
    // The object has no token of the application; calls find through it whether the session has ended.
    let holder = FORWARDS.instance(Token::new(NO_TOKEN, queue));
    let member = Member { name, doc: None, kind: MemberKind::Constant(Value::None) };
    let call = Call::forwarded(answer, holder, member, args, keywords);
    put(queue, Asked { asks: Asks::Forward(handler), token, member: None, object: Some(object), call });
}

/// Makes the object of a token.
pub fn object(queue: &Arc<Queue>, class: &Arc<Class>, token: u64) -> Result<Arc<Object>> {
    queue.object(token, || class.instance_as(Token::new(token, queue), Id::of(token)))
}

/// Makes the root of a token.
pub fn root(queue: &Arc<Queue>, class: &Arc<Class>, token: u64) -> Result<Arc<Object>> {
    queue.object(token, || class.root_around(Token::new(token, queue), Id::of(token)))
}

/// Makes the function of a token.
pub fn function(queue: &Arc<Queue>, token: u64, member: Member) -> Result<Arc<Function>> {
    queue.object(token, || Function::numbered(member, Token::new(token, queue), Id::of(token)))
}

/// Makes the member of a function.
pub fn callable(name: &str, signature: Option<Signature>, doc: Option<&str>) -> Member {
    let run = method_of_signature(ask(Asks::Call, None), signature.as_ref());
    let kind = MemberKind::Method { run, signature, quick: false };
    Member { name: Text::new(name), doc: doc.map(Text::new), kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Definition;

    #[test]
    fn two_threads_make_one_object() {
        let class = Class::new(Definition { name: "Thing".into(), ..Definition::default() }).unwrap();
        let queue: Arc<Queue> = Arc::default();
        let mut faster = None;
        let made = queue.object(5, || {
            faster = object(&queue, &class, 5).ok();
            class.instance(Token::new(5, &queue))
        });
        let (made, faster) = (made.unwrap(), faster.unwrap());
        assert!(Arc::ptr_eq(&made, &faster));
        assert!(queue.pop().is_none());
        drop((made, faster));
        assert!(matches!(queue.pop(), Some(Event::Released(5))));
        assert!(queue.pop().is_none());
    }

    #[test]
    fn a_closed_queue_keeps_nothing() {
        let class = Class::new(Definition { name: "Thing".into(), ..Definition::default() }).unwrap();
        let queue: Arc<Queue> = Arc::default();
        let made = object(&queue, &class, 5).unwrap();
        assert!(queue.close().is_empty());
        drop(made);
        assert!(queue.is_empty());
        assert_eq!(Arc::strong_count(&queue), 1);
    }
}
