//! Bounds on the growth of containers by operations of peers. Beyond them the peer gets MemoryError; the process lives.

use super::super::served;
use super::credit::CREDIT;
use crate::budget::{Account, Charge, SMALL};
use crate::error::Exception;
use crate::sync::thread_local;
use crate::value::Value;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::{Mutex, PoisonError};

/// Maximum size to which peers can grow a list, dict or set, and number of items that one operation takes.
pub(super) const MAX_ITEMS: usize = if cfg!(test) { 1 << 12 } else { 1 << 24 };

/// Maximum length in bytes of a container's repr.
const LONGEST: usize = 1 << 28;

pub(super) fn memory_error() -> Exception {
    Exception::with_args("builtins", "MemoryError", Vec::new())
}

/// Raised beyond the budget of all connections.
#[cold]
fn over_budget() -> Exception {
    Exception::builtin("MemoryError", "the memory limit of all connections together was reached (max_total_memory)")
}

thread_local! {
    /// Memory taken by the operation that this thread runs. Without a destructor, it exists as long as the thread.
    static TAKEN: ManuallyDrop<Cell<Option<Charge>>> = const { ManuallyDrop::new(Cell::new(None)) };
}

/// Restores the charge of the surrounding operation.
struct Back(Option<Charge>);

impl Drop for Back {
    fn drop(&mut self) {
        drop(TAKEN.with(|taken| taken.replace(self.0.take())));
    }
}

/// Runs an operation of a peer. Memory that it took from the budget and that is not kept is returned at its end.
pub(super) fn operation<R>(run: impl FnOnce() -> R) -> R {
    let _back = Back(TAKEN.with(|taken| taken.replace(Some(Charge::default()))));
    run()
}

/// Returns the account of the peer that this thread serves.
fn account() -> Account {
    served::here().map(|peer| peer.account()).unwrap_or_default()
}

/// Takes memory for an operation of a peer.
pub(super) fn take(bytes: usize) -> Result<(), Exception> {
    if bytes <= SMALL || take_much(bytes) { Ok(()) } else { Err(over_budget()) }
}

#[cold]
fn take_much(bytes: usize) -> bool {
    TAKEN.with(|taken| {
        // Outside of operations the application is calling, which is not charged.
        let Some(mut charge) = taken.take() else { return true };
        if !charge.account().is_limited() {
            charge = Charge::new(&account());
        }
        let had = charge.add(bytes);
        taken.set(Some(charge));
        had
    })
}

/// The part of the budget that a container takes, as far as peers have filled it.
#[derive(Default)]
pub(super) struct Kept(Mutex<Charged>);

#[derive(Default)]
struct Charged {
    charge: Charge,
    /// Its size before a peer first added anything.
    own: usize,
    /// Memory of its values beyond their places.
    weight: usize,
}

impl Kept {
    /// For a container that an operation of a peer has made, of `size` bytes, with values that take `weight`.
    pub fn of_operation(size: usize, weight: usize) -> Result<Kept, Exception> {
        let kept = Kept::default();
        kept.cover(0, size, weight)?;
        Ok(kept)
    }

    /// Call before a peer grows the storage from `now` bytes to `size`, with values of this additional weight.
    pub fn cover(&self, now: usize, size: usize, more: usize) -> Result<(), Exception> {
        CREDIT.give((size.saturating_sub(now) + more) / size_of::<Value>() + 1);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.charge.account().is_limited() {
            let account = account();
            if !account.is_limited() {
                return Ok(());
            }
            kept.charge = Charge::new(&account);
            kept.own = now;
        }
        kept.weight += more;
        let wanted = (size + kept.weight).saturating_sub(kept.own).next_multiple_of(BLOCK) + OBJECT;
        if wanted > kept.charge.bytes() {
            // Uses what the operation has already taken.
            TAKEN.with(|taken| {
                let mut operation = taken.take();
                if let Some(operation) = &mut operation {
                    let missing = wanted - kept.charge.bytes();
                    kept.charge.join(operation.split(missing));
                }
                taken.set(operation);
            });
        }
        // A small difference is not worth returning.
        let differs = wanted > kept.charge.bytes() || wanted + SMALL < kept.charge.bytes();
        if differs && !kept.charge.set(wanted) {
            kept.weight -= more;
            return Err(over_budget());
        }
        Ok(())
    }

    /// A value of this size was removed.
    pub fn lighter(&self, weight: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.weight = kept.weight.saturating_sub(weight);
    }

    /// The container was emptied.
    pub fn emptied(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.weight = 0;
        kept.own = 0;
        kept.charge.set(0);
    }
}

