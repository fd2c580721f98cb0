//! Objects of the application and Python's rules for them. This layer knows no sockets, threads or locks of a
//! connection: sending and waiting are done through `Peer`.

mod about;
mod attributes;
mod bridge;
mod buffered;
mod call;
mod class;
mod convert;
pub mod deadline;
mod defaults;
pub(crate) mod dispatch;
mod instance;
mod job;
mod no_wait;
mod operations;
mod operators;
mod peer;
pub(crate) mod plain;
mod promise;
mod python;
mod reflect;
mod restricted;
pub(crate) mod resumed;
pub(crate) mod served;
mod signature;
mod target;
pub mod time_limit;
pub(crate) mod turn;
mod typed;
mod wrap;

pub use bridge::{Bridge, Forward, Known, forward};
pub use call::{Answer, Call};
pub use class::{
    BoundMethod, Class, ClassObject, Create, Definition, Dynamic, Function, Has, Hook, Member, MemberKind, Method,
    Object, Refused, Service,
};
pub use convert::{Converted, convert_then};
pub use dispatch::perform_apart;
pub use instance::{Membership, is_instance, membership};
pub use no_wait::{await_all, may_ask, own_events, thread_number};
pub use operations::{Asker, ask, ask_here_later, ask_then};
pub use operators::{contains, equal, truth, truth_of};
pub use peer::{Conversion, Outcome, Peer, ask_peer, home_of};
pub use promise::{Callback, Promise};
#[cfg_attr(debug_assertions, allow(unused_imports))]
pub(crate) use promise::{Promised, Settled};
pub use python::{CycleCandidates, Dict, File, FileMode, Generator, List, unpickle};
pub use restricted::restricted;
pub use signature::{LiteralFault, LiteralReader, Signature};
pub use target::{Target, is_truthy};
pub(crate) use time_limit::TimeLimit;
pub(crate) use turn::Turn;
pub use typed::method_of_signature;
pub use wrap::DataWrap;
pub(crate) use wrap::HostWrap;
