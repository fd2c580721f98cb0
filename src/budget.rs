//! Memory whose size a peer or an argument chooses: whether it can be had.

use std::hint::black_box;

/// Allocations up to this size are made without a look first.
pub const SMALL: usize = 32 << 10;

/// Can so much be allocated in one piece? For storage that cannot itself report a failure and is made right after.
#[inline]
pub fn can_have(bytes: usize) -> bool {
    bytes <= SMALL || try_it(bytes)
}

#[cold]
#[inline(never)]
fn try_it(bytes: usize) -> bool {
    let mut trial: Vec<u8> = Vec::new();
    let had = trial.try_reserve_exact(bytes).is_ok();
    // Else the compiler knows that nobody needs it.
    black_box(&trial);
    had
}

/// Memory that could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for {bytes} bytes")]
pub struct NoMemory {
    pub bytes: usize,
}

/// Refuses what cannot be had.
#[inline]
pub fn check(bytes: usize) -> Result<(), NoMemory> {
    if can_have(bytes) { Ok(()) } else { Err(NoMemory { bytes }) }
}

/// An empty vector with storage for so many items.
pub fn vector<T>(items: usize) -> Result<Vec<T>, NoMemory> {
    let mut vector = Vec::new();
    match vector.try_reserve_exact(items) {
        Ok(()) => Ok(vector),
        Err(_) => Err(NoMemory { bytes: items.saturating_mul(size_of::<T>()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_refused() {
        assert!(can_have(0) && can_have(SMALL) && can_have(1 << 20));
        for bytes in [1 << 60, isize::MAX as usize, usize::MAX] {
            assert!(!can_have(bytes));
            assert_eq!(check(bytes), Err(NoMemory { bytes }));
            assert!(vector::<u64>(bytes).is_err());
        }
        assert!(vector::<u64>(1000).unwrap().capacity() >= 1000);
    }
}
