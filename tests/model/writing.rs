//! Writers that are stalled because the peer does not take what they send.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::connection::Connection;
use rpyc::error::Error;
use rpyc::sync::thread;
use rpyc::transport::pair_with_capacity;
use rpyc::value::{Reference, Value};
use std::io::{ErrorKind, IoSlice};
use std::time::Duration;

/// More than a direction holds.
fn big(n: u8, size: usize) -> Value {
    Value::bytes(&vec![n; size])
}

fn expect_big(root: &Reference, n: u8, size: usize) {
    let value = call_method(root, "echo", &[big(n, size)]).unwrap();
    assert!(value.py_eq(&big(n, size)));
}

#[test]
fn both_sides_write_more_than_there_is_room_for() {
    check(Time::Stands, || {
        let setting = Setting { capacity: 100, ..Setting::default() };
        let sides = setting.connect(vec![echo()], vec![echo()]);
        let serving = sides.client.clone();
        let serving = thread::spawn(move || serving.serve_all().unwrap());
        let server = sides.server.clone();
        let other = thread::spawn(move || {
            let root = server.root().unwrap();
            expect_big(&root, 1, 250);
        });
        expect_big(&sides.root(), 2, 250);
        other.join().unwrap();
        sides.client.close().unwrap();
        serving.join().unwrap();
        sides.finish();
    });
}

#[test]
fn several_threads_write_at_once() {
    check(Time::Stands, || {
        let sides = Setting { capacity: 90, threads: 2, ..Setting::default() }.connect(Vec::new(), vec![echo()]);
        let callers = [1, 2].map(|n| {
            let root = sides.root();
            thread::spawn(move || expect_big(&root, n, 200))
        });
        expect_echo(&sides.root(), 3);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        sides.close();
    });
}

/// More waits to be sent than may pile up, so writers wait for each other.
#[test]
fn writers_wait_for_each_other() {
    check(Time::Stands, || {
        let sides = Setting { capacity: 150, ..Setting::default() }.connect(Vec::new(), vec![echo()]);
        let callers = [1, 2, 3].map(|n| {
            let root = sides.root();
            thread::spawn(move || expect_big(&root, n, 600))
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        sides.close();
    });
}

/// Answers from threads that do nothing else: nobody of those who send waits for anything afterwards.
#[test]
fn answers_are_written_from_other_threads() {
    check(Time::Stands, || {
        let threads = Threads::default();
        let sides =
            Setting { capacity: 150, ..Setting::default() }.connect(Vec::new(), vec![threads.later(Some(big(9, 600)))]);
        let callers = [(), (), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || assert!(call_method(&root, "later", &[]).unwrap().py_eq(&big(9, 600))))
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        threads.join();
        sides.close();
    });
}

#[test]
fn the_end_frees_a_stalled_writer() {
    check(Time::Stands, || {
        let door = Door::default();
        let closed = door.clone();
        let sides = Setting { capacity: 64, ..Setting::default() }.connect(
            Vec::new(),
            vec![method("block", move |call| {
                closed.pass();
                drop(call);
            })],
        );
        let root = sides.root();
        let blocked = thread::spawn(move || {
            assert!(is_end(&call_method(&root, "block", &[])));
        });
        let root = sides.root();
        let writer = thread::spawn(move || {
            let result = call_method(&root, "block", &[big(1, 500)]);
            assert!(is_end(&result), "{result:?}");
        });
        sides.client.abort();
        blocked.join().unwrap();
        writer.join().unwrap();
        door.open();
        sides.finish();
    });
}

/// A peer that sends and does not receive is given up when what it sent fills the memory that there is for it.
#[test]
fn a_peer_that_only_sends_is_given_up() {
    check(Time::Stands, || {
        let (left, right) = pair_with_capacity(64);
        let mut config = config();
        config.limits.buffered = 300;
        let life = Life::default();
        let client = Connection::new(left, Some(&service(&life, false, Vec::new())), config).unwrap();
        let peer = thread::spawn(move || {
            // The head of a long frame, and no end.
            let head = [0, 0, 0x40, 0, 0];
            let mut bytes: &[u8] = &head;
            loop {
                match right.send(&[IoSlice::new(bytes)]) {
                    Ok(_) => bytes = &[7; 32],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => drop(right.poll(false, true, None)),
                    Err(_) => return,
                }
            }
        });
        let other = client.clone();
        let other = thread::spawn(move || {
            let result = other.ping(big(1, 500), None);
            assert!(matches!(result, Err(Error::Limit(_))), "{result:?}");
        });
        let result = client.ping(big(2, 500), None);
        assert!(matches!(result, Err(Error::Limit(_))), "{result:?}");
        other.join().unwrap();
        peer.join().unwrap();
        client.shared().assert_idle();
        drop(client);
        life.assert_over();
    });
}

/// The one who reads goes away while another, who has left the reading to him, waits for room at a peer that does not
/// read before it has written. Nobody can tell the writer, so he looks for himself after a moment.
#[test]
fn a_reader_leaves_a_stalled_writer_behind() {
    check(Time::Passes(Duration::from_millis(400)), || {
        let (left, right) = pair_with_capacity(100);
        let (ours, theirs) = (Life::default(), Life::default());
        let client = Connection::new(left, Some(&service(&ours, false, Vec::new())), config()).unwrap();
        let server = Connection::new(right.clone(), Some(&service(&theirs, false, vec![echo()])), config()).unwrap();
        let root = root_served_by(&client, &server);
        let peer = thread::spawn(move || {
            assert!(server.serve(None).unwrap());
            // The head of a long frame, and no end.
            let (mut bytes, mut written): (&[u8], usize) = (&[0, 0, 0x40, 0, 0], 0);
            while written < 300 {
                match right.send(&[IoSlice::new(bytes)]) {
                    Ok(count) => (bytes, written) = (&[7; 32], written + count),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        right.poll(false, true, None).unwrap();
                    }
                }
            }
            right.shutdown();
            server.abort();
        });
        let (other, done) = (root.clone(), Door::default());
        let called = done.clone();
        let writer = thread::spawn(move || {
            // Behind the first request, which is the only one that is served.
            called.pass();
            assert!(is_end(&call_method(&other, "echo", &[big(2, 400)])));
        });
        let result = call_later(&root, "echo", &[Value::Int(1)], None).unwrap();
        done.open();
        assert_eq!(int(&result.value().unwrap()), 1);
        writer.join().unwrap();
        peer.join().unwrap();
        drop((root, result));
        client.close().unwrap();
        client.shared().assert_idle();
        drop(client);
        ours.assert_over();
        theirs.assert_over();
    });
}

/// Requests are gathered while others wait for room.
#[test]
fn gathered_requests_leave_before_a_wait() {
    check(Time::Stands, || {
        let sides = Setting { capacity: 100, ..Setting::default() }.connect(Vec::new(), vec![echo()]);
        let root = sides.root();
        let writer = thread::spawn(move || expect_big(&root, 1, 300));
        sides.client.cork().unwrap();
        let results: Vec<_> =
            (0..3).map(|n| call_later(&sides.root(), "echo", &[Value::Int(n)], None).unwrap()).collect();
        for (n, result) in (0..).zip(&results) {
            assert_eq!(int(&result.value().unwrap()), n);
        }
        sides.client.flush().unwrap();
        writer.join().unwrap();
        sides.close();
    });
}
