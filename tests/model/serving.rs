//! Threads that serve, the server's watcher, and a server that is stopped.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::config::{Config, Dialect};
use rpyc::connection::{Connection, Shared};
use rpyc::error::Error;
use rpyc::server::watcher::Watcher;
use rpyc::sync::atomic::{AtomicBool, Ordering::SeqCst};
use rpyc::sync::{Arc, clock, thread};
use rpyc::transport::pair_with_capacity;
use rpyc::value::Value;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Each call of serve handles one message; together they handle all, and none waits for nothing.
#[test]
fn several_threads_serve_one_message_each() {
    check(Time::Stands, || {
        let sides = Setting { threads: 0, ..Setting::default() };
        let (left, right) = pair_with_capacity(1 << 12);
        let (ours, theirs) = (Life::default(), Life::default());
        let client = Connection::new(left, Some(&service(&ours, false, Vec::new())), sides.client).unwrap();
        let server = Connection::new(right, Some(&service(&theirs, false, vec![echo()])), sides.server).unwrap();
        // GETROOT, two calls and the release of the root.
        let serving = [(), ()].map(|()| {
            let server = server.clone();
            thread::spawn(move || while server.serve(None).is_ok() {})
        });
        let root = client.root().unwrap();
        let other = root.clone();
        let caller = thread::spawn(move || expect_echo(&other, 1));
        expect_echo(&root, 2);
        caller.join().unwrap();
        drop(root);
        client.close().unwrap();
        serving.into_iter().for_each(|thread| thread.join().unwrap());
        client.shared().assert_idle();
        server.shared().assert_idle();
        drop((client, server));
        ours.assert_over();
        theirs.assert_over();
    });
}

/// A thread that polls takes what is there and never waits, whoever else reads.
#[test]
fn polling_beside_a_caller() {
    check(Time::Stands, || {
        let sides = connect(vec![echo(), apply()]);
        let root = sides.root();
        let caller = thread::spawn(move || {
            let callback = function((), |mut call| {
                let value = call.args()[0].clone();
                call.reply(value).unwrap();
            });
            assert_eq!(int(&call_method(&root, "apply", &[callback, Value::Int(4)]).unwrap()), 4);
        });
        for _ in 0..3 {
            sides.client.poll_all(Some(Duration::ZERO)).unwrap();
            sides.client.has_message();
            thread::yield_now();
        }
        caller.join().unwrap();
        sides.close();
    });
}

pub fn accepted(
    capacity: usize,
    dialect: Dialect,
    methods: Vec<Method>,
) -> (Connection, Arc<Shared>, Life, Arc<AtomicBool>, thread::JoinHandle<()>) {
    let (left, right) = pair_with_capacity(capacity);
    let life = Life::default();
    let theirs = service(&life, false, methods);
    let shared = Shared::accepted(right, Config { dialect: Dialect::Auto, ..config() });
    let stopping = Arc::new(AtomicBool::new(false));
    let (serving, stopped) = (shared.clone(), stopping.clone());
    let thread = thread::spawn(move || {
        let served = serving.serve_accepted(&theirs, || stopped.load(SeqCst));
        let idle = matches!(&served, Err(Error::Limit(why)) if why.contains("idle_timeout"));
        assert!(served.is_ok() || idle, "{served:?}");
        serving.stop();
    });
    let ours = service(&Life::default(), false, Vec::new());
    let client = Connection::new(left, Some(&ours), Config { dialect, ..config() }).unwrap();
    (client, shared, life, stopping, thread)
}

/// The watcher takes in bytes at any moment, also when somebody is about to read or has just read.
#[test]
fn the_watcher_races_with_readers() {
    check(Time::Stands, || {
        let (client, shared, life, _, serving) = accepted(80, Dialect::V6, vec![echo()]);
        let watched = shared.clone();
        let watcher = thread::spawn(move || {
            for _ in 0..3 {
                watched.watched();
                thread::yield_now();
            }
        });
        let root = client.root().unwrap();
        expect_echo(&root, 1);
        expect_echo(&root, 2);
        watcher.join().unwrap();
        drop(root);
        client.close().unwrap();
        serving.join().unwrap();
        shared.assert_idle();
        drop(shared);
        life.assert_over();
    });
}

