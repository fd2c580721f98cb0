//! Transports of the application: tables of callbacks.

use crate::connection::Connection;
use crate::ffi::border::boundary::{ffi_boundary, outside};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, Result, rpyc_status};
use crate::ffi::border::table::{self, optional};
use crate::ffi::border::types::{rpyc_class, rpyc_config, rpyc_connection, rpyc_error, rpyc_transport};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::config::config_or_default;
use crate::ffi::connection::event_loop::{RPYC_WAIT_READ, RPYC_WAIT_WRITE};
use crate::transport::{Adapter, Address, Base, Direction, Ready, Step, Stream, Transport, Watch};
use std::ffi::{CStr, c_char, c_void};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// Result of a transport callback: bytes were read or written; *count_out is their number.
pub const RPYC_TRANSPORT_OK: i32 = 0;
/// Result of a transport callback: cannot continue until more data has arrived.
pub const RPYC_TRANSPORT_WANT_READ: i32 = 1;
/// Result of a transport callback: cannot continue until the stream accepts more data.
pub const RPYC_TRANSPORT_WANT_WRITE: i32 = 2;
/// Result of a transport callback: the peer has ended the stream.
pub const RPYC_TRANSPORT_END: i32 = 3;
/// Result of a transport callback: the stream is broken; error_text gets the reason.
pub const RPYC_TRANSPORT_FAILED: i32 = 4;

/// A transport of the application, for example TLS of another library, a serial line or a socket of a hypervisor.
/// rpyc_transport_new() copies all of it. New members are only ever appended.
///
/// read, write and error_text never run at the same time for one transport. wait, wake and shutdown may run at the
/// same time as these and as each other, on any threads. The library can hold its lock of the connection while read
/// and write run: they must not call functions of the library for that connection or its objects, which would
/// deadlock. They may use other connections, values and errors. No lock is held while wait, wake, shutdown and the
/// destructor run. After fork(), only the destructor runs in the child. All callbacks must return: no longjmp, no C++
/// exception.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_transport_table {
    /// sizeof(rpyc_transport_table)
    pub struct_size: usize,
    /// Name of the peer, for messages, endpoints and max_connections_per_address (which requires "tcp://IP:PORT").
    /// NULL for "application".
    pub peer_name: *const c_char,
    /// Name of this side, for the same purposes. NULL for "application".
    pub local_name: *const c_char,
    /// Reads at most size bytes without blocking; size is not 0. Returns RPYC_TRANSPORT_...; *count_out is 0 at first.
    /// It is not called again after RPYC_TRANSPORT_END or RPYC_TRANSPORT_FAILED. Not NULL.
    pub read: Option<
        unsafe extern "C" fn(userdata: *mut c_void, buffer: *mut c_void, size: usize, count_out: *mut usize) -> i32,
    >,
    /// Writes at most size bytes without blocking and without SIGPIPE; size is not 0. Returns RPYC_TRANSPORT_..., as
    /// read does. After RPYC_TRANSPORT_WANT_... it is called with the same bytes again, at another address, and
    /// possibly with more bytes after them (for OpenSSL: SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER). Not NULL.
    pub write: Option<
        unsafe extern "C" fn(userdata: *mut c_void, data: *const c_void, size: usize, count_out: *mut usize) -> i32,
    >,
    /// Ends the stream in both directions: wait returns, read returns RPYC_TRANSPORT_END, write fails. It is called at
    /// most once, before the destructor. NULL for no call; the peer then sees the end when the destructor closes the
    /// stream.
    pub shutdown: Option<unsafe extern "C" fn(userdata: *mut c_void)>,
    /// Returns the reason why the last read or write of this thread failed; borrowed until the next one. NULL, or a
    /// NULL result, for no reason.
    pub error_text: Option<unsafe extern "C" fn(userdata: *mut c_void) -> *const c_char>,
    /// Returns the descriptor for the library to poll: readable when read can continue, writable when write can
    /// continue. It is called once, in rpyc_transport_new(). The descriptor stays open until the destructor runs.
    /// NULL, or a negative result, for no descriptor; then wait is required.
    pub fileno: Option<unsafe extern "C" fn(userdata: *mut c_void) -> i32>,
    /// Waits at most timeout_ms milliseconds (0 to 1000) for one of events (RPYC_WAIT_READ, RPYC_WAIT_WRITE or both)
    /// and returns those that occurred; 0 for none. A negative result breaks the stream. Several threads may call it
    /// at the same time. NULL to poll the descriptor.
    pub wait: Option<unsafe extern "C" fn(userdata: *mut c_void, events: i32, timeout_ms: i64) -> i32>,
    /// Makes all current waits return early, or the next one if there is none. NULL if waits end by themselves, within
    /// a second.
    pub wake: Option<unsafe extern "C" fn(userdata: *mut c_void)>,
}

