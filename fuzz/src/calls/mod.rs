//! Random sequences of calls of the C interface, each of which is valid: handles live, and are freed once. The input is read as
//! choices. Two connections of this process talk to each other, and one thread drives both, so nothing waits. At the end all is given
//! back, and every destructor must have run once.

#![allow(unsafe_code)]

mod abi;
mod callbacks;

use abi::*;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

/// No more handles of each kind are kept than this; the oldest go.
const MOST: usize = 24;
/// Items of a value, with those in its items.
const HEAVY: usize = 400;

/// What the input chooses; nothing at its end.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn next(&mut self) -> Option<usize> {
        self.0.next().map(|byte| usize::from(*byte))
    }

    fn below(&mut self, n: usize) -> usize {
        self.next().unwrap_or(0) % n.max(1)
    }
}

struct World<'a> {
    choices: Choices<'a>,
    /// Values, and how much is in them.
    values: Vec<(Handle, usize)>,
    objects: Vec<Handle>,
    /// Lists and dicts among them, which hold no other objects.
    lists: Vec<Handle>,
    dicts: Vec<Handle>,
    results: Vec<Handle>,
    ends: [Handle; 2],
}

/// A success has no error, a failure has one, with a text, and no result.
fn outcome(status: Status, error: Handle, result: Handle) -> bool {
    // SAFETY: the error is ours.
    unsafe {
        assert_eq!(status == OK, error.is_null(), "status {status}");
        assert!(status == OK || result.is_null(), "status {status} with a result");
        if !error.is_null() {
            assert_eq!(rpyc_error_status(error), status);
            assert!(
                *rpyc_error_message(error) != 0 && *rpyc_error_describe(error) != 0,
                "status {status} without a text"
            );
            rpyc_value_free(rpyc_error_args(error));
            rpyc_error_free(error);
        }
    }
    status == OK
}

/// What a function with an output gave, or null.
fn made(run: impl FnOnce(*mut Handle, *mut Handle) -> Status) -> Handle {
    let (mut result, mut error) = (null_mut(), null_mut());
    let status = run(&mut result, &mut error);
    outcome(status, error, result);
    result
}

fn done(run: impl FnOnce(*mut Handle) -> Status) -> bool {
    let mut error = null_mut();
    let status = run(&mut error);
    outcome(status, error, null_mut())
}

