//! Calls whose arguments are converted first, because the signature says their types. No thread waits for the answers of the
//! objects that are asked: the call goes on when the last has come.

use super::call::{Answer, Call};
use super::class::{Member, MemberKind, Object};
use super::convert::{Converted, Target, convert_here, convert_then};
use super::job::{Job, take_turn};
use super::peer::Peer;
use super::signature::{Asked, Signature};
use crate::error::Exception;
use crate::protocol::{Op, Request, RequestId, Seq, Threads};
use crate::sync::{Mutex, lock};
use crate::value::{Local, Reference, Shape, Value};
use std::sync::{Arc, LazyLock};

/// So many arguments of one call are asked at most: a peer must not have us send more than that for one message.
const MOST: usize = 1 << 14;

/// A call, as far as it has come.
struct Held {
    job: Job,
    object: Arc<Object>,
    member: Arc<Member>,
    args: Vec<Value>,
    asked: Vec<Asked>,
}

impl Held {
    fn signature(&self) -> Option<&Signature> {
        match &self.member.kind {
            MemberKind::Method { signature, .. } => signature.as_ref(),
            _ => None,
        }
    }

    fn values(&self) -> Vec<(Value, Target)> {
        self.asked.iter().map(|asked| (asked.object.clone(), asked.target)).collect()
    }

    /// Takes what the arguments were converted to; or the caller is told why there is nothing.
    fn fill(mut self, converted: Converted) -> Option<Held> {
        match converted {
            Ok(values) => {
                for (asked, value) in self.asked.drain(..).zip(values) {
                    asked.put(&mut self.args, value);
                }
                Some(self)
            }
            Err((at, error)) => {
                let exception = match (self.signature(), self.asked.get(at)) {
                    (Some(signature), Some(asked)) => {
                        signature.refusal(asked.slot, asked.target, asked.object.type_name(), error)
                    }
                    _ => Exception::from(error),
                };
                self.job.give(Err(exception));
                None
            }
        }
    }

    fn run(self) {
        let Held { job: Job { answer, origin }, object, member, args, .. } = self;
        let MemberKind::Method { run, .. } = &member.kind else { return };
        let (run, turn) = (run.clone(), object.turn.clone());
        take_turn(turn, &run, Call::new(answer, origin, object, Some(member), args, Vec::new()));
    }
}

/// How far the questions are.
enum Phase {
    /// They are being sent.
    Asking(Held),
    /// All was answered before the last was sent.
    Answered(Held, Converted),
    /// Answers are still to come.
    Waiting(Held),
    /// The call goes on.
    Left,
}

/// Converts the arguments of a call of a method with types, and runs it then.
#[cold]
#[inline(never)]
pub(super) fn invoke(job: Job, object: Arc<Object>, member: Arc<Member>, mut args: Vec<Value>) {
    let MemberKind::Method { signature: Some(signature), .. } = &member.kind else { return };
    let asked = match signature.fit(&mut args) {
        Ok(asked) => asked,
        Err(exception) => return job.give(Err(exception)),
    };
    if asked.len() > MOST {
        return job.fail("TypeError", format!("{}() takes at most {MOST} objects to be converted", signature.name()));
    }
    let peer = job.origin();
    let (later, here): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| is_read(&asked.object, peer.as_ref()));
    let mut held = Held { job, object, member, args, asked: here };
    if !held.asked.is_empty() {
        let converted = convert_here(held.values());
        match held.fill(converted) {
            Some(filled) => held = filled,
            None => return,
        }
    }
    held.asked = later;
    match peer {
        Some(peer) if !held.asked.is_empty() => ask_first(held, &peer),
        _ => held.run(),
    }
}

/// Does somebody read the answer of an object, whoever waits? Not where the caller is of this process, nor where the object is
/// another peer's: perhaps nobody serves that one.
fn is_read(object: &Value, peer: Option<&Arc<dyn Peer>>) -> bool {
    let (Value::Ref(object), Some(peer)) = (object, peer) else { return false };
    match object {
        Reference::Local(_) => true,
        Reference::Remote(proxy) => match proxy.home().owner() {
            Some(home) => !home.can_wait() || std::ptr::addr_eq(Arc::as_ptr(&home), Arc::as_ptr(peer)),
            None => true,
        },
    }
}

fn ask_first(held: Held, peer: &Arc<dyn Peer>) {
    let values = held.values();
    let timeout = peer.timeout();
    let phase = Arc::new(Mutex::new(Phase::Asking(held)));
    let (place, caller) = (phase.clone(), peer.clone());
    let conversion = convert_then(values, timeout, move |converted| {
        let mut phase = lock(&place);
        match std::mem::replace(&mut *phase, Phase::Left) {
            Phase::Asking(held) => *phase = Phase::Answered(held, converted),
            Phase::Waiting(held) => {
                drop(phase);
                if let Some(held) = held.fill(converted) {
                    caller.resume(request_of(held));
                }
            }
            Phase::Answered(..) | Phase::Left => {}
        }
    });
    let mut place = lock(&phase);
    match std::mem::replace(&mut *place, Phase::Left) {
        Phase::Asking(held) => {
            *place = Phase::Waiting(held);
            drop(place);
            if let Some(timeout) = timeout {
                peer.watch(conversion, timeout);
            }
        }
        Phase::Answered(held, converted) => {
            drop(place);
            held.fill(converted).into_iter().for_each(Held::run);
        }
        Phase::Waiting(_) | Phase::Left => {}
    }
}

/// A call with converted arguments, in the form in which requests are handed from thread to thread.
struct Resumed(Mutex<Option<Held>>);

static SHAPE: LazyLock<Arc<Shape>> = LazyLock::new(Arc::default);

impl Local for Resumed {
    fn shape(&self) -> &Arc<Shape> {
        &SHAPE
    }

    /// No peer ever gets to know it.
    fn id(&self) -> u64 {
        0
    }
}

/// The call answers by itself: of the request's number only the threads and the deadline count.
fn request_of(held: Held) -> Request {
    let threads = match &held.job.answer {
        Answer::Peer { id, .. } => id.threads(),
        Answer::Then { .. } => Threads::default(),
    };
    let mut id = RequestId::new(Seq::Int(-1), threads);
    let due = held.job.answer.due();
    if due.is_set() {
        id.set_due(due);
    }
    let target = Arc::new(Resumed(Mutex::new(Some(held))));
    Request { id, target, op: Op::Call { args: Vec::new(), keywords: Vec::new() } }
}

/// Runs a call with converted arguments; false: it is something else.
pub(super) fn run_resumed(target: &dyn Local) -> bool {
    let Some(resumed) = target.as_any().downcast_ref::<Resumed>() else { return false };
    let held = lock(&resumed.0).take();
    held.into_iter().for_each(Held::run);
    true
}

/// Is it a call with converted arguments? It is then refused with `refuse`, without a lock.
pub(crate) fn is_resumed(request: &Request) -> bool {
    request.target.as_any().is::<Resumed>()
}

pub(crate) fn refuse(request: &Request, why: &Exception) {
    if let Some(resumed) = request.target.as_any().downcast_ref::<Resumed>() {
        if let Some(held) = lock(&resumed.0).take() {
            held.job.give(Err(why.clone()));
        }
    }
}
