//! Manages memory whose size a peer or an argument determines: tests whether it can be allocated, and limits how much
//! of it the connections of a server may take.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Allocations up to this size are made without a test.
pub const SMALL: usize = 32 << 10;

/// Returns whether this size can be allocated in one piece. For storage that cannot report a failure and is allocated
/// right after.
#[inline]
pub fn can_have(bytes: usize) -> bool {
    bytes <= SMALL || try_it(bytes)
}

#[cold]
#[inline(never)]
fn try_it(bytes: usize) -> bool {
    let mut trial: Vec<u8> = Vec::new();
    let had = trial.try_reserve_exact(bytes).is_ok();
    // Otherwise the compiler removes the unused allocation.
    black_box(&trial);
    had
}

/// An allocation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for {bytes} bytes")]
pub struct NoMemory {
    pub bytes: usize,
}

/// Fails if the size cannot be allocated.
#[inline]
pub fn check(bytes: usize) -> Result<(), NoMemory> {
    if can_have(bytes) { Ok(()) } else { Err(NoMemory { bytes }) }
}

/// Makes an empty vector with storage for `items` items.
pub fn vector<T>(items: usize) -> Result<Vec<T>, NoMemory> {
    let mut vector = Vec::new();
    match vector.try_reserve_exact(items) {
        Ok(()) => Ok(vector),
        Err(_) => Err(NoMemory { bytes: items.saturating_mul(size_of::<T>()) }),
    }
}

/// Makes room for more items.
pub fn reserve<T>(items: &mut Vec<T>, more: usize) -> Result<(), NoMemory> {
    items.try_reserve(more).map_err(|_| NoMemory { bytes: more.saturating_mul(size_of::<T>()) })
}

/// Memory that the connections of a server may take together. Each gets it in pieces, so that small users need none.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    taken: AtomicUsize,
}

impl Budget {
    pub fn new(limit: usize) -> Arc<Budget> {
        Arc::new(Budget { limit, taken: AtomicUsize::new(0) })
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the amount taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// A connection's account of a budget; unlimited without one.
#[derive(Clone, Debug, Default)]
pub struct Account(Option<Arc<Share>>);

#[derive(Debug)]
struct Share {
    budget: Arc<Budget>,
    taken: AtomicUsize,
    /// The part that was granted to the values of the current message.
    granted: AtomicUsize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(*self.granted.get_mut(), Ordering::Relaxed);
    }
}

impl Account {
    pub fn new(budget: Option<&Arc<Budget>>) -> Account {
        Account(budget.map(|budget| {
            Arc::new(Share { budget: budget.clone(), taken: AtomicUsize::new(0), granted: AtomicUsize::new(0) })
        }))
    }

    /// Returns whether there is a budget.
    #[inline]
    pub fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the addition to "no memory" that names the option which may be the reason.
    #[cold]
    pub fn hint(&self) -> &'static str {
        if self.is_limited() { " (max_total_memory)" } else { "" }
    }

    pub fn is_same(&self, other: &Account) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// Returns the amount that this connection has taken.
    pub fn taken(&self) -> usize {
        self.0.as_ref().map_or(0, |share| share.taken.load(Ordering::Relaxed))
    }

    /// Takes memory for the values of the current message. Messages are read one at a time.
    pub fn grant(&self, bytes: usize) -> bool {
        let granted = self.take(bytes);
        if let (true, Some(share)) = (granted, &self.0) {
            share.granted.fetch_add(bytes, Ordering::Relaxed);
        }
        granted
    }

    /// Returns whether memory was granted to the last message.
    #[inline]
    pub fn has_granted(&self) -> bool {
        self.0.as_ref().is_some_and(|share| share.granted.load(Ordering::Relaxed) > 0)
    }

    /// Takes the memory granted to the last message as a charge of its own.
    #[cold]
    pub fn take_granted(&self) -> Option<Charge> {
        let share = self.0.as_ref().filter(|share| share.granted.load(Ordering::Relaxed) > 0)?;
        let bytes = share.granted.swap(0, Ordering::Relaxed);
        Some(Charge { account: self.clone(), bytes })
    }

    /// Takes memory. Returns false if there is not enough. A connection may have as much as is left after it, so a
    /// single one takes at most half of the budget, and something is always left for others.
    fn take(&self, bytes: usize) -> bool {
        let Some(share) = &self.0 else { return true };
        let Share { budget, taken, .. } = &**share;
        let add = |counter: &AtomicUsize| counter.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if bytes > budget.limit {
            return false;
        }
        let (own, all) = (add(taken), add(&budget.taken));
        let fits = budget.limit.checked_sub(all).is_some_and(|left| own <= left);
        if !fits {
            self.give(bytes);
        }
        fits
    }

