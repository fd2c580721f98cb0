//! Defines a request of the peer, decoded and checked, as it is passed to the application.

use super::policy::{Known, Name, Question};
use crate::budget::Charge;
use crate::codec::brine::{self, Sink};
use crate::config::Limits;
use crate::error::Exception;
use crate::value::{CompareOp, Local, Reference, Text, Value};
use std::sync::Arc;

/// Defines the handlers of the protocol, each with its number (wire.md, section 6) and the name of RPyC's constant.
macro_rules! handlers {
    ($($handler:ident = $number:literal $name:literal),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Handler {
            $($handler = $number,)*
        }

        impl Handler {
            pub const ALL: [Handler; [$($number),*].len()] = [$(Handler::$handler),*];

            /// Returns the name of RPyC's constant, without HANDLE_.
            pub fn name(self) -> &'static str {
                match self {
                    $(Handler::$handler => $name,)*
                }
            }

            pub fn from_number(number: i64) -> Option<Handler> {
                match number {
                    $($number => Some(Handler::$handler),)*
                    _ => None,
                }
            }
        }
    };
}

handlers! {
    Ping = 1 "PING",
    Close = 2 "CLOSE",
    GetRoot = 3 "GETROOT",
    GetAttr = 4 "GETATTR",
    DelAttr = 5 "DELATTR",
    SetAttr = 6 "SETATTR",
    Call = 7 "CALL",
    CallAttr = 8 "CALLATTR",
    Repr = 9 "REPR",
    Str = 10 "STR",
    Cmp = 11 "CMP",
    Hash = 12 "HASH",
    Dir = 13 "DIR",
    Pickle = 14 "PICKLE",
    Del = 15 "DEL",
    Inspect = 16 "INSPECT",
    BuffIter = 17 "BUFFITER",
    OldSlicing = 18 "OLDSLICING",
    CtxExit = 19 "CTXEXIT",
    InstanceCheck = 20 "INSTANCECHECK",
}

/// The sequence number of a request of the peer. It is an int, but Python echoes any value.
#[derive(Clone, Debug)]
pub enum Seq {
    Int(i64),
    Other(Box<Value>),
}

impl Seq {
    pub fn as_int(&self) -> Option<i64> {
        if let Seq::Int(seq) = self { Some(*seq) } else { None }
    }

    pub fn put<S: Sink>(&self, out: &mut S, limits: &Limits) {
        match self {
            Seq::Int(seq) => brine::put_int(out, *seq),
            Seq::Other(value) => {
                let mut bytes = Vec::new();
                match brine::put_value(&mut bytes, value, limits) {
                    Ok(()) => out.put(&bytes),
                    Err(_) => brine::put_none(out),
                }
            }
        }
    }
}

/// The sending and the receiving thread of a message (only with bind_threads; otherwise 0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Threads {
    pub from: u64,
    pub to: u64,
}

/// The deadline of the caller of a request, in microseconds. A protocol counts it from the time at which it returns the
/// request; to store it, convert it with `on_clock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due(u64);

impl Default for Due {
    fn default() -> Due {
        Due::NEVER
    }
}

impl Due {
    /// The caller waits without a limit, or did not send one.
    pub const NEVER: Due = Due(u64::MAX);
    /// Higher numbers are no deadlines: what is left to `u64::MAX` is the number of the thread that waits.
    const LAST: u64 = u64::MAX - (1 << 32);

    pub fn new(microseconds: u64) -> Due {
        Due(microseconds.min(Due::LAST))
    }

    /// No deadline: a thread of this process waits for the answer. Threads are counted from 1.
    #[inline]
    pub fn awaited_by(thread: u32) -> Due {
        Due(u64::MAX - u64::from(thread))
    }

    /// The thread of this process that waits for the answer, if that is known.
    #[inline]
    pub fn waiting_thread(self) -> Option<u32> {
        let thread = u64::MAX - self.0;
        (thread != 0 && !self.is_set()).then_some(thread as u32)
    }

    #[inline]
    pub fn is_set(self) -> bool {
        self.0 <= Due::LAST
    }

    /// Returns the number; None for no deadline.
    pub fn microseconds(self) -> Option<u64> {
        self.is_set().then_some(self.0)
    }

    /// Converts to the same moment on a clock that shows `now`.
    pub fn on_clock(self, now: u64) -> Due {
        self.microseconds().map_or(Due::NEVER, |left| Due::new(now.saturating_add(left)))
    }
}

