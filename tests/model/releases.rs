//! Objects that are lent, received, sent back and released by several threads.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::config::{Config, Release};
use rpyc::connection::shared_of;
use rpyc::sync::{Arc, Mutex, lock, thread};
use rpyc::value::{Reference, Value};
use std::time::Duration;

/// Makes objects that count their ends, and looks at those that come back.
fn lending(destroyed: &Count) -> Vec<Method> {
    let things = class(false, vec![echo()]);
    let (made, count) = (things.clone(), destroyed.clone());
    vec![
        echo(),
        method("make", move |mut call| call.reply(local(instance(&made, count.at_end()))).unwrap()),
        method("use", |mut call| {
            let known = matches!(reference(&call.args()[0]), Reference::Local(_));
            call.reply(Value::Bool(known)).unwrap();
        }),
    ]
}

fn make(root: &Reference) -> Value {
    call_method(root, "make", &[]).unwrap()
}

#[test]
fn released_objects_end_exactly_once() {
    check(Time::Stands, || {
        let destroyed = Count::default();
        let sides = Setting { threads: 2, ..Setting::default() }.connect(Vec::new(), lending(&destroyed));
        let users = [(), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || {
                let thing = make(&root);
                expect_echo(reference(&thing), 1);
                drop(thing);
                expect_echo(&root, 2);
            })
        });
        users.into_iter().for_each(|user| user.join().unwrap());
        sides.close();
        assert_eq!(destroyed.get(), 2);
    });
}

/// One thread sends an object back while another lets go of it: its last handle, or one of several.
#[test]
fn a_release_races_with_a_use() {
    check(Time::Stands, || {
        let destroyed = Count::default();
        let sides = connect(lending(&destroyed));
        let root = sides.root();
        let thing = make(&root);
        let other = thing.clone();
        let dropper = thread::spawn(move || {
            drop(other);
            expect_echo(&root, 1);
        });
        assert!(matches!(call_method(&sides.root(), "use", &[thing]), Ok(Value::Bool(true))));
        expect_echo(&sides.root(), 2);
        dropper.join().unwrap();
        expect_echo(&sides.root(), 3);
        sides.close();
        assert_eq!(destroyed.get(), 1);
    });
}

/// The peer sends an object once more while our last handle of it goes: the counts tell it that one is still ours.
#[test]
fn a_release_crosses_the_object_on_its_way() {
    check(Time::Stands, || {
        let destroyed = Count::default();
        let thing = class(false, vec![echo()]);
        let only = instance(&thing, destroyed.at_end());
        let place = Mutex::new(Some(only));
        let sides = connect(vec![
            echo(),
            method("get", move |mut call| {
                let thing = lock(&place).clone().map(local).unwrap_or_default();
                call.reply(thing).unwrap();
            }),
        ]);
        let users = [(), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || {
                let thing = call_method(&root, "get", &[]).unwrap();
                expect_echo(reference(&thing), 1);
            })
        });
        users.into_iter().for_each(|user| user.join().unwrap());
        assert_eq!(sides.server.counts().overdrawn, 0);
        sides.close();
        assert_eq!(destroyed.get(), 1);
    });
}

/// Threads that only let go of objects send the releases, if nobody is busy and many wait.
#[test]
fn releases_leave_by_themselves() {
    check(Time::Stands, || {
        let destroyed = Count::default();
        let sides = connect(lending(&destroyed));
        let root = sides.root();
        let things: Arc<Vec<Value>> = Arc::new((0..2).map(|_| make(&root)).collect());
        let shared = match reference(&things[0]) {
            Reference::Remote(proxy) => shared_of(proxy).unwrap(),
            Reference::Local(_) => panic!("it is the peer's"),
        };
        let other = things.clone();
        let dropper = thread::spawn(move || {
            drop(other);
            shared.release_soon();
        });
        drop(things);
        sides.client.shared().release_soon();
        expect_echo(&root, 1);
        dropper.join().unwrap();
        sides.close();
        assert_eq!(destroyed.get(), 2);
    });
}

