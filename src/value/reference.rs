//! Tokens for objects: local ones that are exported to peers, and remote ones that are imported.

use super::{Home, Shape};
use crate::ids::Id;
use crate::printable;
use crate::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use crate::sync::{Mutex, lock};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, Weak};

/// Upcasts for code that knows an object's type. Compilers from 1.86 on upcast trait objects by themselves. It is
/// private, because a trait in scope also applies to an `Arc`.
pub(super) mod upcast {
    use std::any::Any;
    use std::sync::Arc;

    pub trait Upcast: Any + Send + Sync {
        fn as_any(&self) -> &(dyn Any + Send + Sync);

        fn into_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    }

    impl<T: Any + Send + Sync> Upcast for T {
        #[inline]
        fn as_any(&self) -> &(dyn Any + Send + Sync) {
            self
        }

        #[inline]
        fn into_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
            self
        }
    }
}

/// An object of this process. What it does, only the layers above know.
pub trait Local: upcast::Upcast {
    /// The part that a peer may know.
    fn shape(&self) -> &Arc<Shape>;

    /// Its id for all peers; that of a class is its `class_id`.
    fn id(&self) -> u64;

    /// The id of its class; of a class, its own.
    fn class_id(&self) -> u64 {
        self.instances().unwrap_or(self.shape()).id.get()
    }

    /// For a class: the shape of its instances.
    fn instances(&self) -> Option<&Arc<Shape>> {
        None
    }

    /// For an exported object of another peer: the object that the application gets when it is received again.
    fn stands_for(&self) -> Option<&Arc<Proxy>> {
        None
    }
}

/// An object: a local or a remote one.
#[derive(Clone)]
pub enum Reference {
    Local(Arc<dyn Local>),
    Remote(Arc<Proxy>),
}

impl Reference {
    /// Makes a reference from a local object that a peer sent back.
    #[inline]
    pub fn given_back(object: Arc<dyn Local>) -> Reference {
        match object.stands_for() {
            None => Reference::Local(object),
            Some(proxy) => Reference::Remote(proxy.clone()),
        }
    }

    /// Identity, as Python's `is`.
    pub fn same(&self, other: &Reference) -> bool {
        match (self, other) {
            (Reference::Local(a), Reference::Local(b)) => std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b)),
            (Reference::Remote(a), Reference::Remote(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Local(_) => f.write_str("<local object>"),
            Reference::Remote(p) => write!(f, "<remote {}>", printable::one_line(&p.type_name)),
        }
    }
}

/// The common part of the proxies of one class of a peer.
pub struct PeerClass {
    /// `module.Class`
    pub type_name: Box<str>,
    /// The class id as canonical brine: equal exactly for objects of one class.
    pub class_id: Box<[u8]>,
    /// The instance id is 0.
    pub is_class: bool,
    home: Arc<Releases>,
}

impl PeerClass {
    pub fn new(type_name: &str, class_id: &[u8], is_class: bool, home: &Arc<Releases>) -> PeerClass {
        PeerClass { type_name: type_name.into(), class_id: class_id.into(), is_class, home: home.clone() }
    }

    pub fn is(&self, type_name: &str, class_id: &[u8], is_class: bool) -> bool {
        self.is_class == is_class && *self.class_id == *class_id && *self.type_name == *type_name
    }
}

/// An imported object of a session. Dropping the last handle notifies the session's `Releases`, which makes the session
/// send DEL. There may be a million of them: common parts are shared.
pub struct Proxy {
    /// The id_pack as it was received, in canonical brine: the key, and the bytes to be sent back.
    pub id_pack: Arc<[u8]>,
    /// Its id where it is passed on over other connections.
    pub id: Id,
    received: AtomicU64,
    class: Arc<PeerClass>,
}

impl Deref for Proxy {
    type Target = PeerClass;

    #[inline]
    fn deref(&self) -> &PeerClass {
        &self.class
    }
}

impl Proxy {
    /// Makes a proxy that was received `received` times.
    pub fn new(id_pack: Arc<[u8]>, class: Arc<PeerClass>, received: u64) -> Proxy {
        Proxy { id_pack, id: Id::new(), received: AtomicU64::new(received), class }
    }

    /// The approximate memory of a new proxy and its entry.
    pub fn memory(id_pack_length: usize) -> usize {
        384 + 3 * id_pack_length
    }

