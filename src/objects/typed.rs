//! Methods whose signature has types: their arguments are converted before the call. No thread waits for the replies of
//! objects; the call resumes when the last one has arrived.

use super::call::Call;
use super::class::{Member, MemberKind, Method};
use super::convert::{Converted, convert_here, convert_then};
use super::job::take_turn;
use super::peer::Peer;
use super::resumed;
use super::signature::{Asked, Signature};
use super::target::Target;
use crate::error::{Exception, Result};
use crate::sync::{Mutex, lock};
use crate::value::{Reference, Text, Value};
use std::sync::Arc;

/// Maximum number of arguments that are requested for one call, to limit what one message can make this side send.
const MOST: usize = 1 << 14;

/// Returns the function that runs for this signature: it converts the arguments first if there are types.
pub fn method_of_signature(run: Method, signature: Option<&Signature>) -> Method {
    match signature {
        Some(signature) if signature.is_typed() => Arc::new(move |call| convert(&run, call)),
        _ => run,
    }
}

impl Member {
    pub fn method(name: &str, signature: Option<&str>, doc: Option<&str>, run: Method) -> Result<Member> {
        let signature = signature.map(|text| Signature::parse(text)?.of(name)).transpose()?;
        let run = method_of_signature(run, signature.as_ref());
        let kind = MemberKind::Method { run, signature, quick: false };
        Ok(Member { name: Text::new(name), doc: doc.map(Text::new), kind })
    }
}

/// A call whose arguments are being converted.
struct Held {
    call: Call,
    run: Method,
    asked: Vec<Asked>,
}

impl Held {
    fn values(&self) -> Vec<(Value, Target)> {
        self.asked.iter().map(|asked| (asked.object.clone(), asked.target)).collect()
    }

    /// Inserts the converted arguments, or raises in the caller.
    fn fill(mut self, converted: Converted) -> Option<Held> {
        match converted {
            Ok(values) => {
                for (asked, value) in self.asked.drain(..).zip(values) {
                    asked.put(self.call.args_mut(), value);
                }
                Some(self)
            }
            Err((at, error)) => {
                let exception = match (self.call.signature(), self.asked.get(at)) {
                    (Some(signature), Some(asked)) => {
                        signature.refusal(asked.slot, asked.target, asked.object.type_name(), error)
                    }
                    _ => Exception::from(error),
                };
                let _ = self.call.raise(exception);
                None
            }
        }
    }

    /// Resumes the call. This is another stack, so the turn of a serial object is taken again.
    fn go_on(self, refusal: Option<Exception>) {
        let Held { mut call, run, .. } = self;
        match refusal {
            Some(why) => drop(call.raise(why)),
            None => take_turn(call.object().turn.clone(), &run, call),
        }
    }
}

/// State of the requests.
enum Phase {
    /// They are being sent.
    Asking(Held),
    /// All replies arrived before the last request was sent.
    Answered(Held, Converted),
    /// Replies are pending.
    Waiting(Held),
    /// The call has resumed.
    Left,
}

fn convert(run: &Method, mut call: Call) {
    let mut args = std::mem::take(call.args_mut());
    let Some(signature) = call.signature() else { return };
    let asked = match signature.fit(&mut args) {
        Ok(asked) if asked.len() > MOST => {
            let text = format!("{}() takes at most {MOST} objects to be converted", signature.name());
            return drop(call.raise(Exception::builtin("TypeError", text)));
        }
        Ok(asked) => asked,
        Err(exception) => return drop(call.raise(exception)),
    };
    *call.args_mut() = args;
    if asked.is_empty() {
        return run(call);
    }
    let peer = call.peer().cloned();
    let (later, here): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| is_read(&asked.object, peer.as_ref()));
    let mut held = Held { call, run: run.clone(), asked: here };
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
        _ => run(held.call),
    }
}

/// Returns whether some thread reads the reply of an object even if no thread waits. False for callers of this process
/// and for objects of other peers, which may not be served.
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
                    let (threads, due) = (held.call.threads(), held.call.due());
                    caller.resume(resumed::request(threads, due, move |refusal| held.go_on(refusal)));
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
            if let Some(held) = held.fill(converted) {
                (held.run)(held.call);
            }
        }
        Phase::Waiting(_) | Phase::Left => {}
    }
}
