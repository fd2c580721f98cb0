//! Every kind of transport, used as a connection uses it.

#[path = "transports/alone.rs"]
mod alone;

use rpyc::error::Error;
use rpyc::transport::{Address, Listener, Ownership, Ready, Transport, connect, from_descriptors, from_socket, pair};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use std::{env, fs, io, process, thread};

type Shared = Arc<dyn Transport>;

/// For waits that end in an instant unless something is broken.
const LONG: Option<Duration> = Some(Duration::from_secs(30));
const NOW: Option<Duration> = Some(Duration::ZERO);
const NOT_READY: Ready = Ready { read: false, write: false };

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// A name that no other test and no other run uses.
fn fresh(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("rpyc-{what}-{}-{}", process::id(), COUNT.fetch_add(1, SeqCst))
}

fn fresh_path(what: &str) -> PathBuf {
    env::temp_dir().join(fresh(what))
}

fn over_listener(text: &str) -> (Shared, Shared) {
    let listener = Listener::bind(&address(text)).unwrap();
    let client = connect(listener.address(), LONG).unwrap();
    (client, listener.accept().unwrap().unwrap())
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let mut fds = [0; 2];
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    let [reader, writer] = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    (reader, writer)
}

fn over_fds(read: OwnedFd, write: OwnedFd) -> Shared {
    from_descriptors(read.into_raw_fd(), write.into_raw_fd(), Ownership::Taken).unwrap()
}

fn over_pipes() -> (Shared, Shared) {
    let ((to_left, from_right), (to_right, from_left)) = (pipe(), pipe());
    (over_fds(to_left, from_left), over_fds(to_right, from_right))
}

fn over_foreign_sockets() -> (Shared, Shared) {
    let (left, right) = UnixStream::pair().unwrap();
    let taken = |socket: UnixStream| {
        let fd = socket.into_raw_fd();
        from_descriptors(fd, fd, Ownership::Taken).unwrap()
    };
    (taken(left), taken(right))
}

/// Two ends that have handed each other their memory, and have been waited for.
fn over_rings() -> (Shared, Shared) {
    let (left, right) = over_listener(&format!("shm://{}", fresh_path("rings").display()));
    for (from, to) in [(&left, &right), (&right, &left), (&left, &right), (&right, &left)] {
        to.await_input(Duration::from_millis(1));
        send_all(&**from, b"x");
        recv_exact(&**to, 1, 1);
    }
    (left, right)
}

const KINDS: [&str; 9] =
    ["tcp", "tcp6", "unix", "abstract", "pipes", "foreign sockets", "memory", "shared memory", "new shared memory"];

fn of_kind(kind: &str) -> (Shared, Shared) {
    match kind {
        "tcp" => over_listener("tcp://127.0.0.1:0"),
        "tcp6" => over_listener("tcp://[::1]:0"),
        "unix" => over_listener(&format!("unix://{}", fresh_path("kinds").display())),
        "abstract" => over_listener(&format!("unix://@{}", fresh("kinds"))),
        "new shared memory" => over_listener(&format!("shm://{}", fresh_path("kinds").display())),
        "shared memory" => over_rings(),
        "pipes" => over_pipes(),
        "foreign sockets" => over_foreign_sockets(),
        _ => pair(),
    }
}

/// A connected pair of each kind whose both sides are in this process.
fn kinds() -> [(&'static str, Shared, Shared); KINDS.len()] {
    KINDS.map(|kind| {
        let (left, right) = of_kind(kind);
        (kind, left, right)
    })
}

/// Sends all of `data` in uneven parts, waiting when the peer is slow.
fn send_all(transport: &dyn Transport, mut data: &[u8]) {
    while !data.is_empty() {
        let third = data.len() / 3;
        let (first, rest) = data.split_at(third);
        let (second, last) = rest.split_at(third / 2);
        match transport.send(&[IoSlice::new(first), IoSlice::new(second), IoSlice::new(last)]) {
            Ok(n) => data = &data[n..],
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                assert!(transport.poll(false, true, LONG).unwrap().write, "no room for a long time");
            }
            Err(e) => panic!("{e}"),
        }
    }
}

