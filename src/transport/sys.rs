//! Wraps the system calls that neither std nor socket2 offers in safe functions.

use crate::authentication::User;
use once_cell::sync::OnceCell;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::time::{Duration, Instant};

pub(super) const READABLE: i16 = libc::POLLIN;
pub(super) const WRITABLE: i16 = libc::POLLOUT;

/// Makes the entry of one descriptor for poll; `None` is ignored.
pub(super) fn interest(fd: Option<RawFd>, events: i16) -> libc::pollfd {
    libc::pollfd { fd: fd.unwrap_or(-1), events, revents: 0 }
}

/// Returns whether `poll` found the requested events. An ended or broken stream counts: the next call reports it.
pub(super) fn is_ready(polled: &libc::pollfd, events: i16) -> bool {
    polled.revents & (events | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
}

/// Returns the number of bytes that the other end of a Unix socket has not received yet, with the kernel's overhead.
pub(super) fn unread(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open; the request writes one int, which outlives the call.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// Calls `getsockopt(2)` on SOL_SOCKET. Returns the number of bytes of the result, or of the room that it needs.
fn socket_option<T: Copy>(socket: BorrowedFd<'_>, name: i32, room: &mut [T]) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(size_of_val(room)).unwrap_or(0);
    // SAFETY: the descriptor is open while it is borrowed; at most `length` bytes of `room` are written, and any bits
    // are valid in the types that are used here, which consist of integers.
    let done = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, room.as_mut_ptr().cast(), &raw mut length)
    };
    match (done, io::Error::last_os_error()) {
        (0, _) => Ok(length as usize),
        (_, e) if e.raw_os_error() == Some(libc::ERANGE) => Ok(length as usize),
        (_, e) => Err(e),
    }
}

/// Returns the process at the other end of a Unix socket. None for other sockets, and if the kernel knows none.
pub(super) fn peer_of(socket: BorrowedFd<'_>) -> Option<User> {
    let mut found = [libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX }];
    socket_option(socket, libc::SO_PEERCRED, &mut found).ok()?;
    let [found] = found;
    if found.uid == u32::MAX {
        return None;
    }
    // Kernels before 4.13 do not tell the supplementary groups.
    let needed = socket_option::<libc::gid_t>(socket, libc::SO_PEERGROUPS, &mut []).unwrap_or(0);
    let mut groups = vec![0; needed / size_of::<libc::gid_t>()];
    let filled = socket_option(socket, libc::SO_PEERGROUPS, &mut groups).unwrap_or(0);
    groups.truncate(filled / size_of::<libc::gid_t>());
    Some(User { uid: found.uid, gid: found.gid, pid: found.pid, groups })
}

/// Fills `room` with random bytes of the kernel, for nonces.
pub(crate) fn random(room: &mut [u8]) -> io::Result<()> {
    let mut rest = room;
    while !rest.is_empty() {
        // SAFETY: `rest` is writable for its whole length.
        let filled = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(filled) {
            Ok(filled) => rest = rest.get_mut(filled..).unwrap_or(&mut []),
            Err(_) => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => {}
                e => return Err(e),
            },
        }
    }
    Ok(())
}

// The C library's recv and send are cancellation points. A cancelled thread would leave the state of a connection
// inconsistent, and the check costs some forty instructions per call in a multithreaded program: the kernel is called
// directly.

