//! What containers, iterators and contexts can do.

use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle, value_take};
use crate::ffi::border::pointer::{output, present};
use crate::ffi::border::status::{Failure, RPYC_ERR_RANGE, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_iterator, rpyc_object, rpyc_value};
use crate::ffi::object::operation::{ask_value, operation, operation_without_answer, reference, special};
use crate::objects::{ask, contains, is_instance, truth_of};
use crate::value::Ask;
use crate::value::{Reference, Value};

fn length(value: Value) -> Result<i64> {
    match value {
        Value::Int(n) => Ok(n),
        Value::BigInt(_) => Err(Failure::new(RPYC_ERR_RANGE, "the length does not fit")),
        other => Err(Failure::new(RPYC_ERR_TYPE, format_args!("a length is an int, not {}", other.type_name()))),
    }
}

/// Asks for an iterator.
fn iterator_of(object: &Reference) -> Result<Reference> {
    match ask(object, special("__iter__", &[]))? {
        Value::Ref(reference) => Ok(reference),
        other => Err(Failure::new(RPYC_ERR_TYPE, format_args!("the iterator is no object but {}", other.type_name()))),
    }
}

/// Evaluates isinstance(object, class_).
///
/// Object and class may belong to different peers or to this process. Equal class ids tell without a request, as do names where
/// one of the two is local; otherwise the peer that owns the class is asked.
///
/// @param object borrowed
/// @param class_ borrowed; a class
/// @param result_out the answer
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (class_ is not a class)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_instance(
    object: *mut rpyc_object,
    class_: *mut rpyc_object,
    result_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (result_out, "result_out"), error_out, |this| {
            Ok(truth_of(&is_instance(this, reference(class_, "class_")?)?)?)
        })
    }
}

/// The length of a container. Of an object without `__len__` it is an AttributeError of the peer's: RPYC_ERR_REMOTE.
///
/// @param object borrowed
/// @param length_out items
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (__len__ answers with something else), RPYC_ERR_RANGE
///         (it does not fit)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_length(
    object: *mut rpyc_object,
    length_out: *mut i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (length_out, "length_out"), error_out, |this| {
            length(ask(this, special("__len__", &[]))?)
        })
    }
}

/// An item of a container: object[key]; key may be a slice. Of an object without `__getitem__` it is an AttributeError.
///
/// @param object borrowed
/// @param key consumed, on success and on every failure
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_get_item(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let key = value_take(key);
        operation((object, "object"), (value_out, "value_out"), error_out, |this| {
            ask_value(this, special("__getitem__", &[present(key, "key")?]))
        })
    }
}

/// Sets an item of a container.
///
/// @param object borrowed
/// @param key consumed, on success and on every failure
/// @param value consumed, on success and on every failure
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_set_item(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    value: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let key = value_take(key);
        let value = value_take(value);
        operation_without_answer((object, "object"), error_out, |this| {
            let entry = [present(key, "key")?, present(value, "value")?];
            Ok(ask(this, special("__setitem__", &entry))?)
        })
    }
}

/// Deletes an item of a container.
///
/// @param object borrowed
/// @param key consumed, on success and on every failure
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_del_item(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let key = value_take(key);
        operation_without_answer((object, "object"), error_out, |this| {
            Ok(ask(this, special("__delitem__", &[present(key, "key")?]))?)
        })
    }
}

/// Evaluates Python's `item in object`. An object without `__contains__` is asked for one item after the other until one is
/// equal, as in Python: an iterator goes on behind that item.
///
/// @param object borrowed
/// @param item consumed, on success and on every failure
/// @param result_out the answer
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (what the object answers with is of another type)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_contains(
    object: *mut rpyc_object,
    item: *mut rpyc_value,
    result_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let item = value_take(item);
        operation((object, "object"), (result_out, "result_out"), error_out, |this| {
            Ok(contains(this, &present(item, "item")?)?)
        })
    }
}

/// An iterator over a container, for rpyc_object_next. Of an object without `__iter__` it is an AttributeError.
///
/// @param object borrowed
/// @param iterator_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the iterator is no object)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_iter(
    object: *mut rpyc_object,
    iterator_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (iterator_out, "iterator_out"), error_out, |this| {
            Ok(handle::new(iterator_of(this)?.into()))
        })
    }
}

