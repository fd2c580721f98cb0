//! rpyc_connecting: attempts to connect that never block.

use crate::config::Config;
use crate::connection::Connection;
use crate::error::Error;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_UNSUPPORTED, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_class, rpyc_config, rpyc_connecting, rpyc_connection, rpyc_error};
use crate::ffi::config::config_or_default;
use crate::ffi::connection::event_loop::{RPYC_WAIT_READ, RPYC_WAIT_WRITE};
use crate::objects::Class;
use crate::sync::{Mutex, lock};
use crate::transport::{Address, Opening, resolve};
use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

impl Handle for rpyc_connecting {
    type Inner = Arc<Connecting>;
    const WORD: [u8; 8] = *b"connctng";
}

/// The data behind an rpyc_connecting.
pub(crate) struct Connecting {
    address: Address,
    service: Option<Arc<Class>>,
    config: Config,
    state: Mutex<State>,
    forks: u32,
}

struct State {
    opening: Opening,
    /// Why the host could not be resolved, until it is reported.
    failed: Option<Error>,
}

/// Begins to connect without blocking, for an event loop: the loop waits for what rpyc_connecting_interest() returns
/// and calls rpyc_connecting_process(), until that gives a connection. No thread is started.
///
/// A numeric address and a Unix socket need nothing else. The host name of an address is resolved by
/// rpyc_connecting_resolve(), which blocks: the application calls it in a thread of its own.
///
/// connect_timeout limits everything after the resolution, the handshake of TLS included. connect_retry has no effect.
/// The connection is made as by rpyc_connection_new(): with the option dialect at "auto", this side uses the dialect of
/// rpyc 6 if it sends first. For a server of rpyc 4.1 to 5.3 set the option to "5".
///
/// ```c
/// rpyc_connecting *connecting = NULL;
/// rpyc_status status = rpyc_connect_start("tcp://127.0.0.1:1234", NULL, NULL, &connecting, &error);
/// while (!status && !connection) {
///     // poll rpyc_connecting_fileno(connecting) for rpyc_connecting_interest(connecting),
///     // at most for rpyc_connecting_next_deadline(connecting) milliseconds
///     status = rpyc_connecting_process(connecting, &connection, &error);
/// }
/// rpyc_connecting_free(connecting);
/// ```
///
/// @param address copied; NUL-terminated; "tcp://", "tls://" or "unix://"
/// @param service copied (a reference); the class of the root that the peer gets; NULL for none
/// @param config copied; NULL for the defaults
/// @param connecting_out owned, free with rpyc_connecting_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS (malformed), RPYC_ERR_UNSUPPORTED (another kind of
///         address, a configuration with an authenticator, which blocks, or built without TLS), RPYC_ERR_ARGUMENT (an
///         option of TLS), RPYC_ERR_IO (a file of TLS)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connect_start(
    address: *const c_char,
    service: *const rpyc_class,
    config: *const rpyc_config,
    connecting_out: *mut *mut rpyc_connecting,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(connecting_out, "connecting_out")?;
            let address: Address = name(address, "address")?.parse()?;
            let (service, config) = (handle::as_ref(service).cloned(), config_or_default(config));
            if config.application.authenticator.is_some() {
                let text = "an authenticator blocks: connect with rpyc_connect() in a thread";
                return Err(Failure::new(RPYC_ERR_UNSUPPORTED, text));
            }
            let opening = Opening::new(&address, config.connect_timeout, &config.tls)?;
            let state = Mutex::new(State { opening, failed: None });
            let forks = crate::fork::generation();
            out.put(handle::new(Arc::new(Connecting { address, service, config, state, forks })))
        })
    }
}

/// The attempt of a handle, in a process that may use it.
///
/// # Safety
/// The handle is NULL or live, as long as is said of the result.
unsafe fn checked<'a>(handle: *const rpyc_connecting) -> Result<&'a Arc<Connecting>> {
    // SAFETY: the same is asked of our caller.
    let connecting = unsafe { handle::require(handle, "connecting") }?;
    Error::unless_forked(connecting.forks, "attempt to connect")?;
    Ok(connecting)
}

/// Gets another handle of the same attempt, for the thread that calls rpyc_connecting_resolve().
///
/// @param connecting borrowed
/// @return owned, free with rpyc_connecting_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connecting_clone(connecting: *const rpyc_connecting) -> *mut rpyc_connecting {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(connecting) }.map_or(ptr::null_mut(), |connecting| handle::new(connecting.clone()))
    })
}