    fn give(&self, bytes: usize) {
        if let Some(share) = &self.0 {
            share.taken.fetch_sub(bytes, Ordering::Relaxed);
            share.budget.taken.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

/// Memory taken from a budget. Dropping it releases the memory.
#[derive(Debug, Default)]
pub struct Charge {
    account: Account,
    bytes: usize,
}

impl Charge {
    /// Makes an empty charge.
    pub fn new(account: &Account) -> Charge {
        Charge { account: account.clone(), bytes: 0 }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Sets the amount. Returns false if there is not enough; then it is unchanged.
    #[inline]
    pub fn set(&mut self, bytes: usize) -> bool {
        if !self.account.is_limited() || bytes == self.bytes { true } else { self.change(bytes) }
    }

    fn change(&mut self, bytes: usize) -> bool {
        match bytes.checked_sub(self.bytes) {
            Some(more) if !self.account.take(more) => return false,
            Some(_) => {}
            None => self.account.give(self.bytes - bytes),
        }
        self.bytes = bytes;
        true
    }

    /// Adds to the amount.
    #[inline]
    pub fn add(&mut self, bytes: usize) -> bool {
        self.set(self.bytes.saturating_add(bytes))
    }

    /// Splits off this amount, or the whole if it is less.
    pub fn split(&mut self, bytes: usize) -> Charge {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Charge { account: self.account.clone(), bytes }
    }

    /// Adds the amount of another charge of the same account.
    pub fn join(&mut self, mut other: Charge) {
        if self.account.is_same(&other.account) {
            self.bytes += std::mem::take(&mut other.bytes);
        }
    }
}

impl Drop for Charge {
    #[inline]
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.account.give(self.bytes);
        }
    }
}

/// Memory for many small items of one kind, charged for many of them at once.
#[derive(Debug)]
pub struct Steps {
    charge: Charge,
    /// Memory for each.
    each: usize,
    /// The number that is charged.
    paid: usize,
}

/// The number that is charged at once.
const STEP: usize = 256;

impl Steps {
    pub fn new(account: &Account, each: usize) -> Steps {
        // Those of the first step are free.
        let paid = if account.is_limited() { STEP } else { usize::MAX };
        Steps { charge: Charge::new(account), each, paid }
    }

    /// Returns whether there may be one more than `count`.
    #[inline]
    pub fn may_add(&mut self, count: usize) -> bool {
        count < self.paid || self.pay()
    }

    #[cold]
    fn pay(&mut self) -> bool {
        let paid = self.charge.add(STEP * self.each);
        self.paid += if paid { STEP } else { 0 };
        paid
    }

    /// Sets the number of items left.
    #[inline]
    pub fn left(&mut self, count: usize) {
        if count.saturating_add(2 * STEP) < self.paid && self.charge.bytes > 0 {
            self.give_back(count);
        }
    }

    #[cold]
    fn give_back(&mut self, count: usize) {
        let paid = (count / STEP + 1) * STEP;
        self.charge.set((paid - STEP) * self.each);
        self.paid = paid;
    }
}

impl Default for Steps {
    fn default() -> Steps {
        Steps::new(&Account::default(), 0)
    }
}

/// Bytes of a vector, with the charge for them.
#[derive(Debug, Default)]
pub struct Storage {
    pub bytes: Vec<u8>,
    pub charge: Charge,
}

impl AsRef<[u8]> for Storage {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Vec<u8>> for Storage {
    fn from(bytes: Vec<u8>) -> Storage {
        Storage { bytes, charge: Charge::default() }
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

    #[test]
    fn one_takes_half_and_leaves_the_rest_to_others() {
        let budget = Budget::new(1000);
        let accounts = [(); 3].map(|()| Account::new(Some(&budget)));
        let mut charges = accounts.each_ref().map(Charge::new);
        assert!(charges[0].set(500) && !charges[0].add(1));
        assert_eq!((charges[0].bytes(), budget.taken()), (500, 500));
        assert!(charges[1].set(250) && !charges[1].add(1) && charges[2].set(125) && !charges[2].add(1));
        let part = charges[0].split(300);
        assert_eq!((charges[0].bytes(), part.bytes(), accounts[0].taken()), (200, 300, 500));
        charges[0].join(part);
        assert!(charges[0].set(100) && charges[2].add(1));
        drop(charges);
        assert_eq!((budget.taken(), accounts[0].taken()), (0, 0));
        let mut free = Charge::new(&Account::default());
        assert!(free.set(usize::MAX) && free.add(usize::MAX) && free.bytes() == 0);
        assert!(!Charge::new(&accounts[0]).set(usize::MAX));
    }

    #[test]
    fn many_small_things() {
        let budget = Budget::new(20 * STEP);
        let mut steps = Steps::new(&Account::new(Some(&budget)), 1);
        let most = (0..).find(|count| !steps.may_add(*count)).unwrap();
        assert_eq!((most, budget.taken()), (11 * STEP, 10 * STEP));
        steps.left(5 * STEP);
        assert_eq!(budget.taken(), 5 * STEP);
        assert!(steps.may_add(6 * STEP - 1) && budget.taken() == 5 * STEP && steps.may_add(6 * STEP));
        steps.left(0);
        assert_eq!(budget.taken(), 0);
        assert!((0..100 * STEP).all(|count| Steps::default().may_add(count)));
    }
}
