//! Receives into the spare capacity of a `Vec` without filling it with zeros first, and into two places at once.
//!
//! A connection receives into one growing buffer. Clearing up to 64 KiB before each receive would cost more than the
//! receive itself. The functions here are safe because the kernel has written the bytes that it counts. Only `append`
//! and `scatter` set a length, and they are called only with the system calls below.

use super::sys;
use socket2::Socket;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Calls `recv(2)` for at most `max` bytes, which are appended to `buf`.
pub(super) fn recv(socket: &Socket, flags: i32, buf: &mut Vec<u8>, max: usize) -> io::Result<usize> {
    // SAFETY: recv(2) writes the first n bytes of the room that it is given, n being its result.
    unsafe { append(buf, max, |room| sys::recv(socket.as_fd(), room, flags)) }
}

/// Calls `read(2)` for at most `max` bytes, which are appended to `buf`.
pub(super) fn read(fd: BorrowedFd<'_>, buf: &mut Vec<u8>, max: usize) -> io::Result<usize> {
    let read = |room: &mut [MaybeUninit<u8>]| {
        // SAFETY: the descriptor is open while it is borrowed, and `room` is writable for its whole length.
        let n = unsafe { libc::read(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    };
    // SAFETY: read(2) writes the first n bytes of the room that it is given, n being its result.
    unsafe { append(buf, max, read) }
}

/// Calls `recvmsg(2)` into `room`; when that is full, at most `max` bytes are appended to `buf`.
pub(super) fn recv_into(
    socket: &Socket,
    flags: i32,
    room: &mut [u8],
    buf: &mut Vec<u8>,
    max: usize,
) -> io::Result<usize> {
    let receive = |parts: &mut [libc::iovec; 2]| {
        // SAFETY: a header of zeros is one without an address, parts and control data.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = parts.as_mut_ptr();
        message.msg_iovlen = parts.len() as _;
        // SAFETY: the socket is open while it is borrowed, the header lives here, and both parts are writable.
        unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, flags) }
    };
    // SAFETY: recvmsg(2) writes the first n bytes of its parts, one after the other, n being its result.
    unsafe { scatter(room, buf, max, receive) }
}

/// Calls `readv(2)` into `room`; when that is full, at most `max` bytes are appended to `buf`.
pub(super) fn read_into(fd: BorrowedFd<'_>, room: &mut [u8], buf: &mut Vec<u8>, max: usize) -> io::Result<usize> {
    let receive = |parts: &mut [libc::iovec; 2]| {
        // SAFETY: the descriptor is open while it is borrowed, and both parts are writable.
        unsafe { libc::readv(fd.as_raw_fd(), parts.as_ptr(), parts.len() as libc::c_int) }
    };
    // SAFETY: readv(2) writes the first n bytes of its parts, one after the other, n being its result.
    unsafe { scatter(room, buf, max, receive) }
}

/// Makes room for `max` bytes at the end of `buf`. Fails without memory: with no room at all, every receive would look
/// like the end of the stream.
pub(super) fn reserve(buf: &mut Vec<u8>, max: usize) -> io::Result<()> {
    if max == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot receive into an empty buffer"));
    }
    buf.try_reserve(max).map_err(|e| io::Error::new(io::ErrorKind::OutOfMemory, e))
}

/// # Safety
/// `receive` must have initialised the first n bytes of its argument when it returns `Ok(n)`.
unsafe fn append(
    buf: &mut Vec<u8>,
    max: usize,
    receive: impl Fn(&mut [MaybeUninit<u8>]) -> io::Result<usize>,
) -> io::Result<usize> {
    reserve(buf, max)?;
    let room = buf.spare_capacity_mut();
    let room = match room.get_mut(..max) {
        Some(room) => room,
        None => room,
    };
    let size = room.len();
    let n = receive(room).map_err(unless_interrupted)?.min(size);
    // SAFETY: the caller guarantees n initialised bytes behind the old length, and they are within the capacity because
    // n was limited to the size of the room.
    unsafe { buf.set_len(buf.len() + n) };
    Ok(n)
}

