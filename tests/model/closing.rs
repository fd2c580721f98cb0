//! The end of a connection, while others are busy with it.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::config::Config;
use rpyc::connection::Connection;
use rpyc::error::Error;
use rpyc::objects::{Call, Class, Definition, Service};
use rpyc::sync::atomic::{AtomicBool, Ordering::SeqCst};
use rpyc::sync::{Arc, Mutex, clock, lock, thread};
use rpyc::transport::{Ready, Transport, pair_with_capacity};
use rpyc::value::{Reference, Value};
use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A call that is kept, and let go when the test lets go of the place.
fn never(place: &Arc<Mutex<Vec<Call>>>) -> Method {
    let place = place.clone();
    method("never", move |call| lock(&place).push(call))
}

/// Calls a few times, or until the end, and expects each answer to be its own.
fn call_until_end(root: Reference) {
    // Not for ever: a schedule need not be fair.
    for n in 0..6 {
        let result = call_method(&root, "echo", &[Value::Int(n)]);
        match &result {
            Ok(value) => assert_eq!(int(value), n),
            Err(_) => {
                assert!(is_end(&result), "{result:?}");
                return;
            }
        }
    }
}

#[test]
fn close_while_others_call() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let root = sides.root();
        let caller = thread::spawn(move || {
            let result = call_method(&root, "echo", &[Value::Int(1)]);
            assert!(is_end(&result) || int(&result.unwrap()) == 1);
        });
        sides.client.close().unwrap();
        caller.join().unwrap();
        sides.finish();
    });
}

#[test]
fn close_while_others_wait() {
    check(Time::Stands, || {
        let place = Arc::default();
        let sides = connect(vec![echo(), never(&place)]);
        let waiters = [(), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || assert!(is_end(&call_method(&root, "never", &[]))))
        });
        let result = call_later(&sides.root(), "never", &[], None);
        let count = Count::default();
        if let Ok(result) = &result {
            let count = count.clone();
            result.add_callback(Box::new(move |result| {
                assert!(is_end(&result.value()));
                count.add();
            }));
        }
        sides.client.close().unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        // Answered too late, by their own end.
        lock(&place).clear();
        sides.finish();
        assert_eq!(count.get(), 1);
        assert!(is_end(&result.unwrap().value()));
    });
}

#[test]
fn both_sides_close() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let root = sides.root();
        let caller = thread::spawn(move || call_until_end(root));
        let server = sides.server.clone();
        let other = thread::spawn(move || server.close().unwrap());
        sides.client.close().unwrap();
        other.join().unwrap();
        caller.join().unwrap();
        sides.finish();
    });
}

#[test]
fn two_threads_close() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let client = sides.client.clone();
        let other = thread::spawn(move || client.close().unwrap());
        sides.client.close().unwrap();
        other.join().unwrap();
        sides.finish();
    });
}

#[test]
fn abort_while_others_call_and_serve() {
    check(Time::Stands, || {
        let sides = Setting { threads: 2, ..Setting::default() }.connect(Vec::new(), vec![echo(), apply()]);
        let root = sides.root();
        let caller = thread::spawn(move || {
            let callback = function((), |mut call| drop(call.reply(Value::Int(3))));
            let result = call_method(&root, "apply", &[callback]);
            // The peer's own call may have been cut off, and its answer still have got through.
            assert!(is_end(&result) || matches!(result, Err(Error::Remote(_))) || int(&result.unwrap()) == 3);
        });
        let root = sides.root();
        let other = thread::spawn(move || call_until_end(root));
        sides.client.abort();
        caller.join().unwrap();
        other.join().unwrap();
        sides.finish();
    });
}

#[test]
fn the_peer_goes_while_results_are_awaited() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let count = Count::default();
        let root = sides.root();
        let server = sides.server.clone();
        let other = thread::spawn(move || server.abort());
        let mut expected = 0;
        let mut results = Vec::new();
        for n in 0..2 {
            if let Ok(result) = call_later(&root, "echo", &[Value::Int(n)], None) {
                let count = count.clone();
                result.add_callback(Box::new(move |result| {
                    let value = result.value();
                    assert!(is_end(&value) || int(&value.unwrap()) == n);
                    count.add();
                }));
                expected += 1;
                results.push(result);
            }
        }
        results.iter().for_each(|result| drop(result.wait()));
        call_until_end(root);
        other.join().unwrap();
        sides.client.close().unwrap();
        sides.finish();
        assert_eq!(count.get(), expected);
    });
}

