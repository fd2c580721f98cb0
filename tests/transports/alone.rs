//! What has to be tested in a process of its own: signals, limits, standard input and output. The process is this test
//! program again, which runs one test that is ignored otherwise.

use super::*;
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

const ROLE: &str = "RPYC_TRANSPORTS_ROLE";
/// What comes on standard output before is the test harness's.
const START: &[u8] = b"<<start>>";

fn own_process(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "alone::in_a_process_of_its_own", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role);
    command
}

fn run_alone(role: &str) -> Output {
    own_process(role).output().unwrap()
}

fn succeeds_alone(role: &str) {
    let output = run_alone(role);
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains(&format!("done: {role}")), "{}", text(&output.stdout));
}

#[test]
#[ignore = "other tests run it as a process of their own"]
fn in_a_process_of_its_own() {
    let role = env::var(ROLE).expect("other tests run this one");
    match role.as_str() {
        "sigpipe" => sigpipe_reaches_nobody(),
        "sigpipe control" => raw_write_into_a_broken_pipe(),
        "close on exec" => everything_is_closed_at_exec(),
        "few descriptors" => accept_survives_without_descriptors(),
        "memory without descriptors" => shared_memory_does_without_descriptors(),
        "interruptions" => interruptions_lose_nothing(),
        "stdio" => return echo_over_stdio(),
        _ => panic!("there is no role '{role}'"),
    }
    println!("done: {role}");
}

#[test]
fn no_sigpipe_kills_the_process() {
    succeeds_alone("sigpipe");
    let control = run_alone("sigpipe control");
    assert_eq!(control.status.signal(), Some(libc::SIGPIPE), "the test above must be able to fail");
}

fn sigpipe_reaches_nobody() {
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let mask = || {
        let mut set = unsafe { std::mem::zeroed() };
        let mut pending = unsafe { std::mem::zeroed() };
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut set);
            libc::sigpending(&mut pending);
            (libc::sigismember(&set, libc::SIGPIPE), libc::sigismember(&pending, libc::SIGPIPE))
        }
    };
    for blocked in [0, 1] {
        for (kind, left, right) in kinds() {
            drop(right);
            let mut broken = 0;
            for _ in 0..10 {
                match left.send(&[IoSlice::new(b"in"), IoSlice::new(b" vain")]) {
                    Err(e) if e.kind() == ErrorKind::BrokenPipe => broken += 1,
                    // TCP takes the first in good faith.
                    Ok(_) if kind.starts_with("tcp") => thread::sleep(Duration::from_millis(20)),
                    Err(e) if kind.starts_with("tcp") && e.kind() == ErrorKind::ConnectionReset => {}
                    other => panic!("{kind}: {other:?}"),
                }
                assert_eq!(left.poll(false, true, None).unwrap(), Ready { read: false, write: true }, "{kind}");
            }
            assert!(broken > 0, "{kind}");
            assert_eq!(mask(), (blocked, 0), "{kind}");
        }
        let child = connect(&address("exec:exec true"), None).unwrap();
        assert_eq!(recv_to_end(&*child), b"");
        assert_eq!(child.send(&[IoSlice::new(b"in vain")]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        // Once more, for an application that has the signal blocked itself.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::sigaddset(&mut set, libc::SIGPIPE);
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        }
    }
    // A signal that was waiting before is not ours to take.
    let (left, right) = over_pipes();
    drop(right);
    unsafe { libc::raise(libc::SIGPIPE) };
    assert_eq!(left.send(&[IoSlice::new(b"in vain")]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(mask(), (1, 1));
}

fn raw_write_into_a_broken_pipe() {
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let (reader, writer) = pipe();
    drop(reader);
    let _ = fs::File::from(writer).write(b"x");
}

#[test]
fn all_descriptors_are_closed_at_exec() {
    succeeds_alone("close on exec");
}

fn open_descriptors() -> Vec<RawFd> {
    let all = fs::read_dir("/proc/self/fd").unwrap();
    let numbers = all.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap());
    numbers.collect::<Vec<RawFd>>().into_iter().filter(|&fd| is_open(fd)).collect()
}

fn everything_is_closed_at_exec() {
    let before = open_descriptors();
    // These come as a shell would hand them over: open at exec.
    let (reader, writer) = pipe();
    let inherited = [reader, writer].map(|fd| unsafe { libc::dup(fd.as_raw_fd()) });
    let handed_over = Address::Descriptors { read: inherited[0], write: inherited[1] };
    let all = (kinds(), connect(&handed_over, None).unwrap(), connect(&address("exec:cat"), None).unwrap());
    let listeners = ["tcp://[::1]:0".to_owned(), format!("unix://@{}", fresh("cloexec"))]
        .map(|text| Listener::bind(&address(&text)).unwrap());
    let new: Vec<RawFd> = open_descriptors().into_iter().filter(|fd| !before.contains(fd)).collect();
    assert!(new.len() > 20, "{new:?}");
    for fd in new {
        assert_eq!(unsafe { libc::fcntl(fd, libc::F_GETFD) }, libc::FD_CLOEXEC, "descriptor {fd}");
    }
    drop((all, listeners));
    assert_eq!(open_descriptors(), before, "nothing is left open");
}

#[test]
fn a_listener_survives_a_lack_of_descriptors() {
    succeeds_alone("few descriptors");
}

fn accept_survives_without_descriptors() {
    let listener = Listener::bind(&address("tcp://127.0.0.1:0")).unwrap();
    let client = connect(listener.address(), LONG).unwrap();
    let limit = |soft| {
        let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        unsafe {
            libc::getrlimit(libc::RLIMIT_NOFILE, &mut limits);
            let before = limits.rlim_cur;
            limits.rlim_cur = soft;
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limits), 0);
            before
        }
    };
    let before = limit(3);
    for _ in 0..2 {
        let error = listener.accept().map(drop).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
    }
    limit(before);
    let server = listener.accept().unwrap().unwrap();
    send_all(&*server, b"after all");
    assert_eq!(recv_exact(&*client, 9, 9), b"after all");
}

