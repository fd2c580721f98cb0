//! Remembers the addresses that last spoke the dialect of rpyc 4.1 to 5.3. These are only hints: the replies decide, so
//! a wrong hint costs one attempt.

use crate::config::Dialect;
use crate::transport::Address;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// Maximum number of remembered addresses. An address replaces another one with the same place.
const PLACES: usize = 256;

/// Digests of the addresses, each at a place that depends on it; 0 for none. Atomics, because a fork could leave a lock
/// held.
static OLDER: [AtomicU64; PLACES] = [const { AtomicU64::new(0) }; PLACES];

fn digest(address: &Address) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    hasher.finish().max(1)
}

fn place(digest: u64) -> Option<&'static AtomicU64> {
    OLDER.get(digest as usize % PLACES)
}

/// Returns the dialect to try first.
pub(super) fn dialect(address: &Address) -> Dialect {
    let digest = digest(address);
    match place(digest) {
        Some(place) if place.load(Ordering::Relaxed) == digest => Dialect::V5,
        _ => Dialect::V6,
    }
}

/// Notes the dialect of an address. None if it sent nothing valid.
pub(super) fn note(address: &Address, found: Option<Dialect>) {
    let digest = digest(address);
    let Some(place) = place(digest) else { return };
    if found == Some(Dialect::V5) {
        place.store(digest, Ordering::Relaxed);
    } else {
        // Another address may have taken the place meanwhile.
        let _ = place.compare_exchange(digest, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_kept_and_forgotten() {
        let address = |n: u32| Address::Abstract(format!("hints-{n}"));
        assert_eq!(dialect(&address(0)), Dialect::V6);
        note(&address(0), Some(Dialect::V5));
        assert_eq!(dialect(&address(0)), Dialect::V5);
        for found in [None, Some(Dialect::V6)] {
            note(&address(0), Some(Dialect::V5));
            note(&address(0), found);
            assert_eq!(dialect(&address(0)), Dialect::V6);
        }
    }

    #[test]
    fn the_table_is_bounded_and_the_latest_is_in_it() {
        let address = |n: u32| Address::Abstract(format!("many-{n}"));
        for n in 0..4 * PLACES as u32 {
            note(&address(n), Some(Dialect::V5));
            assert_eq!(dialect(&address(n)), Dialect::V5);
        }
        let kept = (0..4 * PLACES as u32).filter(|n| dialect(&address(*n)) == Dialect::V5).count();
        assert!((1..=PLACES).contains(&kept), "{kept}");
    }
}
