//! isinstance: decided by ids and names if possible, otherwise by the peer that owns the class.

use super::peer::home_of;
use crate::error::{Error, Result};
use crate::protocol::{Instance, id_pack};
use crate::value::{Local, Proxy, Reference, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// The result of the local test.
pub enum Membership<'a> {
    Known(bool),
    /// The owner of the class must be asked, about an object with this id_pack.
    Ask(&'a Arc<Proxy>, Cow<'a, [u8]>),
}

/// Object and class may belong to any peer. As in Python, equal class ids mean the same class on all connections, and a
/// local and a remote one are compared by name.
pub fn membership<'a>(object: &'a Reference, class: &'a Reference) -> Result<Membership<'a>> {
    let class = match class {
        Reference::Local(class) => return in_local(object, class).map(Membership::Known),
        Reference::Remote(class) if class.is_class => class,
        Reference::Remote(other) => return Err(no_class(&other.type_name)),
    };
    Ok(match object {
        Reference::Remote(proxy) if proxy.class_id == class.class_id => Membership::Known(!proxy.is_class),
        Reference::Remote(proxy) => Membership::Ask(class, Cow::Borrowed(&proxy.id_pack)),
        Reference::Local(local) if is_by_name(local, &class.type_name) => Membership::Known(true),
        Reference::Local(local) => Membership::Ask(class, Cow::Owned(id_pack(local).into())),
    })
}

fn no_class(type_name: &str) -> Error {
    Error::Type(format!("class_: expected a class, got an object of type {type_name}"))
}

fn in_local(object: &Reference, class: &Arc<dyn Local>) -> Result<bool> {
    let wanted = class.instances().ok_or_else(|| no_class(class.shape().type_name.as_str()))?;
    Ok(match object {
        Reference::Local(object) => object.instances().is_none() && object.shape().is_or_derives_from(wanted),
        Reference::Remote(proxy) => !proxy.is_class && *proxy.type_name == *wanted.type_name.as_str(),
    })
}

fn is_by_name(object: &Arc<dyn Local>, class: &str) -> bool {
    class == "builtins.object" || object.shape().is_named(class)
}

/// Returns whether an object is an instance of a class; waits for a reply if necessary.
pub fn is_instance(object: &Reference, class: &Reference) -> Result<Value> {
    match membership(object, class)? {
        Membership::Known(known) => Ok(Value::Bool(known)),
        Membership::Ask(class, other) => home_of(class)?.is_instance(class, &other),
    }
}

/// Answers a peer's request about a class of another peer.
pub(super) fn of_peer(class: &Arc<Proxy>, instance: &Instance) -> Result<Value> {
    match &instance.object {
        Some(object) => is_instance(object, &Reference::Remote(class.clone())),
        None if instance.class_id == class.class_id => Ok(Value::Bool(!instance.is_class)),
        None => home_of(class)?.is_instance(class, &instance.id_pack),
    }
}

/// Returns the request to the owner of a class, if the application makes it: an object, or an id_pack; or the result.
pub(super) fn asked_of(class: &Arc<Proxy>, instance: Instance) -> std::result::Result<Value, Result<Value>> {
    let Some(object) = instance.object else {
        return match instance.class_id == class.class_id {
            true => Err(Ok(Value::Bool(!instance.is_class))),
            false => Ok(instance.value),
        };
    };
    match membership(&object, &Reference::Remote(class.clone())) {
        Ok(Membership::Known(known)) => Err(Ok(Value::Bool(known))),
        Ok(Membership::Ask(..)) => Ok(Value::Ref(object)),
        Err(error) => Err(Err(error)),
    }
}
