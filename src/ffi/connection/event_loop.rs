//! Connections in an event loop: what to wait for, and a step that never waits.

use crate::connection::Connection;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::rpyc_status;
use crate::ffi::border::types::{rpyc_connection, rpyc_error};
use crate::ffi::connection::lifetime::{checked, held};

/// Wait until the descriptor is readable.
pub const RPYC_WAIT_READ: i32 = 1;
/// Wait until the descriptor is writable.
pub const RPYC_WAIT_WRITE: i32 = 2;

/// Says that an event loop drives a connection: from then on no function waits for the peer to receive, but those that wait for
/// its answer. What does not go at once waits, up to about max_queued bytes, and leaves in rpyc_connection_process.
///
/// Asynchronous requests beyond that are refused with RPYC_ERR_BACKPRESSURE. Answers are always taken; while they wait, no
/// further message of the peer is handled.
///
/// @param connection borrowed
/// @param nonblocking 1, or 0 for the way it was; sends then what waits, which may wait for the peer
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_IO (no descriptor can be had)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set_nonblocking(
    connection: *mut rpyc_connection,
    nonblocking: i32,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(connection)?.set_nonblocking(nonblocking != 0)?)) }
}

/// Sends what the transport accepts without blocking and handles received messages: calls of the peer run in this thread, and
/// so do callbacks of results. It never waits for the peer, neither to send nor to receive.
///
/// It handles at most about 64 messages, so that a peer that goes on sending does not hold up the loop. While there are more,
/// rpyc_connection_next_deadline is 0, and RPYC_WAIT_WRITE is set, so that the loop comes back at once.
///
/// @param connection borrowed
/// @param handled_out was there any message? May be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK; RPYC_ERR_BACKPRESSURE: the peer does not receive, and no more of its messages are handled until some of what
///         waits has left: no failure, wait as rpyc_connection_interest says; otherwise as rpyc_connection_serve. The end of the
///         connection is returned at once, or by the next call if messages were handled before
///
/// Threads: any thread; usually always the same. Since 0.1.
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

/// What a loop is to wait for before it calls rpyc_connection_process. Ask each time before waiting.
///
/// @param connection borrowed
/// @return RPYC_WAIT_READ for rpyc_connection_fileno, RPYC_WAIT_WRITE for rpyc_connection_write_fileno, both, or 0: only for
///         rpyc_connection_wake_fileno, while another thread reads; 0 also for NULL and in a forked child
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_interest(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || {
        let interest = unsafe { checked(connection) }.map(Connection::interest).unwrap_or_default();
        (interest.read as i32 * RPYC_WAIT_READ) | (interest.write as i32 * RPYC_WAIT_WRITE)
    })
}

/// How long a loop may wait at most before it calls rpyc_connection_process, though nothing happened: until the next
/// asynchronous result expires, for one, or releases of freed objects are to be sent. Ask each time before waiting.
///
/// @param connection borrowed
/// @return milliseconds, rounded up; 0: do not wait; -1: no limit; -1 also for NULL and in a forked child
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_next_deadline(connection: *const rpyc_connection) -> i64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || match unsafe { checked(connection) }.ok().and_then(Connection::next_deadline) {
        Some(left) => i64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX),
        None => -1,
    })
}

/// The descriptor to wait at for RPYC_WAIT_WRITE. It is that of rpyc_connection_fileno, but over a pair of pipes.
///
/// @param connection borrowed
/// @return a descriptor, not to be written or closed; -1 for NULL and where there is none
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_write_fileno(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { handle::as_ref(connection) }.and_then(Connection::write_fileno).unwrap_or(-1))
}

/// The descriptor that becomes readable when another thread has left something for the loop to do, such as an answer that did
/// not go at once. rpyc_connection_process empties it. Only programs whose other threads use the connection need it.
///
/// @param connection borrowed
/// @return a descriptor, not to be read or closed; valid until the connection is freed or set to block again; -1 for NULL, in a
///         forked child, and where rpyc_connection_set_nonblocking was not called
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_wake_fileno(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { checked(connection) }.ok().and_then(Connection::wake_fileno).unwrap_or(-1))
}
