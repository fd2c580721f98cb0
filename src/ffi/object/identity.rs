//! Handles of objects, and what they tell without asking: whose they are, their type, what is inside ours.

use crate::connection::{Connection, shared_of};
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::callbacks::CSelf;
use crate::ffi::border::handle;
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::{Failure, RPYC_ERR_STATE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_class, rpyc_connection, rpyc_error, rpyc_object};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::object::operation::reference;
use crate::objects::Object;
use crate::value::{Proxy, Reference};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// Another handle of the same object.
///
/// @param object borrowed
/// @return owned; free it with rpyc_object_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_clone(object: *const rpyc_object) -> *mut rpyc_object {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(object) }.map_or(ptr::null_mut(), |object| handle::new(object.reference.clone().into()))
    })
}

/// Frees a handle. With the last use of an object of the peer, the peer is told as the option release says.
///
/// @param object consumed; NULL does nothing
///
/// Threads: any thread; never waits. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_free(object: *mut rpyc_object) {
    ffi_boundary_or((), || {
        // SAFETY: the contract of the border.
        let Some(taken) = (unsafe { handle::take(object) }) else { return };
        let shared = match &taken.reference {
            Reference::Remote(proxy) if !proxy.home().is_empty() => shared_of(proxy).ok(),
            _ => None,
        };
        drop(taken);
        if let Some(shared) = shared {
            shared.release_soon();
        }
    });
}

/// Is it an object of a peer?
///
/// @param object borrowed
/// @return false for objects of this process, and for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_remote(object: *const rpyc_object) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || {
        unsafe { handle::as_ref(object) }.is_some_and(|object| matches!(object.reference, Reference::Remote(_)))
    })
}

/// Is it a class?
///
/// @param object borrowed
/// @return false also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_class(object: *const rpyc_object) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || {
        unsafe { handle::as_ref(object) }.is_some_and(|object| match &object.reference {
            Reference::Remote(proxy) => proxy.is_class,
            Reference::Local(local) => local.instances().is_some(),
        })
    })
}

/// Are two handles the same object, as Python's "is"?
///
/// @param left borrowed
/// @param right borrowed
/// @return false where one is NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_same(left: *const rpyc_object, right: *const rpyc_object) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || match unsafe { (handle::as_ref(left), handle::as_ref(right)) } {
        (Some(left), Some(right)) => left.reference.same(&right.reference),
        _ => false,
    })
}

/// The name of an object's type with its module, such as "builtins.list"; for a class, its own name. Of a peer's object it is what
/// the peer says: escape control characters before you print it.
///
/// @param object borrowed
/// @return borrowed until the handle is freed; NUL-terminated; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_type_name(object: *const rpyc_object) -> *const c_char {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null(), || {
        unsafe { handle::as_ref(object) }
            .map_or(ptr::null(), |object| object.type_name.get_or_init(|| c_name(&object.reference)).as_ptr())
    })
}

fn c_name(reference: &Reference) -> CString {
    let text = match reference {
        Reference::Remote(proxy) => proxy.type_name.to_string(),
        Reference::Local(local) => local.instances().unwrap_or(local.shape()).type_name.to_string(),
    };
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_else(|_| <&CStr>::default().to_owned())
}

/// The connection over which an object of a peer was lent.
///
/// @param object borrowed
/// @param connection_out owned; free it with rpyc_connection_free; it does not keep the connection open
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (an object of this process), RPYC_ERR_CLOSED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_connection(
    object: *const rpyc_object,
    connection_out: *mut *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(connection_out, "connection_out")?;
            match reference(object, "object")? {
                Reference::Remote(proxy) => out.put(handle::new(Connection::borrowed(connection_of(proxy)?))),
                Reference::Local(_) => Err(Failure::new(RPYC_ERR_STATE, "the object belongs to this process")),
            }
        })
    }
}

fn connection_of(proxy: &Proxy) -> Result<Arc<crate::connection::Shared>> {
    Ok(shared_of(proxy)?)
}

/// Makes an object of this process: an instance of a class around a pointer.
///
/// @param class_ copied reference
/// @param instance given to the class's callbacks
/// @param self_free ends self when neither this process nor a peer uses the object any more; may be NULL
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_new(
    class_: *const rpyc_class,
    instance: *mut c_void,
    self_free: rpyc_free_fn,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let state = CSelf(Userdata::new(instance, self_free));
            let out = output(object_out, "object_out")?;
            let class_ = handle::require(class_, "class_")?;
            out.put(handle::new(Reference::Local(class_.instance(Box::new(state))).into()))
        })
    }
}

/// Gives the living object of a class that was made here for a key, or makes one: what the application holds once becomes one
/// object, whose identity peers can compare, for as long as this process or a peer uses it.
///
/// @param class_ copied reference; each class has keys of its own
/// @param key tells objects apart, usually the address of what the object stands for; it is not read. While the object lives,
///        the application uses it for nothing else
/// @param instance given to the class's callbacks, where an object is made
/// @param self_free ends self when neither this process nor a peer uses the object any more, or at once where there was an
///        object, which then keeps what it was made with; may be NULL
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also without a key)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_get_or_new(
    class_: *const rpyc_class,
    key: *const c_void,
    instance: *mut c_void,
    self_free: rpyc_free_fn,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let state = CSelf(Userdata::new(instance, self_free));
            let out = output(object_out, "object_out")?;
            let class_ = handle::require(class_, "class_")?;
            if key.is_null() {
                return Err(Failure::null("key"));
            }
            let (object, unused) = class_.instance_of_key(key as usize, state);
            drop(unused);
            out.put(handle::new(Reference::Local(object).into()))
        })
    }
}

/// The pointer inside an object of this process.
///
/// @param object borrowed
/// @param class_ borrowed; the object must be an instance of it, or of a class derived from it
/// @return borrowed, as long as the object lives; NULL for other objects
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_self(object: *const rpyc_object, class_: *const rpyc_class) -> *mut c_void {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        let (Some(object), Some(class_)) = (unsafe { (handle::as_ref(object), handle::as_ref(class_)) }) else {
            return ptr::null_mut();
        };
        let Reference::Local(local) = &object.reference else { return ptr::null_mut() };
        match local.as_any().downcast_ref::<Object>() {
            Some(object) if object.class().is_or_derives_from(class_) => {
                object.state().downcast_ref::<CSelf>().map_or(ptr::null_mut(), |state| state.0.pointer())
            }
            _ => ptr::null_mut(),
        }
    })
}