/// After a signal handler nothing was received, so that a waiting thread checks its flags.
fn unless_interrupted(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted { io::ErrorKind::WouldBlock.into() } else { error }
}

/// # Safety
/// When `receive` returns n, not negative, it must have initialised the first n bytes of its two parts.
unsafe fn scatter(
    room: &mut [u8],
    buf: &mut Vec<u8>,
    max: usize,
    receive: impl Fn(&mut [libc::iovec; 2]) -> isize,
) -> io::Result<usize> {
    reserve(buf, max)?;
    let spare = buf.spare_capacity_mut();
    let mut parts = [
        libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() },
        libc::iovec { iov_base: spare.as_mut_ptr().cast(), iov_len: spare.len().min(max) },
    ];
    let received = usize::try_from(receive(&mut parts));
    let n = received.map_err(|_| unless_interrupted(io::Error::last_os_error()))?;
    let appended = n.saturating_sub(room.len()).min(max);
    // SAFETY: the caller guarantees n initialised bytes, of which these are behind the old length, in the spare
    // capacity, because the second part was no longer than that.
    unsafe { buf.set_len(buf.len() + appended) };
    Ok(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn appends_behind_what_is_there_and_never_more_than_max() {
        let (mut writer, reader) = std::os::unix::net::UnixStream::pair().unwrap();
        writer.write_all(b"abcdefgh").unwrap();
        let mut buf = b"start:".to_vec();
        buf.reserve(1000);
        assert_eq!(read(reader.as_fd(), &mut buf, 3).unwrap(), 3);
        let reader = Socket::from(reader);
        assert_eq!(recv(&reader, 0, &mut buf, 1).unwrap(), 1);
        assert_eq!(recv(&reader, 0, &mut buf, 100).unwrap(), 4);
        assert_eq!(buf, b"start:abcdefgh");
        drop(writer);
        assert_eq!(recv(&reader, 0, &mut buf, 100).unwrap(), 0);
        assert_eq!(buf.len(), 14);
    }

    #[test]
    fn fills_the_first_place_and_appends_what_follows() {
        let (mut writer, reader) = std::os::unix::net::UnixStream::pair().unwrap();
        let socket = Socket::from(reader.try_clone().unwrap());
        for by_read in [false, true] {
            let receive = |room: &mut [u8], buf: &mut Vec<u8>, max| match by_read {
                false => recv_into(&socket, 0, room, buf, max).unwrap(),
                true => read_into(reader.as_fd(), room, buf, max).unwrap(),
            };
            let (mut room, mut buf) = ([b'.'; 4], b"+".to_vec());
            writer.write_all(b"ab").unwrap();
            assert_eq!(receive(&mut room, &mut buf, 3), 2);
            assert_eq!((&room, &buf[..]), (b"ab..", &b"+"[..]));
            writer.write_all(b"cdefghij").unwrap();
            assert_eq!(receive(&mut room[2..], &mut buf, 3), 5);
            assert_eq!((&room, &buf[..]), (b"abcd", &b"+efg"[..]));
            assert_eq!(receive(&mut [], &mut buf, 100), 3);
            assert_eq!(buf, b"+efghij");
        }
        drop(writer);
        assert_eq!(recv_into(&socket, 0, &mut [0; 3], &mut Vec::new(), 5).unwrap(), 0);
        assert_eq!(read_into(reader.as_fd(), &mut [0; 3], &mut Vec::new(), 5).unwrap(), 0);
    }

    #[test]
    fn asks_for_no_impossible_room() {
        let (_writer, reader) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut buf = vec![1];
        assert_eq!(read(reader.as_fd(), &mut buf, usize::MAX).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
        assert_eq!(read(reader.as_fd(), &mut buf, 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(buf, [1]);
    }
}