/// Containers are charged in steps of this number of bytes.
const BLOCK: usize = 256;
/// Memory of a container without items.
const OBJECT: usize = 256;

/// Returns the memory of a vector in bytes.
pub(super) fn size<T>(items: &Vec<T>) -> usize {
    items.capacity() * size_of::<T>()
}

/// Returns the memory of a vector with room for `more` further items.
pub(super) fn size_with<T>(items: &Vec<T>, more: usize) -> usize {
    let needed = items.len().saturating_add(more);
    let capacity = if needed > items.capacity() { needed.max(2 * items.capacity()) } else { items.capacity() };
    capacity.saturating_mul(size_of::<T>())
}

/// Reserves memory for further items on behalf of any caller.
pub(super) fn reserve<T>(items: &mut Vec<T>, more: usize) -> Result<(), Exception> {
    let grown = size_with(items, more).saturating_sub(size(items));
    take(grown)?;
    items.try_reserve(more).map_err(|_| memory_error())
}

/// Reserves memory for further items, unless they would be too many.
pub(super) fn grow<T>(items: &mut Vec<T>, more: usize) -> Result<(), Exception> {
    check_count(items.len(), more)?;
    reserve(items, more)
}

/// Rejects more items than peers may put into a container.
pub(super) fn check_count(len: usize, more: usize) -> Result<(), Exception> {
    match len.checked_add(more) {
        Some(total) if total <= MAX_ITEMS || more == 0 => Ok(()),
        _ => Err(memory_error()),
    }
}

/// Returns a copy of items. Fails without memory.
pub(super) fn copied<T: Clone>(items: &[T]) -> Result<Vec<T>, Exception> {
    collected(items.iter().cloned())
}

/// Collects a known number of items.
pub(super) fn collected<T>(items: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>, Exception> {
    let mut all = Vec::new();
    reserve(&mut all, items.len())?;
    all.extend(items);
    Ok(all)
}

/// Appends items, at most up to `most` in total.
pub(super) fn gather(items: &mut Vec<Value>, more: impl Iterator<Item = Value>, most: usize) -> Result<(), Exception> {
    for item in more {
        if items.len() >= most {
            return Err(memory_error());
        }
        reserve(items, 1)?;
        items.push(item);
    }
    Ok(())
}

/// Repeats items `count` times.
pub(super) fn repeated(items: &[Value], count: usize) -> Result<Vec<Value>, Exception> {
    let total =
        items.len().checked_mul(count).filter(|total| *total <= MAX_ITEMS || count <= 1).ok_or_else(memory_error)?;
    let mut all = Vec::new();
    take(total.saturating_mul(size_of::<Value>()))?;
    all.try_reserve_exact(total).map_err(|_| memory_error())?;
    // An empty list stays empty.
    while all.len() < total {
        all.extend_from_slice(items);
    }
    Ok(all)
}

/// Joins strings with commas.
pub(super) fn joined(texts: impl Iterator<Item = Result<String, Exception>>) -> Result<String, Exception> {
    let mut all = String::new();
    for (at, text) in texts.enumerate() {
        let text = text?;
        if all.len() + text.len() > LONGEST {
            return Err(memory_error());
        }
        let (size, needed) = (all.capacity(), all.len() + text.len() + 2);
        if needed > size {
            take(needed.max(2 * size) - size)?;
            all.try_reserve(text.len() + 2).map_err(|_| memory_error())?;
        }
        if at > 0 {
            all.push_str(", ");
        }
        all.push_str(&text);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        let is_memory_error = |error: Exception| error.is_builtin("MemoryError");
        let one = [Value::Int(1)];
        assert_eq!(repeated(&one, 3).unwrap().len(), 3);
        assert_eq!(repeated(&[], usize::MAX).unwrap().len(), 0);
        for count in [MAX_ITEMS + 1, 1 << 28, usize::MAX] {
            assert!(repeated(&one, count).is_err_and(is_memory_error));
        }
        let mut items = vec![Value::None];
        assert!(grow(&mut items, 5).is_ok() && items.capacity() >= 6);
        for more in [MAX_ITEMS, usize::MAX] {
            assert!(grow(&mut items, more).is_err_and(is_memory_error));
        }
        assert!(reserve(&mut items, usize::MAX).is_err_and(is_memory_error));
        assert!(gather(&mut items, std::iter::repeat(Value::None), 100).is_err_and(is_memory_error));
        assert_eq!(items.len(), 100);
        assert!(joined(std::iter::repeat_with(|| Ok("x".repeat(1 << 24)))).is_err_and(is_memory_error));
        assert_eq!(joined(["a", "b"].into_iter().map(|text| Ok(text.to_owned()))).unwrap(), "a, b");
    }
}
