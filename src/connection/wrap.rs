//! Objects for values that the wire has no form for: lists, dicts, arrays, and proxies of other connections.

use super::containers;
use super::dispatch::Job;
use super::remote;
use crate::ids::Id;
use crate::session::{Op, Wrap};
use crate::sync::{Mutex, lock};
use crate::value::{Local, Proxy, Reference, Shape, Text, Value};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Makes the objects, and finds again the one for a proxy as long as it lives.
#[derive(Default)]
pub(super) struct HostWrap {
    bridges: Mutex<Bridges>,
}

#[derive(Default)]
struct Bridges {
    by_proxy: HashMap<usize, Weak<Bridge>>,
    /// So many are known when it is time to forget those that are gone.
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

/// Makes the objects for data alone. What belongs to another connection cannot be sent.
pub struct DataWrap;

impl Wrap for DataWrap {
    fn wrap(&self, value: &Value) -> Option<Arc<dyn Local>> {
        match value {
            Value::List(items) => Some(containers::list(items.clone())),
            Value::Dict(entries) => Some(containers::dict(entries.clone())),
            Value::Array(array) => Some(containers::array(array.clone())),
            Value::FrozenSet(items) => Some(containers::frozenset(items.clone())),
            Value::Slice(parts) => Some(containers::slice(parts.clone())),
            _ => None,
        }
    }
}

impl HostWrap {
    fn bridge(&self, proxy: &Arc<Proxy>) -> Arc<Bridge> {
        let mut bridges = lock(&self.bridges);
        let key = Arc::as_ptr(proxy) as usize;
        if let Some(known) = bridges.by_proxy.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        if bridges.by_proxy.len() >= bridges.crowded {
            bridges.by_proxy.retain(|_, bridge| bridge.strong_count() > 0);
            bridges.crowded = 2 * bridges.by_proxy.len().max(32);
        }
        let bridge = Arc::new(Bridge {
            shape: bridge_shape(proxy),
            class: proxy.home().class_id(&proxy.class_id),
            proxy: proxy.clone(),
        });
        bridges.by_proxy.insert(key, Arc::downgrade(&bridge));
        bridge
    }
}

/// An object of one peer, lent to another: what is asked of it is passed on.
pub(super) struct Bridge {
    proxy: Arc<Proxy>,
    shape: Arc<Shape>,
    /// The id of its class, or of itself where it is one.
    class: Arc<Id>,
}

/// Its attributes are known to its owner alone. Our own rules decide about their names first, then those of the owner.
fn bridge_shape(proxy: &Proxy) -> Arc<Shape> {
    const LISTED: [&str; 14] = [
        "__call__",
        "__iter__",
        "__next__",
        "__len__",
        "__bool__",
        "__getitem__",
        "__setitem__",
        "__delitem__",
        "__contains__",
        "__enter__",
        "__int__",
        "__float__",
        "__index__",
        "__format__",
    ];
    let listed = LISTED.map(|name| Value::tuple(vec![Value::str(name), Value::None]));
    let mut shape = Shape::new(Text::new(&proxy.type_name), Vec::new(), Vec::new());
    shape.inspect = Value::Tuple(listed.into());
    shape.dynamic = true;
    shape.says_missing = true;
    Arc::new(shape)
}

impl Bridge {
    pub(super) fn perform(&self, job: Job, op: Op) {
        let outcome = match (remote::pass_on(&self.proxy, &op), op) {
            // The object arrives all the same; whatever is asked of it says why its owner cannot be.
            (Err(_), Op::Inspect) => Ok(self.shape.inspect.clone()),
            (outcome, _) => outcome,
        };
        let _ = job.answer.give(outcome);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        remote::has_attr(&self.proxy, name)
    }
}

impl Local for Bridge {
    fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    fn id(&self) -> u64 {
        if self.proxy.is_class { self.class_id() } else { self.proxy.id.get() }
    }

    fn class_id(&self) -> u64 {
        self.class.get()
    }

    /// Its name is all that is known of them.
    fn instances(&self) -> Option<&Arc<Shape>> {
        self.proxy.is_class.then_some(&self.shape)
    }

    fn stands_for(&self) -> Option<&Arc<Proxy>> {
        Some(&self.proxy)
    }
}
