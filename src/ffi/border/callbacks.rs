//! Callbacks of classes and functions, and the pointers that they are given.

use crate::ffi::border::types::rpyc_call;
use crate::ffi::border::userdata::Userdata;
use crate::objects::Object;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// Code of the host that serves a call.
///
/// It answers with one of rpyc_call_return... or rpyc_call_raise..., or keeps the call with rpyc_call_defer; if it does
/// neither, the caller gets a RuntimeError. It returns: no longjmp, no C++ exception.
///
/// call is lent for the time of the call; self is the pointer of the object (of a function, its userdata).
pub type rpyc_method_fn = Option<unsafe extern "C" fn(call: *mut rpyc_call, self_: *mut c_void)>;

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