#[test]
fn close_within_a_call() {
    check(Time::Stands, || {
        let sides = connect(vec![echo(), apply()]);
        let root = sides.root();
        let caller = thread::spawn(move || call_until_end(root));
        let client = sides.client.clone();
        let callback = function((), move |mut call| {
            client.close().unwrap();
            assert!(call.reply(Value::None).is_err());
        });
        assert!(is_end(&call_method(&sides.root(), "apply", &[callback])));
        caller.join().unwrap();
        sides.finish();
    });
}

/// The last handle goes while the hook of the connection's end still uses one that does not count.
#[test]
fn the_last_handle_closes() {
    check(Time::Stands, || {
        let (left, right) = pair_with_capacity(1 << 12);
        let (ours, theirs) = (Life::default(), Life::default());
        let client = Connection::new(left, Some(&service(&ours, false, Vec::new())), config()).unwrap();
        let server = Connection::new(right, Some(&service(&theirs, false, vec![echo()])), config()).unwrap();
        let serving = thread::spawn(move || server.serve_all().unwrap());
        let root = client.root().unwrap();
        let caller = thread::spawn(move || call_until_end(root));
        let other = client.clone();
        let dropper = thread::spawn(move || drop(other));
        drop(client);
        dropper.join().unwrap();
        caller.join().unwrap();
        serving.join().unwrap();
        ours.assert_over();
        theirs.assert_over();
    });
}

/// `close_timeout` holds although the peer neither reads nor ends.
#[test]
fn close_gives_up() {
    check(Time::Passes(SECOND * 20), || {
        let (left, _right) = pair_with_capacity(64);
        let life = Life::default();
        let config = Config { close_timeout: SECOND * 3, ..config() };
        let client = Connection::new(left, Some(&service(&life, false, Vec::new())), config).unwrap();
        let blocked = client.clone();
        let writer = thread::spawn(move || {
            let result = blocked.ping(Value::bytes(&[0; 500]), None);
            assert!(is_end(&result), "{result:?}");
        });
        client.close().unwrap();
        assert!(clock::passed() <= SECOND * 5, "it took {:?}", clock::passed());
        writer.join().unwrap();
        drop(client);
        life.assert_over();
    });
}

/// So it does where its own message is the one that does not go.
#[test]
fn close_gives_up_to_send() {
    check(Time::Passes(SECOND * 20), || {
        let (left, _right) = pair_with_capacity(64);
        let life = Life::default();
        let config = Config { close_timeout: SECOND * 3, ..config() };
        let client = Connection::new(left, Some(&service(&life, false, Vec::new())), config).unwrap();
        let result = client.async_request(1, &[Value::bytes(&[0; 30])], None).unwrap();
        let other = client.clone();
        let waiter = thread::spawn(move || assert!(is_end(&result.value())));
        other.close().unwrap();
        assert!(clock::passed() <= SECOND * 5, "it took {:?}", clock::passed());
        waiter.join().unwrap();
        drop((client, other));
        life.assert_over();
    });
}

/// A request that does not go is given up when its time is up. What is left of it goes first when there is room again.
#[test]
fn a_limit_holds_for_sending() {
    check(Time::Passes(SECOND * 20), || {
        let door = Door::default();
        let opened = door.clone();
        let client = Config { sync_request_timeout: Some(SECOND * 2), ..config() };
        let sides = Setting { capacity: 64, client, ..Setting::default() }.connect(
            Vec::new(),
            vec![
                echo(),
                method("block", move |mut call| {
                    opened.pass();
                    let _ = call.reply(Value::None);
                }),
            ],
        );
        let blocked = call_later(&sides.root(), "block", &[], None).unwrap();
        let before = clock::passed();
        let result = call_method(&sides.root(), "echo", &[Value::bytes(&[1; 300])]);
        assert!(matches!(result, Err(Error::Timeout(_))), "{result:?}");
        assert!(clock::passed() - before <= SECOND * 4, "it took {:?}", clock::passed() - before);
        door.open();
        blocked.value().unwrap();
        expect_echo(&sides.root(), 1);
        assert_eq!(sides.client.counts().pending, 0);
        sides.close();
    });
}

/// A thread whose time is up leaves what it was sending, and what others have put behind it, to those who still wait.
#[test]
fn what_one_gives_up_another_sends() {
    check(Time::Passes(SECOND * 20), || {
        let door = Door::default();
        let opened = door.clone();
        let client = Config { sync_request_timeout: Some(SECOND * 2), ..config() };
        let sides = Setting { capacity: 64, client, ..Setting::default() }.connect(
            Vec::new(),
            vec![
                echo(),
                method("block", move |mut call| {
                    opened.pass();
                    let _ = call.reply(Value::None);
                }),
            ],
        );
        let blocked = call_later(&sides.root(), "block", &[], None).unwrap();
        let root = sides.root();
        let timed = thread::spawn(move || {
            let result = call_method(&root, "echo", &[Value::bytes(&[1; 200])]);
            assert!(matches!(result, Err(Error::Timeout(_))), "{result:?}");
        });
        let root = sides.root();
        let patient = thread::spawn(move || {
            let result = call_later(&root, "echo", &[Value::Int(5)], None).unwrap();
            assert_eq!(int(&result.value().unwrap()), 5);
        });
        timed.join().unwrap();
        door.open();
        patient.join().unwrap();
        blocked.value().unwrap();
        expect_echo(&sides.root(), 1);
        sides.close();
    });
}