/// One `recv` that has something to tell within a long time.
fn recv(transport: &dyn Transport, buf: &mut Vec<u8>, max: usize) -> io::Result<usize> {
    for _ in 0..30 {
        match transport.recv(buf, max, true) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
    panic!("nothing came for a long time");
}

fn recv_exact(transport: &dyn Transport, count: usize, max: usize) -> Vec<u8> {
    let mut got = Vec::new();
    while got.len() < count {
        let before = got.len();
        let n = recv(transport, &mut got, max.min(count - before)).unwrap();
        assert!(n > 0, "the stream ended after {before} of {count} bytes");
        assert!(n <= max && got.len() == before + n);
    }
    got
}

fn recv_to_end(transport: &dyn Transport) -> Vec<u8> {
    let mut got = Vec::new();
    while recv(transport, &mut got, 1 << 16).unwrap() > 0 {}
    got
}

fn would_block<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 31 + i / 251) as u8).collect()
}

fn fill(transport: &dyn Transport) -> usize {
    let chunk = pattern(10_000);
    let mut sent = 0;
    loop {
        match transport.send(&[IoSlice::new(&chunk[..5]), IoSlice::new(&chunk[5..])]) {
            Ok(n) => sent += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return sent,
            Err(e) => panic!("{e}"),
        }
        assert!(sent < 1 << 28, "it never stalls");
    }
}

#[test]
fn bytes_of_any_number_go_both_ways() {
    for (kind, left, right) in kinds() {
        for size in [1, 2, 3, 4095, 4096, 4097, 65_536, 1_000_003] {
            let data = pattern(size);
            thread::scope(|scope| {
                for (from, to) in [(&left, &right), (&right, &left)] {
                    scope.spawn(|| send_all(&**from, &data));
                    let max = if size > 5000 { 40_000 } else { 1000 };
                    let data = &data;
                    scope.spawn(move || assert!(recv_exact(&**to, size, max) == *data, "{kind}: {size} bytes"));
                }
            });
        }
    }
}

#[test]
fn a_receive_with_nothing_there_says_so() {
    for (kind, left, right) in kinds() {
        let mut buf = b"kept".to_vec();
        would_block(right.recv(&mut buf, 100, false));
        would_block(right.recv(&mut buf, 100, true));
        assert_eq!(right.poll(true, false, NOW).unwrap(), NOT_READY, "{kind}");
        assert_eq!(right.poll(true, true, LONG).unwrap(), Ready { read: false, write: true }, "{kind}");
        assert_eq!(left.send(&[IoSlice::new(b"x")]).unwrap(), 1);
        assert_eq!(right.poll(true, false, LONG).unwrap(), Ready { read: true, write: false }, "{kind}");
        assert_eq!(right.recv(&mut buf, 100, false).unwrap(), 1, "{kind}");
        assert_eq!(buf, b"keptx");
        assert_eq!(right.recv(&mut buf, 0, false).unwrap_err().kind(), ErrorKind::InvalidInput, "{kind}");
    }
}

#[test]
fn sending_nothing_is_no_error() {
    for (kind, left, right) in kinds() {
        assert_eq!(left.send(&[]).unwrap(), 0, "{kind}");
        assert_eq!(left.send(&[IoSlice::new(b""), IoSlice::new(b"")]).unwrap(), 0, "{kind}");
        would_block(right.recv(&mut Vec::new(), 1, false));
    }
}

#[test]
fn the_stream_ends_when_the_peer_shuts_down() {
    for (kind, left, right) in kinds() {
        send_all(&*left, b"last words");
        left.shutdown();
        left.shutdown();
        assert_eq!(recv_to_end(&*right), b"last words", "{kind}");
        assert_eq!(right.recv(&mut Vec::new(), 1, false).unwrap(), 0, "{kind}: the end stays");
        assert_eq!(right.poll(true, false, None).unwrap(), Ready { read: true, write: false }, "{kind}");
        assert_eq!(left.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), ErrorKind::BrokenPipe, "{kind}");
        assert_eq!(left.recv(&mut Vec::new(), 10, true).unwrap(), 0, "{kind}");
    }
}

#[test]
fn the_stream_ends_when_the_peer_goes() {
    for (kind, left, right) in kinds() {
        send_all(&*left, b"last words");
        drop(left);
        assert_eq!(recv_to_end(&*right), b"last words", "{kind}");
    }
}