/// Opens a transport for rpyc_connect_by(), which consumes it. Returns NULL on failure.
///
/// timeout_ms limits the time to open it, in milliseconds; -1 for no limit.
pub type rpyc_open_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, timeout_ms: i64) -> *mut rpyc_transport>;

type Transfer<P> = unsafe extern "C" fn(*mut c_void, P, usize, *mut usize) -> i32;

/// What reads and writes.
struct CStream {
    read: Transfer<*mut c_void>,
    write: Transfer<*const c_void>,
    error_text: Option<unsafe extern "C" fn(userdata: *mut c_void) -> *const c_char>,
    userdata: Arc<Userdata>,
}

/// What waits, and ends.
struct CBase {
    table: rpyc_transport_table,
    watch: Option<Watch>,
    /// The names of this side and of the peer; those in the table are not valid any more.
    names: (String, String),
    ended: std::sync::Once,
    userdata: Arc<Userdata>,
}

// SAFETY: the header tells the application which callbacks run on several threads; the names in the table are not used.
unsafe impl Send for CBase {}
// SAFETY: as above.
unsafe impl Sync for CBase {}

impl CStream {
    fn step(&self, status: i32, count: usize, size: usize, what: &str) -> Step {
        match status {
            RPYC_TRANSPORT_OK if count > 0 && count <= size => Step::Done(count),
            RPYC_TRANSPORT_OK => {
                Step::Failed(misuse(format!("{what} of the application's transport returned {count} bytes of {size}")))
            }
            RPYC_TRANSPORT_WANT_READ => Step::Want(Direction::Read),
            RPYC_TRANSPORT_WANT_WRITE => Step::Want(Direction::Write),
            RPYC_TRANSPORT_END => Step::End,
            RPYC_TRANSPORT_FAILED => Step::Failed(io::Error::other(self.reason(what))),
            other => Step::Failed(misuse(format!(
                "{what} of the application's transport returned the unknown status {other}"
            ))),
        }
    }

    fn reason(&self, what: &str) -> String {
        let text = self.error_text.and_then(|error_text| {
            // SAFETY: the application's function, called as its table says; what it gives ends with NUL.
            let text = outside(|| unsafe { error_text(self.userdata.pointer()) });
            // SAFETY: as above.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
        });
        text.filter(|text| !text.is_empty()).unwrap_or_else(|| format!("{what} of the application's transport failed"))
    }
}

