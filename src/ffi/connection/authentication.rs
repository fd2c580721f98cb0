//! rpyc_authentication: the raw stream of a peer before the first frame, and who the peer is.

use crate::authentication::{Authenticator, Opening, User, secret, unix};
use crate::error::Error;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or, outside};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{array, bytes, name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_STATE, RPYC_ERR_UNSUPPORTED, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_authentication, rpyc_config, rpyc_error, rpyc_value};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::sync::{Mutex, lock};
use crate::value::Value;
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;
use std::{ptr, slice};

impl Handle for rpyc_authentication {
    type Inner = Arc<Authentication>;
    const WORD: [u8; 8] = *b"authenti";
}

/// The data behind an rpyc_authentication.
pub(crate) struct Authentication {
    opening: Arc<dyn Opening>,
    peer_name: CString,
    decision: Mutex<Decision>,
}

/// The decision of the callback.
enum Decision {
    /// Not made, which refuses the peer. The failure of the stream, if it has failed.
    Open(Option<Error>),
    Accepted(Value),
    Refused(String),
}

/// Authenticates one peer on the raw stream, before the first frame. authentication is borrowed for the call.
///
/// It reads and writes what both sides have agreed on, and ends with rpyc_authentication_accept(). If it returns
/// without, or after rpyc_authentication_refuse(), or if a read or write has failed, the peer is refused.
pub type rpyc_authenticator_fn =
    Option<unsafe extern "C" fn(authentication: *mut rpyc_authentication, userdata: *mut c_void)>;

/// Sets a callback that authenticates the peer of every connection, before the first frame is sent or read. It replaces
/// any other authenticator of the configuration; the result of the last one set counts.
///
/// On a server the callback runs in the thread of the connection, after the connection was accepted and before the
/// service's create: other clients are not delayed. handshake_timeout limits the time of the whole authentication.
/// Until it has ended, the connection counts as one that has sent no message: for max_connections and
/// max_connections_per_address, and it is the first to be closed by make_room. A refused connection is closed; the
/// reason is logged at RPYC_LOG_WARN with the peer's name and is not sent to the peer; see also
/// rpyc_server_authentication_failures().
///
/// On the connecting side the callback runs in the thread that calls rpyc_connect(), rpyc_connection_new() or another
/// function that makes a connection. connect_timeout limits connecting and authentication together. If the peer is
/// refused, ends the stream or is too slow, that function fails with RPYC_ERR_AUTHENTICATION or RPYC_ERR_TIMEOUT. The
/// detection of the dialect may connect a second time, see rpyc_connect(); then the callback runs on each stream.
///
/// A callback that does not read or write is not interrupted. If it returns after the time limit, the peer is refused.
///
/// ```c
/// static void magic_word(rpyc_authentication *authentication, void *userdata)
/// {
///     char word[2];
///
///     (void)userdata;
///     if (rpyc_authentication_read(authentication, word, sizeof word, NULL))
///         return;
///     if (word[0] == 'M' && word[1] == 'a')
///         rpyc_authentication_accept(authentication, rpyc_value_new_int(42), NULL);
///     else
///         rpyc_authentication_refuse(authentication, "wrong magic word", NULL);
/// }
///
/// static rpyc_status demand_magic_word(rpyc_config *config, rpyc_error **error_out)
/// {
///     return rpyc_config_set_authenticator(config, magic_word, NULL, NULL, error_out);
/// }
/// ```
///
/// @param config borrowed
/// @param callback called on several threads at the same time; NULL for no authentication
/// @param userdata consumed, also on failure; passed to the callback and the destructor
/// @param userdata_free destructor of userdata: runs exactly once, when the config, its copies and the connections are
///        gone, also on failure; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_authenticator(
    config: *mut rpyc_config,
    callback: rpyc_authenticator_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let config = handle::require_mut(config, "config")?;
            config.application.authenticator = callback.map(|callback| {
                let authenticator: Authenticator = Arc::new(move |opening: &Arc<dyn Opening>| {
                    let authentication = Arc::new(Authentication {
                        opening: opening.clone(),
                        peer_name: CString::new(opening.peer_name()).unwrap_or_default(),
                        decision: Mutex::new(Decision::Open(None)),
                    });
                    handle::lend(authentication.clone(), |authentication| {
                        // The application's function, called as its type says.
                        outside(|| callback(authentication, userdata.pointer()));
                    });
                    authentication.outcome()
                });
                authenticator
            });
            Ok(())
        })
    }
}