#[test]
fn a_stalled_writer_is_told_and_goes_on_when_there_is_room() {
    for (kind, left, right) in kinds() {
        let stalled = fill(&*left);
        assert_eq!(left.poll(false, true, NOW).unwrap(), NOT_READY, "{kind}");
        assert_eq!(left.poll(true, true, Some(Duration::from_millis(5))).unwrap(), NOT_READY, "{kind}");
        assert_eq!(recv_exact(&*right, stalled, 1 << 16).len(), stalled);
        assert_eq!(left.poll(true, true, LONG).unwrap(), Ready { read: false, write: true }, "{kind}");
        send_all(&*left, b"more");
        assert_eq!(recv_exact(&*right, 4, 100), b"more", "{kind}");
    }
}

#[test]
fn room_wakes_a_writer_that_waits_without_end() {
    for (kind, left, right) in kinds() {
        let stalled = fill(&*left);
        thread::scope(|scope| {
            let poller = scope.spawn(|| left.poll(false, true, None).unwrap());
            thread::sleep(Duration::from_millis(20));
            recv_exact(&*right, stalled, 1 << 16);
            assert_eq!(poller.join().unwrap(), Ready { read: false, write: true }, "{kind}");
        });
    }
}

#[test]
fn bytes_wake_a_writer_that_waits_for_room() {
    for (kind, left, right) in kinds() {
        fill(&*left);
        thread::scope(|scope| {
            let poller = scope.spawn(|| left.poll(true, true, LONG).unwrap());
            send_all(&*right, b"x");
            assert_eq!(poller.join().unwrap(), Ready { read: true, write: false }, "{kind}");
        });
    }
}

#[test]
fn shutdown_wakes_a_receiver_before_its_tick() {
    // A tick that happens to end beside the shutdown proves nothing, so there is a second and a third try.
    for kind in KINDS {
        assert!((0..3).any(|_| shutdown_wakes_a_receiver(kind)), "{kind}");
    }
}

fn shutdown_wakes_a_receiver(kind: &str) -> bool {
    let (left, _right) = of_kind(kind);
    let [entered, shut] = [AtomicBool::new(false), AtomicBool::new(false)];
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            loop {
                entered.store(true, SeqCst);
                match left.recv(&mut Vec::new(), 100, true) {
                    Ok(n) => return n == 0,
                    Err(e) if e.kind() != ErrorKind::WouldBlock => panic!("{kind}: {e}"),
                    Err(_) if shut.load(SeqCst) => return false,
                    Err(_) => {}
                }
            }
        });
        while !entered.load(SeqCst) {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(50));
        left.shutdown();
        shut.store(true, SeqCst);
        receiver.join().unwrap()
    })
}

#[test]
fn shutdown_wakes_a_poll_without_end() {
    for (kind, left, _right) in kinds() {
        fill(&*left);
        thread::scope(|scope| {
            let poller = scope.spawn(|| left.poll(true, true, None).unwrap());
            thread::sleep(Duration::from_millis(20));
            left.shutdown();
            assert_eq!(poller.join().unwrap(), Ready { read: true, write: true }, "{kind}");
        });
    }
}

#[test]
fn the_descriptor_can_be_polled() {
    for (kind, left, right) in kinds() {
        let Some(fd) = right.fileno() else {
            assert_eq!(kind, "memory");
            continue;
        };
        let readable = || {
            let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
            unsafe { libc::poll(&mut polled, 1, 0) == 1 }
        };
        assert!(!readable(), "{kind}");
        send_all(&*left, b"x");
        assert!(right.poll(true, false, LONG).unwrap().read, "{kind}");
        assert!(readable(), "{kind}");
    }
}

#[test]
fn names_are_addresses() {
    let listener = Listener::bind(&address("tcp://127.0.0.1:0")).unwrap();
    let client = connect(listener.address(), LONG).unwrap();
    let server = listener.accept().unwrap().unwrap();
    assert_eq!(client.peer_name(), listener.address().to_string());
    assert_eq!(server.local_name(), client.peer_name());
    assert_eq!(server.peer_name(), client.local_name());

    let listener = Listener::bind(&address(&format!("unix://{}", fresh_path("names").display()))).unwrap();
    let client = connect(listener.address(), LONG).unwrap();
    let server = listener.accept().unwrap().unwrap();
    assert_eq!(client.peer_name(), listener.address().to_string());
    assert_eq!(server.local_name(), client.peer_name());
    assert!(server.peer_name().contains(&client.peer_name()), "{}", server.peer_name());
}

