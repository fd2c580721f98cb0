//! Objects for values that the protocol has no form for: lists, dicts, arrays, times, and proxies of other connections.

use super::bridge::{Bridge, Known};
use super::python;
use crate::protocol::Wrap;
use crate::sync::{Mutex, lock};
use crate::value::{Local, Proxy, Reference, Value};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Makes the objects, and finds the existing one for a proxy.
#[derive(Default)]
pub(crate) struct HostWrap {
    bridges: Mutex<Bridges>,
}

#[derive(Default)]
struct Bridges {
    by_proxy: HashMap<usize, Weak<Bridge>>,
    /// At this number of entries, those of freed objects are removed.
    crowded: usize,
}

impl Wrap for HostWrap {
    fn wrap(&self, value: &Value) -> Option<Arc<dyn Local>> {
        match value {
            Value::Ref(Reference::Remote(proxy)) => Some(self.bridge(proxy)),
            data => DataWrap.wrap(data),
        }
    }
}

/// Makes the objects for data only. Objects of other connections cannot be sent.
pub struct DataWrap;

impl Wrap for DataWrap {
    fn wrap(&self, value: &Value) -> Option<Arc<dyn Local>> {
        match value {
            Value::List(items) => Some(python::list(items.clone())),
            Value::Dict(entries) => Some(python::dict(entries.clone())),
            Value::Array(array) => Some(python::array(array.clone())),
            Value::FrozenSet(items) => Some(python::frozenset(items.clone())),
            Value::Slice(parts) => Some(python::slice(parts.clone())),
            Value::Temporal(time) => Some(python::time(*time)),
            _ => None,
        }
    }
}

impl HostWrap {
    fn bridge(&self, proxy: &Arc<Proxy>) -> Arc<Bridge> {
        self.bridge_as(proxy, || None)
    }

    /// Returns the existing bridge of an object.
    pub(crate) fn find(&self, proxy: &Arc<Proxy>) -> Option<Arc<Bridge>> {
        lock(&self.bridges).by_proxy.get(&(Arc::as_ptr(proxy) as usize)).and_then(Weak::upgrade)
    }

    /// Returns the existing bridge, or one with a token by which the application identifies it and learns of its end.
    pub(crate) fn bridge_as(&self, proxy: &Arc<Proxy>, token: impl FnOnce() -> Option<Box<dyn Known>>) -> Arc<Bridge> {
        let mut bridges = lock(&self.bridges);
        let key = Arc::as_ptr(proxy) as usize;
        if let Some(known) = bridges.by_proxy.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        if bridges.by_proxy.len() >= bridges.crowded {
            bridges.by_proxy.retain(|_, bridge| bridge.strong_count() > 0);
            bridges.crowded = 2 * bridges.by_proxy.len().max(32);
        }
        let bridge = Arc::new(Bridge::new(proxy, token()));
        bridges.by_proxy.insert(key, Arc::downgrade(&bridge));
        bridge
    }
}
