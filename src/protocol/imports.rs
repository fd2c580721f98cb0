//! Implements the import table: one proxy per object of the peer, by its id_pack.

use crate::budget::{Account, Steps};
use crate::error::{Error, Result};
use crate::value::{PeerClass, Proxy, Released, Releases};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

#[derive(Default)]
pub struct Imports {
    by_pack: HashMap<Arc<[u8]>, Weak<Proxy>, RandomState>,
    /// The classes of the last proxies.
    classes: Vec<Arc<PeerClass>>,
    releases: Arc<Releases>,
    /// The charge for the entries.
    paid: Steps,
}

/// Memory charged for an imported object: its proxy, its entry, its id_pack twice.
const EACH: usize = 512;
/// Number of places above which a nearly empty table is shrunk.
const LARGE: usize = 1000;
/// Number of classes that are remembered, and the maximum length of their names.
const CLASSES: (usize, usize) = (8, 200);

impl Imports {
    pub fn charged_to(account: &Account) -> Imports {
        Imports { paid: Steps::new(account, EACH), ..Imports::default() }
    }

    pub fn releases(&self) -> &Arc<Releases> {
        &self.releases
    }

    /// Returns the number of proxies, including dropped ones whose release has not been sent.
    pub fn len(&self) -> usize {
        self.by_pack.len()
    }

    /// Returns whether there is a proxy of this object, or a dropped one whose release has not been sent.
    pub fn knows(&self, id_pack: &[u8]) -> bool {
        self.by_pack.contains_key(id_pack)
    }

    /// Returns the live proxy of an object, and counts one more reference.
    #[inline]
    pub fn receive_known(&self, id_pack: &[u8]) -> Option<Arc<Proxy>> {
        let proxy = self.by_pack.get(id_pack)?.upgrade()?;
        proxy.count_reception();
        Some(proxy)
    }

    /// Makes a proxy for an object that has no live one.
    pub fn receive_new(
        &mut self,
        id_pack: &[u8],
        type_name: &str,
        class_id: &[u8],
        is_class: bool,
        limit: usize,
    ) -> Result<Arc<Proxy>> {
        // Proxies whose release is pending do not count.
        if self.by_pack.len() >= limit.saturating_add(self.releases.len()) && !self.by_pack.contains_key(id_pack) {
            return Err(Error::Limit(format!("the peer exported more than {limit} objects (max_imports)")));
        }
        if !self.paid.may_add(self.by_pack.len()) {
            return Err(Error::Memory(format!("no memory for more than {} objects of the peer", self.by_pack.len())));
        }
        // If its release is still pending, it need not be sent.
        let received = self.releases.revive(id_pack).saturating_add(1);
        let class = self.class(type_name, class_id, is_class);
        // The proxy and the table share one id_pack.
        let known = self.by_pack.get_key_value(id_pack).map(|(known, _)| known.clone());
        let id_pack = known.unwrap_or_else(|| id_pack.into());
        let proxy = Arc::new(Proxy::new(id_pack.clone(), class, received));
        self.by_pack.insert(id_pack, Arc::downgrade(&proxy));
        Ok(proxy)
    }

    /// Gets the data that the proxies of a class share.
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

    /// Frees unused memory.
    pub fn give_back(&mut self) {
        self.by_pack.shrink_to(2 * self.by_pack.len());
    }

    /// Takes the dropped proxies and the number of references to each. Each must be released at the peer.
    pub fn take_released(&mut self) -> Vec<Released> {
        let released = self.releases.take();
        for (id_pack, _) in &released {
            // If the object was received again meanwhile, the entry belongs to the new proxy.
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