    /// The peer has sent it once more.
    pub fn count_reception(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub fn home(&self) -> &Arc<Releases> {
        &self.class.home
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.class.home.push(self.id_pack.clone(), *self.received.get_mut());
    }
}

/// The number of pending releases in which an object that is received again is looked up.
const RECENT: usize = 64;

/// An id_pack, and how often it had been received.
pub type Released = (Arc<[u8]>, u64);

/// The queue of a session's dropped proxies, and their origin.
pub struct Releases {
    queue: Mutex<Vec<Released>>,
    /// Set by `push`, so that the lock is not taken for an empty queue.
    waiting: AtomicU64,
    /// Counts how often the queue became empty: what waits after that is younger.
    emptied: AtomicU64,
    /// Whether `watcher` is called by the next `push`: QUIET, ONCE or EACH.
    watch: AtomicU8,
    watcher: OnceLock<Watcher>,
    owner: OnceLock<Weak<dyn Home>>,
    classes: Mutex<Classes>,
    forks: u32,
}

/// The classes of a peer whose objects are passed on over other connections, by their ids there.
#[derive(Default)]
struct Classes {
    by_id: HashMap<Box<[u8]>, Weak<Id>, RandomState>,
    /// The number of known classes at which those without objects are removed.
    crowded: usize,
}

type Watcher = Box<dyn Fn() + Send + Sync>;

const QUIET: u8 = 0;
const ONCE: u8 = 1;
const EACH: u8 = 2;

impl Default for Releases {
    fn default() -> Releases {
        Releases {
            queue: Mutex::default(),
            waiting: AtomicU64::new(0),
            emptied: AtomicU64::new(0),
            watch: AtomicU8::new(QUIET),
            watcher: OnceLock::new(),
            owner: OnceLock::new(),
            classes: Mutex::default(),
            forks: crate::fork::generation(),
        }
    }
}

impl Releases {
    fn push(&self, id_pack: Arc<[u8]>, count: u64) {
        // In a forked child the lock may be held for ever by a thread that is not there, and the peer is the parent's.
        if !crate::fork::is_ours(self.forks) {
            return;
        }
        let mut queue = lock(&self.queue);
        queue.push((id_pack, count));
        self.waiting.store(queue.len() as u64, Ordering::SeqCst);
        drop(queue);
        let tell = match self.watch.load(Ordering::SeqCst) {
            QUIET => false,
            ONCE => self.watch.compare_exchange(ONCE, QUIET, Ordering::SeqCst, Ordering::SeqCst).is_ok(),
            _ => true,
        };
        if tell {
            self.watcher.get().into_iter().for_each(|watcher| watcher());
        }
    }

    /// Sets the function that is called after a proxy was dropped, in the dropping thread and under its locks; once.
    pub fn set_watcher(&self, watcher: impl Fn() + Send + Sync + 'static) {
        let _ = self.watcher.set(Box::new(watcher));
    }

    /// Enables the watcher for the next release. Check the queue after this call, not before.
    pub fn watch(&self) {
        let _ = self.watch.compare_exchange(QUIET, ONCE, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Ends `watch`. False: the watcher has been called since, or it was not to be called once.
    pub fn quiet(&self) -> bool {
        self.watch.compare_exchange(ONCE, QUIET, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Enables or disables the watcher for every release.
    pub fn watch_each(&self, on: bool) {
        self.watch.store(if on { EACH } else { QUIET }, Ordering::SeqCst);
    }

    /// Returns the number of times the queue became empty.
    pub fn emptied(&self) -> u64 {
        self.emptied.load(Ordering::Acquire)
    }

    /// Returns the number of objects that wait to be released.
    pub fn len(&self) -> usize {
        self.waiting.load(Ordering::SeqCst) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what waits: id_packs with the number of times each was received.
    pub fn take(&self) -> Vec<Released> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut queue = lock(&self.queue);
        self.waiting.store(0, Ordering::SeqCst);
        self.emptied.fetch_add(1, Ordering::Release);
        std::mem::take(&mut *queue)
    }

    /// Cancels the release of an object that was received again. Returns the number of times its dropped proxy was
    /// received.
    pub fn revive(&self, id_pack: &[u8]) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let mut queue = lock(&self.queue);
        // Only among the last, so that a long queue is not searched again and again.
        let first = queue.len().saturating_sub(RECENT);
        let recent = queue.iter().skip(first).position(|(waiting, _)| **waiting == *id_pack);
        let Some(at) = recent.map(|at| first + at) else { return 0 };
        let (_, count) = queue.swap_remove(at);
        self.waiting.store(queue.len() as u64, Ordering::SeqCst);
        if queue.is_empty() {
            self.emptied.fetch_add(1, Ordering::Release);
        }
        count
    }

    /// Returns the local id of a peer's class that is passed on, or whose objects are: the same one while any of them
    /// is alive.
    pub fn class_id(&self, class_id: &[u8]) -> Arc<Id> {
        // As for `push`. None of the objects can be used here, so their classes are never compared.
        if self.forks != crate::fork::generation() {
            return Arc::new(Id::new());
        }
        let mut classes = lock(&self.classes);
        if let Some(known) = classes.by_id.get(class_id).and_then(Weak::upgrade) {
            return known;
        }
        if classes.by_id.len() >= classes.crowded {
            classes.by_id.retain(|_, id| id.strong_count() > 0);
            classes.crowded = 2 * classes.by_id.len().max(32);
        }
        let id = Arc::new(Id::new());
        classes.by_id.insert(class_id.into(), Arc::downgrade(&id));
        id
    }

    /// Sets the driver of the session; once.
    pub fn set_owner(&self, owner: Weak<dyn Home>) {
        let _ = self.owner.set(owner);
    }

    #[inline]
    pub fn owner(&self) -> Option<Arc<dyn Home>> {
        self.owner.get()?.upgrade()
    }
}
