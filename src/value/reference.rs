//! Tokens for objects: ours, lent to peers, and theirs, lent to us.

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

/// What whoever knows an object's type finds it by. Compilers from 1.86 on upcast trait objects by themselves. It is private, because
/// where it is in scope it is found on an `Arc` too.
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
    /// What a peer may know of it.
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

    /// For an object of another peer that was lent on: what host code gets when it comes back.
    fn stands_for(&self) -> Option<&Arc<Proxy>> {
        None
    }
}

/// An object: one of ours, or one of a peer's.
#[derive(Clone)]
pub enum Reference {
    Local(Arc<dyn Local>),
    Remote(Arc<Proxy>),
}

impl Reference {
    /// An object of ours that a peer gives back.
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

/// What the proxies of one class of a peer have in common.
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

/// What a session keeps of an object that its peer lent. The last one that goes tells the session's
/// `Releases`, which makes the session send DEL. There may be a million: it leads to what it shares with others.
pub struct Proxy {
    /// The id_pack as it came, canonical brine: the key, and what is sent back.
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
    /// A proxy that has been received so many times.
    pub fn new(id_pack: Arc<[u8]>, class: Arc<PeerClass>, received: u64) -> Proxy {
        Proxy { id_pack, id: Id::new(), received: AtomicU64::new(received), class }
    }

    /// What a new proxy and its entry take, about.
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

/// An object that comes again is looked for among so many releases that wait.
const RECENT: usize = 64;

/// An id_pack, and how often it had been received.
pub type Released = (Arc<[u8]>, u64);

/// Where a session's proxies go when they die, and where they come from.
pub struct Releases {
    queue: Mutex<Vec<Released>>,
    /// Raised by `push`, so that nobody takes the lock in vain.
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
    /// So many are known when it is time to forget those of which no object is left.
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

    /// Sets who is called when a proxy has died, in the thread that dropped it and under whatever locks that holds; once.
    pub fn set_watcher(&self, watcher: impl Fn() + Send + Sync + 'static) {
        let _ = self.watcher.set(Box::new(watcher));
    }

    /// Has the watcher called with the next release. Look at the queue after this, not before.
    pub fn watch(&self) {
        let _ = self.watch.compare_exchange(QUIET, ONCE, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Ends `watch`. False: the watcher has been called since, or it was not to be called once.
    pub fn quiet(&self) -> bool {
        self.watch.compare_exchange(ONCE, QUIET, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Has the watcher called with every release, or no more.
    pub fn watch_each(&self, on: bool) {
        self.watch.store(if on { EACH } else { QUIET }, Ordering::SeqCst);
    }

    /// How often the queue has become empty.
    pub fn emptied(&self) -> u64 {
        self.emptied.load(Ordering::Acquire)
    }

    /// How many objects wait to be released.
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

    /// Takes back the release of an object that has come again: how often its dead proxy had been received.
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

    /// Our id for a class of the peer, where it or objects of it are passed on: the same one as long as any of them lives.
    pub fn class_id(&self, class_id: &[u8]) -> Arc<Id> {
        // As for `push`. None of the objects can be used here, so that nobody compares their classes.
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

    /// What drives the session; set once by it.
    pub fn set_owner(&self, owner: Weak<dyn Home>) {
        let _ = self.owner.set(owner);
    }

    #[inline]
    pub fn owner(&self) -> Option<Arc<dyn Home>> {
        self.owner.get()?.upgrade()
    }
}
