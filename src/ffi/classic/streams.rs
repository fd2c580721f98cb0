//! rpyc_classic: files and folders, and the peer's standard streams.

use crate::classic::{Input, Output, Progress, Redirection, Streams, Transfer};
use crate::ffi::border::boundary::{self, ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{name, output};
use crate::ffi::border::status::{Result, rpyc_status};
use crate::ffi::border::table;
use crate::ffi::border::types::{rpyc_classic, rpyc_error, rpyc_redirection};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::classic::master::checked;
use libc::FILE;
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

/// Progress of a transfer.
#[repr(C)]
pub struct rpyc_transfer_progress {
    /// Path of the local file that is being copied. Borrowed for the call; NUL-terminated.
    pub local: *const c_char,
    /// Path of the peer's file. Borrowed for the call; NUL-terminated.
    pub remote: *const c_char,
    /// Number of bytes of the file copied.
    pub done: u64,
    /// Size of the file at the beginning, in bytes.
    pub size: u64,
    /// Number of files copied before this one.
    pub files: u64,
    /// Number of bytes copied of all files.
    pub total: u64,
}

/// Options for copying files and directories. New members are only ever appended. A member that is 0 or NULL takes the
/// default documented for it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_transfer_options {
    /// sizeof(rpyc_transfer_options)
    pub struct_size: usize,
    /// Size of one message, in bytes. 0 for 64000, as in RPyC.
    pub chunk_size: usize,
    /// Returns whether to copy the file or directory with this name, which is in a directory that is copied. NULL to
    /// copy all.
    pub filter: Option<unsafe extern "C" fn(name: *const c_char, userdata: *mut c_void) -> bool>,
    /// Called at the beginning of each file and after each message. Returns false to end the transfer. NULL for none.
    pub progress: Option<unsafe extern "C" fn(progress: *const rpyc_transfer_progress, userdata: *mut c_void) -> bool>,
    /// Argument of filter and progress.
    pub userdata: *mut c_void,
}

/// Runs a transfer as the options say.
///
/// # Safety
/// The options are NULL or as their documentation asks.
unsafe fn with_options(
    options: *const rpyc_transfer_options,
    run: impl FnOnce(&Transfer<'_>) -> crate::error::Result<()>,
) -> Result<()> {
    if options.is_null() {
        return Ok(run(&Transfer::default())?);
    }
    // SAFETY: not NULL, so it begins with its size.
    let options = unsafe {
        table::table(options, std::mem::offset_of!(rpyc_transfer_options, filter), "options", "rpyc_transfer_options")
    }?;
    let c_text = |text: &str| CString::new(text).unwrap_or_default();
    let filter = |name: &str| match options.filter {
        None => true,
        // SAFETY: the application's function, called as its type says.
        Some(filter) => boundary::outside(|| unsafe { filter(c_text(name).as_ptr(), options.userdata) }),
    };
    let progress = |told: &Progress<'_>| match options.progress {
        None => true,
        Some(progress) => {
            let (local, remote) = (c_text(told.local), c_text(told.remote));
            let Progress { done, size, files, total, .. } = *told;
            let told =
                rpyc_transfer_progress { local: local.as_ptr(), remote: remote.as_ptr(), done, size, files, total };
            // SAFETY: the application's function, called as its type says.
            boundary::outside(|| unsafe { progress(&told, options.userdata) })
        }
    };
    let chunk = if options.chunk_size == 0 { Transfer::default().chunk } else { options.chunk_size.min(1 << 26) };
    Ok(run(&Transfer { chunk, filter: &filter, progress: &progress })?)
}