/// The next item of an iterator; RPYC_ERR_STOP_ITERATION at the end. One request for each: rpyc_object_iterate needs far fewer.
/// Of an object without `__next__` it is an AttributeError.
///
/// @param iterator borrowed; an iterator
/// @param item_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_next(
    iterator: *mut rpyc_object,
    item_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((iterator, "iterator"), (item_out, "item_out"), error_out, |this| {
            ask_value(this, special("__next__", &[]))
        })
    }
}

/// The next items of an iterator, in one request: a tuple, empty at the end. An exception of the iterator replaces the whole tuple.
///
/// @param iterator borrowed; an iterator
/// @param count how many items at most
/// @param items_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_next_chunk(
    iterator: *mut rpyc_object,
    count: i64,
    items_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((iterator, "iterator"), (items_out, "items_out"), error_out, |this| {
            ask_value(this, Ask::BuffIter(count))
        })
    }
}

/// Enters a context, as Python's with. Of an object without `__enter__` it is an AttributeError.
///
/// @param object borrowed
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_enter(
    object: *mut rpyc_object,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (value_out, "value_out"), error_out, |this| {
            ask_value(this, special("__enter__", &[]))
        })
    }
}

/// Leaves a context. The peer learns whether there was an error, and no more (RPyC wire: CTXEXIT).
///
/// @param object borrowed
/// @param error borrowed; why the block is left; NULL: normally
/// @param swallowed_out the answer : an error of the block is dealt with
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (what __bool__ of the answer gives is no bool)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_exit(
    object: *mut rpyc_object,
    error: *const rpyc_error,
    swallowed_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (swallowed_out, "swallowed_out"), error_out, |this| {
            Ok(truth_of(&ask(this, Ask::Exit(!error.is_null()))?)?)
        })
    }
}

impl Handle for rpyc_iterator {
    type Inner = Chunks;
    const WORD: [u8; 8] = *b"iterator";
}

/// Items that have been fetched, and where the next come from.
pub(crate) struct Chunks {
    source: Reference,
    items: std::vec::IntoIter<Value>,
    next: i64,
    end: bool,
}

/// The sizes of RPyC's buffiter.
const FIRST_CHUNK: i64 = 10;
const LARGEST_CHUNK: i64 = 1000;

/// Starts to iterate over a container. Items are fetched 10, 20, 40 and at last 1000 at a time, so that an iterator may go
/// further than what rpyc_iterator_next has given; use rpyc_object_next where it is used afterwards.
///
/// @param object borrowed
/// @param iterator_out owned; free it with rpyc_iterator_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the iterator is no object)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_iterate(
    object: *mut rpyc_object,
    iterator_out: *mut *mut rpyc_iterator,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (iterator_out, "iterator_out"), error_out, |this| {
            let source = iterator_of(this)?;
            Ok(handle::new(Chunks { source, items: Vec::new().into_iter(), next: FIRST_CHUNK, end: false }))
        })
    }
}

/// The next item of an iteration.
///
/// @param iterator borrowed
/// @param item_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_STOP_ITERATION at the end (also when asked again), which makes no error, RPYC_ERR_NULL,
///         request errors, RPYC_ERR_TYPE (the peer answers with something else than items)
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_iterator_next(
    iterator: *mut rpyc_iterator,
    item_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(item_out, "item_out")?;
            let chunks = handle::require_mut(iterator, "iterator")?;
            if chunks.items.as_slice().is_empty() && !chunks.end {
                chunks.items = match ask(&chunks.source, Ask::BuffIter(chunks.next))? {
                    Value::Tuple(items) => items.to_vec().into_iter(),
                    other => {
                        let text = format!("the peer answered an iteration with {}", other.type_name());
                        return Err(Failure::new(RPYC_ERR_TYPE, text));
                    }
                };
                chunks.next = (chunks.next * 2).min(LARGEST_CHUNK);
                chunks.end = chunks.items.as_slice().is_empty();
            }
            match chunks.items.next() {
                Some(item) => out.put_value(item),
                None => Err(Failure::end()),
            }
        })
    }
}

/// Ends an iteration.
///
/// @param iterator consumed; NULL does nothing
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_iterator_free(iterator: *mut rpyc_iterator) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(iterator) }));
}