impl World<'_> {
    fn new(data: &[u8]) -> World<'_> {
        callbacks::begin();
        let (mut left, mut right, mut error) = (null_mut(), null_mut(), null_mut());
        let flags = data.first().copied().unwrap_or(0);
        // SAFETY: as the header says; everything is freed in `end` or here.
        let ends = unsafe {
            let config = rpyc_config_new();
            let dialect = if flags & 1 == 0 { c"6" } else { c"5" };
            let native = if flags & 2 == 0 { c"accept" } else { c"on" };
            let release = if flags & 4 == 0 { c"lazy" } else { c"now" };
            for (name, value) in [
                (c"dialect", dialect),
                (c"native", native),
                (c"release", release),
                (c"allow_public_attrs", c"true"),
                (c"sync_request_timeout", c"0.001"),
                (c"close_timeout", c"0"),
            ] {
                assert!(done(|error| rpyc_config_set(config, name.as_ptr(), value.as_ptr(), error)));
            }
            assert!(outcome(rpyc_transport_new_pair(&mut left, &mut right, &mut error), error, null_mut()));
            let ends = [left, right]
                .map(|transport| made(|out, error| rpyc_connection_new(transport, null_mut(), config, out, error)));
            rpyc_config_free(config);
            ends
        };
        let choices = Choices(data.get(1..).unwrap_or_default().iter());
        let (values, objects, lists, dicts, results) = Default::default();
        World { choices, values, objects, lists, dicts, results, ends }
    }

    fn keep(kept: &mut Vec<Handle>, handle: Handle, free: unsafe extern "C" fn(Handle)) {
        if !handle.is_null() {
            kept.push(handle);
        }
        if kept.len() > MOST {
            // SAFETY: it is ours, and forgotten.
            unsafe { free(kept.remove(0)) };
        }
    }

    fn keep_value(&mut self, value: Handle, weight: usize) {
        if !value.is_null() {
            self.values.push((value, weight));
        }
        if self.values.len() > MOST {
            // SAFETY: it is ours, and forgotten.
            unsafe { rpyc_value_free(self.values.remove(0).0) };
        }
    }

    fn keep_object(&mut self, object: Handle) {
        Self::keep(&mut self.objects, object, rpyc_object_free);
    }

    fn keep_result(&mut self, result: Handle) {
        Self::keep(&mut self.results, result, rpyc_async_result_free);
    }

    /// A clone of a value, and how much is in it.
    fn value(&mut self) -> (Handle, usize) {
        match self.choices.below(self.values.len() + 1) {
            // SAFETY: the value lives.
            n if n < self.values.len() => (unsafe { rpyc_value_clone(self.values[n].0) }, self.values[n].1),
            _ => (self.plain(), 1),
        }
    }

    fn plain(&mut self) -> Handle {
        let n = self.choices.below(256);
        let text = [b'x'; 300];
        // SAFETY: as the header says.
        unsafe {
            match n % 8 {
                0 => rpyc_value_new_none(),
                1 => rpyc_value_new_bool((n & 8) as i32),
                2 => rpyc_value_new_float(n as f64 / 3.0),
                3 => made(|out, error| rpyc_value_new_str(text.as_ptr().cast(), n, out, error)),
                4 => made(|out, error| rpyc_value_new_bytes(text.as_ptr().cast(), n + 40, out, error)),
                5 => made(|out, error| {
                    rpyc_value_new_int_text(c"-123456789012345678901234567890".as_ptr(), n % 30 + 2, out, error)
                }),
                _ => rpyc_value_new_int(n as i64 - 100),
            }
        }
    }

    /// Some values, which are consumed, and how much is in them together.
    fn several(&mut self) -> (Vec<Handle>, usize) {
        let (mut all, mut weight) = (Vec::new(), 1);
        for _ in 0..self.choices.below(5) {
            let (value, more) = self.value();
            if weight + more > HEAVY {
                // SAFETY: it is ours.
                unsafe { rpyc_value_free(value) };
            } else {
                all.push(value);
                weight += more;
            }
        }
        (all, weight)
    }

    fn make_value(&mut self) {
        let kind = self.choices.below(7);
        let (items, weight) = self.several();
        let count = items.len();
        // SAFETY: the items are consumed, whatever comes of it.
        let value = unsafe {
            made(|out, error| match kind {
                0 => rpyc_value_new_tuple(items.as_ptr(), count, out, error),
                1 => rpyc_value_new_list(items.as_ptr(), count, out, error),
                2 => rpyc_value_new_frozenset(items.as_ptr(), count, out, error),
                3 if count == 3 => rpyc_value_new_slice(items[0], items[1], items[2], out, error),
                4 | 5 if count % 2 == 0 => {
                    rpyc_value_new_dict(items.as_ptr(), items[count / 2..].as_ptr(), count / 2, out, error)
                }
                _ => {
                    items.iter().for_each(|item| rpyc_value_free(*item));
                    static LONG: [u8; 5000] = [7; 5000];
                    let owned = callbacks::userdata();
                    rpyc_value_new_bytes_owned(LONG.as_ptr().cast(), 5000, owned, Some(callbacks::free), out, error)
                }
            })
        };
        self.keep_value(value, weight);
    }

    fn use_value(&mut self) {
        let ((value, weight), (other, _)) = (self.value(), self.value());
        let n = self.choices.below(8);
        let mut number = 0;
        // SAFETY: both are ours; items are borrowed from them.
        unsafe {
            match n {
                0 if weight < HEAVY => rpyc_value_free(rpyc_value_repr(value)),
                1 => _ = rpyc_value_equal(value, value),
                2 => {
                    rpyc_value_equal(value, other);
                }
                3 if rpyc_value_count(value) > 0 => {
                    let item = rpyc_value_item(value, n % rpyc_value_count(value));
                    self.keep_value(rpyc_value_clone(item), weight);
                    rpyc_value_key(value, 0);
                }
                4 => {
                    rpyc_value_lookup(value, c"xxx".as_ptr());
                }
                5 => {
                    let object = made(|out, error| rpyc_value_get_object(value, out, error));
                    self.keep_object(object);
                }
                6 => {
                    done(|error| rpyc_value_get_int(value, &mut number, error));
                }
                _ => {
                    let kind = self.choices.below(16) as i32;
                    rpyc_value_free(made(|out, error| rpyc_value_convert(value, kind, 0, out, error)));
                }
            }
            rpyc_value_free(value);
            rpyc_value_free(other);
        }
    }

    fn make_object(&mut self) {
        let kind = self.choices.below(5);
        let signatures = [null(), c"f(a, b=2, *rest, c=3, **named)".as_ptr(), c"f(a: int)".as_ptr(), c"f()".as_ptr()];
        let signature = signatures[self.choices.below(4)];
        // SAFETY: as the header says; userdata is freed by its destructor.
        let object = unsafe {
            made(|out, error| match kind {
                0 => rpyc_generator_new(
                    Some(callbacks::called),
                    callbacks::userdata(),
                    Some(callbacks::free),
                    out,
                    error,
                ),
                1 => rpyc_list_new(null(), 0, out, error),
                2 => rpyc_dict_new(null(), null(), 0, out, error),
                n => {
                    let flags = if n == 3 { 0 } else { 2 };
                    let (call, free): (Method, Free) = (Some(callbacks::called), Some(callbacks::free));
                    rpyc_function_new(
                        c"f".as_ptr(),
                        call,
                        signature,
                        null(),
                        flags,
                        callbacks::userdata(),
                        free,
                        out,
                        error,
                    )
                }
            })
        };
        // SAFETY: the object lives.
        let again = unsafe { rpyc_object_clone(object) };
        match kind {
            1 => Self::keep(&mut self.lists, again, rpyc_object_free),
            2 => Self::keep(&mut self.dicts, again, rpyc_object_free),
            _ => self.keep_object(again),
        }
        self.keep_object(object);
    }

    fn change_list(&mut self) {
        let n = self.choices.below(self.lists.len());
        let Some(&list) = self.lists.get(n) else { return };
        let (value, weight) = self.value();
        // SAFETY: the list lives; the value is ours until it is consumed.
        unsafe {
            let holds_objects = holds_objects(value);
            match self.choices.below(6) {
                0 | 1 if weight == 1 && !holds_objects => {
                    done(|error| rpyc_list_append(list, value, error));
                    return;
                }
                2 if weight == 1 && !holds_objects => {
                    let index = self.choices.below(5) as i64 - 2;
                    done(|error| rpyc_list_insert(list, index, value, error));
                    return;
                }
                3 => _ = done(|error| rpyc_list_remove(list, weight as i64 - 2, error)),
                4 => _ = done(|error| rpyc_list_clear(list, error)),
                _ => {
                    let snapshot = made(|out, error| rpyc_list_snapshot(list, out, error));
                    let weight = rpyc_value_count(snapshot) + 1;
                    self.keep_value(snapshot, weight);
                }
            }
            rpyc_value_free(value);
        }
    }

    fn change_dict(&mut self) {
        let n = self.choices.below(self.dicts.len());
        let Some(&dict) = self.dicts.get(n) else { return };
        let (key, value) = (self.plain(), self.plain());
        let mut found = false;
        // SAFETY: the dict lives; key and value are consumed, or ours.
        unsafe {
            match self.choices.below(3) {
                0 => _ = done(|error| rpyc_dict_set(dict, key, value, error)),
                1 => {
                    rpyc_value_free(value);
                    done(|error| rpyc_dict_delete(dict, key, &mut found, error));
                }
                _ => {
                    rpyc_value_free(key);
                    rpyc_value_free(value);
                    let snapshot = made(|out, error| rpyc_dict_snapshot(dict, out, error));
                    let weight = 2 * rpyc_value_count(snapshot) + 1;
                    self.keep_value(snapshot, weight);
                }
            }
        }
    }

    fn object(&mut self) -> Option<Handle> {
        let n = self.choices.below(self.objects.len());
        self.objects.get(n).copied()
    }

    /// Arguments of a call, which are consumed. Objects are no arguments of a call within this process: it may be the
    /// `append` of a list.
    fn arguments(&mut self, object: Option<Handle>) -> Vec<Handle> {
        let (args, _) = self.several();
        // SAFETY: the arguments are ours, and the object lives.
        unsafe {
            let in_process = object.is_some_and(|object| !rpyc_object_is_remote(object));
            if in_process && args.iter().any(|value| holds_objects(*value)) {
                args.iter().for_each(|value| rpyc_value_free(*value));
                return Vec::new();
            }
        }
        args
    }

    fn use_object(&mut self) {
        let (Some(object), Some(other)) = (self.object(), self.object()) else { return };
        let mut length = 0;
        // SAFETY: both live.
        unsafe {
            match self.choices.below(7) {
                0 => {
                    let value = made(|out, error| rpyc_value_new_object(object, out, error));
                    self.keep_value(value, 1);
                }
                1 => assert!(!CStr::from_ptr(rpyc_object_type_name(object)).is_empty()),
                2 => assert_eq!(rpyc_object_same(object, other), rpyc_object_same(other, object)),
                3 => {
                    let names: [*const c_char; 1] = [c"append".as_ptr()];
                    let view =
                        made(|out, error| rpyc_object_restricted(object, names.as_ptr(), 1, null(), 0, out, error));
                    self.keep_object(view);
                }
                4 => {
                    let at = self.objects.iter().position(|one| *one == object).expect("it is one of them");
                    rpyc_object_free(self.objects.remove(at));
                }
                5 => {
                    // Not sent where it would have to be waited for.
                    let limit = rpyc_timeout_begin(0);
                    done(|error| rpyc_object_length(object, &mut length, error));
                    let args = self.arguments(Some(object));
                    let value =
                        made(|out, error| rpyc_object_call(object, args.as_ptr(), args.len(), null_mut(), out, error));
                    rpyc_timeout_end(limit);
                    self.keep_value(value, HEAVY);
                }
                _ => {
                    let end = self.ends[self.choices.below(2)];
                    if !rpyc_object_is_remote(object) {
                        done(|error| rpyc_connection_set_root(end, object, error));
                    }
                }
            }
        }
    }

    fn ask(&mut self) {
        let kind = self.choices.below(9);
        let end = self.ends[self.choices.below(2)];
        let object = self.object();
        let args = self.arguments(object);
        let count = args.len();
        let name = [c"append", c"__len__", c"__iter__", c"pop"][self.choices.below(4)].as_ptr();
        // SAFETY: the object lives; the arguments are consumed.
        let result = unsafe {
            if kind > 3 || object.is_none() {
                args.iter().for_each(|value| rpyc_value_free(*value));
            }
            let ping = rpyc_value_new_int(5);
            made(|out, error| {
                let Some(object) = object else {
                    // The root.
                    rpyc_value_free(ping);
                    return rpyc_connection_async_request(end, 3, null(), 0, 0, out, error);
                };
                if kind != 8 {
                    rpyc_value_free(ping);
                }
                match kind {
                    0 | 1 => rpyc_object_call_async(object, args.as_ptr(), count, null_mut(), 10000, out, error),
                    2 | 3 => {
                        rpyc_object_call_method_async(object, name, args.as_ptr(), count, null_mut(), 10000, out, error)
                    }
                    4 => rpyc_object_get_attr_async(object, name, 10000, out, error),
                    5 => rpyc_object_repr_async(object, 10000, out, error),
                    6 => rpyc_object_iter_async(object, 10000, out, error),
                    7 => match count {
                        0 => rpyc_object_dir_async(object, 10000, out, error),
                        n => rpyc_object_next_chunk_async(object, n as i64, 10000, out, error),
                    },
                    _ => rpyc_connection_async_request(end, 1, &ping, 1, 10000, out, error),
                }
            })
        };
        self.keep_result(result);
    }

    /// The root of either side, as the other one has it.
    fn ask_root(&mut self) {
        let end = self.ends[self.choices.below(2)];
        // SAFETY: the connection lives.
        let result = unsafe { made(|out, error| rpyc_connection_async_request(end, 3, null(), 0, 10000, out, error)) };
        self.keep_result(result);
    }

    fn use_result(&mut self) {
        let n = self.choices.below(self.results.len());
        let Some(&result) = self.results.get(n) else { return };
        // SAFETY: the result lives.
        unsafe {
            match self.choices.below(5) {
                0 => _ = rpyc_async_result_cancel(result),
                1 => {
                    let (came, free) =
                        (Some(callbacks::came as unsafe extern "C" fn(_, _)), Some(callbacks::free as _));
                    let userdata: *mut c_void = callbacks::userdata();
                    done(|error| rpyc_async_result_add_callback(result, came, userdata, free, error));
                }
                2 => {
                    let again = rpyc_async_result_clone(result);
                    self.keep_result(again);
                }
                _ if rpyc_async_result_ready(result) => {
                    let value = made(|out, error| rpyc_async_result_value(result, out, error));
                    self.keep_value(value, HEAVY);
                }
                _ => {}
            }
        }
    }

    /// Each side takes what has come, as far as there is something.
    fn serve(&mut self, most: usize) {
        for n in 0..most {
            let mut handled = false;
            // SAFETY: the connection lives.
            let served = unsafe { done(|error| rpyc_connection_poll(self.ends[n % 2], 0, &mut handled, error)) };
            if !served {
                break;
            }
        }
    }

    fn step(&mut self, choice: usize) {
        match choice % 16 {
            0 | 1 => self.make_value(),
            2 => self.use_value(),
            3 => self.make_object(),
            4 => self.change_list(),
            5 => self.change_dict(),
            6 => self.use_object(),
            7 | 8 => self.ask(),
            9 => self.ask_root(),
            10 | 11 => self.use_result(),
            12 => {
                let (value, _) = self.value();
                callbacks::answer_one(value);
            }
            13 => {
                let end = self.ends[self.choices.below(2)];
                // SAFETY: the connection lives.
                unsafe {
                    done(|error| rpyc_connection_cork(end, error));
                    if self.choices.below(3) > 0 {
                        done(|error| rpyc_connection_flush(end, error));
                    }
                }
            }
            14 if choice == 254 => {
                // SAFETY: the connection lives.
                _ = unsafe { done(|error| rpyc_connection_close(self.ends[0], error)) };
            }
            _ => self.serve(choice / 16 + 2),
        }
    }

    fn end(mut self) {
        // SAFETY: every handle is ours, and freed once.
        unsafe {
            while let Some((value, _)) = self.values.pop() {
                rpyc_value_free(value);
            }
            for kept in [&mut self.objects, &mut self.lists, &mut self.dicts] {
                kept.drain(..).for_each(|object| rpyc_object_free(object));
            }
            self.results.drain(..).for_each(|result| rpyc_async_result_free(result));
            self.ends.iter().for_each(|end| _ = done(|error| rpyc_connection_flush(*end, error)));
            self.serve(50);
            callbacks::KEPT.take().into_iter().for_each(|call| rpyc_call_free(call));
            self.ends.iter().for_each(|end| _ = done(|error| rpyc_connection_close(*end, error)));
            self.ends.iter().for_each(|end| rpyc_connection_free(*end));
            callbacks::KEPT.take().into_iter().for_each(|call| rpyc_call_free(call));
        }
        callbacks::ALIVE.with(|alive| assert_eq!(alive.replace(0), 0, "destructors have not run"));
    }
}

/// Whether a value is or may hold an object. Nobody frees a list that this process puts into itself, in whatever container.
unsafe fn holds_objects(value: Handle) -> bool {
    // SAFETY: the value lives, says the caller.
    unsafe {
        let object = made(|out, error| rpyc_value_get_object(value, out, error));
        rpyc_object_free(object);
        !object.is_null() || rpyc_value_count(value) > 0
    }
}

pub fn sequence(data: &[u8]) {
    let mut world = World::new(data);
    while let Some(choice) = world.choices.next() {
        world.step(choice);
    }
    world.end();
}
