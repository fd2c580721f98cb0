//! The application's pointers that come with a destructor.

use crate::connection::Attachment;
use crate::ffi::border::boundary;
use crate::nesting;
use std::ffi::c_void;

/// Destructor for a userdata pointer. NULL for none.
///
/// It runs exactly once, after the last use of the pointer, on any thread, also if the function that took the pointer
/// failed. It must return: no longjmp and no C++ exception.
pub type rpyc_free_fn = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// A userdata pointer with its destructor, from the moment a function is entered.
pub(crate) struct Userdata {
    pointer: *mut c_void,
    free: rpyc_free_fn,
}

// SAFETY: the header tells the application that callbacks and destructors run on several threads.
unsafe impl Send for Userdata {}
// SAFETY: as above; Rust never looks behind the pointer.
unsafe impl Sync for Userdata {}

impl Userdata {
    /// # Safety
    /// `free` may be called with `pointer` once, on any thread.
    pub(crate) unsafe fn new(pointer: *mut c_void, free: rpyc_free_fn) -> Userdata {
        Userdata { pointer, free }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Attachment for Userdata {
    fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for Userdata {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            nesting::let_go(Dying { pointer: self.pointer, free });
        }
    }
}

/// What is still to be ended. Destructors that free further handles are not nested without limit.
struct Dying {
    pointer: *mut c_void,
    free: unsafe extern "C" fn(userdata: *mut c_void),
}

impl Drop for Dying {
    fn drop(&mut self) {
        // SAFETY: `Userdata::new` was promised that it may be called, and this is the only place that does.
        boundary::outside(|| unsafe { (self.free)(self.pointer) });
    }
}

/// A counter whose address is a userdata pointer.
#[cfg(test)]
pub(crate) mod counted {
    use std::ffi::c_void;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    pub struct Freed(Arc<AtomicUsize>);

    impl Freed {
        pub fn new() -> Freed {
            Freed(Arc::new(AtomicUsize::new(0)))
        }

        /// A pointer for one `free`, which keeps the counter alive until then.
        pub fn pointer(&self) -> *mut c_void {
            Arc::into_raw(self.0.clone()).cast_mut().cast()
        }

        pub fn count(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    pub unsafe extern "C" fn free(userdata: *mut c_void) {
        // SAFETY: it comes from `pointer`, and each is freed once.
        let counter = unsafe { Arc::from_raw(userdata.cast_const().cast::<AtomicUsize>()) };
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::counted::{Freed, free};
    use super::*;

    #[test]
    fn freed_once_on_any_thread() {
        let freed = Freed::new();
        // SAFETY: `free` takes such a pointer.
        let userdata = unsafe { Userdata::new(freed.pointer(), Some(free)) };
        assert!(!userdata.pointer().is_null());
        assert_eq!(freed.count(), 0);
        std::thread::spawn(move || drop(userdata)).join().unwrap();
        assert_eq!(freed.count(), 1);
        // SAFETY: there is nothing to be called.
        drop(unsafe { Userdata::new(std::ptr::null_mut(), None) });
    }
}
