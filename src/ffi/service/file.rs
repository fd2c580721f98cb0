//! Files and generators of this process, as Python peers have their own.

use crate::error::Error;
use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::callbacks::rpyc_method_fn;
use crate::ffi::border::handle::{self, ObjectHandle};
use crate::ffi::border::pointer::{name, output, present};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_object};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::service::call::lend_call;
use crate::objects::Call;
use crate::objects::File;
use crate::objects::FileMode;
use crate::objects::Generator;
use crate::objects::Method;
use crate::value::Reference;
use std::ffi::{c_char, c_void};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

/// Makes a generator: a callback makes each item when the peer asks for it, with Python's next(), a loop, send or
/// RPyC's buffiter.
///
/// ```c
/// static void next_number(rpyc_call *call, void *self)
/// {
///     int64_t *left = (int64_t *)self;
///     if (*left > 0)
///         rpyc_call_return_int(call, (*left)--);
///     else
///         rpyc_call_raise(call, "StopIteration", NULL);
/// }
///
/// static rpyc_status count_down(int64_t from, rpyc_object **generator_out, rpyc_error **error_out)
/// {
///     int64_t *left = (int64_t *)malloc(sizeof *left);
///     if (left == NULL)
///         return rpyc_error_new(RPYC_ERR_NO_MEMORY, NULL, "no memory", error_out);
///     *left = from;
///     return rpyc_generator_new(next_number, left, free, generator_out, error_out);
/// }
/// ```
///
/// @param next answers with the next item (rpyc_call_return() and the like) or raises StopIteration. It is not called
///         again after an exception, nor after a peer has called close. Its calls never overlap; it may defer.
///         Argument 0 is the value that the peer sent with send, or None
/// @param userdata consumed, also on failure; the self of next
/// @param userdata_free destructor of userdata; called at the end of the generator, or when it is no longer
///         referenced; may be NULL
/// @param generator_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_generator_new(
    next: rpyc_method_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    generator_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let out = output(generator_out, "generator_out")?;
            let next = present(next, "next")?;
            let run: Method = Arc::new(move |call: Call| lend_call(call, |call| next(call, userdata.pointer())));
            out.put(handle::new(ObjectHandle::from(Reference::Local(Generator::object(run)))))
        })
    }
}

/// Makes a file object of a descriptor. A Python peer uses it like a file from open(): read, write, seek, lines, with.
/// Strings are UTF-8 and lines end with "\n"; neither is translated. Written data is passed to the system at once.
///
/// ```c
/// rpyc_object *file = NULL;
/// if (!rpyc_file_new(2, "w", 0, &file, &error)) // a duplicate of standard error
///     rpyc_value_new_object(file, &value, &error);
/// rpyc_object_free(file);
/// ```
///
/// @param fd an open descriptor
/// @param mode copied; as for Python's open: "r", "rb", "w", "a", "r+", "w+b" and so on. It limits what peers may do;
///         it does not change the descriptor or truncate the file
/// @param close_fd 1 if the descriptor is consumed on success: it is closed by close(), at the end of a with, or when
///         the file is no longer referenced. 0 if it remains the caller's: the file uses a duplicate, which shares its
///         position
/// @param file_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (mode or descriptor), RPYC_ERR_IO (the descriptor
///         could not be duplicated)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_file_new(
    fd: i32,
    mode: *const c_char,
    close_fd: i32,
    file_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks; so is the descriptor, which is looked at first.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(file_out, "file_out")?;
            let mode = name(mode, "mode")?;
            let mode = FileMode::parse(mode).ok_or_else(|| {
                Failure::new(RPYC_ERR_ARGUMENT, format_args!("mode: expected a file mode, got '{mode}'"))
            })?;
            if libc::fcntl(fd, libc::F_GETFD) < 0 {
                return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("fd: {fd} is not an open descriptor")));
            }
            let owned = match close_fd {
                0 => BorrowedFd::borrow_raw(fd)
                    .try_clone_to_owned()
                    .map_err(|error| Error::io(format_args!("duplicating descriptor {fd}"), error))?,
                _ => OwnedFd::from_raw_fd(fd),
            };
            out.put(handle::new(ObjectHandle::from(Reference::Local(File::object(owned, mode, fd)))))
        })
    }
}
