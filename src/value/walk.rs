//! Questions about a value and all that is in it.

use super::{Proxy, Reference, Value, flat};
use crate::nesting;
use std::sync::Arc;

/// The memory of a container or an array without its items.
pub(super) const HEAD: usize = 48;
/// A small object.
const OBJECT: usize = 192;

impl Value {
    /// Returns whether RPyC passes it by value ("dumpable"): it contains no reference, list, dict, array or time.
    #[inline]
    pub fn is_plain(&self) -> bool {
        match self {
            Value::Tuple(items) | Value::FrozenSet(items) => Value::are_plain(items),
            Value::Slice(parts) => Value::are_plain(&parts[..]),
            Value::List(_) | Value::Dict(_) | Value::Array(_) | Value::Temporal(_) | Value::Ref(_) => false,
            _ => true,
        }
    }

    /// Returns whether dropping the value does nothing.
    #[inline(always)]
    pub fn owns_nothing(&self) -> bool {
        matches!(
            self,
            Value::None
                | Value::NotImplemented
                | Value::Ellipsis
                | Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Complex(..)
        )
    }

    /// Returns whether the value is a container.
    #[inline]
    pub fn is_container(&self) -> bool {
        matches!(self, Value::Tuple(_) | Value::FrozenSet(_) | Value::List(_) | Value::Dict(_) | Value::Slice(_))
    }

    /// Looks at a value within another; where the stack is short, `flat` does so without going deeper.
    #[inline]
    pub(super) fn inside<R>(&self, look: impl FnOnce(&Value) -> R, flat: impl FnOnce(&Value) -> R) -> R {
        if !self.is_container() {
            return look(self);
        }
        match nesting::step() {
            Some(_step) => look(self),
            None => flat(self),
        }
    }

    /// About how many bytes it takes beside its own place, without what is charged where it was received. What is shared is
    /// counted wherever it is.
    #[inline]
    pub fn weight(&self) -> usize {
        match self {
            Value::Str(text) => text.as_blob().weight(),
            Value::Bytes(bytes) => bytes.weight(),
            Value::BigInt(n) => n.text().as_blob().weight(),
            Value::Ref(_) => OBJECT,
            Value::Array(array) => array.data().len() + HEAD,
            container if container.is_container() => flat::weight(container),
            _ => 0,
        }
    }

    /// Returns whether the value contains an object, local or remote.
    pub fn holds_objects(&self) -> bool {
        let holds = |item: &Value| item.inside(Value::holds_objects, flat::holds_objects);
        match self {
            Value::Ref(_) => true,
            Value::Tuple(items) | Value::List(items) | Value::FrozenSet(items) => items.iter().any(holds),
            Value::Slice(parts) => parts.iter().any(holds),
            Value::Dict(entries) => entries.iter().any(|(key, value)| holds(key) || holds(value)),
            _ => false,
        }
    }

    /// Returns whether `test` is true for an object of a peer in it.
    pub fn any_remote(&self, test: &dyn Fn(&Proxy) -> bool) -> bool {
        match self {
            Value::Ref(Reference::Remote(proxy)) => test(proxy),
            _ if self.is_container() => flat::any_remote(self, test),
            _ => false,
        }
    }

    /// The first object of a peer in it, by depth.
    pub fn first_remote(&self) -> Option<&Arc<Proxy>> {
        match self {
            Value::Ref(Reference::Remote(proxy)) => Some(proxy),
            _ if self.is_container() => flat::first_remote(self),
            _ => None,
        }
    }

    fn are_plain(items: &[Value]) -> bool {
        items.iter().all(|item| item.inside(Value::is_plain, flat::is_plain))
    }

    /// Returns whether the value contains a list, dict, array or time, which RPyC's encoding lacks.
    pub fn wants_native(&self) -> bool {
        match self {
            Value::List(_) | Value::Dict(_) | Value::Array(_) | Value::Temporal(_) => true,
            Value::Tuple(items) | Value::FrozenSet(items) => {
                items.iter().any(|item| item.inside(Value::wants_native, flat::wants_native))
            }
            Value::Slice(parts) => parts.iter().any(|item| item.inside(Value::wants_native, flat::wants_native)),
            _ => false,
        }
    }

    /// Returns whether the nesting is at most `levels`. A tuple of numbers has one level, a number none.
    pub fn depth_at_most(&self, levels: usize) -> bool {
        let fits = |item: &Value| {
            item.inside(|item| item.depth_at_most(levels - 1), |item| flat::depth_at_most(item, levels - 1))
        };
        let inside = |items: &[Value]| levels > 0 && items.iter().all(fits);
        match self {
            Value::Tuple(items) | Value::FrozenSet(items) | Value::List(items) => inside(items),
            Value::Slice(parts) => inside(&parts[..]),
            Value::Dict(pairs) => levels > 0 && pairs.iter().all(|(key, value)| fits(key) && fits(value)),
            _ => true,
        }
    }
}