/// A method that runs until the client has written more than the transport holds: only the watcher can take it in.
#[test]
fn a_connection_is_read_while_its_method_runs_long() {
    check(Time::Passes(SECOND * 10), || {
        let door = Door::default();
        let written = door.clone();
        let (client, shared, life, _, serving) = accepted(
            100,
            Dialect::V6,
            vec![
                echo(),
                method("long", move |mut call| {
                    written.pass();
                    call.reply(Value::None).unwrap();
                }),
            ],
        );
        let watcher = Watcher::new();
        watcher.watch(&shared);
        let root = client.root().unwrap();
        let long = call_later(&root, "long", &[], None).unwrap();
        let results: Vec<_> = (0..5)
            .map(|n| call_later(&root, "echo", &[Value::Int(n), Value::bytes(&[0; 60])], None).unwrap())
            .collect();
        door.open();
        assert!(clock::passed() < SECOND * 3, "it took {:?}", clock::passed());
        long.value().unwrap();
        for (n, result) in (0..).zip(&results) {
            assert_eq!(int(&result.value().unwrap()), n);
        }
        watcher.stop();
        watcher.join();
        drop(root);
        client.close().unwrap();
        serving.join().unwrap();
        shared.assert_idle();
        drop(shared);
        life.assert_over();
    });
}

/// A server that stops shuts its connections down while they are being served.
#[test]
fn a_server_stops_while_it_serves() {
    check(Time::Stands, || {
        let (client, shared, life, stopping, serving) = accepted(1 << 12, Dialect::V6, vec![echo()]);
        let stopper = thread::spawn(move || {
            stopping.store(true, SeqCst);
            shared.stop();
        });
        if let Ok(root) = client.root() {
            for n in 0..2 {
                let result = call_method(&root, "echo", &[Value::Int(n)]);
                assert!(is_end(&result) || int(&result.unwrap()) == n);
            }
        }
        stopper.join().unwrap();
        serving.join().unwrap();
        assert!((0..4).any(|_| is_end(&client.serve(None))));
        client.shared().assert_idle();
        drop(client);
        life.assert_over_or_unborn();
    });
}

/// Both dialects; and a side that accepted and wants to speak first waits for the peer to show its own.
#[test]
fn the_first_word_is_the_clients() {
    check(Time::Stands, || {
        for dialect in [Dialect::V5, Dialect::V6] {
            let (client, shared, life, _, serving) = accepted(1 << 12, dialect, vec![echo()]);
            let (first, up) = (shared.clone(), life.up.clone());
            let asking = thread::spawn(move || {
                up.pass();
                let args = [Value::Int(1)];
                let echo = first.sync_request(rpyc::protocol::Body::Raw { handler: 1, args: &args }, None);
                assert_eq!(int(&echo.unwrap()), 1);
            });
            let serving_client = client.clone();
            let serving_client = thread::spawn(move || serving_client.serve_all().unwrap());
            let root = client.root().unwrap();
            expect_echo(&root, 1);
            asking.join().unwrap();
            assert_eq!(client.dialect(), dialect);
            drop(root);
            client.close().unwrap();
            serving.join().unwrap();
            serving_client.join().unwrap();
            shared.assert_idle();
            drop(shared);
            life.assert_over();
        }
    });
}

/// A stopped peer that never says a word keeps nobody longer than the moment that is waited for its dialect.
#[test]
fn a_side_that_accepted_speaks_at_last() {
    check(Time::Passes(SECOND), || {
        let (left, right) = pair_with_capacity(1 << 12);
        let shared = Shared::accepted(
            right,
            Config { dialect: Dialect::Auto, sync_request_timeout: Some(SECOND / 2), ..config() },
        );
        let asking = shared.clone();
        let asking = thread::spawn(move || {
            let args = [Value::Int(1)];
            let asked = asking.sync_request(rpyc::protocol::Body::Raw { handler: 1, args: &args }, None);
            assert!(matches!(asked, Err(Error::Timeout(_))), "{asked:?}");
        });
        shared.watched();
        asking.join().unwrap();
        assert!(left.poll(true, false, Some(Duration::ZERO)).unwrap().read);
        shared.stop();
        shared.assert_idle();
    });
}