/// Frees a handle. Freeing the last one cancels the attempt.
///
/// @param connecting consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connecting_free(connecting: *mut rpyc_connecting) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(connecting) }));
}

/// Returns whether the address has a host name that was not resolved yet. Until rpyc_connecting_resolve() has returned,
/// rpyc_connecting_process() does nothing.
///
/// @param connecting borrowed
/// @return false also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connecting_needs_resolve(connecting: *const rpyc_connecting) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || {
        unsafe { checked(connecting) }.is_ok_and(|connecting| {
            let state = lock(&connecting.state);
            state.opening.is_unresolved() && state.failed.is_none()
        })
    })
}

/// Resolves the host name of the address. It blocks, for a time that the system's resolver determines. Call it in a
/// thread of the application, with a handle of its own, and tell the event loop when it has returned, for example by a
/// write to an eventfd. The loop may free its handle meanwhile.
///
/// @param connecting borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, also if there is nothing to resolve; RPYC_ERR_NULL, RPYC_ERR_FORKED; RPYC_ERR_IO (the host was not
///         found), which rpyc_connecting_process() returns too
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connecting_resolve(
    connecting: *mut rpyc_connecting,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let connecting = checked(connecting)?.clone();
            if !lock(&connecting.state).opening.is_unresolved() {
                return Ok(());
            }
            let found = resolve(&connecting.address);
            let mut state = lock(&connecting.state);
            match found {
                Ok(targets) => state.opening.set_targets(targets),
                Err(error) => {
                    state.failed = Some(error.clone());
                    return Err(error.into());
                }
            }
            Ok(())
        })
    }
}

/// Gets the descriptor to poll. Each step can have another one: call it each time before waiting.
///
/// @param connecting borrowed
/// @return a descriptor, not to be used otherwise; -1 if there is none to wait for, and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connecting_fileno(connecting: *const rpyc_connecting) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || match unsafe { checked(connecting) } {
        Ok(connecting) => lock(&connecting.state).opening.interest().0.unwrap_or(-1),
        Err(_) => -1,
    })
}

/// Gets the events of rpyc_connecting_fileno() that the loop must wait for.
///
/// @param connecting borrowed
/// @return RPYC_WAIT_READ or RPYC_WAIT_WRITE; 0 if there is no descriptor, and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connecting_interest(connecting: *const rpyc_connecting) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || match unsafe { checked(connecting) } {
        Ok(connecting) => {
            let needs = lock(&connecting.state).opening.interest().1;
            (needs.read as i32 * RPYC_WAIT_READ) | (needs.write as i32 * RPYC_WAIT_WRITE)
        }
        Err(_) => 0,
    })
}

/// Gets the longest time that a loop may wait before it calls rpyc_connecting_process() even without an event.
///
/// @param connecting borrowed
/// @return milliseconds, rounded up; 0 for no wait; -1 for no limit, as while the host is not resolved, and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connecting_next_deadline(connecting: *const rpyc_connecting) -> i64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || {
        let Ok(connecting) = (unsafe { checked(connecting) }) else { return -1 };
        let state = lock(&connecting.state);
        match state.opening.next_deadline() {
            _ if state.failed.is_some() => 0,
            Some(left) => i64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX),
            None => -1,
        }
    })
}

/// Continues to connect, without blocking. The create callback of the service and its on_connect run in this thread.
///
/// @param connecting borrowed
/// @param connection_out owned, free with rpyc_connection_free(); NULL if the attempt has not ended. The connection is
///         in blocking mode, see rpyc_connection_set_nonblocking()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED; the failure of the attempt, with which it ends: RPYC_ERR_ADDRESS,
///         RPYC_ERR_TIMEOUT, RPYC_ERR_IO; RPYC_ERR_STATE (the attempt has ended before, or the create callback refused
///         the connection)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connecting_process(
    connecting: *mut rpyc_connecting,
    connection_out: *mut *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(connection_out, "connection_out")?;
            let connecting = checked(connecting)?.clone();
            let mut state = lock(&connecting.state);
            if let Some(error) = state.failed.take() {
                state.opening.end();
                return Err(error.into());
            }
            let opened = state.opening.step()?;
            drop(state);
            match opened {
                None => Ok(()),
                Some(transport) => out.put(handle::new(Connection::new(
                    transport,
                    connecting.service.as_ref(),
                    connecting.config.clone(),
                )?)),
            }
        })
    }
}