#[test]
fn tcp_options_are_set_and_harmless_elsewhere() {
    for (kind, left, right) in kinds() {
        left.quick_ack();
        left.set_keepalive(Some(Duration::from_secs(60))).unwrap();
        if kind.starts_with("tcp") {
            let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(left.fileno().unwrap()) };
            let socket = socket2::SockRef::from(&fd);
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
            assert!(socket.keepalive().unwrap());
            left.set_keepalive(None).unwrap();
            assert!(!socket.keepalive().unwrap());
        }
        send_all(&*left, b"x");
        assert_eq!(recv_exact(&*right, 1, 1), b"x");
    }
}

// ---------------------------------------------------------------- connecting

#[test]
fn a_refused_connection_names_the_address() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Err(error) = connect(&address(&format!("tcp://{unused}")), LONG) else { panic!("connected") };
    let Error::Connect { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains(&format!("tcp://{unused}")), "{error}");

    let path = fresh_path("absent");
    let Err(error) = connect(&Address::Unix(path.clone()), LONG) else { panic!("connected") };
    let Error::Connect { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_host_that_cannot_be_found_is_named() {
    // Too long for a name, so that the look-up ends without asking anybody.
    let host = "x".repeat(300);
    for result in [
        connect(&address(&format!("tcp://{host}:1")), LONG).map(drop),
        Listener::bind(&address(&format!("tcp://{host}:1"))).map(drop),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("cannot look up") && message.contains(&host), "{message}");
    }
}

#[test]
fn connecting_gives_up_after_its_time() {
    let full = |address: Address| {
        let mut connected = Vec::new();
        for _ in 0..20 {
            match connect(&address, Some(Duration::from_millis(50))) {
                Ok(transport) => connected.push(transport),
                Err(error) => return error,
            }
        }
        panic!("the queue of {address} never fills");
    };
    let tcp = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    tcp.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    tcp.listen(0).unwrap();
    let port = tcp.local_addr().unwrap().as_socket().unwrap().port();
    let error = full(address(&format!("tcp://127.0.0.1:{port}")));
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");

    let name = fresh("full");
    let unix = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    unix.bind(&socket2::SockAddr::unix(format!("\0{name}")).unwrap()).unwrap();
    unix.listen(0).unwrap();
    let error = full(Address::Abstract(name));
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
}

#[test]
fn a_unix_socket_on_which_much_is_sent_is_given_room() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let ours = from_socket(ours).unwrap();
    let much = vec![0; 256 << 10];
    let fill = || std::iter::from_fn(|| ours.send(&[IoSlice::new(&much)]).ok()).sum::<usize>();
    assert!(fill() > 0 && !ours.widen(100));
    let widened = ours.widen(much.len());
    assert_eq!(fill() > 0, widened, "the system gives more, or it does not");
    assert!(!ours.widen(much.len()), "only once");
}

#[test]
fn a_socket_from_elsewhere_is_adopted() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let ours = from_socket(ours).unwrap();
    would_block(ours.recv(&mut Vec::new(), 1, true));
    theirs.write_all(b"hello").unwrap();
    assert_eq!(recv_exact(&*ours, 5, 5), b"hello");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = from_socket(TcpStream::connect(listener.local_addr().unwrap()).unwrap()).unwrap();
    assert_eq!(ours.peer_name(), format!("tcp://{}", listener.local_addr().unwrap()));

    assert!(from_socket(listener).is_err(), "it is not connected");
    assert!(from_socket(std::os::unix::net::UnixDatagram::pair().unwrap().0).is_err(), "it is not a stream");
    assert!(from_socket(pipe().0).is_err(), "it is not a socket");
}

// ---------------------------------------------------------------- listening

#[test]
fn stop_ends_accept_in_every_thread() {
    let path = format!("unix://{}", fresh_path("stop").display());
    for text in ["tcp://127.0.0.1:0", &path] {
        let listener = Listener::bind(&address(text)).unwrap();
        thread::scope(|scope| {
            let accepting = [(); 2].map(|()| scope.spawn(|| listener.accept().unwrap().is_none()));
            thread::sleep(Duration::from_millis(20));
            listener.stop();
            assert!(accepting.into_iter().all(|thread| thread.join().unwrap()));
        });
        assert!(listener.accept().unwrap().is_none(), "it stays stopped");
    }
}

