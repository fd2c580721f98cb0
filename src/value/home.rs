//! The requests that an object accepts, and the trait that sends them for objects of a peer.

use super::reference::upcast::Upcast;
use super::{CompareOp, Proxy, Text, Value};
use crate::error::Result;
use std::sync::Arc;
use std::time::Duration;

/// A request to an object.
#[derive(Clone, Copy)]
pub enum Ask<'a> {
    GetAttr(&'a str),
    SetAttr(&'a str, &'a Value),
    DelAttr(&'a str),
    Call {
        args: &'a [Value],
        keywords: &'a [(Text, Value)],
    },
    CallAttr {
        name: &'a str,
        args: &'a [Value],
        keywords: &'a [(Text, Value)],
    },
    Repr,
    Str,
    Hash,
    Dir,
    Compare(CompareOp, &'a Value),
    BuffIter(i64),
    /// Leaves a context, normally or with an error.
    Exit(bool),
    Inspect,
    /// A pickle, in a protocol of at most this number; -1 for one that numpy makes an array of.
    Pickle(i8),
}

impl Ask<'_> {
    /// A description for messages.
    pub fn text(&self) -> String {
        match self {
            Ask::GetAttr(name) | Ask::SetAttr(name, _) | Ask::DelAttr(name) => format!("attribute {name}"),
            Ask::CallAttr { name, .. } => format!("{name}()"),
            Ask::Call { .. } => "a call".into(),
            Ask::Repr => "repr".into(),
            Ask::Str => "str".into(),
            Ask::Hash => "hash".into(),
            Ask::Dir => "dir".into(),
            Ask::Compare(op, _) => op.name().into(),
            Ask::BuffIter(_) => "iteration".into(),
            Ask::Exit(_) => "__exit__".into(),
            Ask::Inspect => "inspect".into(),
            Ask::Pickle(_) => "pickle".into(),
        }
    }
}

/// Receives a reply, in the thread that handles it.
pub type Then = Box<dyn FnOnce(Result<Value>) + Send>;

/// A request to an object of a peer without a waiting thread.
pub struct Inquiry<'a> {
    pub object: Arc<Proxy>,
    pub ask: Ask<'a>,
    pub then: Then,
}

/// The origin of a peer's objects: the driver of the session that imported them. The layer that made it can downcast it
/// to its type.
pub trait Home: Upcast {
    /// Sends a request to an object, and waits for the reply.
    fn ask(self: Arc<Self>, object: &Arc<Proxy>, ask: Ask<'_>) -> Result<Value>;

    /// Requests whether the object of an id_pack is an instance of a class, and waits for the reply.
    fn is_instance(self: Arc<Self>, class: &Arc<Proxy>, id_pack: &[u8]) -> Result<Value>;

    /// Returns whether a thread can wait for replies. Those of a session are read by its application only.
    fn can_wait(&self) -> bool;

    /// Sends requests in one burst, without waiting. A reply that arrives after `timeout` is dropped together with its
    /// `then`.
    fn ask_burst(self: Arc<Self>, inquiries: Vec<Inquiry<'_>>, timeout: Option<Duration>);
}
