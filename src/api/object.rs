//! Objects: a peer's or our own, and what can be asked of them.

use super::call::Args;
use super::pending::Pending;
use super::{Call, class};
use crate::connection::{self};
use crate::error::{Error, Exception, Result};
use crate::objects::{self, ask};
use crate::printable;
use crate::value::{Ask, Bounds, Limits, Local, Reference, Text, Value};
use std::fmt;

/// An object, mostly one of a peer's: what is asked of it is asked there, a request each.
///
/// Clones are the same object. A peer keeps its object alive as long as one of them is there; the connection they do not keep open.
#[derive(Clone)]
pub struct Object(pub(super) Reference);

impl Object {
    /// A function of ours, to be called by the peers that get it. The signature is Python's: `"scale(x, factor=2)"`.
    pub fn function<R, F>(signature: &str, run: F) -> Result<Object>
    where
        R: Into<Value>,
        F: Fn(&Call) -> Result<R, Exception> + Send + Sync + 'static,
    {
        let member = class::function_member(signature, run)?;
        Ok(Object(Reference::Local(objects::Function::new(member, Box::new(())))))
    }

    /// `object.name`
    pub fn get(&self, name: &str) -> Result<Value> {
        ask(&self.0, Ask::GetAttr(name))
    }

    /// As `get`, without waiting for the answer.
    pub fn get_later(&self, name: &str) -> Result<Pending> {
        Pending::ask(&self.0, Ask::GetAttr(name))
    }

    /// `object.name = value`
    pub fn set(&self, name: &str, value: impl Into<Value>) -> Result<()> {
        ask(&self.0, Ask::SetAttr(name, &value.into())).map(drop)
    }

    /// `del object.name`
    pub fn delete(&self, name: &str) -> Result<()> {
        ask(&self.0, Ask::DelAttr(name)).map(drop)
    }

    /// `object.method(*args)`, in one request.
    ///
    /// The arguments are a tuple, an array, a slice or a vector of what becomes a [`Value`]: `object.call("add", (40, 2))`.
    pub fn call(&self, method: &str, args: impl Args) -> Result<Value> {
        self.call_with(method, args, &[])
    }

    /// `object.method(*args, **keywords)`
    pub fn call_with(&self, method: &str, args: impl Args, keywords: &[(&str, Value)]) -> Result<Value> {
        let (args, keywords) = (args.into_values(), named(keywords));
        ask(&self.0, Ask::CallAttr { name: method, args: &args, keywords: &keywords })
    }

    /// As `call`, without waiting for the answer.
    pub fn call_later(&self, method: &str, args: impl Args) -> Result<Pending> {
        let args = args.into_values();
        Pending::ask(&self.0, Ask::CallAttr { name: method, args: &args, keywords: &[] })
    }

    /// `object(*args)`
    pub fn invoke(&self, args: impl Args) -> Result<Value> {
        self.invoke_with(args, &[])
    }

    /// `object(*args, **keywords)`
    pub fn invoke_with(&self, args: impl Args, keywords: &[(&str, Value)]) -> Result<Value> {
        let (args, keywords) = (args.into_values(), named(keywords));
        ask(&self.0, Ask::Call { args: &args, keywords: &keywords })
    }

    /// As `invoke`, without waiting for the answer.
    pub fn invoke_later(&self, args: impl Args) -> Result<Pending> {
        let args = args.into_values();
        Pending::ask(&self.0, Ask::Call { args: &args, keywords: &[] })
    }

    /// `object[key]`
    pub fn item(&self, key: impl Into<Value>) -> Result<Value> {
        self.call("__getitem__", [key.into()])
    }

    /// `object[key] = value`
    pub fn set_item(&self, key: impl Into<Value>, value: impl Into<Value>) -> Result<()> {
        self.call("__setitem__", [key.into(), value.into()]).map(drop)
    }

    /// `del object[key]`
    pub fn delete_item(&self, key: impl Into<Value>) -> Result<()> {
        self.call("__delitem__", [key.into()]).map(drop)
    }