/// Authenticates both sides by a shared secret. It replaces any other authenticator of the configuration.
///
/// Client and server prove to each other that they know the secret, by HMAC-SHA-256 over random numbers of both; the
/// secret itself is not sent. The guide "Authentication" describes the bytes, and examples-c/peers/secret.py is the other
/// side for stock RPyC in Python. The credentials are the dict {"authentication": "secret"}.
///
/// Only the opening is protected: over plain TCP, who controls the network can read and change everything that follows.
///
/// ```c
/// static rpyc_status use_secret(rpyc_config *config, const void *key, rpyc_error **error_out)
/// {
///     return rpyc_config_set_secret(config, key, 32, error_out); // 32 random bytes
/// }
/// ```
///
/// @param config borrowed
/// @param secret copied; random bytes, because a peer can test guesses offline
/// @param length number of bytes, at least 16
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (too short; nothing is changed)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_secret(
    config: *mut rpyc_config,
    secret: *const c_void,
    length: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let config = handle::require_mut(config, "config")?;
            let secret = bytes(secret.cast(), length, "secret")?;
            config.application.authenticator = Some(secret::authenticator(secret)?);
            Ok(())
        })
    }
}

/// Accepts peers of Unix sockets ("unix:", "shm:") by their user and groups, as the kernel recorded them when the peer
/// connected. It replaces any other authenticator of the configuration. Nothing is sent; the peer notices only a
/// refusal, as the end of the stream. Peers of other transports are refused. The credentials are the dict that
/// rpyc_authentication_unix_peer() returns.
///
/// ```c
/// static rpyc_status only_one_user(rpyc_config *config, uint32_t uid, rpyc_error **error_out)
/// {
///     return rpyc_config_set_unix_peers(config, &uid, 1, NULL, 0, error_out);
/// }
/// ```
///
/// @param config borrowed
/// @param uids copied; effective user ids that are accepted; 0 (root) only if it is listed
/// @param uid_count number of uids
/// @param gids copied; a peer is accepted if its effective or a supplementary group is one of them
/// @param gid_count number of gids; one id at least is required
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (no id; nothing is changed)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_unix_peers(
    config: *mut rpyc_config,
    uids: *const u32,
    uid_count: usize,
    gids: *const u32,
    gid_count: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let config = handle::require_mut(config, "config")?;
            let (uids, gids) = (array(uids, uid_count, "uids")?, array(gids, gid_count, "gids")?);
            config.application.authenticator = Some(unix::authenticator(uids, gids)?);
            Ok(())
        })
    }
}

impl Authentication {
    fn outcome(&self) -> crate::error::Result<Value> {
        let decision = std::mem::replace(&mut *lock(&self.decision), Decision::Open(None));
        match decision {
            Decision::Accepted(credentials) => Ok(credentials),
            Decision::Refused(reason) => Err(Error::Authentication(reason)),
            Decision::Open(Some(error)) => Err(error),
            Decision::Open(None) => {
                Err(Error::Authentication("the authenticator did not accept the peer and named no reason".into()))
            }
        }
    }

    /// Runs an operation of the stream, whose failure is the reason if the callback gives none.
    fn transfer(&self, run: impl FnOnce(&dyn Opening) -> crate::error::Result<()>) -> Result<()> {
        let done = run(&*self.opening);
        if let (Err(error), Decision::Open(failed)) = (&done, &mut *lock(&self.decision)) {
            failed.get_or_insert_with(|| error.clone());
        }
        Ok(done?)
    }
}

/// Reads exactly size bytes of the raw stream. Waits at most for the rest of the time limit.
///
/// @param authentication borrowed
/// @param buffer room for size bytes; its contents are undefined on failure
/// @param size number of bytes; 0 is allowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TIMEOUT, RPYC_ERR_IO, RPYC_ERR_AUTHENTICATION (the peer ended the stream).
///         After a failure, later reads and writes fail with it too
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_read(
    authentication: *mut rpyc_authentication,
    buffer: *mut c_void,
    size: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let authentication = handle::require(authentication, "authentication")?;
            if size == 0 {
                return Ok(());
            }
            if buffer.is_null() {
                return Err(Failure::null("buffer"));
            }
            // The application's memory may be uninitialised.
            buffer.cast::<u8>().write_bytes(0, size);
            let room = slice::from_raw_parts_mut(buffer.cast::<u8>(), size);
            authentication.transfer(|opening| opening.read(room))
        })
    }
}