/// Identifies a request that must be answered exactly once.
#[derive(Debug)]
pub struct RequestId {
    pub seq: Seq,
    /// Rarely used members. A request is moved often, so it is kept small.
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    threads: Threads,
    due: Due,
    /// The charge for its values, released after the reply.
    _charge: Option<Charge>,
}

impl RequestId {
    #[inline]
    pub fn new(seq: Seq, threads: Threads) -> RequestId {
        let rare =
            if threads == Threads::default() { None } else { Some(Box::new(Rare { threads, ..Rare::default() })) };
        RequestId { seq, rare }
    }

    #[inline]
    pub fn threads(&self) -> Threads {
        self.rare.as_ref().map_or(Threads::default(), |rare| rare.threads)
    }

    /// Returns the deadline of its caller.
    #[inline]
    pub fn due(&self) -> Due {
        self.rare.as_ref().map_or(Due::NEVER, |rare| rare.due)
    }

    #[cold]
    pub fn set_charge(&mut self, charge: Charge) {
        self.rare.get_or_insert_default()._charge = Some(charge);
    }

    pub fn set_due(&mut self, due: Due) {
        self.rare.get_or_insert_default().due = due;
    }
}

pub type Keywords = Vec<(Text, Value)>;

/// The operation that is requested of an object of the application. Its names have passed the attribute rules.
#[derive(Debug)]
pub enum Op {
    GetAttr(Name),
    SetAttr(Name, Value),
    DelAttr(Name),
    Call {
        args: Vec<Value>,
        keywords: Keywords,
    },
    CallAttr {
        name: Name,
        args: Vec<Value>,
        keywords: Keywords,
    },
    Repr,
    Str,
    Hash,
    Dir,
    /// Gets the methods of an object of another peer, which that peer knows.
    Inspect,
    /// Tests against a class of another peer.
    InstanceCheck(Box<Instance>),
    Compare {
        op: CompareOp,
        other: Value,
    },
    /// Makes a pickle of plain data, in a protocol of at most this number.
    Pickle {
        protocol: u8,
        /// numpy will make an array of it.
        numpy: bool,
    },
    /// Gets the next items of an iterator, or the first of an iterable.
    BuffIter {
        count: usize,
    },
    /// Calls `attempt(slice(start, stop), *args)` and, on any error, `fallback(start, stop, *args)`.
    OldSlicing(Box<Slicing>),
    /// Tests whether the target has this attribute. Answer it with `Protocol::answer_exists`.
    Exists {
        question: Question,
        name: Text,
        access: Box<Access>,
    },
}

/// The object of `Op::InstanceCheck`.
#[derive(Debug)]
pub struct Instance {
    /// Set if it was exported to the peer that sent the request.
    pub object: Option<Reference>,
    pub id_pack: Box<[u8]>,
    /// The parts of the id_pack.
    pub value: Value,
    /// The class id in the id_pack.
    pub class_id: Box<[u8]>,
    pub is_class: bool,
}

/// The arguments of `Op::OldSlicing`.
#[derive(Debug)]
pub struct Slicing {
    pub attempt: Result<Name, Exception>,
    pub fallback: Result<Name, Exception>,
    pub start: Value,
    pub stop: Value,
    pub args: Vec<Value>,
}

/// An attribute access that waits for the answer to `Op::Exists`.
#[derive(Debug)]
pub struct Access {
    pub(super) name: Vec<u8>,
    pub(super) kind: AccessKind,
    pub(super) known: Known,
}

impl Access {
    /// Returns the values of the request.
    pub fn values(&self) -> Vec<Value> {
        match &self.kind {
            AccessKind::Get | AccessKind::Del => Vec::new(),
            AccessKind::Set(value) => vec![value.clone()],
            AccessKind::Call { args, keywords } => {
                args.iter().chain(keywords.iter().map(|(_, value)| value)).cloned().collect()
            }
        }
    }
}

#[derive(Debug)]
pub(super) enum AccessKind {
    Get,
    Set(Value),
    Del,
    Call { args: Vec<Value>, keywords: Keywords },
}

/// A request for the application. It is small, because it is moved often.
pub struct Request {
    pub id: RequestId,
    pub target: Arc<dyn Local>,
    pub op: Op,
}

const _: () = assert!(size_of::<Request>() <= 128);
