//! Debug builds tell who wants to know which statuses the functions of the border give: a function of the program (or of
//! what is preloaded into it) with the name `rpyc_debug_status` is called for each, with the place of the guard in the
//! sources. The test `statuses` compares what it hears with what the header says.

use crate::ffi::border::status::rpyc_status;
use std::ffi::c_char;
use std::panic::Location;
use std::sync::OnceLock;

/// The file is not NUL-terminated.
type Listener = unsafe extern "C" fn(file: *const c_char, length: usize, line: u32, status: rpyc_status);

static LISTENER: OnceLock<Option<Listener>> = OnceLock::new();

pub(crate) fn status(place: &Location, status: rpyc_status) {
    // SAFETY: NULL where there is no such function; one of this name is of this type.
    let find = || unsafe {
        let found = libc::dlsym(libc::RTLD_DEFAULT, c"rpyc_debug_status".as_ptr());
        std::mem::transmute::<*mut libc::c_void, Option<Listener>>(found)
    };
    if let Some(listener) = LISTENER.get_or_init(find) {
        let file = place.file();
        // SAFETY: it reads so many bytes of the file's name.
        unsafe { listener(file.as_ptr().cast(), file.len(), place.line(), status) };
    }
}