#[test]
fn shared_memory_survives_a_lack_of_descriptors() {
    succeeds_alone("memory without descriptors");
}

/// Whichever of the descriptors cannot be had, the bytes come, and nothing stays open.
fn shared_memory_does_without_descriptors() {
    let limit = |soft| {
        let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        unsafe {
            libc::getrlimit(libc::RLIMIT_NOFILE, &mut limits);
            let before = limits.rlim_cur;
            limits.rlim_cur = soft;
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limits), 0);
            before
        }
    };
    let path = format!("shm://{}", fresh_path("few").display());
    let listener = Listener::bind(&address(&path)).unwrap();
    let before = open_descriptors();
    for spare in 0..5 {
        // Before the server receives, or before the client does.
        for late in [false, true] {
            let client = connect(listener.address(), LONG).unwrap();
            let server = listener.accept().unwrap().unwrap();
            let one_more = fs::File::open("/dev/null").unwrap();
            let few = one_more.as_raw_fd() as libc::rlim_t + spare;
            drop(one_more);
            send_all(&*client, b"hello");
            let mut usual = if late { None } else { Some(limit(few)) };
            assert_eq!(recv_exact(&*server, 5, 5), b"hello");
            send_all(&*server, b"hi");
            usual = usual.or_else(|| Some(limit(few)));
            assert_eq!(recv_exact(&*client, 2, 2), b"hi");
            for _ in 0..3 {
                for (from, to) in [(&client, &server), (&server, &client)] {
                    to.await_input(Duration::from_millis(1));
                    send_all(&**from, b"more");
                    assert_eq!(recv_exact(&**to, 4, 4), b"more", "{spare} spare, late: {late}");
                }
            }
            limit(usual.unwrap());
            drop(client);
            assert_eq!(recv_to_end(&*server), b"");
        }
    }
    assert_eq!(open_descriptors(), before, "nothing is left open");
}

#[test]
fn signals_lose_nothing() {
    succeeds_alone("interruptions");
}

