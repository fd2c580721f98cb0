//! What the host does when it is called: answers, raises, keeps calls, or does nothing, by turns.

use super::abi::*;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;

thread_local! {
    /// Calls that wait for their answers.
    pub static KEPT: RefCell<Vec<Handle>> = const { RefCell::new(Vec::new()) };
    /// Userdata that is not freed yet: each is freed once.
    pub static ALIVE: Cell<isize> = const { Cell::new(0) };
    static TURN: Cell<u32> = const { Cell::new(0) };
}

/// No more calls wait than this.
const MOST_KEPT: usize = 20;

/// Userdata whose destructor runs exactly once: the allocator of a sanitizer knows if it is twice, and the count if it is never.
pub fn userdata() -> *mut c_void {
    ALIVE.with(|alive| alive.set(alive.get() + 1));
    Box::into_raw(Box::new(0u64)).cast()
}

pub unsafe extern "C" fn free(userdata: *mut c_void) {
    ALIVE.with(|alive| alive.set(alive.get() - 1));
    // SAFETY: it is from `userdata`, and this is called once.
    drop(unsafe { Box::from_raw(userdata.cast::<u64>()) });
}

pub fn begin() {
    TURN.with(|turn| turn.set(0));
}

/// A method, a function, and the next item of a generator.
pub unsafe extern "C" fn called(call: Handle, userdata: *mut c_void) {
    let turn = TURN.with(|turn| {
        turn.set(turn.get().wrapping_add(1));
        turn.get()
    });
    // SAFETY: `call` is lent for this call, and `userdata` lives as long as it may be called.
    unsafe {
        userdata.cast::<u64>().write(u64::from(turn));
        let first = if rpyc_call_arg_count(call) > 0 { rpyc_call_arg(call, 0) } else { std::ptr::null_mut() };
        match turn % 7 {
            0 => rpyc_call_raise(call, c"ValueError".as_ptr(), c"by turns".as_ptr()),
            1 => rpyc_call_raise(call, c"StopIteration".as_ptr(), std::ptr::null()),
            2 if KEPT.with_borrow(Vec::len) < MOST_KEPT => {
                let kept = rpyc_call_defer(call);
                if !kept.is_null() {
                    KEPT.with_borrow_mut(|all| all.push(kept));
                }
                OK
            }
            3 => OK,
            4 => rpyc_call_return_int(call, i64::from(turn)),
            _ if first.is_null() => rpyc_call_return(call, std::ptr::null_mut()),
            _ => rpyc_call_return(call, rpyc_value_clone(first)),
        };
    }
}

/// Answers the call that has waited for longest, if there is one.
pub fn answer_one(value: Handle) {
    let call = KEPT.with_borrow_mut(|all| if all.is_empty() { None } else { Some(all.remove(0)) });
    // SAFETY: both are ours, and used up.
    unsafe {
        match call {
            Some(call) => {
                rpyc_call_cancelled(call);
                rpyc_call_return(call, value);
                rpyc_call_free(call);
            }
            None => rpyc_value_free(value),
        }
    }
}

pub unsafe extern "C" fn came(result: Handle, userdata: *mut c_void) {
    // SAFETY: the result is lent, and the userdata lives.
    unsafe {
        userdata.cast::<u64>().write(1);
        assert!(rpyc_async_result_ready(result), "a result that came is not ready");
    }
}