/// An object that is let go of while a thread serves ends at the peer soon, though nothing else is sent. The thread may be about
/// to receive, receive already, or hold the reading for others.
#[test]
fn a_release_leaves_an_idle_connection_that_is_served() {
    check(Time::Passes(Duration::from_millis(100)), || {
        let destroyed = Count::default();
        let sides = connect(lending(&destroyed));
        let client = sides.client.clone();
        let serving = thread::spawn(move || client.serve_all().unwrap());
        drop(make(&sides.root()));
        while destroyed.get() == 0 {
            sleep(Duration::from_millis(10));
        }
        sides.client.close().unwrap();
        serving.join().unwrap();
        sides.finish();
    });
}

/// With `release` set to `now`, whoever lets go of the object sends that, whatever other threads do.
#[test]
fn a_release_leaves_at_once() {
    check(Time::Stands, || {
        let destroyed = Count::default();
        let client = Config { release: Release::Now, ..config() };
        let sides = Setting { client, ..Setting::default() }.connect(Vec::new(), lending(&destroyed));
        let root = sides.root();
        let caller = thread::spawn(move || expect_echo(&root, 1));
        drop(make(&sides.root()));
        caller.join().unwrap();
        while destroyed.get() == 0 {
            expect_echo(&sides.root(), 2);
        }
        sides.close();
    });
}

/// Objects of ours that the peer holds when the connection ends come back, once, and without a lock held.
#[test]
fn the_end_gives_everything_back() {
    check(Time::Stands, || {
        let destroyed = Count::default();
        let place: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = place.clone();
        let setting = Setting { client: Config { allow_all_attrs: true, ..config() }, ..Setting::default() };
        let sides = setting.connect(
            Vec::new(),
            vec![
                echo(),
                method("keep", move |mut call| {
                    lock(&kept).push(call.args()[0].clone());
                    let _ = call.reply(Value::None);
                }),
            ],
        );
        let root = sides.root();
        let callback = {
            let (root, end) = (root.clone(), destroyed.at_end());
            // Its end calls over the connection that ends.
            function(OnDrop(Some(Box::new(move || drop(call_method(&root, "echo", &[]))))), move |call| {
                let _ = (&end, call);
            })
        };
        call_method(&root, "keep", &[callback]).unwrap();
        let server = sides.server.clone();
        let other = thread::spawn(move || server.abort());
        sides.client.close().unwrap();
        other.join().unwrap();
        lock(&place).clear();
        drop(root);
        sides.finish();
        assert_eq!(destroyed.get(), 1);
    });
}

/// Several threads ask for the peer's root, which is fetched and kept by the connection, and let go of it.
#[test]
fn several_threads_ask_for_the_root() {
    check(Time::Stands, || {
        let sides = Setting { threads: 2, ..Setting::default() }.connect(vec![echo()], vec![echo()]);
        let (client, server) = (sides.client.clone(), sides.server.clone());
        let askers = [server.clone(), server].map(|server| {
            thread::spawn(move || {
                let root = server.root().unwrap();
                expect_echo(&root, 1);
                drop(root);
                expect_echo(&server.root().unwrap(), 2);
            })
        });
        let serving = thread::spawn(move || client.serve_all().unwrap());
        expect_echo(&sides.root(), 3);
        askers.into_iter().for_each(|asker| asker.join().unwrap());
        assert_eq!(sides.client.counts().overdrawn, 0);
        sides.client.close().unwrap();
        serving.join().unwrap();
        sides.finish();
    });
}

/// The peer gives an object of ours back while we call; its destructor calls too, and others go on meanwhile.
#[test]
fn a_destructor_may_call() {
    check(Time::Stands, || {
        let destroyed = Count::default();
        let sides = connect(vec![echo(), apply()]);
        let callers = [1, 2].map(|n| {
            let (root, own, end) = (sides.root(), sides.root(), destroyed.at_end());
            thread::spawn(move || {
                let at_end = OnDrop(Some(Box::new(move || {
                    expect_echo(&own, n);
                    drop(end);
                })));
                let callback = function(at_end, |mut call| call.reply(Value::None).unwrap());
                call_method(&root, "apply", &[callback]).unwrap();
                expect_echo(&root, 3);
            })
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        // The releases may be on their way still.
        while destroyed.get() < 2 {
            expect_echo(&sides.root(), 4);
            thread::yield_now();
        }
        sides.close();
        assert_eq!(destroyed.get(), 2);
    });
}
