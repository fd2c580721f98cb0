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
        other => Err(Failure::new(RPYC_ERR_TYPE, format_args!("length: expected an int, got {}", other.type_name()))),
    }
}

/// Asks for an iterator.
fn iterator_of(object: &Reference) -> Result<Reference> {
    match ask(object, special("__iter__", &[]))? {
        Value::Ref(reference) => Ok(reference),
        other => {
            Err(Failure::new(RPYC_ERR_TYPE, format_args!("iterator: expected an object, got {}", other.type_name())))
        }
    }
}

/// Evaluates Python's isinstance(object, class_).
///
/// Object and class may belong to different peers or to this process. No request is sent if the class ids are equal, or
/// if one of the two is local and the names decide. Otherwise the peer that owns the class is asked.
///
/// @param object borrowed
/// @param class_ borrowed; a class
/// @param result_out the result
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (class_ is not a class)
///
/// Threads: any. Since: 0.1.
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

/// Gets the length of a container, as Python's len(). An object without `__len__` raises an AttributeError, which is
/// RPYC_ERR_REMOTE.
///
/// @param object borrowed
/// @param length_out number of items
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (`__len__` does not return an int), RPYC_ERR_RANGE
///         (does not fit)
///
/// Threads: any. Since: 0.1.
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

/// Gets an item of a container, object[key]. The key may be a slice. An object without `__getitem__` raises an
/// AttributeError.
///
/// ```c
/// rpyc_status status = rpyc_object_get_item(object, rpyc_str("pear"), &value, &error);
/// if (status == RPYC_ERR_REMOTE && rpyc_error_is(error, "KeyError"))
///     fprintf(stderr, "there is no pear\n");
/// rpyc_value_free(value);
/// ```
///
/// @param object borrowed
/// @param key consumed, also on failure
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
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

/// Sets an item of a container, object[key] = value.
///
/// @param object borrowed
/// @param key consumed, also on failure
/// @param value consumed, also on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
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

/// Deletes an item of a container, del object[key].
///
/// @param object borrowed
/// @param key consumed, also on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
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

/// Evaluates Python's `item in object`.
///
/// If the object has no `__contains__`, its items are requested one by one until one is equal, as in Python. An
/// iterator then continues after that item.
///
/// @param object borrowed
/// @param item consumed, also on failure
/// @param result_out the result
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (a method of the object returned an unexpected type)
///
/// Threads: any. Since: 0.1.
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

/// Gets an iterator over an object, as Python's iter(), for rpyc_object_next(). An object without `__iter__` raises an
/// AttributeError.
///
/// @param object borrowed
/// @param iterator_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the iterator is not an object)
///
/// Threads: any. Since: 0.1.
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

/// Gets the next item of an iterator, as Python's next(). The end is RPYC_ERR_STOP_ITERATION. An object without
/// `__next__` raises an AttributeError.
///
/// Each item costs one request. rpyc_object_iterate() needs far fewer.
///
/// @param iterator borrowed; an iterator
/// @param item_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
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

/// Gets the next items of an iterator in one request. An exception of the iterator replaces all of them.
///
/// @param iterator borrowed; an iterator
/// @param count maximum number of items
/// @param items_out owned, free with rpyc_value_free(): a tuple, empty at the end
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
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

/// Enters a context, as Python's with statement does. An object without `__enter__` raises an AttributeError.
///
/// ```c
/// rpyc_value *entered = NULL;
/// bool swallowed = false;
/// if (!rpyc_object_enter(object, &entered, &error)) {
///     rpyc_error *failure = NULL;
///     rpyc_object_call_method(object, "work", NULL, 0, NULL, &value, &failure);
///     rpyc_object_exit(object, failure, &swallowed, &error); // also after a failure
///     rpyc_error_free(failure);
/// }
/// rpyc_value_free(value);
/// rpyc_value_free(entered);
/// ```
///
/// @param object borrowed
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
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

/// Exits a context. The peer is told whether there was an error, and nothing else about it (RPyC wire: CTXEXIT).
///
/// @param object borrowed
/// @param error borrowed; the error that ended the block; NULL for none
/// @param swallowed_out true if the context handled the error of the block
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (`__bool__` of the result does not return a bool)
///
/// Threads: any. Since: 0.1.
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

/// Starts an iteration over a container.
///
/// The items are requested in chunks of 10, 20, 40 and so on up to 1000. The iterator of the peer can therefore be
/// ahead of the items that rpyc_iterator_next() returned. If the iterator is used afterwards, use rpyc_object_next()
/// instead.
///
/// @param object borrowed
/// @param iterator_out owned, free with rpyc_iterator_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the iterator is not an object)
///
/// Threads: any. Since: 0.1.
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

/// Gets the next item of an iteration.
///
/// @param iterator borrowed
/// @param item_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_STOP_ITERATION (the end, also when called again; no error is made), RPYC_ERR_NULL, request
///         errors, RPYC_ERR_TYPE (the peer replied with something other than items)
///
/// Threads: one at a time per handle. Since: 0.1.
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
                        let text = format!("reply to an iteration: expected a tuple, got {}", other.type_name());
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

/// Ends an iteration and frees its handle.
///
/// @param iterator consumed; NULL does nothing
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_iterator_free(iterator: *mut rpyc_iterator) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(iterator) }));
}
