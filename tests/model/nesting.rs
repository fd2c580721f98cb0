//! Calls within calls up to max_serving, from several threads, and destructors that call where no level is left for them.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::config::Config;
use rpyc::error::{Error, Result};
use rpyc::sync::{Arc, Mutex, lock, thread};
use rpyc::value::{Reference, Value};

const MOST: usize = 3;

/// As many calls may be in one another.
fn limited(most: usize) -> Config {
    let mut config = config();
    config.limits.serving = most;
    config
}

/// How deep the calls got, of which one at depth `n` made the next.
fn deepest(next: Result<Value>, n: i64) -> i64 {
    match next {
        Ok(value) => int(&value),
        Err(Error::Remote(exception)) if exception.is_builtin("RecursionError") => n,
        Err(other) => panic!("{other:?}"),
    }
}

/// Calls its argument, one deeper.
fn down() -> Method {
    method("down", |mut call| {
        let n = int(&call.args()[1]) + 1;
        let reached = deepest(self::call(&call.args()[0], &[Value::Int(n)]), n);
        call.reply(Value::Int(reached)).unwrap();
    })
}

/// What becomes of the callbacks, whose ends call too.
#[derive(Clone, Default)]
struct Links {
    made: Count,
    ended: Count,
}

impl Links {
    /// A callback that calls `down` with another of its kind.
    fn make(&self, root: &Reference) -> Value {
        self.made.add();
        let (own, links, calling, ended) = (root.clone(), self.clone(), root.clone(), self.ended.clone());
        let at_end = OnDrop(Some(Box::new(move || {
            deepest(call_method(&calling, "echo", &[Value::Int(0)]), 0);
            ended.add();
        })));
        function(at_end, move |mut call| {
            let n = int(&call.args()[0]);
            call.reply(Value::Int(links.descend(&own, n))).unwrap();
        })
    }

    fn descend(&self, root: &Reference, n: i64) -> i64 {
        deepest(call_method(root, "down", &[self.make(root), Value::Int(n)]), n)
    }

    /// The releases may be on their way still, and some destructors wait for levels to be left.
    fn await_ends(&self, root: &Reference) {
        while self.ended.get() < self.made.get() {
            deepest(call_method(root, "echo", &[Value::Int(0)]), 0);
            thread::yield_now();
        }
    }
}

/// Two threads descend as far as they are let, a third one calls beside them. Afterwards each level has been left: one
/// that descends alone gets as far as there are levels.
fn descend_beside_each_other(threads: usize) {
    check(Time::Stands, move || {
        let setting = Setting { threads, client: limited(MOST), server: limited(MOST), ..Setting::default() };
        let sides = setting.connect(Vec::new(), vec![echo(), down()]);
        let links = Links::default();
        let callers = [(), ()].map(|()| {
            let (root, links) = (sides.root(), links.clone());
            thread::spawn(move || assert!((0..=MOST as i64).contains(&links.descend(&root, 0))))
        });
        let root = sides.root();
        let beside = thread::spawn(move || deepest(call_method(&root, "echo", &[Value::Int(1)]), 1));
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        beside.join().unwrap();
        let root = sides.root();
        for _ in 0..2 {
            links.await_ends(&root);
            assert_eq!(links.descend(&root, 0), MOST as i64);
        }
        links.await_ends(&root);
        drop(root);
        sides.close();
        assert_eq!(links.ended.get(), links.made.get());
    });
}

#[test]
fn calls_nest_in_one_thread_that_serves() {
    descend_beside_each_other(1);
}

#[test]
fn calls_nest_in_two_threads_that_serve() {
    descend_beside_each_other(2);
}

/// Callbacks release objects of the peer in whose calls they run, where one level is left or none: the destructors there call
/// back, which is run or refused, or wait until a level is left; each runs once.
#[test]
fn releases_at_the_last_levels() {
    check(Time::Stands, || {
        let (made, destroyed) = (Count::default(), Count::default());
        let kept: Arc<Mutex<Option<Value>>> = Arc::default();
        let (making, ends, callee, place) = (made.clone(), destroyed.clone(), kept.clone(), kept.clone());
        let thing = class(false, Vec::new());
        let make = method("make", move |mut call| {
            making.add();
            let (ends, callee) = (ends.clone(), callee.clone());
            let at_end = OnDrop(Some(Box::new(move || {
                let answer = lock(&callee).clone().unwrap();
                deepest(self::call(&answer, &[]), 0);
                ends.add();
            })));
            call.reply(local(instance(&thing, at_end))).unwrap();
        });
        let keep = method("keep", move |mut call| {
            *lock(&place) = Some(call.args()[0].clone());
            call.reply(Value::None).unwrap();
        });
        let setting = Setting { threads: 2, client: limited(2), server: limited(2), ..Setting::default() };
        let sides = setting.connect(Vec::new(), vec![echo(), apply(), make, keep]);
        let root = sides.root();
        let answer = function((), |mut call| call.reply(Value::Int(0)).unwrap());
        call_method(&root, "keep", &[answer]).unwrap();
        let users = [(), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || {
                let held = match call_method(&root, "make", &[]) {
                    Ok(thing) => Mutex::new(Some(thing)),
                    refused => return assert_eq!(deepest(refused, 0), 0),
                };
                let own = root.clone();
                let callback = function((), move |mut call| {
                    drop(lock(&held).take());
                    // The release leaves with this, and the destructor runs before the answer or after it.
                    deepest(call_method(&own, "echo", &[Value::Int(0)]), 0);
                    call.reply(Value::Int(0)).unwrap();
                });
                let applied = call_method(&root, "apply", &[callback]);
                assert!(matches!(applied, Ok(_) | Err(Error::Remote(_))), "{applied:?}");
            })
        });
        users.into_iter().for_each(|user| user.join().unwrap());
        while destroyed.get() < made.get() {
            deepest(call_method(&root, "echo", &[Value::Int(0)]), 0);
            thread::yield_now();
        }
        lock(&kept).take();
        drop(root);
        sides.close();
        assert_eq!(destroyed.get(), made.get());
    });
}
