//! Asynchronous results, answers that are given later, and limits of time.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::config::Config;
use rpyc::connection::Connection;
use rpyc::error::{Error, Result};
use rpyc::objects::{Call, Promise};
use rpyc::sync::{Arc, Mutex, clock, lock, thread};
use rpyc::value::Value;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn counting(count: &Count) -> rpyc::objects::Callback {
    let count = count.clone();
    Box::new(move |result: &Promise| {
        assert!(result.value().is_ok());
        count.add();
    })
}

#[test]
fn several_threads_wait_for_one_result() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let result = call_later(&sides.root(), "echo", &[Value::Int(7)], None).unwrap();
        let waiters = [(), ()].map(|()| {
            let result = result.clone();
            thread::spawn(move || assert_eq!(int(&result.value().unwrap()), 7))
        });
        expect_echo(&sides.root(), 8);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        sides.close();
    });
}

#[test]
fn callbacks_run_exactly_once() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let count = Count::default();
        let result = call_later(&sides.root(), "echo", &[Value::Int(7)], None).unwrap();
        result.add_callback(counting(&count));
        let (late, counted) = (result.clone(), count.clone());
        let adder = thread::spawn(move || late.add_callback(counting(&counted)));
        let waiting = result.clone();
        let waiter = thread::spawn(move || waiting.wait().unwrap());
        result.wait().unwrap();
        adder.join().unwrap();
        waiter.join().unwrap();
        // Whoever brought the answer runs them, and he has come back.
        assert_eq!(count.get(), 2);
        sides.close();
    });
}

/// A callback of one result waits for another, which other threads bring.
#[test]
fn a_callback_may_call() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let (root, door) = (sides.root(), Door::default());
        let called = door.clone();
        let result = call_later(&root, "echo", &[Value::Int(1)], None).unwrap();
        let own = root.clone();
        result.add_callback(Box::new(move |_| {
            expect_echo(&own, 2);
            called.open();
        }));
        let other = thread::spawn(move || expect_echo(&root, 3));
        result.wait().unwrap();
        other.join().unwrap();
        door.pass();
        sides.close();
    });
}

/// A callback that runs until another thread has had its reply. Whoever reads has to run it; the others go on.
#[test]
fn a_long_callback_holds_up_nobody_else() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let door = Door::default();
        let answered = door.clone();
        let result = call_later(&sides.root(), "echo", &[Value::Int(1)], None).unwrap();
        result.add_callback(Box::new(move |_| answered.pass()));
        let echoes = [2, 3].map(|n| {
            let (root, door) = (sides.root(), door.clone());
            thread::spawn(move || {
                expect_echo(&root, n);
                door.open();
            })
        });
        result.wait().unwrap();
        echoes.into_iter().for_each(|caller| caller.join().unwrap());
        sides.close();
    });
}

/// What has been answered before leaves before a callback runs.
#[test]
fn answers_do_not_wait_for_callbacks() {
    check(Time::Stands, || {
        let door = Door::default();
        let (threads, pinged) = (Threads::default(), door.clone());
        let place: Arc<Mutex<Option<Connection>>> = Arc::default();
        let (own, started) = (place.clone(), threads.clone());
        let sides = connect(vec![
            echo(),
            method("ping", move |mut call| {
                let server = lock(&own).clone().unwrap();
                let ping = server.async_request(1, &[Value::Int(1)], None).unwrap();
                call.reply(Value::None).unwrap();
                let pinged = pinged.clone();
                started.start(move || {
                    ping.wait().unwrap();
                    pinged.open();
                });
            }),
        ]);
        *lock(&place) = Some(sides.server.clone());
        let result = call_later(&sides.root(), "ping", &[], None).unwrap();
        let waiting = door.clone();
        result.add_callback(Box::new(move |_| waiting.pass()));
        result.wait().unwrap();
        door.pass();
        threads.join();
        lock(&place).take();
        sides.close();
    });
}

#[test]
fn answers_come_from_other_threads() {
    check(Time::Stands, || {
        let threads = Threads::default();
        let sides = connect(vec![echo(), threads.later(None)]);
        let root = sides.root();
        let other = thread::spawn(move || {
            assert_eq!(int(&call_method(&root, "later", &[Value::Int(1)]).unwrap()), 1);
        });
        assert_eq!(int(&call_method(&sides.root(), "later", &[Value::Int(2)]).unwrap()), 2);
        expect_echo(&sides.root(), 3);
        other.join().unwrap();
        threads.join();
        sides.close();
    });
}

/// The reply is taken, or the time is up and it is dropped; nothing is kept of it.
#[test]
fn limits_race_with_replies() {
    check(Time::Races(SECOND * 100_000), || {
        let threads = Threads::default();
        let sides = connect(vec![echo(), threads.later(None)]);
        sides.client.set_option("sync_request_timeout", "2").unwrap();
        let ask = |n: i64| {
            let root = sides.root();
            thread::spawn(move || match call_method(&root, "later", &[Value::Int(n)]) {
                Ok(value) => assert_eq!(int(&value), n),
                Err(Error::Timeout(_)) => {}
                Err(other) => panic!("{other}"),
            })
        };
        let others = [ask(1), ask(2)];
        others.into_iter().for_each(|other| other.join().unwrap());
        // Behind this the peer has taken even a request that timed out while it was on its way.
        sides.client.ping(Value::Int(0), None).unwrap();
        settle(&sides);
        threads.join();
        sides.close();
    });
}

/// Waits until there is an answer to everything, also to what nobody waits for.
fn settle(sides: &Sides) {
    while sides.client.counts().pending > 0 || sides.server.counts().serving > 0 {
        let _ = sides.client.serve(Some(SECOND / 10));
        thread::yield_now();
    }
}