/// Copies a file, or a directory with its content, to a classic server: rpyc.classic.upload().
///
/// Missing directories are made. In a directory, entries that are neither a file nor a directory are skipped. A partly
/// copied file remains after a failure.
///
/// ```c
/// static bool show(const rpyc_transfer_progress *progress, void *userdata)
/// {
///     (void)userdata;
///     printf("%s: %llu bytes\n", progress->local, (unsigned long long)progress->done);
///     return true; // continue
/// }
///
/// static rpyc_status upload(rpyc_classic *classic, rpyc_error **error_out)
/// {
///     const rpyc_transfer_options options = {.struct_size = sizeof options, .progress = show};
///     return rpyc_classic_upload(classic, "data.csv", "/tmp/data.csv", &options, error_out);
/// }
/// ```
///
/// @param classic borrowed
/// @param local copied; a path
/// @param remote copied; the path of the copy itself, not of its directory
/// @param options copied; NULL for the defaults
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ABI, RPYC_ERR_IO, RPYC_ERR_ARGUMENT
///         (neither a file nor a directory), RPYC_ERR_UNSAFE, RPYC_ERR_STATE (progress ended the transfer),
///         RPYC_ERR_TYPE (the peer's reply is not that of a file)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_upload(
    classic: *mut rpyc_classic,
    local: *const c_char,
    remote: *const c_char,
    options: *const rpyc_transfer_options,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let classic = checked(classic)?;
            let local = name(local, "local")?;
            let remote = name(remote, "remote")?;
            with_options(options, |how| classic.upload(local, remote, how))
        })
    }
}

/// Copies a file, or a directory with its content, from a classic server: rpyc.classic.download().
///
/// See rpyc_classic_upload(). A name in a directory of the peer that would point outside of it is rejected with
/// RPYC_ERR_UNSAFE.
///
/// @param classic borrowed
/// @param remote copied; a path of the peer
/// @param local copied; the path of the copy itself, not of its directory
/// @param options copied; NULL for the defaults
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ABI, RPYC_ERR_IO, RPYC_ERR_ARGUMENT
///         (neither a file nor a directory), RPYC_ERR_UNSAFE, RPYC_ERR_STATE (progress ended the transfer),
///         RPYC_ERR_TYPE (the peer's reply is not that of a file)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_download(
    classic: *mut rpyc_classic,
    remote: *const c_char,
    local: *const c_char,
    options: *const rpyc_transfer_options,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let classic = checked(classic)?;
            let remote = name(remote, "remote")?;
            let local = name(local, "local")?;
            with_options(options, |how| classic.download(remote, local, how))
        })
    }
}

/// Receives output of the peer: `length` bytes of UTF-8, borrowed for the call.
pub type rpyc_output_fn = Option<unsafe extern "C" fn(text: *const c_char, length: usize, userdata: *mut c_void)>;

/// Writes up to `size` bytes of the peer's input into `buffer` and returns their number; 0 for the end of the input.
pub type rpyc_input_fn = Option<unsafe extern "C" fn(buffer: *mut c_char, size: usize, userdata: *mut c_void) -> usize>;

impl Handle for rpyc_redirection {
    type Inner = Redirection;
    const WORD: [u8; 8] = *b"redirect";
}

/// Redirects the standard streams of a classic server to callbacks: rpyc.classic.redirected_stdio().
///
/// Output that the peer's sys.stdout gets during a request arrives before the reply. Output at other times arrives
/// when this side serves.
///
/// ```c
/// static void collect(const char *text, size_t length, void *userdata)
/// {
///     fwrite(text, 1, length, (FILE *)userdata);
/// }
///
/// static rpyc_status log_output(rpyc_classic *classic, FILE *log, rpyc_error **error_out)
/// {
///     rpyc_redirection *redirection = NULL;
///     rpyc_status status = rpyc_classic_redirect(classic, NULL, collect, collect, log, NULL,
///                                                &redirection, error_out);
///     if (!status)
///         status = rpyc_classic_execute(classic, "print('hi')", RPYC_NUL_TERMINATED, error_out);
///     rpyc_redirection_end(redirection, NULL);
///     rpyc_redirection_free(redirection);
///     return status;
/// }
/// ```
///
/// @param classic borrowed
/// @param input provides what the peer reads from sys.stdin; NULL to leave it unchanged
/// @param out receives what the peer writes to sys.stdout; NULL to leave it unchanged
/// @param err receives what the peer writes to sys.stderr; NULL to leave it unchanged
/// @param userdata consumed, also on failure; argument of the callbacks
/// @param userdata_free destructor of userdata; called when the peer no longer references the streams; may be NULL
/// @param redirection_out owned, free with rpyc_redirection_free() after rpyc_redirection_end()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer's sys is not an object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_redirect(
    classic: *mut rpyc_classic,
    input: rpyc_input_fn,
    out: rpyc_output_fn,
    err: rpyc_output_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    redirection_out: *mut *mut rpyc_redirection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Arc::new(Userdata::new(userdata, userdata_free));
            let place = output(redirection_out, "redirection_out")?;
            let writer = |callback: rpyc_output_fn| {
                let (callback, userdata) = (callback?, userdata.clone());
                let write: Output = Arc::new(move |text: &str| {
                    boundary::outside(|| callback(text.as_ptr().cast(), text.len(), userdata.pointer()));
                });
                Some(write)
            };
            let reader = |callback: rpyc_input_fn| {
                let (callback, userdata) = (callback?, userdata.clone());
                let read: Input = Arc::new(move |buffer: &mut [u8]| {
                    boundary::outside(|| callback(buffer.as_mut_ptr().cast(), buffer.len(), userdata.pointer()))
                });
                Some(read)
            };
            let streams = Streams { input: reader(input), output: writer(out), error: writer(err) };
            place.put(handle::new(checked(classic)?.redirect(streams)?))
        })
    }
}

