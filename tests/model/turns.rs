//! Serial objects: their calls come one at a time, except while one of them waits.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::objects::{Call, Object};
use rpyc::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use rpyc::sync::{Arc, Mutex, lock, thread};
use rpyc::value::Value;

/// A method that must not overlap with another.
fn alone(inside: &Arc<AtomicUsize>) -> Method {
    let inside = inside.clone();
    method("alone", move |mut call| {
        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two calls at once");
        thread::yield_now();
        inside.fetch_sub(1, SeqCst);
        call.reply(Value::None).unwrap();
    })
}

#[test]
fn calls_of_a_serial_object_never_overlap() {
    check(Time::Stands, || {
        let inside = Arc::default();
        let setting = Setting { threads: 2, serial: true, ..Setting::default() };
        let sides = setting.connect(Vec::new(), vec![alone(&inside)]);
        let callers = [(), (), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || drop(call_method(&root, "alone", &[]).unwrap()))
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        sides.close();
    });
}

/// A call that waits for the peer gives up its turn, so the peer may call back; afterwards it has it again.
#[test]
fn a_turn_is_given_up_while_its_holder_waits() {
    check(Time::Stands, || {
        let inside: Arc<AtomicUsize> = Arc::default();
        let own = inside.clone();
        let around = method("around", move |mut call: Call| {
            let enter = || assert_eq!(own.fetch_add(1, SeqCst), 0, "two calls at once");
            enter();
            thread::yield_now();
            own.fetch_sub(1, SeqCst);
            self::call(&call.args()[0], &[]).unwrap();
            enter();
            thread::yield_now();
            own.fetch_sub(1, SeqCst);
            call.reply(Value::None).unwrap();
        });
        let setting = Setting { threads: 2, serial: true, ..Setting::default() };
        let sides = setting.connect(Vec::new(), vec![alone(&inside), around]);
        let callers = [(), ()].map(|()| {
            let root = sides.root();
            thread::spawn(move || {
                let back = root.clone();
                let callback = function((), move |mut call| {
                    call_method(&back, "alone", &[]).unwrap();
                    call.reply(Value::None).unwrap();
                });
                call_method(&root, "around", &[callback]).unwrap();
            })
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        sides.close();
    });
}

/// Two serial objects of one process that call each other, each from within its turn.
#[test]
fn serial_objects_call_each_other() {
    check(Time::Stands, || {
        let things: Arc<Mutex<Vec<Arc<Object>>>> = Arc::default();
        let inside: Arc<AtomicUsize> = Arc::default();
        let others = things.clone();
        let visit = method("visit", move |mut call: Call| {
            let other = {
                let things = lock(&others);
                things.iter().find(|thing| !Arc::ptr_eq(thing, call.object())).cloned().unwrap()
            };
            call_method(reference(&local(other)), "alone", &[]).unwrap();
            call.reply(Value::None).unwrap();
        });
        let class = class(true, vec![alone(&inside), visit]);
        let (one, other) = (instance(&class, ()), instance(&class, ()));
        lock(&things).extend([one.clone(), other.clone()]);
        let callers = [one, other]
            .map(|thing| thread::spawn(move || drop(call_method(reference(&local(thing)), "visit", &[]).unwrap())));
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        lock(&things).clear();
    });
}
