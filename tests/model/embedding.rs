//! Queues of calls, threads that serve in the background or in order, loops that never wait, and replies that come late.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::connection::Queue;
use rpyc::error::{Error, Result};
use rpyc::objects::Call;
use rpyc::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use rpyc::sync::{Arc, thread};
use rpyc::value::{Reference, Value};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Methods that are never run twice at once: one that is short, and one that calls its argument in the middle.
fn alone(inside: &Arc<AtomicUsize>, done: &Count) -> Vec<Method> {
    let enter = {
        let inside = inside.clone();
        move || {
            assert_eq!(inside.fetch_add(1, SeqCst), 0, "two calls at once");
            thread::yield_now();
            inside.fetch_sub(1, SeqCst);
        }
    };
    let (short, done, counted) = (enter.clone(), done.clone(), done.clone());
    let alone = method("alone", move |mut call| {
        short();
        done.add();
        let _ = call.reply(Value::None);
    });
    let around = method("around", move |mut call: Call| {
        enter();
        self::call(&call.args()[0], &[]).unwrap();
        enter();
        counted.add();
        let _ = call.reply(Value::None);
    });
    vec![alone, around]
}

fn call_alone(root: &Reference) {
    assert!(call_method(root, "alone", &[]).is_ok());
}

/// Calls `around` with a function that calls `alone`.
fn call_around(root: &Reference) {
    let back = root.clone();
    let callback = function((), move |mut call| {
        call_alone(&back);
        call.reply(Value::None).unwrap();
    });
    assert!(call_method(root, "around", &[callback]).is_ok());
}

#[test]
fn a_queue_runs_calls_in_one_thread() {
    check(Time::Stands, || {
        let (inside, done) = (Arc::default(), Count::default());
        let sides = Setting { threads: 2, ..Setting::default() }.connect(Vec::new(), alone(&inside, &done));
        let queue = Queue::new(10).unwrap();
        sides.server.set_queue(&queue).unwrap();
        let callers = [(), (), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || call_alone(&root))
        });
        let mut ran = 0;
        while ran < 3 {
            ran += queue.run(0, None).unwrap();
        }
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert_eq!((done.get(), queue.len()), (3, 0));
        sides.close();
    });
}

/// The thread of the queue waits for its callers, and meanwhile runs what they ask.
#[test]
fn a_queues_thread_serves_while_it_waits() {
    check(Time::Stands, || {
        let (inside, done) = (Arc::default(), Count::default());
        let sides = connect(alone(&inside, &done));
        let queue = Queue::new(10).unwrap();
        sides.server.set_queue(&queue).unwrap();
        let callers = [(), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || call_around(&root))
        });
        while done.get() < 4 {
            queue.run(0, None).unwrap();
        }
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert_eq!((done.get(), queue.len()), (4, 0));
        sides.close();
    });
}

/// Neither a call that waits in a queue, nor one that comes, is forgotten when the connection or the queue goes.
#[test]
fn the_end_of_what_is_queued() {
    the_end_of_a_queue(false);
}

/// Nor is the end of the connection, where it waits there behind the calls.
#[test]
fn the_end_that_is_queued() {
    the_end_of_a_queue(true);
}

fn the_end_of_a_queue(with_hooks: bool) {
    check(Time::Stands, move || {
        let (inside, done) = (Arc::default(), Count::default());
        let sides = connect(alone(&inside, &done));
        let queue = Queue::new(10).unwrap();
        sides.server.set_queue(&queue).unwrap();
        queue.set_hooks(with_hooks);
        let callers = [(), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || {
                let result = call_method(&root, "alone", &[]);
                let refused = matches!(&result, Err(Error::Remote(e)) if e.is_builtin("RuntimeError"));
                assert!(result.is_ok() || refused || is_end(&result), "{result:?}");
            })
        });
        let closing = sides.client.clone();
        let closer = thread::spawn(move || closing.close().unwrap());
        queue.run(1, Some(Duration::ZERO)).unwrap();
        drop(queue);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        closer.join().unwrap();
        sides.finish();
    });
}

