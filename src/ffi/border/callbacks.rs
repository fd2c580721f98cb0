//! Callbacks of classes and functions, and the pointers that they are given.

use crate::connection::Connection;
use crate::ffi::border::types::{rpyc_call, rpyc_connection};
use crate::ffi::border::userdata::Userdata;
use crate::ffi::border::{boundary, handle};
use crate::objects::{Create, Hook, Object, Refused};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// Callback that serves a call.
///
/// It answers with one of the functions rpyc_call_return...() and rpyc_call_raise...(), or keeps the call with
/// rpyc_call_defer(). If it does neither, the caller gets a RuntimeError. It must return: no longjmp, no C++
/// exception.
///
/// call is borrowed for the call. self is the pointer of the object; for a function, its userdata.
pub type rpyc_method_fn = Option<unsafe extern "C" fn(call: *mut rpyc_call, instance: *mut c_void)>;

/// The state of an object that C made.
pub(crate) struct CSelf(pub Userdata);

#[inline]
pub(crate) fn self_of(object: &Object) -> *mut c_void {
    object.state().downcast_ref::<CSelf>().map_or(ptr::null_mut(), |state| state.0.pointer())
}

/// The userdata of the object's class; that of a function is its state.
pub(crate) fn userdata_of(object: &Object) -> *mut c_void {
    let owner = object.class().owner().and_then(|owner| owner.downcast_ref::<Arc<Userdata>>());
    owner.map_or_else(|| self_of(object), |userdata| userdata.pointer())
}

type CreateFn = unsafe extern "C" fn(connection: *mut rpyc_connection, userdata: *mut c_void) -> *mut c_void;
type DestroyFn = unsafe extern "C" fn(instance: *mut c_void);
type HookFn = unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void);

/// What makes the instance of a service: the userdata itself where there is no function.
///
/// # Safety
/// The functions are what the application's table says they are.
pub(crate) unsafe fn create_of(
    create: Option<CreateFn>,
    destroy: Option<DestroyFn>,
    userdata: Arc<Userdata>,
) -> Create {
    Box::new(move |peer| {
        let Some(create) = create else {
            // SAFETY: it has no destructor.
            return Box::new(CSelf(unsafe { Userdata::new(userdata.pointer(), None) }));
        };
        // SAFETY: the same is asked of our caller.
        let call = |connection| boundary::outside(|| unsafe { create(connection, userdata.pointer()) });
        let made = match peer.and_then(Connection::of) {
            Some(connection) => handle::lend(connection, call),
            None => call(ptr::null_mut()),
        };
        if made.is_null() {
            return Box::new(Refused);
        }
        // SAFETY: what create made is destroyed once.
        Box::new(CSelf(unsafe { Userdata::new(made, destroy) }))
    })
}

/// A hook of a service; `self_of` tells the pointer that it gets of a root.
///
/// # Safety
/// The function is what the application's table says it is.
pub(crate) unsafe fn hook_of(hook: Option<HookFn>, self_of: fn(&Object) -> *mut c_void) -> Option<Hook> {
    let hook = hook?;
    Some(Connection::hook(move |connection: &Connection, root: &Arc<Object>| {
        let this = self_of(root);
        // SAFETY: the same is asked of our caller.
        handle::lend(connection.clone(), |connection| boundary::outside(|| unsafe { hook(connection, this) }));
    }))
}