    /// `len(object)`
    #[expect(clippy::len_without_is_empty, reason = "it is a question to a peer")]
    pub fn len(&self) -> Result<usize> {
        self.call("__len__", ())?.try_into()
    }

    /// `item in object`
    pub fn contains(&self, item: impl Into<Value>) -> Result<bool> {
        objects::contains(&self.0, &item.into())
    }

    /// `object == other`
    pub fn equals(&self, other: impl Into<Value>) -> Result<bool> {
        objects::equal(&self.0, &other.into())
    }

    /// `bool(object)`
    pub fn is_true(&self) -> Result<bool> {
        objects::truth(&self.0)
    }

    /// `iter(object)`: asks for one item after the other, as Python does.
    pub fn iter(&self) -> Result<Iter> {
        Object::try_from(self.call("__iter__", ())?).map(|iterator| Iter { iterator, over: false })
    }

    /// `repr(object)`
    pub fn repr(&self) -> Result<String> {
        text(ask(&self.0, Ask::Repr)?)
    }

    /// `str(object)`
    pub fn str(&self) -> Result<String> {
        text(ask(&self.0, Ask::Str)?)
    }

    /// `dir(object)`
    pub fn names(&self) -> Result<Vec<String>> {
        let answer = ask(&self.0, Ask::Dir)?;
        match &answer {
            Value::Tuple(names) => Ok(names.iter().filter_map(|name| String::try_from(name.clone()).ok()).collect()),
            other => Err(Error::Malformed(format!("reply to DIR: expected a tuple, got {}", other.type_name()))),
        }
    }

    /// A copy of a list, dict, set or the like of the peer, with all that is in it.
    pub fn obtain(&self) -> Result<Value> {
        let Limits { depth, items, memory, .. } = Limits::default();
        connection::obtain(&self.0, &Bounds { depth, items, bytes: memory })
    }

    /// The full name of its class, such as `bank.Account`.
    pub fn type_name(&self) -> &str {
        match &self.0 {
            Reference::Remote(proxy) => &proxy.type_name,
            Reference::Local(local) => local.shape().type_name.as_str(),
        }
    }

    /// Is it a class itself?
    pub fn is_class(&self) -> bool {
        match &self.0 {
            Reference::Remote(proxy) => proxy.is_class,
            Reference::Local(local) => local.instances().is_some(),
        }
    }

    /// Is it one of this program?
    pub fn is_local(&self) -> bool {
        matches!(self.0, Reference::Local(_))
    }

    /// `object is other`
    pub fn is(&self, other: &Object) -> bool {
        self.0.same(&other.0)
    }

    pub(super) fn local(object: std::sync::Arc<dyn Local>) -> Object {
        Object(Reference::Local(object))
    }
}

fn named(keywords: &[(&str, Value)]) -> Vec<(Text, Value)> {
    keywords.iter().map(|(name, value)| (Text::new(name), value.clone())).collect()
}

/// What answers to `repr` and `str` are, mostly.
fn text(answer: Value) -> Result<String> {
    match answer {
        Value::Str(text) => Ok(text.to_string()),
        other => Ok(other.repr()),
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.is_local() { "local" } else { "remote" };
        write!(f, "<{whose} {}>", printable::one_line(self.type_name()))
    }
}

impl From<Reference> for Object {
    fn from(reference: Reference) -> Object {
        Object(reference)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Ref(object.0)
    }
}

impl From<&Object> for Value {
    fn from(object: &Object) -> Value {
        Value::Ref(object.0.clone())
    }
}

impl TryFrom<Value> for Object {
    type Error = Error;

    fn try_from(value: Value) -> Result<Object> {
        match value {
            Value::Ref(reference) => Ok(Object(reference)),
            other => Err(other.is_no("an object")),
        }
    }
}

/// The items of an object, one request each.
pub struct Iter {
    iterator: Object,
    over: bool,
}

impl Iterator for Iter {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Result<Value>> {
        if self.over {
            return None;
        }
        match self.iterator.call("__next__", ()) {
            Ok(item) => Some(Ok(item)),
            Err(error) => {
                self.over = true;
                (!error.is_stop_iteration()).then_some(Err(error))
            }
        }
    }
}