/// Calls `recv(2)`. Not repeated when it is interrupted.
#[inline]
pub(super) fn recv(socket: BorrowedFd<'_>, room: &mut [MaybeUninit<u8>], flags: i32) -> io::Result<usize> {
    let none = ptr::null_mut::<u8>();
    // SAFETY: the descriptor is open while it is borrowed, `room` is writable for its whole length, and no address is
    // requested.
    let n = unsafe {
        libc::syscall(libc::SYS_recvfrom, socket.as_raw_fd(), room.as_mut_ptr(), room.len(), flags, none, none)
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Calls `send(2)`. Not repeated when it is interrupted.
#[inline]
pub(super) fn send(socket: BorrowedFd<'_>, bytes: &[u8], flags: i32) -> io::Result<usize> {
    let none = ptr::null::<u8>();
    // SAFETY: the descriptor is open while it is borrowed, `bytes` is readable for its whole length, and no address is
    // given.
    let n = unsafe {
        libc::syscall(libc::SYS_sendto, socket.as_raw_fd(), bytes.as_ptr(), bytes.len(), flags, none, 0usize)
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Calls `poll(2)` for at most `timeout`; None is no limit. A signal handler that runs in this thread ends it.
pub(super) fn poll_once(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<()> {
    let time = timeout.map(|t| libc::timespec {
        tv_sec: t.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: t.subsec_nanos().into(),
    });
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `fds` is a writable array of that length; `time` is null or outlives the call; no mask is given.
    match unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, time, ptr::null()) } {
        0.. => Ok(()),
        _ => match io::Error::last_os_error() {
            e if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            e => Err(e),
        },
    }
}

/// Calls `poll(2)` for at most `timeout`; None is no limit. Repeated when it is interrupted.
pub(super) fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<()> {
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    let mut left = deadline.and(timeout);
    loop {
        let time =
            left.map(|t| libc::timespec { tv_sec: t.as_secs() as libc::time_t, tv_nsec: t.subsec_nanos().into() });
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: `fds` is a writable array of that length; `time` is null or outlives the call; no mask is given.
        let found = unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, time, ptr::null()) };
        if found >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
    }
}

/// An event: its descriptor is readable after `set`, until `clear`.
pub struct Event(File);

impl Event {
    pub fn new() -> io::Result<Event> {
        // SAFETY: no pointers; the result is a new descriptor, which nobody else owns.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above.
        let event = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Event(File::from(above_standard(event)?)))
    }

    pub fn set(&self) {
        // Fails only if the counter is full, and then the event is set.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// Clears the event.
    pub fn clear(&self) {
        // Fails only if it was not set.
        let _ = (&self.0).read(&mut [0; 8]);
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Waits for many descriptors at once, from several threads (epoll). A descriptor is reported once, then no more until
/// it is armed again.
pub struct Poller(OwnedFd);

impl Poller {
    pub fn new() -> io::Result<Poller> {
        // SAFETY: no pointers; the result is a new descriptor, which nobody else owns.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above.
        Ok(Poller(above_standard(unsafe { OwnedFd::from_raw_fd(fd) })?))
    }

    /// Watches an event until it is cleared: every wait returns its number.
    pub fn watch(&self, event: &Event, number: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, event.fd(), libc::EPOLLIN, number)
    }

    /// Adds a descriptor. It is not armed, but its end may be reported once.
    pub fn add(&self, fd: RawFd, number: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, libc::EPOLLONESHOT, number)
    }

    /// Has the next readiness of a descriptor reported once, also its end.
    pub fn arm(&self, fd: RawFd, read: bool, write: bool, number: u64) -> io::Result<()> {
        let events = if read { libc::EPOLLIN | libc::EPOLLRDHUP } else { 0 } | if write { libc::EPOLLOUT } else { 0 };
        self.control(libc::EPOLL_CTL_MOD, fd, events | libc::EPOLLONESHOT, number)
    }

    pub fn remove(&self, fd: RawFd) {
        // Fails only if it is not there.
        let _ = self.control(libc::EPOLL_CTL_DEL, fd, 0, 0);
    }

    fn control(&self, what: i32, fd: RawFd, events: i32, number: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: number };
        // SAFETY: `event` outlives the call, which copies it; the kernel checks the descriptors.
        match unsafe { libc::epoll_ctl(self.0.as_raw_fd(), what, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Waits for the next report at most `timeout` (None is no limit), and returns its number. None after the time,
    /// and after a signal.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<Option<u64>> {
        let time = timeout.map_or(-1, |time| i32::try_from(time.as_millis()).unwrap_or(i32::MAX));
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: `event` is writable and there is room for one; the descriptor is open.
        match unsafe { libc::epoll_wait(self.0.as_raw_fd(), &raw mut event, 1, time) } {
            0 => Ok(None),
            1.. => Ok(Some(event.u64)),
            _ => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => Ok(None),
                e => Err(e),
            },
        }
    }
}

/// Ends waits for input. Its descriptor is made when it is first needed.
#[derive(Default)]
pub(super) struct Bell(OnceCell<Event>);

impl Bell {
    /// None if no descriptor is available; then the bell has no effect.
    fn event(&self) -> Option<&Event> {
        self.0.get_or_try_init(Event::new).ok()
    }

    pub(super) fn ring(&self) {
        self.event().into_iter().for_each(Event::set);
    }

    pub(super) fn hang(&self) {
        self.event();
    }

    /// Rings from a signal handler, if the descriptor exists.
    pub(super) fn ring_hung(&self) {
        self.0.get().into_iter().for_each(Event::set);
    }

    /// Waits until one of the descriptors is readable, the bell has rung or the time is up.
    pub(super) fn wait(&self, fds: [Option<RawFd>; 2], timeout: Duration) {
        let event = self.event();
        let [first, second] = fds.map(|fd| interest(fd, READABLE));
        let mut fds = [first, second, interest(event.map(Event::fd), READABLE)];
        if poll_once(&mut fds, Some(timeout)).is_err() {
            std::thread::sleep(timeout);
        }
        if let Some(event) = event.filter(|_| is_ready(&fds[2], READABLE)) {
            event.clear();
        }
    }
}

/// Moves a descriptor above the standard three if it has the number of a closed one: output of the application must not
/// get into a connection, nor ring a bell.
pub(super) fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO { Ok(fd) } else { duplicate(fd.as_raw_fd()) }
}