/// A stream of C that the application keeps open.
struct File(*mut FILE);

// SAFETY: the streams of C have locks of their own.
unsafe impl Send for File {}
// SAFETY: as above.
unsafe impl Sync for File {}

impl File {
    fn new(file: *mut FILE) -> Option<File> {
        (!file.is_null()).then_some(File(file))
    }

    /// # Safety
    /// The stream stays open as long as what this makes.
    unsafe fn output(self) -> Output {
        Arc::new(move |text: &str| {
            // SAFETY: the stream is open, and the text as long as is said.
            unsafe {
                libc::fwrite(text.as_ptr().cast(), 1, text.len(), { &self }.0);
                libc::fflush({ &self }.0);
            }
        })
    }

    /// # Safety
    /// As for `output`.
    unsafe fn input(self) -> Input {
        Arc::new(move |buffer: &mut [u8]| {
            let size = i32::try_from(buffer.len()).unwrap_or(i32::MAX);
            buffer.fill(0xff);
            // SAFETY: the stream is open, and the buffer of that size. A line is taken, so that a terminal is not waited
            // for longer than for its next one.
            let line = unsafe { libc::fgets(buffer.as_mut_ptr().cast(), size, { &self }.0) };
            if line.is_null() {
                return 0;
            }
            // The text may hold NUL; what fgets has put ends with the last one, as all behind it is 0xff.
            buffer.iter().rposition(|byte| *byte == 0).unwrap_or(0)
        })
    }
}

/// Redirects the standard streams of a classic server to C streams, such as this program's stdin, stdout and stderr.
/// Each write is flushed.
///
/// @param classic borrowed
/// @param input borrowed until the redirection has ended; NULL to leave the peer's stream unchanged
/// @param out borrowed until the redirection has ended; NULL to leave the peer's stream unchanged
/// @param err borrowed until the redirection has ended; NULL to leave the peer's stream unchanged
/// @param redirection_out owned, free with rpyc_redirection_free() after rpyc_redirection_end()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer's sys is not an object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_redirect_files(
    classic: *mut rpyc_classic,
    input: *mut FILE,
    out: *mut FILE,
    err: *mut FILE,
    redirection_out: *mut *mut rpyc_redirection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let place = output(redirection_out, "redirection_out")?;
            let streams = Streams {
                input: File::new(input).map(|file| file.input()),
                output: File::new(out).map(|file| file.output()),
                error: File::new(err).map(|file| file.output()),
            };
            place.put(handle::new(checked(classic)?.redirect(streams)?))
        })
    }
}

/// Restores the peer's own streams. Calling it again does nothing.
///
/// @param redirection borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_redirection_end(
    redirection: *mut rpyc_redirection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(handle::require(redirection, "redirection")?.end()?)) }
}

/// Frees a handle. A redirection that was not ended remains in effect: the peer continues to write to this side.
///
/// @param redirection consumed; NULL does nothing
///
/// Threads: any; never waits. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_redirection_free(redirection: *mut rpyc_redirection) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(redirection) }));
}