/// Writes bytes to the raw stream. Waits at most for the rest of the time limit.
///
/// @param authentication borrowed
/// @param data copied
/// @param size number of bytes in data
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT, RPYC_ERR_TIMEOUT, RPYC_ERR_IO, RPYC_ERR_AUTHENTICATION (the peer
///         ended the stream)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_write(
    authentication: *mut rpyc_authentication,
    data: *const c_void,
    size: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let authentication = handle::require(authentication, "authentication")?;
            let data = bytes(data.cast(), size, "data")?;
            authentication.transfer(|opening| opening.write(data))
        })
    }
}

/// Accepts the peer. After the callback has returned, rpyc_connection_credentials() returns the credentials, and the
/// first frame can be sent.
///
/// @param authentication borrowed
/// @param credentials consumed, also on failure; NULL for None
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (accepted or refused before, or a read or write has failed)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_accept(
    authentication: *mut rpyc_authentication,
    credentials: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let credentials = handle::value_take(credentials).unwrap_or_default();
            let authentication = handle::require(authentication, "authentication")?;
            let mut decision = lock(&authentication.decision);
            let text = match &*decision {
                Decision::Open(None) => {
                    *decision = Decision::Accepted(credentials);
                    return Ok(());
                }
                Decision::Open(Some(error)) => error.to_string(),
                Decision::Accepted(_) => "the peer was accepted before".to_owned(),
                Decision::Refused(_) => "the peer was refused before".to_owned(),
            };
            drop(decision);
            Err(Failure::new(RPYC_ERR_STATE, text))
        })
    }
}

/// Refuses the peer, for a reason that is logged and not sent. It also takes back rpyc_authentication_accept().
///
/// @param authentication borrowed
/// @param reason copied; NUL-terminated; NULL for no reason
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8 (the peer is refused all the same)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_refuse(
    authentication: *mut rpyc_authentication,
    reason: *const c_char,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let authentication = handle::require(authentication, "authentication")?;
            let unknown = "the authenticator refused the peer";
            let text = if reason.is_null() { Ok(unknown) } else { name(reason, "reason") };
            let decision = Decision::Refused(text.as_ref().copied().unwrap_or(unknown).to_owned());
            let before = std::mem::replace(&mut *lock(&authentication.decision), decision);
            drop(before);
            text.map(drop)
        })
    }
}

/// Returns whether this side is the server, which accepted the stream, or the side that connected.
///
/// @param authentication borrowed
/// @return false also for NULL
///
/// Threads: any, during the callback. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_is_server(authentication: *const rpyc_authentication) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(authentication) }.is_some_and(|found| found.opening.is_server()))
}

/// Gets the address of the peer, as rpyc_connection_endpoints() returns it for the transport.
///
/// @param authentication borrowed
/// @return borrowed for the callback; NUL-terminated; NULL for NULL
///
/// Threads: any, during the callback. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_peer_name(authentication: *const rpyc_authentication) -> *const c_char {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null(), || {
        unsafe { handle::as_ref(authentication) }.map_or(ptr::null(), |found| found.peer_name.as_ptr())
    })
}

/// Returns the rest of the time limit, for work that does not use the stream.
///
/// @param authentication borrowed
/// @return milliseconds; -1 for no limit; 0 also for NULL
///
/// Threads: any, during the callback. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_time_left(authentication: *const rpyc_authentication) -> i64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || {
        unsafe { handle::as_ref(authentication) }.map_or(0, |found| {
            found.opening.time_left().map_or(-1, |left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX))
        })
    })
}

/// Gets the process at the other end of a Unix socket, as the kernel recorded it when the peer connected: a dict with
/// the ints "uid", "gid" and "pid", and "groups", a tuple of the supplementary groups. The ids are the effective ones.
/// The process may have ended since, and its pid may belong to another one.
///
/// @param authentication borrowed
/// @param peer_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UNSUPPORTED (not a Unix socket)
///
/// Threads: any, during the callback. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_unix_peer(
    authentication: *const rpyc_authentication,
    peer_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(peer_out, "peer_out")?;
            let user = handle::require(authentication, "authentication")?.opening.user();
            let unknown = || Failure::new(RPYC_ERR_UNSUPPORTED, "the peer is not at a Unix socket");
            out.put_value(user.as_ref().map(User::to_value).ok_or_else(unknown)?)
        })
    }
}

/// Gets the certificate with which the peer authenticated itself in a TLS handshake.
///
/// @param authentication borrowed
/// @param certificate_out owned, free with rpyc_value_free(); bytes (DER), or None for no certificate
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any, during the callback. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_authentication_certificate(
    authentication: *const rpyc_authentication,
    certificate_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(certificate_out, "certificate_out")?;
            let certificate = handle::require(authentication, "authentication")?.opening.certificate();
            out.put_value(certificate.map_or(Value::None, |der| Value::bytes(&der)))
        })
    }
}