/// Whoever waits looks again after a signal, for which there is nothing to be seen.
fn interruptions_lose_nothing() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn note(_: i32) {
        SEEN.fetch_add(1, SeqCst);
    }
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = note as extern "C" fn(i32) as usize;
        // No SA_RESTART: calls are interrupted.
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()), 0);
    }
    for (kind, left, right) in kinds() {
        fill(&*right);
        for polls in [false, true] {
            SEEN.store(0, SeqCst);
            thread::scope(|scope| {
                let (send_id, id) = std::sync::mpsc::channel();
                let right = &right;
                let waiter = scope.spawn(move || {
                    send_id.send(unsafe { libc::pthread_self() }).unwrap();
                    if polls {
                        while !right.poll(true, true, LONG).unwrap().read {}
                    }
                    let mut got = Vec::new();
                    loop {
                        match recv(&**right, &mut got, 1) {
                            Ok(1) => return got,
                            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                            other => panic!("{kind}: {other:?}"),
                        }
                    }
                });
                let id = id.recv().unwrap();
                for _ in 0..5 {
                    thread::sleep(Duration::from_millis(5));
                    unsafe { libc::pthread_kill(id, libc::SIGUSR1) };
                }
                while SEEN.load(SeqCst) == 0 {
                    thread::yield_now();
                }
                send_all(&*left, b"x");
                assert_eq!(waiter.join().unwrap(), b"x", "{kind}");
            });
        }
    }
}

#[test]
fn standard_input_and_output_as_pipes() {
    let mut child = own_process("stdio").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let transport = over_fds(OwnedFd::from(output), OwnedFd::from(input));
    talk_to_echo(&*transport);
    assert!(child.wait().unwrap().success());
}

#[test]
fn standard_input_and_output_as_a_socket() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = own_process("stdio");
    command.stdin(OwnedFd::from(theirs.try_clone().unwrap())).stdout(OwnedFd::from(theirs));
    let mut child = command.spawn().unwrap();
    drop(command);
    talk_to_echo(&*from_socket(ours).unwrap());
    assert!(child.wait().unwrap().success());
}

fn talk_to_echo(transport: &dyn Transport) {
    let mut got = Vec::new();
    while !got.ends_with(START) {
        assert_eq!(recv(transport, &mut got, 1).unwrap(), 1, "{}", String::from_utf8_lossy(&got));
    }
    let data = pattern(500_000);
    thread::scope(|scope| {
        scope.spawn(|| send_all(transport, &data));
        assert!(recv_exact(transport, data.len(), 1 << 16) == data);
    });
    send_all(transport, b"END");
    // What the child prints after it has shut down does not come.
    assert_eq!(recv_to_end(transport), b"END");
}

fn echo_over_stdio() {
    io::stdout().flush().unwrap();
    let copies = [0, 1].map(|fd| unsafe { libc::dup(fd) });
    let before = copies.map(status_flags);
    let transport = connect(&Address::Stdio, None).unwrap();
    assert_eq!(copies.map(status_flags), before);
    // Else the peer would not see the end.
    copies.iter().for_each(|&fd| assert_eq!(unsafe { libc::close(fd) }, 0));
    println!("not to the peer");
    io::stdout().flush().unwrap();
    assert_eq!(io::stdin().read(&mut [0; 8]).unwrap(), 0);
    let again = connect(&Address::Stdio, None).map(drop).unwrap_err();
    assert!(matches!(again, Error::Address(_)), "{again}");
    assert_eq!(transport.peer_name(), "stdio:");
    send_all(&*transport, START);
    let mut last = Vec::new();
    while !last.ends_with(b"END") {
        let mut got = Vec::new();
        assert!(recv(&*transport, &mut got, 1 << 16).unwrap() > 0);
        send_all(&*transport, &got);
        last.extend_from_slice(&got);
        last.drain(..last.len().saturating_sub(3));
    }
    transport.shutdown();
    println!("to nobody");
    io::stdout().flush().unwrap();
    assert_eq!(io::stdin().read(&mut [0; 8]).unwrap(), 0);
}