/// Makes a private copy of an open descriptor, above the standard three, closed at exec.
pub(super) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes any number and fails for one that is not open.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor, which nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Returns whether the descriptor was opened for reading, and for writing.
pub(super) fn access(fd: BorrowedFd<'_>) -> io::Result<(bool, bool)> {
    // SAFETY: no pointers, and the descriptor is open while it is borrowed.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    let mode = flags & libc::O_ACCMODE;
    Ok((mode != libc::O_WRONLY, mode != libc::O_RDONLY))
}

/// Closes a descriptor by its number, which is not one of the standard three.
pub(super) fn close(fd: RawFd) {
    // SAFETY: called only with numbers whose ownership was passed to the library, each once.
    unsafe { libc::close(fd) };
}

/// Makes the number `fd`, one of the standard three, refer to the file of `other`, atomically; inherited by children.
pub(super) fn replace(fd: RawFd, other: RawFd) -> io::Result<()> {
    // SAFETY: no pointers; a number that is not open makes it fail.
    match unsafe { libc::dup2(other, fd) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Returns what identifies an open file, with its type and device.
fn status(fd: RawFd) -> Option<libc::stat> {
    let mut status = MaybeUninit::uninit();
    // SAFETY: `status` has room for one; fstat takes any number.
    let done = unsafe { libc::fstat(fd, status.as_mut_ptr()) };
    // SAFETY: filled where it succeeded.
    (done == 0).then(|| unsafe { status.assume_init() })
}

pub(super) fn is_open(fd: RawFd) -> bool {
    status(fd).is_some()
}

/// Returns whether the descriptor is /dev/null.
pub(super) fn is_null(fd: RawFd) -> bool {
    let null = libc::makedev(1, 3);
    status(fd).is_some_and(|status| status.st_mode & libc::S_IFMT == libc::S_IFCHR && status.st_rdev == null)
}

/// Returns whether two descriptors refer to one pipe or one socket.
pub(super) fn is_same_stream(one: RawFd, other: RawFd) -> bool {
    let (Some(one), Some(other)) = (status(one), status(other)) else { return false };
    let stream = matches!(one.st_mode & libc::S_IFMT, libc::S_IFIFO | libc::S_IFSOCK);
    stream && (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// Returns the number of bytes that can be read from a pipe or socket without blocking.
pub(super) fn available(fd: BorrowedFd<'_>) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int, for which there is room.
    match unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut count) } {
        0 => usize::try_from(count).unwrap_or(0),
        _ => 0,
    }
}

/// While it exists, writing to a pipe without a reader raises no SIGPIPE in this thread.
pub(super) struct QuietPipe {
    before: libc::sigset_t,
    /// A SIGPIPE was pending before; it is not ours to take.
    waiting: bool,
    raised: bool,
    /// A signal mask belongs to a thread.
    _not_send: PhantomData<*const ()>,
}

impl QuietPipe {
    pub(super) fn new() -> QuietPipe {
        let mut before = no_signals();
        let mut pending = no_signals();
        // SAFETY: the sets are valid for the length of the calls, which cannot fail with these arguments.
        let waiting = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &sigpipe(), &mut before);
            libc::sigpending(&mut pending);
            libc::sigismember(&pending, libc::SIGPIPE) == 1
        };
        QuietPipe { before, waiting, raised: false, _not_send: PhantomData }
    }

    pub(super) fn write(&mut self, mut file: &File, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let result = file.write_vectored(bufs);
        self.raised |= matches!(&result, Err(e) if e.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl Drop for QuietPipe {
    fn drop(&mut self) {
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the sets and the time are valid for the length of the calls; no details are requested.
        unsafe {
            if self.raised && !self.waiting {
                while libc::sigtimedwait(&sigpipe(), ptr::null_mut(), &at_once) < 0
                    && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
                {}
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut());
        }
    }
}

/// Writes all bytes. Fails with `BrokenPipe`, without SIGPIPE, for a pipe without a reader.
pub fn write_quietly(file: &File, mut bytes: &[u8]) -> io::Result<()> {
    let mut pipe = QuietPipe::new();
    while !bytes.is_empty() {
        match pipe.write(file, &[IoSlice::new(bytes)]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = bytes.get(n..).unwrap_or(&[]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn no_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the whole set and cannot fail.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn sigpipe() -> libc::sigset_t {
    let mut set = no_signals();
    // SAFETY: the set is initialised, and the signal exists.
    unsafe { libc::sigaddset(&mut set, libc::SIGPIPE) };
    set
}

/// Sends SIGTERM to a child that was not waited for yet, so its process id cannot have been reused.
pub(super) fn terminate(child: &std::process::Child) {
    if let Ok(pid) = libc::pid_t::try_from(child.id()) {
        // SAFETY: no pointers.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }
}

/// Makes `command` inherit only standard input, output and error, whatever else this process has open.
pub(super) fn inherit_only_stdio(command: &mut Command) {
    // SAFETY: between fork and exec the closure makes system calls only; it takes no lock and allocates nothing.
    unsafe {
        command.pre_exec(|| {
            close_the_rest_at_exec();
            Ok(())
        });
    }
}

fn close_the_rest_at_exec() {
    const FIRST: libc::c_uint = 3;
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: no pointers. By number, because the C library's function is newer than the required glibc.
    if unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) } == 0 {
        return;
    }
    // Before Linux 5.11, and in sandboxes that deny it.
    close_each_at_exec(FIRST as RawFd);
}

fn close_each_at_exec(first: RawFd) {
    for fd in first..1 << 16 {
        // SAFETY: no pointers; for a number that is not open it fails, which is right.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Returns the addresses of this thread's stack, from its end (the lowest address) to its beginning. None if they are
/// unknown.
#[inline(never)]
pub fn stack_limits() -> Option<std::ops::Range<usize>> {
    /// Assumed size of the stack of a program's first thread, which grows on use and for which others (emulators) have
    /// limits of their own.
    const FIRST: usize = 16 << 20;
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut size, mut gap) = (ptr::null_mut(), 0, 0);
    // SAFETY: the attributes are filled before they are read, and destroyed once; all other pointers refer to variables
    // here.
    let known = unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let known = libc::pthread_attr_getstack(attributes.as_ptr(), &mut lowest, &mut size) == 0
            && libc::pthread_attr_getguardsize(attributes.as_ptr(), &mut gap) == 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        known
    };
    let first = thread_number() == std::process::id();
    let high = lowest.addr().checked_add(size)?;
    // Some versions count the guard pages as part of the stack.
    let mut low = lowest.addr().checked_add(gap)?;
    if first {
        low = low.max(high.saturating_sub(FIRST));
    }
    (known && low < high).then_some(low..high)
}

/// Frees the unused pages of this thread's stack. They are zero when they are used again.
pub fn give_back_stack() {
    if let Some(limits) = stack_limits() {
        give_back_below(&limits);
    }
}

/// Frees the pages of a stack with these limits below this function, if it runs on that stack.
#[inline(never)]
fn give_back_below(limits: &std::ops::Range<usize>) {
    /// Covers the frame of this function, and more; a system call uses no stack.
    const FRAME: usize = 256;
    /// A multiple of the page sizes of all systems.
    const PAGES: usize = 64 << 10;
    let local = 0u8;
    let here = std::hint::black_box(&raw const local);
    // SAFETY: no pointers.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(PAGES);
    let low = limits.start.next_multiple_of(page);
    let end = here.addr().saturating_sub(FRAME) / page * page;
    if limits.contains(&here.addr()) && low < end {
        // SAFETY: the range is whole pages of this thread's own stack, below everything in use. Code that runs on top
        // of it in this thread, such as a signal handler, runs before the call or after it.
        unsafe { libc::madvise(here.with_addr(low).cast_mut().cast(), end - low, libc::MADV_DONTNEED) };
    }
}

/// Returns the system's number of this thread. Async-signal-safe.
pub fn thread_number() -> u32 {
    // SAFETY: no pointers, and it cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn descriptors_are_closed_at_exec_one_by_one_too() {
        let inheritable = File::open("/dev/null").unwrap();
        let fd = inheritable.as_raw_fd();
        // SAFETY: no pointers.
        assert_eq!(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) }, 0);
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("[ -e /proc/$$/fd/{fd} ] && echo open || echo closed"));
        assert_eq!(command.output().unwrap().stdout, b"open\n");
        // SAFETY: system calls only.
        unsafe {
            command.pre_exec(|| {
                close_each_at_exec(3);
                Ok(())
            });
        }
        assert_eq!(command.output().unwrap().stdout, b"closed\n");
    }

    #[test]
    fn the_limits_of_a_stack_hold_its_variables() {
        let look = || {
            let local = 0u8;
            let limits = stack_limits().unwrap();
            assert!(limits.contains(&(&raw const local).addr()), "{limits:?}");
        };
        look();
        for size in [64 << 10, 1 << 20] {
            std::thread::Builder::new().stack_size(size).spawn(look).unwrap().join().unwrap();
        }
    }

    #[test]
    fn what_is_in_use_of_a_stack_stays() {
        #[inline(never)]
        fn deep(levels: usize) -> usize {
            let filled = std::hint::black_box([levels as u8; 4096]);
            if levels > 0 {
                deep(levels - 1) + usize::from(filled[levels]) - levels
            } else {
                give_back_stack();
                0
            }
        }
        let look = || {
            assert_eq!(deep(40), 0);
            give_back_stack();
            assert_eq!(deep(20), 0);
        };
        std::thread::Builder::new().stack_size(1 << 20).spawn(look).unwrap().join().unwrap();
        look();
    }

    #[test]
    fn an_event_stays() {
        let event = Event::new().unwrap();
        let set = |timeout| {
            let mut fds = [interest(Some(event.fd()), READABLE), interest(None, READABLE)];
            poll(&mut fds, timeout).unwrap();
            assert!(!is_ready(&fds[1], READABLE));
            is_ready(&fds[0], READABLE)
        };
        assert!(!set(Some(Duration::ZERO)));
        assert!(!set(Some(Duration::from_nanos(1))));
        for _ in 0..3 {
            event.set();
            assert!(set(None) && set(Some(Duration::MAX)));
        }
    }

    #[test]
    fn access_is_told_and_copies_are_private() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(access(file.as_fd()).unwrap(), (true, false));
        let copy = duplicate(file.as_raw_fd()).unwrap();
        assert!(copy.as_raw_fd() > 2 && copy.as_raw_fd() != file.as_raw_fd());
        assert!(duplicate(-1).is_err());
    }
}
