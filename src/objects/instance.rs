//! isinstance: told by ids and names where they tell, else by the peer whose class it is.

use super::peer::home_of;
use crate::error::{Error, Result};
use crate::protocol::{Instance, id_pack};
use crate::value::{Local, Proxy, Reference, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// What is known of whether an object is an instance of a class.
pub enum Membership<'a> {
    Known(bool),
    /// The peer whose class it is must be asked, about an object with this id_pack.
    Ask(&'a Arc<Proxy>, Cow<'a, [u8]>),
}

/// Object and class may be anybody's. As in Python, equal class ids mean the same class, whatever connections they came over,
/// and where a local and a remote one meet, names count.
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

/// Asks whether an object is an instance of a class, and waits for the answer.
pub fn is_instance(object: &Reference, class: &Reference) -> Result<Value> {
    match membership(object, class)? {
        Membership::Known(known) => Ok(Value::Bool(known)),
        Membership::Ask(class, other) => home_of(class)?.is_instance(class, &other),
    }
}

/// What a peer asks about a class of another one.
pub(super) fn of_peer(class: &Arc<Proxy>, instance: &Instance) -> Result<Value> {
    match &instance.object {
        Some(object) => is_instance(object, &Reference::Remote(class.clone())),
        None if instance.class_id == class.class_id => Ok(Value::Bool(!instance.is_class)),
        None => home_of(class)?.is_instance(class, &instance.id_pack),
    }
}

/// What the peer of a class is asked about when somebody else asks it: an object, or the id_pack of one; or what is known.
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