#[test]
fn results_expire() {
    check(Time::Races(SECOND * 100_000), || {
        let threads = Threads::default();
        let sides = connect(vec![echo(), threads.later(None)]);
        let count = Count::default();
        let result = call_later(&sides.root(), "later", &[Value::Int(1)], Some(SECOND)).unwrap();
        let counted = count.clone();
        result.add_callback(Box::new(move |result| {
            assert_eq!(int(&result.value().unwrap()), 1);
            counted.add();
        }));
        let other = {
            let result = result.clone();
            thread::spawn(move || outcome(result.value()))
        };
        let got = outcome(result.value());
        let other = other.join().unwrap();
        settle(&sides);
        assert_eq!(count.get(), result.ready() as usize);
        assert!(count.get() >= (got as usize).max(other as usize));
        threads.join();
        sides.close();
    });
}

fn outcome(value: Result<Value>) -> bool {
    match value {
        Ok(value) => int(&value) == 1,
        Err(Error::Timeout(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

/// A limit is kept although the peer always has something to say.
#[test]
fn traffic_does_not_put_off_a_limit() {
    check(Time::Passes(SECOND * 60), || {
        let kept: Arc<Mutex<Option<Value>>> = Arc::default();
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (place, pending) = (kept.clone(), calls.clone());
        let client = Config { sync_request_timeout: Some(SECOND * 3), ..config() };
        let sides = Setting { client, ..Setting::default() }.connect(
            Vec::new(),
            vec![
                method("keep", move |mut call| {
                    *lock(&place) = Some(call.args()[0].clone());
                    call.reply(Value::None).unwrap();
                }),
                method("never", move |call| lock(&pending).push(call)),
            ],
        );
        let root = sides.root();
        let callback = function((), |mut call| call.reply(Value::None).unwrap());
        call_method(&root, "keep", &[callback]).unwrap();
        let callback = lock(&kept).take().unwrap();
        let stop = Arc::new(Mutex::new(false));
        let stopped = stop.clone();
        let caller = thread::spawn(move || {
            while !*lock(&stopped) {
                call(&callback, &[]).unwrap();
                sleep(SECOND / 2);
            }
        });
        let before = clock::passed();
        assert!(matches!(call_method(&root, "never", &[]), Err(Error::Timeout(_))));
        let took = clock::passed() - before;
        assert!(took >= SECOND * 3 && took <= SECOND * 5, "it took {took:?}");
        *lock(&stop) = true;
        let serving = sides.client.clone();
        let serving = thread::spawn(move || serving.serve_all().unwrap());
        caller.join().unwrap();
        // Answered too late.
        lock(&calls).drain(..).for_each(drop);
        sides.client.close().unwrap();
        serving.join().unwrap();
        sides.finish();
    });
}

/// A request that is given up while a thread waits for its answer: whether that one reads or another does, it wakes at once.
#[test]
fn a_request_is_given_up_under_its_reader() {
    check(Time::Stands, || {
        let door = Door::default();
        let kept = door.clone();
        let long = method("long", move |mut call: Call| {
            kept.pass();
            let _ = call.reply(Value::None);
        });
        let sides = Setting { threads: 2, ..Setting::default() }.connect(Vec::new(), vec![echo(), long]);
        let results = [(), ()].map(|()| call_later(&sides.root(), "long", &[], None).unwrap());
        let waiters = results
            .clone()
            .map(|result| thread::spawn(move || assert!(matches!(result.value(), Err(Error::Cancelled(_))))));
        let all = results.clone();
        let waiter = thread::spawn(move || rpyc::connection::wait_all(&all, None).unwrap());
        assert!(results.iter().all(Promise::cancel));
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        waiter.join().unwrap();
        door.open();
        expect_echo(&sides.root(), 1);
        sides.close();
    });
}

/// An answer, a cancellation, a limit and callbacks that meet: one outcome, told to each callback once, or to none if the
/// answer came too late.
#[test]
fn whoever_comes_first_settles() {
    check(Time::Races(SECOND * 100_000), || {
        let sides = connect(vec![echo()]);
        let (count, gone) = (Count::default(), Count::default());
        let result = call_later(&sides.root(), "echo", &[Value::Int(1)], None).unwrap();
        let (cancelled, limited, late) = (result.clone(), result.clone(), result.clone());
        let told = [count.clone(), count.clone()].map(|count| (count, gone.at_end()));
        let [first, second] = told.map(|(count, end)| {
            move |result: &Promise| {
                let _end = &end;
                assert!(matches!(result.value(), Ok(_) | Err(Error::Cancelled(_))));
                count.add();
            }
        });
        let threads = [
            thread::spawn(move || cancelled.cancel()),
            thread::spawn(move || {
                limited.set_expiry(Some(SECOND));
                false
            }),
            thread::spawn(move || {
                late.add_callback(Box::new(second));
                false
            }),
        ];
        result.add_callback(Box::new(first));
        let value = result.value();
        let cancels = threads.map(|thread| thread.join().unwrap());
        match value {
            Ok(value) => assert_eq!(int(&value), 1),
            Err(Error::Cancelled(_)) => assert_eq!(cancels, [true, false, false]),
            Err(Error::Timeout(_)) => {}
            Err(other) => panic!("{other}"),
        }
        sides.client.ping(Value::Int(0), None).unwrap();
        settle(&sides);
        assert_eq!(count.get(), if result.ready() { 2 } else { 0 });
        drop(result);
        assert_eq!(gone.get(), 2);
        sides.close();
    });
}