fn misuse(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl Stream for CStream {
    fn read(&mut self, room: &mut [u8]) -> Step {
        let mut count = 0;
        let buffer = room.as_mut_ptr().cast();
        // SAFETY: the application's function, called as its table says: the room has that many bytes.
        let status = outside(|| unsafe { (self.read)(self.userdata.pointer(), buffer, room.len(), &mut count) });
        self.step(status, count, room.len(), "read")
    }

    fn write(&mut self, bytes: &[u8]) -> Step {
        let mut count = 0;
        let data = bytes.as_ptr().cast();
        // SAFETY: the application's function, called as its table says.
        let status = outside(|| unsafe { (self.write)(self.userdata.pointer(), data, bytes.len(), &mut count) });
        self.step(status, count, bytes.len(), "write")
    }
}

impl CBase {
    fn wait_by(&self, events: i32, timeout: Duration) -> Option<io::Result<i32>> {
        let wait = self.table.wait?;
        // Not 0 for what is shorter than a millisecond: it would be waited for in circles.
        let time = timeout.as_nanos().div_ceil(1_000_000).min(1000) as i64;
        // SAFETY: the application's function, called as its table says.
        let found = outside(|| unsafe { wait(self.userdata.pointer(), events, time) });
        Some(match found {
            0.. => Ok(found),
            _ => Err(io::Error::other("wait of the application's transport failed")),
        })
    }
}

impl Base for CBase {
    fn wait(&self, read: bool, write: bool, timeout: Duration) -> io::Result<Ready> {
        let events = if read { RPYC_WAIT_READ } else { 0 } | if write { RPYC_WAIT_WRITE } else { 0 };
        if let Some(found) = self.wait_by(events, timeout) {
            let found = found?;
            return Ok(Ready {
                read: read && found & RPYC_WAIT_READ != 0,
                write: write && found & RPYC_WAIT_WRITE != 0,
            });
        }
        match &self.watch {
            Some(watch) => watch.wait(read, write, timeout),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn await_input(&self, timeout: Duration) {
        let waited = self.wait_by(RPYC_WAIT_READ, timeout);
        match (waited, &self.watch) {
            (None, Some(watch)) => watch.await_input(timeout),
            (Some(Err(_)), _) => std::thread::sleep(timeout.min(Duration::from_millis(10))),
            _ => {}
        }
    }

    fn interrupt(&self) {
        if let (Some(_), Some(wake)) = (self.table.wait, self.table.wake) {
            // SAFETY: the application's function, called as its table says.
            outside(|| unsafe { wake(self.userdata.pointer()) });
        }
        self.watch.as_ref().into_iter().for_each(Watch::interrupt);
    }

    fn hang_bell(&self) {
        self.watch.as_ref().into_iter().for_each(Watch::hang_bell);
    }

    fn ring(&self) {
        self.watch.as_ref().into_iter().for_each(Watch::ring);
    }

    fn shutdown(&self) {
        self.ended.call_once(|| {
            if let Some(shutdown) = self.table.shutdown {
                // SAFETY: the application's function, called as its table says.
                outside(|| unsafe { shutdown(self.userdata.pointer()) });
            }
        });
        self.watch.as_ref().into_iter().for_each(Watch::end);
    }

    fn fileno(&self) -> Option<RawFd> {
        self.watch.as_ref().map(Watch::fd)
    }

    fn write_fileno(&self) -> Option<RawFd> {
        self.fileno()
    }

    fn peer_name(&self) -> String {
        self.names.1.clone()
    }

    fn local_name(&self) -> String {
        self.names.0.clone()
    }
}

/// # Safety
/// The table is NULL or as the documentation of `rpyc_transport_table` asks.
unsafe fn over(table: *const rpyc_transport_table, userdata: Arc<Userdata>) -> Result<Arc<dyn Transport>> {
    // SAFETY: all that follows reads the table as its documentation describes it.
    unsafe {
        let least = std::mem::offset_of!(rpyc_transport_table, wait);
        let table = table::table(table, least, "table", "rpyc_transport_table")?;
        let read = table.read.ok_or_else(|| Failure::null("table.read"))?;
        let write = table.write.ok_or_else(|| Failure::null("table.write"))?;
        let named = |text, what| -> Result<String> { Ok(optional(text, what)?.unwrap_or("application").to_owned()) };
        let names = (named(table.local_name, "table.local_name")?, named(table.peer_name, "table.peer_name")?);
        let fd = table.fileno.map_or(-1, |fileno| outside(|| fileno(userdata.pointer())));
        if fd < 0 && table.wait.is_none() {
            let text = "table: expected a wait function or a descriptor of fileno, got neither";
            return Err(Failure::new(RPYC_ERR_ARGUMENT, text));
        }
        let watch = if fd < 0 { None } else { Some(Watch::new(fd)?) };
        let stream = CStream { read, write, error_text: table.error_text, userdata: userdata.clone() };
        let base = CBase { table, watch, names, ended: std::sync::Once::new(), userdata };
        Ok(Arc::new(Adapter::new(stream, base)))
    }
}

/// Makes a transport of callbacks of the application. It is used like any other, for example with
/// rpyc_connection_new() or rpyc_server_add_transport().
///
/// @param table copied
/// @param userdata consumed, also on failure; argument of the callbacks
/// @param userdata_free destructor of userdata, which closes the stream; called exactly once, after the last callback;
///         may be NULL
/// @param transport_out owned, free with rpyc_transport_free() or pass to a connection or server
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI, RPYC_ERR_ARGUMENT (neither a descriptor nor wait),
///         RPYC_ERR_ADDRESS (the descriptor is not open), RPYC_ERR_IO (no descriptor available)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_transport_new(
    table: *const rpyc_transport_table,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    transport_out: *mut *mut rpyc_transport,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Arc::new(Userdata::new(userdata, userdata_free));
            let out = output(transport_out, "transport_out")?;
            out.put(handle::new(over(table, userdata)?))
        })
    }
}

/// Connects over transports that the application opens. Like rpyc_connect(), it detects the dialect of the peer.
///
/// open is called in this thread. For "tcp://" and "unix://" addresses it is called a second time if the other dialect
/// must be tried, see rpyc_connect().
///
/// @param address copied; as for rpyc_transport_connect(); the name of the peer in messages, under which its dialect
///         is remembered
/// @param open opens the transports; not NULL
/// @param userdata borrowed for the call; argument of open
/// @param service copied (a reference); the class of the root that the peer gets; NULL for none
/// @param config copied; NULL for the defaults
/// @param connection_out owned, free with rpyc_connection_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_IO (open returned
///         NULL), RPYC_ERR_AUTHENTICATION, RPYC_ERR_STATE (the create callback refused the connection), connection
///         errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connect_by(
    address: *const c_char,
    open: rpyc_open_fn,
    userdata: *mut c_void,
    service: *const rpyc_class,
    config: *const rpyc_config,
    connection_out: *mut *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(connection_out, "connection_out")?;
            let address: Address = name(address, "address")?.parse()?;
            let open = open.ok_or_else(|| Failure::null("open"))?;
            let connect = |timeout: Option<Duration>| {
                let time = timeout.map_or(-1, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
                let transport = outside(|| open(userdata, time));
                let none = || io::Error::other("the application's open function returned no transport");
                let failed = |e| crate::error::Error::io(format!("cannot connect to {address}"), e);
                handle::take(transport).ok_or_else(|| failed(none()))
            };
            let config = config_or_default(config);
            out.put(handle::new(Connection::connect_by(&address, &connect, handle::as_ref(service), config)?))
        })
    }
}
