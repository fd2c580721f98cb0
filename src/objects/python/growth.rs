//! How far an operation of a peer may let containers grow: what goes beyond is a MemoryError, and no end of the process.

use super::super::served;
use super::credit::CREDIT;
use crate::budget::{Account, Charge, SMALL};
use crate::error::Exception;
use crate::sync::thread_local;
use crate::value::Value;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::{Mutex, PoisonError};

/// The items to which peers may bring a list, a dict or a set, and that one operation takes from an iterable.
pub(super) const MAX_ITEMS: usize = if cfg!(test) { 1 << 12 } else { 1 << 24 };

/// The bytes of the text of a container.
const LONGEST: usize = 1 << 28;

pub(super) fn memory_error() -> Exception {
    Exception::with_args("builtins", "MemoryError", Vec::new())
}

/// Beyond what all connections together may take.
#[cold]
fn over_budget() -> Exception {
    Exception::builtin("MemoryError", "the memory limit of all connections together was reached (max_total_memory)")
}

thread_local! {
    /// What the operation has taken that this thread runs. Without a destructor it is there as long as the thread.
    static TAKEN: ManuallyDrop<Cell<Option<Charge>>> = const { ManuallyDrop::new(Cell::new(None)) };
}

/// Puts back what the operation around it has taken.
struct Back(Option<Charge>);

impl Drop for Back {
    fn drop(&mut self) {
        drop(TAKEN.with(|taken| taken.replace(self.0.take())));
    }
}

/// Runs an operation of a peer; what it took of the memory of all is given back at its end, but for what is kept.
pub(super) fn operation<R>(run: impl FnOnce() -> R) -> R {
    let _back = Back(TAKEN.with(|taken| taken.replace(Some(Charge::default()))));
    run()
}

/// The account of the peer that this thread serves.
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
        // Outside of operations it is the application that asks.
        let Some(mut charge) = taken.take() else { return true };
        if !charge.account().is_limited() {
            charge = Charge::new(&account());
        }
        let had = charge.add(bytes);
        taken.set(Some(charge));
        had
    })
}

/// What a container takes of the memory of all, as far as peers have brought it there.
#[derive(Default)]
pub(super) struct Kept(Mutex<Charged>);

#[derive(Default)]
struct Charged {
    charge: Charge,
    /// What it had before a peer first brought anything.
    own: usize,
    /// What its values take beside their places.
    weight: usize,
}

impl Kept {
    /// Of a container that an operation of a peer has made, with `size` bytes in it, of values that take `weight`.
    pub fn of_operation(size: usize, weight: usize) -> Result<Kept, Exception> {
        let kept = Kept::default();
        kept.cover(0, size, weight)?;
        Ok(kept)
    }

    /// Before a peer brings the storage from `now` bytes to `size`, with values of this additional weight.
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
            // What the operation has taken for it comes first.
            TAKEN.with(|taken| {
                let mut operation = taken.take();
                if let Some(operation) = &mut operation {
                    let missing = wanted - kept.charge.bytes();
                    kept.charge.join(operation.split(missing));
                }
                taken.set(operation);
            });
        }
        // Less is given back where that is worth it.
        let differs = wanted > kept.charge.bytes() || wanted + SMALL < kept.charge.bytes();
        if differs && !kept.charge.set(wanted) {
            kept.weight -= more;
            return Err(over_budget());
        }
        Ok(())
    }

    /// A value of this size has gone.
    pub fn lighter(&self, weight: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.weight = kept.weight.saturating_sub(weight);
    }

    /// It is empty now.
    pub fn emptied(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.weight = 0;
        kept.own = 0;
        kept.charge.set(0);
    }
}

/// A container is charged in steps of this number of bytes.
const BLOCK: usize = 256;
/// What it takes itself.
const OBJECT: usize = 256;

/// How many bytes a vector takes.
pub(super) fn size<T>(items: &Vec<T>) -> usize {
    items.capacity() * size_of::<T>()
}

/// How many bytes a vector takes once there is room for `more` items in addition.
pub(super) fn size_with<T>(items: &Vec<T>, more: usize) -> usize {
    let needed = items.len().saturating_add(more);
    let capacity = if needed > items.capacity() { needed.max(2 * items.capacity()) } else { items.capacity() };
    capacity.saturating_mul(size_of::<T>())
}

/// Makes room for so many more items, which are what anybody asks for.
pub(super) fn reserve<T>(items: &mut Vec<T>, more: usize) -> Result<(), Exception> {
    let grown = size_with(items, more).saturating_sub(size(items));
    take(grown)?;
    items.try_reserve(more).map_err(|_| memory_error())
}

/// Makes room for so many more items, unless they would be too many together.
pub(super) fn grow<T>(items: &mut Vec<T>, more: usize) -> Result<(), Exception> {
    check_count(items.len(), more)?;
    reserve(items, more)
}

/// Refuses more items than peers may bring a container to.
pub(super) fn check_count(len: usize, more: usize) -> Result<(), Exception> {
    match len.checked_add(more) {
        Some(total) if total <= MAX_ITEMS || more == 0 => Ok(()),
        _ => Err(memory_error()),
    }
}

/// A copy of items, if there is memory for it.
pub(super) fn copied<T: Clone>(items: &[T]) -> Result<Vec<T>, Exception> {
    collected(items.iter().cloned())
}

/// Items of which is known how many they are.
pub(super) fn collected<T>(items: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>, Exception> {
    let mut all = Vec::new();
    reserve(&mut all, items.len())?;
    all.extend(items);
    Ok(all)
}

/// Puts items behind others, as long as there are not more than `most`.
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

/// Items `count` times one after the other.
pub(super) fn repeated(items: &[Value], count: usize) -> Result<Vec<Value>, Exception> {
    let total =
        items.len().checked_mul(count).filter(|total| *total <= MAX_ITEMS || count <= 1).ok_or_else(memory_error)?;
    let mut all = Vec::new();
    take(total.saturating_mul(size_of::<Value>()))?;
    all.try_reserve_exact(total).map_err(|_| memory_error())?;
    // Nothing, however often, is nothing.
    while all.len() < total {
        all.extend_from_slice(items);
    }
    Ok(all)
}

/// Texts with commas between.
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
