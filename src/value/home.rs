//! What can be asked of an object, and who asks it where the object is a peer's.

use super::reference::upcast::Upcast;
use super::{CompareOp, Proxy, Text, Value};
use crate::error::Result;
use std::sync::Arc;
use std::time::Duration;

/// What is asked of an object.
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
    /// What it is, for messages.
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

/// What gets an answer, on whatever thread brings it.
pub type Then = Box<dyn FnOnce(Result<Value>) + Send>;

/// What is asked of an object of a peer while nobody waits.
pub struct Inquiry<'a> {
    pub object: Arc<Proxy>,
    pub ask: Ask<'a>,
    pub then: Then,
}

/// Where objects of a peer come from: whatever drives the session over which they were lent.
/// The layer that made it can have it back as its type.
pub trait Home: Upcast {
    /// Asks an object, and waits for the answer.
    fn ask(self: Arc<Self>, object: &Arc<Proxy>, ask: Ask<'_>) -> Result<Value>;

    /// Asks whether the object of an id_pack is an instance of a class, and waits for the answer.
    fn is_instance(self: Arc<Self>, class: &Arc<Proxy>, id_pack: &[u8]) -> Result<Value>;

    /// Can a thread wait for its answers? A session's are read by its application alone.
    fn can_wait(&self) -> bool;

    /// Asks objects of this home in one burst, without waiting. An answer that comes after `timeout` is dropped, and so
    /// is its `then`.
    fn ask_burst(self: Arc<Self>, inquiries: Vec<Inquiry<'_>>, timeout: Option<Duration>);
}
