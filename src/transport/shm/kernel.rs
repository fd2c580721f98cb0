//! Wraps the system calls of shared memory: memory that cannot shrink, descriptors sent over a Unix socket, and
//! sleeping on a word in it.
//!
//! It has the only `unsafe` code of this transport. Its invariants: memory is mapped only after the kernel has sealed
//! its size, so that no later access to it can fail; it stays mapped as long as `Memory` exists; and its visible part,
//! [`Shared`], consists of atomics only, which may have any value and may be changed by other processes at any time.

use super::ring::Shared;
use socket2::Socket;
use std::io::{self, IoSlice};
use std::mem::{MaybeUninit, size_of};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
#[cfg(not(feature = "model"))]
use std::{sync::atomic::AtomicU32, time::Duration};

const SIZE: usize = size_of::<Shared>();
/// Since Linux 6.3.
const MFD_NOEXEC_SEAL: libc::c_uint = 8;
/// Seals that fix the size, and the seals themselves.
pub(super) const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
/// Maximum number of descriptors that are received; the kernel closes the rest.
const MOST_HANDED: usize = 4;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The mapped memory of one ring.
pub(crate) struct Memory {
    shared: NonNull<Shared>,
    /// A forked child does not have the mapping.
    forks: u32,
}

// SAFETY: all access goes through atomics.
unsafe impl Send for Memory {}
// SAFETY: likewise.
unsafe impl Sync for Memory {}

impl Memory {
    /// Makes new memory for a ring, and a descriptor of it to be sent.
    pub(crate) fn create() -> io::Result<(Memory, OwnedFd)> {
        if cfg!(feature = "model") {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let fd = create_file()?;
        let size = libc::off_t::try_from(SIZE).unwrap_or(libc::off_t::MAX);
        // SAFETY: no pointers.
        unsafe {
            check(libc::ftruncate(fd.as_raw_fd(), size))?;
            check(libc::fallocate(fd.as_raw_fd(), 0, 0, size))?;
            check(libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, SEALS))?;
        }
        let memory = Memory::map(fd.as_fd())?;
        memory.begin();
        Ok((memory, fd))
    }

    /// Maps memory that a peer has made.
    pub(crate) fn accept(fd: &OwnedFd) -> io::Result<Memory> {
        let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why.to_owned()));
        if cfg!(feature = "model") {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // SAFETY: no pointers. Files other than memory have no seals, and fail.
        let seals = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) })?;
        if seals & SEALS != SEALS {
            return refused("it is not sealed");
        }
        let mut status = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: `status` has room for one.
        check(unsafe { libc::fstat(fd.as_raw_fd(), status.as_mut_ptr()) })?;
        // SAFETY: filled, as the call has succeeded.
        let size = unsafe { status.assume_init() }.st_size;
        if usize::try_from(size) != Ok(SIZE) {
            return refused("it has another size");
        }
        // Pages that its maker did not allocate are allocated now, so that no access can fail later. SAFETY: no
        // pointers.
        check(unsafe { libc::fallocate(fd.as_raw_fd(), 0, 0, size) })?;
        let memory = Memory::map(fd.as_fd())?;
        if memory.is_known() { Ok(memory) } else { refused("it has an unknown format") }
    }

    fn map(fd: BorrowedFd<'_>) -> io::Result<Memory> {
        const ACCESS: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice; the file has this size, and its seals keep it so.
        let place = unsafe { libc::mmap(ptr::null_mut(), SIZE, ACCESS, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
        let shared = match NonNull::new(place.cast::<Shared>()) {
            Some(shared) if place != libc::MAP_FAILED => shared,
            _ => return Err(io::Error::last_os_error()),
        };
        let memory = Memory { shared, forks: crate::fork::generation() };
        // A child that wrote there would appear as its parent. SAFETY: the mapping is ours.
        check(unsafe { libc::madvise(place, SIZE, libc::MADV_DONTFORK) })?;
        Ok(memory)
    }

    /// Returns whether it is mapped in this process.
    pub(crate) fn is_here(&self) -> bool {
        crate::fork::is_ours(self.forks)
    }
}

impl Deref for Memory {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        // SAFETY: mapped until `drop`, aligned to a page, of this size permanently, and any bytes are valid atomics. In
        // a forked child, callers test `is_here` before.
        unsafe { self.shared.as_ref() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // In a child, other memory may be mapped there.
        if self.is_here() {
            // SAFETY: our mapping, which is not used any more.
            unsafe { libc::munmap(self.shared.as_ptr().cast(), SIZE) };
        }
    }
}

/// Makes a file in memory that has no name and can be sealed.
fn create_file() -> io::Result<OwnedFd> {
    let create = |flags: libc::c_uint| {
        // SAFETY: the name is NUL-terminated. By number, because the C library's function is newer than the required
        // glibc.
        match unsafe { libc::syscall(libc::SYS_memfd_create, c"rpyc".as_ptr(), flags) } {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(fd as libc::c_int),
        }
    };
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let fd = match create(flags | MFD_NOEXEC_SEAL) {
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => create(flags)?,
        other => other?,
    };
    // SAFETY: a new descriptor, which nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Returns whether the kernel reports the user of this process as the peer of a Unix socket.
pub(super) fn is_same_user(socket: &Socket) -> bool {
    let mut peer = libc::ucred { pid: 0, uid: libc::uid_t::MAX, gid: 0 };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    let place = ptr::from_mut(&mut peer).cast();
    // SAFETY: the kernel fills at most `size` bytes of `peer`; geteuid takes nothing.
    unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, place, &mut size) == 0
            && peer.uid == libc::geteuid()
    }
}