/// Answers that are given by threads of their own, while both sides end.
#[test]
fn answers_race_with_the_end() {
    check(Time::Stands, || {
        let threads = Threads::default();
        let mut sides = connect(vec![echo(), threads.later(None)]);
        let callers = [1, 2].map(|n| {
            let root = sides.root();
            thread::spawn(move || {
                let result = call_method(&root, "later", &[Value::Int(n)]);
                assert!(is_end(&result) || int(&result.unwrap()) == n);
            })
        });
        let server = sides.server.clone();
        let other = thread::spawn(move || server.abort());
        sides.client.close().unwrap();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        other.join().unwrap();
        sides.join_serving();
        threads.join();
        sides.finish();
    });
}

/// What is sent arrives, until it is refused for ever; what comes is received.
struct Deaf {
    inner: Arc<dyn Transport>,
    deaf: Arc<AtomicBool>,
}

impl Transport for Deaf {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        self.inner.recv(buf, max, wait)
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.deaf.load(SeqCst) { Err(ErrorKind::BrokenPipe.into()) } else { self.inner.send(bufs) }
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        self.inner.poll(read, write, timeout)
    }

    fn shutdown(&self) {
        self.inner.shutdown();
    }

    fn fileno(&self) -> Option<i32> {
        None
    }

    fn peer_name(&self) -> String {
        "deaf".into()
    }

    fn local_name(&self) -> String {
        "deaf".into()
    }
}

/// A peer that takes nothing any more and does not end the stream. Who tries to send sees it at once; who only waits,
/// at his next look.
#[test]
fn a_peer_that_takes_nothing_any_more() {
    check(Time::Passes(SECOND * 3), || {
        let (left, right) = pair_with_capacity(1 << 12);
        let deaf = Arc::new(AtomicBool::new(false));
        let left = Arc::new(Deaf { inner: left, deaf: deaf.clone() });
        let (ours, theirs) = (Life::default(), Life::default());
        let place = Arc::default();
        let client = Connection::new(left, Some(&service(&ours, false, Vec::new())), config()).unwrap();
        let server =
            Connection::new(right, Some(&service(&theirs, false, vec![echo(), never(&place)])), config()).unwrap();
        let serving = thread::spawn(move || server.serve_all().unwrap());
        let root = client.root().unwrap();
        let waiting = root.clone();
        let waiter = thread::spawn(move || assert!(is_end(&call_method(&waiting, "never", &[]))));
        let other = thread::spawn(move || deaf.store(true, SeqCst));
        call_until_end(root.clone());
        other.join().unwrap();
        assert!(is_end(&call_method(&root, "echo", &[Value::Int(9)])));
        waiter.join().unwrap();
        serving.join().unwrap();
        lock(&place).clear();
        drop(root);
        client.close().unwrap();
        client.shared().assert_idle();
        drop(client);
        ours.assert_over();
        theirs.assert_over();
    });
}

/// The end comes while the service begins: from a thread to which `create` has given the connection, while the one that begins
/// lets go of the last handle. The service is told all the same, and once.
#[test]
fn the_end_comes_while_the_service_begins() {
    /// Few steps, of which four have to come in one order: one schedule in 15,000 finds it.
    const ROUNDS: usize = 12;
    let scenario = || {
        let (left, right) = pair_with_capacity(1 << 12);
        let (life, ending) = (Life::default(), Threads::default());
        let (connected, disconnected, enders) = (life.connected.clone(), life.disconnected.clone(), ending.clone());
        let made = life.destroyed.clone();
        let service = Service {
            aliases: Vec::new(),
            create: Box::new(move |peer| {
                let connection = Connection::of(peer.unwrap()).unwrap();
                enders.start(move || connection.abort());
                Box::new(made.at_end())
            }),
            on_connect: Some(Box::new(move |_, _| connected.add())),
            on_disconnect: Some(Box::new(move |_, _| disconnected.add())),
            shared: false,
        };
        let definition = Definition { name: "Begins".into(), service: Some(service), ..Definition::default() };
        let class = Class::new(definition).unwrap();
        drop(Connection::new(left, Some(&class), config()));
        ending.join();
        drop((class, right));
        life.assert_over();
    };
    (0..ROUNDS).for_each(|_| check(Time::Stands, scenario));
}
