//! Connections in an event loop: what to wait for, and a step that never waits.

use crate::connection::Connection;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::rpyc_status;
use crate::ffi::border::types::{rpyc_connection, rpyc_error};
use crate::ffi::connection::lifetime::{checked, held};

/// Event flag: wait until the descriptor is readable.
pub const RPYC_WAIT_READ: i32 = 1;
/// Event flag: wait until the descriptor is writable.
pub const RPYC_WAIT_WRITE: i32 = 2;

/// Enables or disables non-blocking mode, for a connection that an event loop drives.
///
/// In this mode only functions that wait for a reply block. Output that the transport does not accept at once is
/// queued, up to about max_queued bytes, and sent by rpyc_connection_process(). Asynchronous requests beyond that
/// limit fail with RPYC_ERR_BACKPRESSURE. Replies are always queued; while they are pending, no further message of the
/// peer is handled.
///
/// @param connection borrowed
/// @param nonblocking 1 enables the mode; 0 disables it and flushes pending output, which can block
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the pool of a server drives it), RPYC_ERR_IO (no
///         descriptor available)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set_nonblocking(
    connection: *mut rpyc_connection,
    nonblocking: i32,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(connection)?.set_nonblocking(nonblocking != 0)?)) }
}

/// Sends what the transport accepts without blocking and handles received messages. Calls of the peer run in this
/// thread, and so do callbacks of results. The function never waits for the peer, neither to send nor to receive.
///
/// One call handles at most about 64 messages, so that a peer that keeps sending does not block the loop. While there
/// are more, rpyc_connection_next_deadline() returns 0 and rpyc_connection_interest() includes RPYC_WAIT_WRITE, so
/// that the loop calls again at once.
///
/// @param connection borrowed
/// @param handled_out whether any message was handled; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK; RPYC_ERR_BACKPRESSURE (the peer does not receive; no more of its messages are handled until some
///         output has been sent; this is not a failure: wait for the events of rpyc_connection_interest()); otherwise
///         as rpyc_connection_serve. The end of the connection is reported at once, or by the next call if this one
///         has handled messages
///
/// Threads: any; usually always the same. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_process(
    connection: *mut rpyc_connection,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let mut unused = false;
            let out = output(if handled_out.is_null() { &mut unused } else { handled_out }, "handled_out")?;
            out.put(held(connection)?.process()?)
        })
    }
}

/// Gets the events that a loop must wait for before it calls rpyc_connection_process(). Call it each time before
/// waiting.
///
/// ```c
/// const int32_t interest = rpyc_connection_interest(connection);
/// const int read_fd = interest & RPYC_WAIT_READ ? rpyc_connection_fileno(connection) : -1;
/// const int write_fd = interest & RPYC_WAIT_WRITE ? rpyc_connection_write_fileno(connection) : -1;
/// // poll() read_fd for POLLIN and write_fd for POLLOUT
/// ```
///
/// @param connection borrowed
/// @return RPYC_WAIT_READ for rpyc_connection_fileno(), RPYC_WAIT_WRITE for rpyc_connection_write_fileno(), or both; 0
///         for only rpyc_connection_wake_fileno(), while another thread reads; 0 also for NULL and in a forked child
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_interest(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || {
        let interest = unsafe { checked(connection) }.map(Connection::interest).unwrap_or_default();
        (interest.read as i32 * RPYC_WAIT_READ) | (interest.write as i32 * RPYC_WAIT_WRITE)
    })
}

/// Gets the longest time that a loop may wait before it calls rpyc_connection_process() even without an event: for
/// example until the next asynchronous result expires, or until releases of freed objects are to be sent. Call it each
/// time before waiting.
///
/// @param connection borrowed
/// @return milliseconds, rounded up; 0 for no wait; -1 for no limit; -1 also for NULL and in a forked child
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_next_deadline(connection: *const rpyc_connection) -> i64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || match unsafe { checked(connection) }.ok().and_then(Connection::next_deadline) {
        Some(left) => i64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX),
        None => -1,
    })
}

/// Gets the descriptor to poll for RPYC_WAIT_WRITE. It is that of rpyc_connection_fileno(), except over a pair of
/// pipes.
///
/// @param connection borrowed
/// @return a descriptor, not to be written or closed; -1 for NULL and for a transport without a descriptor
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_write_fileno(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { handle::as_ref(connection) }.and_then(Connection::write_fileno).unwrap_or(-1))
}

/// Gets the descriptor that becomes readable when another thread has queued work for the loop, such as a reply that
/// could not be sent at once. rpyc_connection_process() makes it unreadable again. Only programs that use the
/// connection in several threads need it.
///
/// @param connection borrowed
/// @return a descriptor, not to be read or closed; valid until the connection is freed or made blocking again; -1 for
///         NULL, in a forked child, and without a call of rpyc_connection_set_nonblocking()
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_wake_fileno(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { checked(connection) }.ok().and_then(Connection::wake_fileno).unwrap_or(-1))
}