#[test]
fn no_host_means_loopback_and_the_port_is_real() {
    let listener = Listener::bind(&address("tcp://:0")).unwrap();
    let Address::Tcp { host, port } = listener.address() else { panic!() };
    assert_eq!(host, "127.0.0.1");
    assert_ne!(*port, 0);
    connect(&Address::Tcp { host: String::new(), port: *port }, LONG).unwrap();
    assert!(listener.accept().unwrap().is_some());

    let Address::Tcp { host, .. } = Listener::bind(&address("tcp://0.0.0.0:0")).unwrap().address().clone() else {
        panic!()
    };
    assert_eq!(host, "0.0.0.0");
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let listener = Listener::bind(&address("tcp://127.0.0.1:0")).unwrap();
    let message = Listener::bind(listener.address()).map(drop).unwrap_err().to_string();
    assert!(message.contains(&listener.address().to_string()), "{message}");
    for text in ["stdio:", "fd:0,1", "exec:cat"] {
        assert!(matches!(Listener::bind(&address(text)), Err(Error::Address(_))));
    }
}

#[test]
fn a_socket_file_goes_with_its_listener() {
    let path = fresh_path("file");
    let at = Address::Unix(path.clone());
    let listener = Listener::bind(&at).unwrap();
    assert_eq!(listener.address(), &at);
    let message = Listener::bind(&at).map(drop).unwrap_err().to_string();
    assert!(message.contains("in use"), "{message}");
    // The probe of the second one is a connection that has ended.
    assert_eq!(recv_to_end(&*listener.accept().unwrap().unwrap()), b"");
    connect(&at, LONG).unwrap();
    drop(listener);
    assert!(!path.exists());

    // Left over from a process that was killed.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listener = Listener::bind(&at).unwrap();
    connect(&at, LONG).unwrap();

    // Somebody put something else there.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    drop(listener);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let message = Listener::bind(&at).map(drop).unwrap_err().to_string();
    assert!(message.contains("not a socket"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    fs::remove_file(&path).unwrap();
}

// ---------------------------------------------------------------- descriptors

fn is_open(fd: RawFd) -> bool {
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

fn status_flags(fd: RawFd) -> i32 {
    unsafe { libc::fcntl(fd, libc::F_GETFL) }
}

#[test]
fn borrowed_descriptors_stay_as_they_were() {
    let ((ours, theirs), (reader, writer)) = (UnixStream::pair().unwrap(), pipe());
    let kept = [ours.as_raw_fd(), reader.as_raw_fd(), writer.as_raw_fd()];
    let before = kept.map(status_flags);
    let transport = from_descriptors(kept[0], kept[0], Ownership::Borrowed).unwrap();
    send_all(&*transport, b"x");
    would_block(transport.recv(&mut Vec::new(), 1, true));
    assert_eq!(ours.read_timeout().unwrap(), None);
    drop((transport, theirs));
    let transport = from_descriptors(kept[1], kept[2], Ownership::Borrowed).unwrap();
    let stalled = fill(&*transport);
    assert_eq!(recv_exact(&*transport, stalled, 1 << 16).len(), stalled);
    drop(transport);
    assert!(kept.into_iter().all(is_open));
    assert_eq!(kept.map(status_flags), before);
}

#[test]
fn a_non_blocking_pipe_does_as_well() {
    let (reader, writer) = pipe();
    for fd in [&reader, &writer] {
        unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    }
    let transport = over_fds(reader, writer);
    would_block(transport.recv(&mut Vec::new(), 1, true));
    let stalled = fill(&*transport);
    assert_eq!(recv_exact(&*transport, stalled, 1 << 16).len(), stalled);
}

#[test]
fn descriptors_that_cannot_serve_are_refused() {
    let (reader, writer) = pipe();
    let (r, w) = (reader.as_raw_fd(), writer.as_raw_fd());
    let datagrams = std::os::unix::net::UnixDatagram::pair().unwrap().0;
    let d = datagrams.as_raw_fd();
    let closed = 1 << 20;
    for (read, write, what) in [
        (w, w, format!("descriptor {w} is not open for reading")),
        (r, r, format!("descriptor {r} is not open for writing")),
        (closed, w, format!("descriptor {closed} is not open")),
        (-1, w, "descriptor -1 is not open".to_owned()),
        (d, d, "not a stream socket".to_owned()),
    ] {
        let message = from_descriptors(read, write, Ownership::Taken).map(drop).unwrap_err().to_string();
        assert!(message.contains(&what), "{message}");
    }
    assert!([r, w, d].into_iter().all(is_open), "what was refused is still the caller's");
}

// ---------------------------------------------------------------- child processes

#[test]
fn a_child_process_is_a_peer() {
    let child = connect(&address("exec:printf 'ready\\n'; cat; printf end"), None).unwrap();
    assert_eq!(child.peer_name(), "exec:printf 'ready\\n'; cat; printf end");
    assert_eq!(recv_exact(&*child, 6, 100), b"ready\n");
    let data = pattern(300_000);
    thread::scope(|scope| {
        scope.spawn(|| send_all(&*child, &data));
        assert!(recv_exact(&*child, data.len(), 1 << 16) == data);
    });
    would_block(child.recv(&mut Vec::new(), 1, true));

    let gone = connect(&address("exec:printf bye"), None).unwrap();
    assert_eq!(recv_to_end(&*gone), b"bye");
    assert_eq!(gone.poll(true, false, None).unwrap(), Ready { read: true, write: false });
}

/// The number of the child, which its command has printed as a line.
fn child_number(child: &dyn Transport) -> i32 {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        assert_eq!(recv(child, &mut line, 1).unwrap(), 1);
    }
    String::from_utf8(line).unwrap().trim().parse().unwrap()
}

/// A zombie still exists.
fn exists(process: i32) -> bool {
    unsafe { libc::kill(process, 0) == 0 }
}

/// Whoever drops the transport does not wait for the child: a thread of its own sees to its end.
fn ends(process: i32) -> bool {
    (0..2000).any(|_| {
        thread::sleep(Duration::from_millis(5));
        !exists(process)
    })
}

#[test]
fn a_child_that_has_ended_leaves_no_zombie() {
    for command in ["echo $$", "echo $$; exec cat", "echo $$; exit 3"] {
        let child = connect(&Address::Exec(command.to_owned()), None).unwrap();
        let number = child_number(&*child);
        drop(child);
        assert!(ends(number), "{command}");
    }
}

#[test]
fn a_child_that_does_not_end_is_asked_to() {
    let note = fresh_path("asked");
    let command = format!("trap 'echo asked >{}; exit' TERM; echo $$; while :; do sleep 0.1; done", note.display());
    let child = connect(&Address::Exec(command), None).unwrap();
    let number = child_number(&*child);
    assert!(exists(number));
    drop(child);
    assert!(ends(number));
    assert_eq!(fs::read(&note).unwrap(), b"asked\n");
    fs::remove_file(&note).unwrap();
}

#[test]
fn a_child_that_ignores_the_request_to_end_is_killed() {
    let child = connect(&address("exec:trap '' TERM; echo $$; while :; do sleep 0.1; done"), None).unwrap();
    let number = child_number(&*child);
    drop(child);
    assert!(ends(number));
}

#[test]
fn shutdown_wakes_who_waits_for_a_child() {
    let child = connect(&address("exec:exec cat"), None).unwrap();
    thread::scope(|scope| {
        let poller = scope.spawn(|| child.poll(true, false, None).unwrap().read);
        thread::sleep(Duration::from_millis(20));
        child.shutdown();
        assert!(poller.join().unwrap());
        assert_eq!(recv_to_end(&*child), b"");
    });
}

#[test]
fn a_child_inherits_its_standard_descriptors_only() {
    let (reader, _writer) = pipe();
    let inheritable = unsafe { OwnedFd::from_raw_fd(libc::fcntl(reader.as_raw_fd(), libc::F_DUPFD, 700)) };
    let command = format!("[ -e /proc/$$/fd/{} ] && echo open || echo closed", inheritable.as_raw_fd());
    let child = connect(&Address::Exec(command.clone()), None).unwrap();
    assert_eq!(recv_to_end(&*child), b"closed\n");
    let control = Command::new("/bin/sh").arg("-c").arg(command).output().unwrap();
    assert_eq!(control.stdout, b"open\n");
}