/// Room for control data, aligned as its headers must be.
type Control = [u64; 8];

const fn descriptors_size(count: usize) -> libc::c_uint {
    (count * size_of::<libc::c_int>()) as libc::c_uint
}

/// Calls `sendmsg(2)` without blocking. The descriptor is sent with the first byte.
pub(super) fn send_with(socket: &Socket, bufs: &[IoSlice<'_>], fd: &OwnedFd) -> io::Result<usize> {
    let mut control: Control = [0; 8];
    // SAFETY: a header of zeros is an empty one; all pointers outlive the call; IoSlice has the layout of iovec; the
    // control data has room for one descriptor, and its first header is within it.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = bufs.as_ptr().cast_mut().cast();
        message.msg_iovlen = bufs.len() as _;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(descriptors_size(1)) as _;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(descriptors_size(1)) as _;
        ptr::write_unaligned(libc::CMSG_DATA(header).cast::<libc::c_int>(), fd.as_raw_fd());
        libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// The descriptors that were received beside bytes.
pub(super) struct Handed {
    pub(super) fds: Vec<OwnedFd>,
    /// There were more than could be received.
    pub(super) cut: bool,
}

/// Calls `recvmsg(2)` without blocking, and receives descriptors.
pub(super) fn recv_with(socket: &Socket, room: &mut [u8]) -> io::Result<(usize, Handed)> {
    let mut control: Control = [0; 8];
    let mut part = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    let mut handed = Handed { fds: Vec::new(), cut: false };
    // SAFETY: a header of zeros is an empty one; all pointers outlive the call and are writable. The kernel has written
    // `msg_controllen` bytes of control data, which the macros walk; each descriptor in them is new and has no owner.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(descriptors_size(MOST_HANDED)) as _;
        let received = libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC);
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let size = ((*header).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                let first = libc::CMSG_DATA(header).cast::<libc::c_int>();
                for at in 0..size / size_of::<libc::c_int>() {
                    handed.fds.push(OwnedFd::from_raw_fd(ptr::read_unaligned(first.add(at))));
                }
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
        handed.cut = message.msg_flags & libc::MSG_CTRUNC != 0;
        Ok((received, handed))
    }
}

/// Sleeps while `word` has this value, at most `most`. An error means that a signal handler has run.
#[cfg(not(feature = "model"))]
pub(super) fn futex_wait(word: &AtomicU32, value: u32, most: Duration) -> io::Result<()> {
    let time = libc::timespec { tv_sec: most.as_secs() as libc::time_t, tv_nsec: most.subsec_nanos().into() };
    // SAFETY: the word and the time outlive the call. Not the private futex: the word is shared with another process.
    let result = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, value, &raw const time) };
    match result {
        -1 if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => Err(io::ErrorKind::Interrupted.into()),
        _ => Ok(()),
    }
}

/// Wakes all threads that sleep on `word`.
#[cfg(not(feature = "model"))]
pub(super) fn futex_wake(word: &AtomicU32) {
    // SAFETY: the word outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, libc::c_int::MAX) };
}

/// Makes memory of any size with any seals.
#[cfg(test)]
pub(super) fn memory_file(size: libc::off_t, seals: libc::c_int) -> OwnedFd {
    let fd = create_file().unwrap();
    // SAFETY: no pointers.
    unsafe {
        assert_eq!(libc::ftruncate(fd.as_raw_fd(), size), 0);
        assert_eq!(libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals), 0);
    }
    fd
}