#[test]
fn calls_in_order_wait_for_each_other() {
    check(Time::Stands, || {
        let (inside, done) = (Arc::default(), Count::default());
        let sides = Setting { threads: 0, ..Setting::default() }.connect(Vec::new(), alone(&inside, &done));
        let serving = sides.server.serve_background(2, true).unwrap();
        let root = sides.root();
        let other = sides.root();
        let around = thread::spawn(move || call_around(&other));
        call_alone(&root);
        call_alone(&root);
        around.join().unwrap();
        drop(root);
        assert_eq!(done.get(), 4);
        sides.client.close().unwrap();
        serving.join().unwrap();
        sides.finish();
    });
}

#[test]
fn serving_stops_and_begins_again() {
    check(Time::Stands, || {
        let sides = Setting { threads: 0, ..Setting::default() }.connect(Vec::new(), vec![echo()]);
        let serving = sides.server.serve_background(2, false).unwrap();
        let root = sides.root();
        let caller = thread::spawn(move || {
            expect_echo(&root, 1);
            expect_echo(&root, 2);
        });
        serving.stop().unwrap();
        serving.join().unwrap();
        assert!(!serving.is_running());
        assert!(!sides.server.closed());
        let again = sides.server.serve_background(1, false).unwrap();
        caller.join().unwrap();
        sides.client.close().unwrap();
        again.join().unwrap();
        sides.finish();
    });
}

/// Threads that serve are stopped while others wait for answers: whoever reads, they end at once, and somebody reads on.
#[test]
fn serving_stops_beside_those_who_wait() {
    check(Time::Stands, || {
        let setting = Setting { threads: 1, ..Setting::default() };
        let sides = setting.connect(Vec::new(), vec![echo()]);
        let serving = sides.client.serve_background(2, false).unwrap();
        let callers = [1, 2].map(|n| {
            let root = sides.root();
            thread::spawn(move || expect_echo(&root, n))
        });
        let later = call_later(&sides.root(), "echo", &[Value::Int(3)], None).unwrap();
        let waiter = thread::spawn(move || assert_eq!(int(&later.value().unwrap()), 3));
        drop(serving.stop());
        serving.join().unwrap();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        waiter.join().unwrap();
        sides.close();
    });
}

/// A loop that never waits, on a transport with little room; threads that call it and threads that answer for it.
#[test]
fn a_loop_serves_without_waiting() {
    check(Time::Stands, || {
        let threads = Threads::default();
        let setting = Setting { threads: 0, capacity: 100, ..Setting::default() };
        let sides = setting.connect(Vec::new(), vec![echo(), threads.later(None)]);
        sides.server.set_nonblocking(true).unwrap();
        let server = sides.server.clone();
        let looping = thread::spawn(move || {
            loop {
                match server.process() {
                    Ok(_) | Err(Error::Backpressure(_)) => thread::yield_now(),
                    Err(_) => return,
                }
            }
        });
        let callers = ["echo", "later"].map(|name| {
            let root = sides.root();
            thread::spawn(move || {
                let sent = Value::str(&"long".repeat(100));
                assert!(call_method(&root, name, std::slice::from_ref(&sent)).unwrap().py_eq(&sent));
            })
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        threads.join();
        sides.client.shared().assert_idle();
        sides.client.close().unwrap();
        looping.join().unwrap();
        sides.finish();
    });
}

/// An answer that is given later crosses the caller's limit, and the end of the connection.
#[test]
fn late_answers_cross_the_limit_and_the_end() {
    check(Time::Races(SECOND * 100_000), || {
        let threads = Threads::default();
        let started = threads.clone();
        let slow = method("slow", move |mut call: Call| {
            started.start(move || {
                sleep(SECOND);
                let _: Result<()> = call.reply(Value::Int(1));
            });
        });
        let setting = Setting { serial: true, ..Setting::default() };
        let mut sides = setting.connect(Vec::new(), vec![slow]);
        sides.client.set_option("sync_request_timeout", "1").unwrap();
        let root = sides.root();
        let caller = thread::spawn(move || {
            let result = call_method(&root, "slow", &[]);
            assert!(matches!(&result, Ok(Value::Int(1)) | Err(Error::Timeout(_))) || is_end(&result), "{result:?}");
        });
        let closing = sides.client.clone();
        let closer = thread::spawn(move || {
            sleep(SECOND);
            closing.close().unwrap();
        });
        caller.join().unwrap();
        closer.join().unwrap();
        // Only behind this no request starts a thread any more: the caller may have stopped waiting before its own ran.
        sides.join_serving();
        threads.join();
        sides.finish();
    });
}
