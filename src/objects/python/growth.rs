//! How far an operation of a peer may let containers grow: what goes beyond is a MemoryError, and no end of the process.

use crate::error::Exception;
use crate::value::Value;

/// The items to which peers may bring a list, a dict or a set, and that one operation takes from an iterable.
pub(super) const MAX_ITEMS: usize = if cfg!(test) { 1 << 12 } else { 1 << 24 };

/// The bytes of the text of a container.
const LONGEST: usize = 1 << 28;

pub(super) fn memory_error() -> Exception {
    Exception::with_args("builtins", "MemoryError", Vec::new())
}

/// Makes room for so many more items, which are what anybody asks for.
pub(super) fn reserve<T>(items: &mut Vec<T>, more: usize) -> Result<(), Exception> {
    items.try_reserve(more).map_err(|_| memory_error())
}

/// Makes room for so many more items, unless they would be too many together.
pub(super) fn grow<T>(items: &mut Vec<T>, more: usize) -> Result<(), Exception> {
    match items.len().checked_add(more) {
        Some(total) if total <= MAX_ITEMS || more == 0 => reserve(items, more),
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
        if all.len() + text.len() > LONGEST || all.try_reserve(text.len() + 2).is_err() {
            return Err(memory_error());
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
