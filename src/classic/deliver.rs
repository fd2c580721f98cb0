//! Copies of plain data at a classic server: by their pickle, or, around objects that are there already, by calls of its types.

use super::client::{Classic, object};
use crate::codec::pickle;
use crate::connection::shared_of;
use crate::error::{Error, Result};
use crate::objects::ask;
use crate::value::{Ask, Reference, Value};
use std::sync::Arc;

/// The nesting limit of the peer's objects in a delivered value.
const LEVELS: usize = 100;

impl Classic {
    /// Makes a copy of plain data at the peer: real lists and dicts there. Objects of the peer in it become parts of that.
    pub fn deliver(&self, value: &Value) -> Result<Value> {
        // A single object is already at the peer: delivering it is a mistake.
        match value.is_container() && value.holds_objects() {
            true => self.deliver_around(value, LEVELS),
            false => self.deliver_pickled(value),
        }
    }

    fn deliver_pickled(&self, value: &Value) -> Result<Value> {
        let bytes = pickle::write(value, pickle::DEFAULT, self.connection().config().limits.bytes)?;
        let module = self.module("rpyc.lib.compat")?;
        let pickle = object(ask(&module, Ask::GetAttr("pickle"))?, "rpyc.lib.compat.pickle")?;
        ask(&pickle, Ask::CallAttr { name: "loads", args: &[Value::Bytes(bytes.into())], keywords: &[] })
    }

    fn deliver_around(&self, value: &Value, levels: usize) -> Result<Value> {
        if let Value::Ref(object) = value {
            return self.belonging(object).map(|()| value.clone());
        }
        if !value.holds_objects() {
            return if value.is_plain() { Ok(value.clone()) } else { self.deliver_pickled(value) };
        }
        let Some(levels) = levels.checked_sub(1) else {
            return Err(Error::Limit(format!(
                "cannot deliver the value: objects of the peer are nested over {LEVELS} levels in it"
            )));
        };
        let around = |item: &Value| self.deliver_around(item, levels);
        let all = |items: &[Value]| Ok(Value::Tuple(items.iter().map(around).collect::<Result<Vec<_>>>()?.into()));
        match value {
            Value::Tuple(items) => all(items),
            Value::List(items) => self.call("builtins", "list", &[all(items)?], &[]),
            Value::FrozenSet(items) => self.call("builtins", "frozenset", &[all(items)?], &[]),
            Value::Slice(parts) => {
                let parts: Vec<_> = parts.iter().map(around).collect::<Result<_>>()?;
                self.call("builtins", "slice", &parts, &[])
            }
            Value::Dict(entries) => {
                let pair = |(key, value): &(Value, Value)| all(&[key.clone(), value.clone()]);
                let pairs: Vec<_> = entries.iter().map(pair).collect::<Result<_>>()?;
                self.call("builtins", "dict", &[Value::Tuple(pairs.into())], &[])
            }
            // Nothing else holds objects.
            _ => self.deliver_pickled(value),
        }
    }

    fn belonging(&self, object: &Reference) -> Result<()> {
        match object {
            Reference::Remote(proxy) if Arc::ptr_eq(&shared_of(proxy)?, self.connection().shared()) => Ok(()),
            Reference::Remote(_) => Err(Error::Type("an object of another connection cannot be delivered".into())),
            Reference::Local(_) => Err(Error::Type("an object of this process cannot be delivered".into())),
        }
    }
}
