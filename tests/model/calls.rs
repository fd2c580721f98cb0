//! Threads that call over one connection, and callbacks.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::sync::{Arc, Mutex, lock, thread};
use rpyc::value::Value;

#[test]
fn two_threads_call_and_one_serves() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let root = sides.root();
        let other = thread::spawn(move || (10..12).for_each(|n| expect_echo(&root, n)));
        (0..2).for_each(|n| expect_echo(&sides.root(), n));
        other.join().unwrap();
        sides.close();
    });
}

#[test]
fn three_threads_call_and_two_serve() {
    check(Time::Stands, || {
        let sides = Setting { threads: 2, ..Setting::default() }.connect(Vec::new(), vec![echo()]);
        let callers = [1, 2].map(|n| {
            let root = sides.root();
            thread::spawn(move || expect_echo(&root, n))
        });
        expect_echo(&sides.root(), 3);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        sides.close();
    });
}

/// Each call goes there, back, there again and all the way back.
#[test]
fn callbacks_call_back() {
    check(Time::Stands, || {
        let sides = connect(vec![echo(), apply()]);
        let callers = [10, 20].map(|n| {
            let root = sides.root();
            thread::spawn(move || {
                let own = root.clone();
                let callback = function((), move |mut call| {
                    let n = int(&call.args()[0]);
                    let back = call_method(&own, "echo", &[Value::Int(n + 1)]).unwrap();
                    call.reply(back).unwrap();
                });
                let args = [callback, Value::Int(n)];
                assert_eq!(int(&call_method(&root, "apply", &args).unwrap()), n + 1);
            })
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        sides.close();
    });
}

/// A callback that runs until another thread has had its reply. Whoever waits may have to run it; the others go on.
#[test]
fn a_long_callback_holds_up_nobody_else() {
    check(Time::Stands, || {
        let sides = connect(vec![echo(), apply()]);
        let (root, door) = (sides.root(), Door::default());
        let answered = door.clone();
        let long = thread::spawn(move || {
            let callback = function((), move |mut call| {
                answered.pass();
                call.reply(Value::None).unwrap();
            });
            call_method(&root, "apply", &[callback]).unwrap();
        });
        let echoes = [1, 2].map(|n| {
            let (root, door) = (sides.root(), door.clone());
            thread::spawn(move || {
                expect_echo(&root, n);
                door.open();
            })
        });
        echoes.into_iter().for_each(|caller| caller.join().unwrap());
        long.join().unwrap();
        sides.close();
    });
}

/// Both sides call and serve with the same threads.
#[test]
fn both_sides_call_at_once() {
    check(Time::Stands, || {
        let sides = Setting::default().connect(vec![echo()], vec![echo()]);
        let server = sides.server.clone();
        let other = thread::spawn(move || {
            let root = server.root().unwrap();
            expect_echo(&root, 1);
        });
        let serving = sides.client.clone();
        let serving = thread::spawn(move || serving.serve_all().unwrap());
        expect_echo(&sides.root(), 2);
        other.join().unwrap();
        sides.client.close().unwrap();
        serving.join().unwrap();
        sides.finish();
    });
}

/// The answer to a quick method waits for the next answer, but never for a thread that went away with its own reply.
#[test]
fn answers_of_quick_methods_leave() {
    check(Time::Stands, || {
        let kept = Door::default();
        let (keep, had) = (Arc::new(Mutex::new(None)), kept.clone());
        let place = keep.clone();
        let sides = connect(vec![
            echo(),
            method("keep", move |mut call| {
                *lock(&place) = Some(call.args()[0].clone());
                had.open();
                call.reply(Value::None).unwrap();
            }),
        ]);
        let ran = Count::default();
        let counted = ran.clone();
        let callback = quick_function(move |mut call| {
            let value = call.args()[0].clone();
            call.reply(value).unwrap();
            counted.add();
        });
        let caller = thread::spawn(move || {
            kept.pass();
            let callback = lock(&keep).take().unwrap();
            assert_eq!(int(&call(&callback, &[Value::Int(5)]).unwrap()), 5);
        });
        let root = sides.root();
        call_method(&root, "keep", &[callback]).unwrap();
        // This thread serves while it calls, and then no more.
        while ran.get() == 0 {
            expect_echo(&root, 1);
            thread::yield_now();
        }
        caller.join().unwrap();
        sides.close();
    });
}

/// What has been answered before leaves before code of the application runs.
#[test]
fn answers_do_not_wait_for_calls() {
    check(Time::Stands, || {
        let door = Door::default();
        let pinged = door.clone();
        let sides = connect(vec![
            echo(),
            method("block", move |mut call| {
                pinged.pass();
                call.reply(Value::None).unwrap();
            }),
        ]);
        let root = sides.root();
        sides.client.cork().unwrap();
        let ping = sides.client.async_request(1, &[Value::Int(1)], None).unwrap();
        let block = call_later(&root, "block", &[], None).unwrap();
        sides.client.flush().unwrap();
        assert_eq!(int(&ping.value().unwrap()), 1);
        door.open();
        block.wait().unwrap();
        sides.close();
    });
}

/// With bind_threads each thread of ours talks to one of the peer's.
#[test]
fn bound_threads() {
    check(Time::Stands, || {
        let config = || rpyc::config::Config { bind_threads: true, ..config() };
        let setting = Setting { threads: 2, client: config(), server: config(), ..Setting::default() };
        let sides = setting.connect(Vec::new(), vec![apply()]);
        let callers = [10, 20].map(|n| {
            let root = sides.root();
            thread::spawn(move || {
                let ours = thread::current().id();
                let callback = function((), move |mut call| {
                    assert_eq!(thread::current().id(), ours);
                    let value = call.args()[0].clone();
                    call.reply(value).unwrap();
                });
                assert_eq!(int(&call_method(&root, "apply", &[callback, Value::Int(n)]).unwrap()), n);
            })
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        sides.close();
    });
}
