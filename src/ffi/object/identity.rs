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

/// Makes another handle for an object.
///
/// @param object borrowed
/// @return owned, free with rpyc_object_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_clone(object: *const rpyc_object) -> *mut rpyc_object {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(object) }.map_or(ptr::null_mut(), |object| handle::new(object.reference.clone().into()))
    })
}

/// Frees a handle of an object. When the last use of a remote object ends, the peer is told as the option release says.
///
/// @param object consumed; NULL does nothing
///
/// Threads: any; never waits. Since: 0.1.
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

/// Returns whether an object is an object of a peer.
///
/// @param object borrowed
/// @return whether it is; false for objects of this process and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_remote(object: *const rpyc_object) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || {
        unsafe { handle::as_ref(object) }.is_some_and(|object| matches!(object.reference, Reference::Remote(_)))
    })
}

/// Returns whether an object is a class.
///
/// @param object borrowed
/// @return whether it is; false for NULL
///
/// Threads: any. Since: 0.1.
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

/// Returns whether two handles refer to the same object, as Python's `is`.
///
/// @param left borrowed
/// @param right borrowed
/// @return whether they do; false if one is NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_same(left: *const rpyc_object, right: *const rpyc_object) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || match unsafe { (handle::as_ref(left), handle::as_ref(right)) } {
        (Some(left), Some(right)) => left.reference.same(&right.reference),
        _ => false,
    })
}

/// Gets the name of an object's type with its module, such as "builtins.list". For a class it is the class's own name.
///
/// The name of a remote object comes from the peer. Escape control characters before you print it.
///
/// @param object borrowed
/// @return borrowed until the handle is freed, NUL-terminated; NULL for NULL
///
/// Threads: any. Since: 0.1.
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

/// Gets the connection of a remote object.
///
/// @param object borrowed
/// @param connection_out owned, free with rpyc_connection_free(); it does not keep the connection open
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (an object of this process), RPYC_ERR_STALE
///
/// Threads: any. Since: 0.1.
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

/// Makes an object of this process: an instance of a class, with a pointer of the application.
///
/// ```c
/// rpyc_object *counter = NULL;
/// int *count = calloc(1, sizeof *count);
/// if (!rpyc_object_new(service, count, free, &counter, &error)) // frees count also on failure
///     rpyc_value_new_object(counter, &value, &error);
/// rpyc_value_free(value);
/// rpyc_object_free(counter);
/// ```
///
/// @param class_ copied: a reference to the class is kept
/// @param instance consumed, also on failure; passed to the callbacks of the class
/// @param self_free destructor of instance: runs when neither this process nor a peer uses the object any more, and on
///        failure; may be NULL
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
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

/// Gets the object of a class that was made for a key, or makes a new one if there is none.
///
/// Something that the application has once thereby becomes one object, whose identity peers can compare. The object
/// exists as long as this process or a peer uses it.
///
/// @param class_ copied: a reference to the class is kept; each class has its own keys
/// @param key identifies the object, usually the address of what it represents; it is not dereferenced. While the
///        object exists, the application must not use the key for anything else
/// @param instance consumed, also on failure; passed to the callbacks of the class if an object is made
/// @param self_free destructor of instance: runs when neither this process nor a peer uses the object any more, at once
///        if the object existed and keeps its own instance, and on failure; may be NULL
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also if key is NULL)
///
/// Threads: any. Since: 0.1.
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

/// Gets the pointer that an object of this process was made with.
///
/// @param object borrowed
/// @param class_ borrowed; the class of the object, or one that it is derived from
/// @return borrowed, valid as long as the object; NULL for other objects
///
/// Threads: any. Since: 0.1.
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
