//! What the peer lent to us: one proxy per object, found again by its id_pack.

use crate::budget::{Account, Steps};
use crate::error::{Error, Result};
use crate::value::{PeerClass, Proxy, Released, Releases};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

#[derive(Default)]
pub struct Imports {
    by_pack: HashMap<Arc<[u8]>, Weak<Proxy>, RandomState>,
    /// Those of the last proxies.
    classes: Vec<Arc<PeerClass>>,
    releases: Arc<Releases>,
    /// Memory for them.
    paid: Steps,
}

/// What an imported object takes: its proxy, its entry, its id_pack twice.
const EACH: usize = 512;
/// A table with more places than this, which is nearly empty, is made smaller.
const LARGE: usize = 1000;
/// So many classes are remembered, of those with names up to this length.
const CLASSES: (usize, usize) = (8, 200);

impl Imports {
    pub fn charged_to(account: &Account) -> Imports {
        Imports { paid: Steps::new(account, EACH), ..Imports::default() }
    }

    pub fn releases(&self) -> &Arc<Releases> {
        &self.releases
    }

    /// Live proxies, and dead ones whose release has not been sent.
    pub fn len(&self) -> usize {
        self.by_pack.len()
    }

    /// Is there a proxy of this object, or was there one whose release has not been sent?
    pub fn knows(&self, id_pack: &[u8]) -> bool {
        self.by_pack.contains_key(id_pack)
    }

    /// The proxy of an object that was received before and is still held: received once more.
    #[inline]
    pub fn receive_known(&self, id_pack: &[u8]) -> Option<Arc<Proxy>> {
        let proxy = self.by_pack.get(id_pack)?.upgrade()?;
        proxy.count_reception();
        Some(proxy)
    }

    /// A new proxy for an object that is not known (any more).
    pub fn receive_new(
        &mut self,
        id_pack: &[u8],
        type_name: &str,
        class_id: &[u8],
        is_class: bool,
        limit: usize,
    ) -> Result<Arc<Proxy>> {
        // Those whose release waits do not live any more.
        if self.by_pack.len() >= limit.saturating_add(self.releases.len()) && !self.by_pack.contains_key(id_pack) {
            return Err(Error::Limit(format!("the peer lent more than {limit} objects (max_imports)")));
        }
        if !self.paid.may_add(self.by_pack.len()) {
            return Err(Error::Memory(format!("no memory for more than {} objects of the peer", self.by_pack.len())));
        }
        // Its release may still wait to be sent, and then need not be.
        let received = self.releases.revive(id_pack).saturating_add(1);
        let class = self.class(type_name, class_id, is_class);
        // The proxy and the table share one id_pack.
        let known = self.by_pack.get_key_value(id_pack).map(|(known, _)| known.clone());
        let id_pack = known.unwrap_or_else(|| id_pack.into());
        let proxy = Arc::new(Proxy::new(id_pack.clone(), class, received));
        self.by_pack.insert(id_pack, Arc::downgrade(&proxy));
        Ok(proxy)
    }

    /// What the proxies of a class have in common.
    fn class(&mut self, type_name: &str, class_id: &[u8], is_class: bool) -> Arc<PeerClass> {
        if let Some(known) = self.classes.iter().find(|class| class.is(type_name, class_id, is_class)) {
            return known.clone();
        }
        let class = Arc::new(PeerClass::new(type_name, class_id, is_class, &self.releases));
        let (most, longest) = CLASSES;
        if type_name.len() + class_id.len() <= longest {
            if self.classes.len() >= most {
                self.classes.remove(0);
            }
            self.classes.reserve_exact(1);
            self.classes.push(class.clone());
        }
        class
    }

    /// Gives the memory back that nothing lies in.
    pub fn give_back(&mut self) {
        self.by_pack.shrink_to(2 * self.by_pack.len());
    }

    /// Dead proxies and how often each had been received. Each is to be told to the peer.
    pub fn take_released(&mut self) -> Vec<Released> {
        let released = self.releases.take();
        for (id_pack, _) in &released {
            // The object may have come again since; then the entry belongs to the new proxy.
            if self.by_pack.get(id_pack).is_some_and(|proxy| proxy.strong_count() == 0) {
                self.by_pack.remove(id_pack);
            }
        }
        self.paid.left(self.by_pack.len());
        if self.by_pack.capacity() > LARGE && self.by_pack.len() < self.by_pack.capacity() / 16 {
            self.give_back();
        }
        released
    }

    pub fn clear(&mut self) {
        self.by_pack.clear();
        self.classes.clear();
        self.paid.left(0);
        self.releases.take();
    }
}
