//! Connections whose peers, transports or applications do what they should not: nothing hangs, nothing grows, nothing is
//! lost.

use rpyc::config::Config;
use rpyc::connection::{Connection, ask_later};
use rpyc::error::{Error, Exception};
use rpyc::objects::{Call, Class, Definition, Dynamic, Member, MemberKind, Service, ask};
use rpyc::protocol::{Protocol, Wrap};
use rpyc::server::Server;
use rpyc::transport::{Ready, Transport, pair, pair_with_capacity};
use rpyc::value::{Ask, Blob, Local, Reference, Value};
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

mod support;
use support::peer::*;

#[test]
fn a_destructor_may_ask_the_peer() {
    let told = Arc::new(Mutex::new(None::<Reference>));
    let (send, outcome) = mpsc::channel();
    let things = class(Vec::new());
    let service = class(vec![method("exposed_make", {
        let told = told.clone();
        move |mut call| {
            let Value::Ref(callback) = call.args()[0].clone() else { panic!() };
            *told.lock().unwrap() = Some(callback);
            let (told, send) = (told.clone(), send.clone());
            let at_end = AtEnd(move || {
                let callback = told.lock().unwrap().take().unwrap();
                let _ = send.send(ask(&callback, Ask::Call { args: &[], keywords: &[] }));
            });
            let _ = call.reply(local(things.instance(Box::new(Mutex::new(at_end)))));
        }
    })]);
    let (client, server, serving) = two(&service, config());
    let made = call(&client.root().unwrap(), "make", &[function(|mut call| drop(call.reply(Value::Int(5))))]).unwrap();
    drop(made);
    // The release goes with this, and the destructor's request is served here.
    client.ping(Value::None, None).unwrap();
    let mut outcomes = Vec::new();
    while outcomes.is_empty() {
        client.serve(Some(Duration::from_millis(10))).unwrap();
        outcomes.extend(outcome.try_recv());
    }
    assert_eq!(outcomes.pop().unwrap().unwrap(), Value::Int(5));
    client.close().unwrap();
    serving.join().unwrap().unwrap();
    drop(server);
}

#[test]
fn an_answer_leaves_though_the_reply_that_is_waited_for_came_with_the_request() {
    let (connection, mut peer) = alone(config());
    let waiting = thread::spawn(move || {
        let answer = connection.sync_request(GETROOT, &[]).unwrap();
        (connection, answer)
    });
    assert_eq!(peer.next().unwrap().1, 0);
    peer.send(&[request(7, PING, vec![Value::Int(1)]), reply(0, Value::Int(2))].concat()).unwrap();
    let (connection, answer) = waiting.join().unwrap();
    assert_eq!(answer, Value::Int(2));
    assert_eq!(peer.next(), Some((2, 7, boxed(Value::Int(1)))));
    drop(connection);
}

#[test]
fn the_answers_to_a_flood_of_requests_do_not_pile_up() {
    struct Nothing;
    impl Wrap for Nothing {
        fn wrap(&self, _: &Value) -> Option<Arc<dyn Local>> {
            None
        }
    }
    const COUNT: i64 = 20_000;
    let mut session: Protocol<()> = Protocol::new(config(), None, Arc::new(Nothing));
    let data = Value::str(&"x".repeat(200));
    for seq in 0..COUNT {
        session.incoming().push(&request(seq, PING, vec![data.clone()]));
    }
    let mut sent = 0;
    loop {
        assert!(session.next_event().is_none());
        let waiting = session.outgoing().len();
        assert!(waiting < 300_000, "{waiting} bytes wait");
        sent += waiting;
        session.outgoing().advance(waiting);
        if !session.has_message() {
            break;
        }
    }
    assert!(sent > COUNT as usize * 200);

    // Over a connection they all arrive, though the peer sends all its requests before it receives.
    let (connection, mut peer) = alone(config());
    let serving = thread::spawn(move || connection.serve_all());
    for seq in 0..COUNT {
        peer.send(&request(seq, PING, vec![data.clone()])).unwrap();
    }
    for seq in 0..COUNT {
        assert_eq!(peer.next().unwrap().1, seq);
    }
    peer.transport.shutdown();
    serving.join().unwrap().unwrap();
}

#[test]
fn a_peer_that_never_receives_is_not_waited_for_for_ever() {
    let (ours, theirs) = pair_with_capacity(1000);
    let settings = Config { sync_request_timeout: Some(Duration::from_millis(50)), ..config() };
    let connection = Connection::new(ours, None, settings).unwrap();
    let much = Value::bytes(&vec![1; 100_000]);
    assert!(matches!(connection.sync_request(PING, &[much]), Err(Error::Timeout(_))));
    assert!(matches!(connection.sync_request(PING, &[Value::None]), Err(Error::Timeout(_))));
    assert!(!connection.closed());
    connection.close().unwrap();
    assert!(connection.closed());
    drop(theirs);
}

#[test]
fn time_runs_while_the_peer_sends_something_else() {
    let settings = Config { sync_request_timeout: Some(Duration::from_millis(1100)), ..config() };
    let (connection, peer) = alone(settings);
    let peer = thread::spawn(move || {
        // Answers that nobody asked for, until nobody takes them.
        while peer.send(&reply(1000, Value::None)).is_ok() {}
    });
    assert!(matches!(connection.sync_request(GETROOT, &[]), Err(Error::Timeout(_))));
    let result = connection.async_request(GETROOT, &[], Some(Duration::from_millis(20))).unwrap();
    assert!(matches!(result.value(), Err(Error::Timeout(_))));
    connection.close().unwrap();
    drop(connection);
    peer.join().unwrap();
}

/// Counts how often somebody sleeps in it, and how often somebody looks into it.
struct Watched {
    inner: Arc<dyn Transport>,
    slept: AtomicUsize,
    looked: AtomicUsize,
}

impl Transport for Watched {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        if wait { &self.slept } else { &self.looked }.fetch_add(1, Ordering::SeqCst);
        self.inner.recv(buf, max, wait)
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.send(bufs)
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        self.slept.fetch_add(1, Ordering::SeqCst);
        self.inner.poll(read, write, timeout)
    }

    fn shutdown(&self) {
        self.inner.shutdown();
    }

    fn fileno(&self) -> Option<RawFd> {
        None
    }

    fn peer_name(&self) -> String {
        "watched".into()
    }

    fn local_name(&self) -> String {
        "watched".into()
    }
}

#[test]
fn spinning_does_not_sleep_and_keeps_the_limits() {
    let (ours, theirs) = pair();
    let watched = Arc::new(Watched { inner: ours, slept: AtomicUsize::new(0), looked: AtomicUsize::new(0) });
    let hour = Duration::from_secs(3600);
    let connection = Connection::new(watched.clone(), None, Config { spin: hour, ..config() }).unwrap();
    let mut peer = Peer::new(theirs);
    let answering = thread::spawn(move || {
        let (_, seq, _) = peer.next().unwrap();
        thread::sleep(Duration::from_millis(20));
        peer.send(&reply(seq, Value::Int(7))).unwrap();
        peer
    });
    assert!(connection.sync_request(GETROOT, &[]).unwrap().py_eq(&Value::Int(7)));
    let peer = answering.join().unwrap();
    assert!(!connection.serve(Some(Duration::ZERO)).unwrap());
    assert!(!connection.serve(Some(Duration::from_millis(20))).unwrap());
    connection.set_option("sync_request_timeout", "0.02").unwrap();
    assert!(matches!(connection.sync_request(GETROOT, &[]), Err(Error::Timeout(_))));
    assert_eq!(watched.slept.load(Ordering::SeqCst), 0);
    assert!(watched.looked.load(Ordering::SeqCst) > 4);
    // After the time it sleeps.
    connection.set_option("spin_us", "100").unwrap();
    connection.set_option("sync_request_timeout", "1.5").unwrap();
    assert!(matches!(connection.sync_request(GETROOT, &[]), Err(Error::Timeout(_))));
    assert!(watched.slept.load(Ordering::SeqCst) > 0);
    drop(peer);
}

#[test]
fn spinning_may_begin_while_the_connection_lives() {
    let (ours, theirs) = pair();
    let watched = Arc::new(Watched { inner: ours, slept: AtomicUsize::new(0), looked: AtomicUsize::new(0) });
    let connection = Connection::new(watched.clone(), None, config()).unwrap();
    let mut peer = Peer::new(theirs);
    let answering = thread::spawn(move || {
        for number in 0..2 {
            let (_, seq, _) = peer.next().unwrap();
            thread::sleep(Duration::from_millis(20));
            peer.send(&reply(seq, Value::Int(number))).unwrap();
        }
        peer
    });
    let sleeps = || watched.slept.load(Ordering::SeqCst);
    assert!(connection.sync_request(GETROOT, &[]).unwrap().py_eq(&Value::Int(0)));
    let before = sleeps();
    assert!(before > 0);
    connection.set_option("spin_us", "3600000000").unwrap();
    assert!(connection.sync_request(GETROOT, &[]).unwrap().py_eq(&Value::Int(1)));
    assert_eq!(sleeps(), before);
    drop(answering.join().unwrap());
}

/// It cannot be sent to, and nothing comes from it.
struct Broken;

impl Transport for Broken {
    fn recv(&self, _: &mut Vec<u8>, _: usize, _: bool) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn send(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn poll(&self, _: bool, write: bool, _: Option<Duration>) -> io::Result<Ready> {
        Ok(Ready { read: false, write })
    }

    fn shutdown(&self) {}

    fn fileno(&self) -> Option<RawFd> {
        None
    }

    fn peer_name(&self) -> String {
        "broken".into()
    }

    fn local_name(&self) -> String {
        "broken".into()
    }
}

#[test]
fn what_cannot_be_sent_ends_the_connection() {
    let connection = Connection::new(Arc::new(Broken), None, config()).unwrap();
    assert!(matches!(connection.sync_request(GETROOT, &[]), Err(Error::Eof(_))));
    assert!(connection.closed());
    let connection = Connection::new(Arc::new(Broken), None, config()).unwrap();
    let result = connection.async_request(GETROOT, &[], None).unwrap();
    connection.serve_all().unwrap();
    assert!(matches!(result.value(), Err(Error::Eof(_))));
}

#[test]
fn requests_that_are_gathered_behind_a_stalled_one_leave() {
    let (ours, theirs) = pair_with_capacity(1000);
    let connection = Connection::new(ours, None, config()).unwrap();
    let writer = connection.clone();
    let stalled = thread::spawn(move || writer.sync_request(PING, &[Value::bytes(&vec![1; 100_000])]));
    while connection.counts().pending == 0 {
        thread::yield_now();
    }
    connection.cork().unwrap();
    let result = connection.async_request(PING, &[Value::None], None).unwrap();
    let waiting = thread::spawn(move || result.value());
    thread::sleep(Duration::from_millis(50));
    let peer = thread::spawn(move || Peer::new(theirs).answer_all());
    assert_eq!(waiting.join().unwrap().unwrap(), Value::None);
    assert_eq!(stalled.join().unwrap().unwrap(), Value::None);
    drop(connection);
    peer.join().unwrap();
}

#[test]
fn writers_behind_a_stalled_one_leave_nobody_asleep() {
    // Many threads whose requests are far more than fits: each is at times the one who sends, who reads, who waits.
    let (ours, theirs) = pair_with_capacity(4000);
    let connection = Connection::new(ours, None, config()).unwrap();
    let peer = thread::spawn(move || Peer::new(theirs).answer_all());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let connection = connection.clone();
            thread::spawn(move || {
                let data = [Value::bytes(&vec![1; 400_000])];
                for _ in 0..10 {
                    assert_eq!(connection.sync_request(PING, &data).unwrap(), Value::None);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(connection);
    peer.join().unwrap();
}

#[test]
fn comparing_is_held_against_the_rules_also_for_dynamic_objects() {
    let dynamic = || Dynamic { has: Some(Arc::new(|_, _| true)), get: None, set: None, del: None };
    let definition = Definition { name: "Any".into(), dynamic: Some(dynamic()), ..Definition::default() };
    let any = Class::new(definition).unwrap();
    let service = class(vec![method("exposed_any", move |mut call| {
        let _ = call.reply(local(any.instance(Box::new(()))));
    })]);
    for (allowed, settings) in [(true, config()), (false, Config { allow_safe_attrs: false, ..config() })] {
        let (client, server, serving) = two(&service, settings);
        let Value::Ref(object) = call(&client.root().unwrap(), "any", &[]).unwrap() else { panic!() };
        let compared = ask(&object, Ask::Compare(rpyc::value::CompareOp::Lt, &Value::Int(1)));
        match compared {
            Ok(answer) => assert!(allowed && answer == Value::NotImplemented),
            Err(Error::Remote(exception)) => assert!(!allowed && exception.is_builtin("AttributeError")),
            Err(other) => panic!("{other}"),
        }
        client.close().unwrap();
        serving.join().unwrap().unwrap();
        drop(server);
    }
}

#[test]
fn every_callback_knows_the_connection_of_its_call() {
    let seen = Arc::new(AtomicUsize::new(0));
    let here = |seen: &Arc<AtomicUsize>| {
        let seen = seen.clone();
        move |mut call: Call| {
            seen.fetch_add(usize::from(call.peer().is_some()), Ordering::SeqCst);
            let _ = call.reply(Value::str("here"));
        }
    };
    let property =
        MemberKind::Property { get: Some(Arc::new(here(&seen))), set: Some(Arc::new(here(&seen))), del: None };
    let thing = class(vec![
        method("__str__", here(&seen)),
        method("__next__", here(&seen)),
        Member { name: "exposed_it".into(), doc: None, kind: property },
    ]);
    let service = class(vec![method("exposed_thing", move |mut call| {
        let _ = call.reply(local(thing.instance(Box::new(()))));
    })]);
    let (client, server, serving) = two(&service, Config { allow_setattr: true, ..config() });
    let Value::Ref(object) = call(&client.root().unwrap(), "thing", &[]).unwrap() else { panic!() };
    let text = Value::str("here");
    assert_eq!(ask(&object, Ask::Str).unwrap(), text);
    ask(&object, Ask::SetAttr("it", &text)).unwrap();
    assert_eq!(ask(&object, Ask::BuffIter(2)).unwrap(), Value::tuple(vec![text.clone(), text]));
    // The getter runs, and what it gives cannot be called.
    assert!(matches!(call(&object, "it", &[]), Err(Error::Remote(_))));
    assert_eq!(seen.load(Ordering::SeqCst), 5);
    client.close().unwrap();
    serving.join().unwrap().unwrap();
    drop(server);
}

#[test]
fn a_panic_in_code_of_the_host_ends_the_connection_and_tells_the_peer() {
    let service = class(vec![method("exposed_panic", |_call| std::panic::resume_unwind(Box::new("on purpose")))]);
    let (client, server, serving) = two(&service, config());
    let root = client.root().unwrap();
    assert!(matches!(call(&root, "panic", &[]), Err(Error::Remote(_) | Error::Eof(_))));
    assert!(serving.join().is_err());
    assert!(server.closed());
    assert!(matches!(client.ping(Value::None, None), Err(Error::Eof(_))));
}

#[test]
fn what_is_too_late_is_dropped_without_the_lock() {
    let (connection, mut peer) = alone(config());
    let result = connection.async_request(GETROOT, &[], Some(Duration::from_millis(1))).unwrap();
    let (dropped, inside) = (Arc::new(AtomicBool::new(false)), connection.clone());
    let at_end = AtEnd({
        let dropped = dropped.clone();
        // This takes the lock.
        move || dropped.store(inside.counts().pending <= 1, Ordering::SeqCst)
    });
    result.add_callback(Box::new(move |_| drop(at_end)));
    thread::sleep(Duration::from_millis(5));
    let kept = connection.async_request(GETROOT, &[], Some(Duration::from_millis(1))).unwrap();
    drop(result);
    for _ in 0..2 {
        let (_, seq, _) = peer.next().unwrap();
        thread::sleep(Duration::from_millis(5));
        peer.send(&reply(seq, Value::None)).unwrap();
        assert!(connection.serve(None).unwrap());
    }
    assert!(dropped.load(Ordering::SeqCst));
    // An answer that came too late does not come again, however long one waits.
    kept.set_expiry(None);
    assert!(matches!(kept.value(), Err(Error::Timeout(_))));
}

#[test]
fn lent_bytes_are_given_back_without_the_lock() {
    struct Lent(Vec<u8>, Arc<AtomicBool>, Connection);
    impl AsRef<[u8]> for Lent {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Lent {
        fn drop(&mut self) {
            self.1.store(self.2.counts().pending == 1, Ordering::SeqCst);
        }
    }
    let (connection, mut peer) = alone(config());
    let back = Arc::new(AtomicBool::new(false));
    connection.cork().unwrap();
    let bytes = Lent(vec![3; 50_000], back.clone(), connection.clone());
    let args = [Value::Bytes(Blob::foreign(Arc::new(bytes)).unwrap())];
    let result = connection.async_request(PING, &args, None).unwrap();
    drop(args);
    assert!(!back.load(Ordering::SeqCst));
    connection.flush().unwrap();
    assert!(back.load(Ordering::SeqCst));
    let (_, seq, _) = peer.next().unwrap();
    peer.send(&reply(seq, Value::None)).unwrap();
    assert_eq!(result.value().unwrap(), Value::None);
}

#[test]
fn a_shared_service_may_connect_while_it_is_made() {
    let class: Arc<OnceLock<Arc<Class>>> = Arc::default();
    let inner = Arc::new(Mutex::new(None));
    let (first, other) = (AtomicBool::new(true), pair());
    let ends = Mutex::new(Some(other));
    let create = {
        let (class, inner) = (class.clone(), inner.clone());
        move |_: Option<&Arc<dyn rpyc::objects::Peer>>| -> Box<dyn std::any::Any + Send + Sync> {
            if first.swap(false, Ordering::SeqCst) {
                let (left, right) = ends.lock().unwrap().take().unwrap();
                let connection = Connection::new(left, class.get(), config()).unwrap();
                *inner.lock().unwrap() = Some((connection, right));
            }
            Box::new(())
        }
    };
    let service =
        Service { aliases: Vec::new(), create: Box::new(create), on_connect: None, on_disconnect: None, shared: true };
    let definition = Definition { name: "Shared".into(), service: Some(service), ..Definition::default() };
    class.set(Class::new(definition).unwrap()).unwrap_or_else(|_| unreachable!());
    let (left, _right) = pair();
    let outer = Connection::new(left, class.get(), config()).unwrap();
    let inner = inner.lock().unwrap().take().unwrap().0;
    assert!(Arc::ptr_eq(&outer.service().unwrap(), &inner.service().unwrap()));
}

#[test]
fn nesting_ends_with_an_error_and_not_with_the_stack() {
    let service = class(vec![method("exposed_down", |mut call| {
        let Value::Ref(callback) = call.args()[0].clone() else { panic!() };
        let outcome = ask(&callback, Ask::Call { args: &[], keywords: &[] });
        let _ = match outcome {
            Ok(value) => call.reply(value),
            Err(Error::Remote(exception)) => call.raise(exception),
            Err(other) => call.raise(Exception::builtin("RuntimeError", other.to_string())),
        };
    })]);
    let (client, server, serving) = two(&service, config());
    let root = client.root().unwrap();
    let (itself, depth) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
    let callback = function({
        let (root, itself, depth) = (root.clone(), itself.clone(), depth.clone());
        move |mut served| {
            depth.fetch_add(1, Ordering::SeqCst);
            let again: &Value = itself.get().unwrap();
            let _ = match call(&root, "down", std::slice::from_ref(again)) {
                Ok(value) => served.reply(value),
                Err(Error::Remote(exception)) => served.raise(exception),
                Err(other) => served.raise(Exception::builtin("RuntimeError", other.to_string())),
            };
        }
    });
    itself.set(callback.clone()).unwrap();
    let Err(Error::Remote(exception)) = call(&root, "down", &[callback]) else { panic!("it went down for ever") };
    assert!(exception.is_builtin("RecursionError"), "{}", exception.summary());
    assert!(depth.load(Ordering::SeqCst) > 100);
    client.ping(Value::None, None).unwrap();
    client.close().unwrap();
    serving.join().unwrap().unwrap();
    drop(server);
}

#[test]
fn an_answer_to_a_call_that_is_kept_beyond_the_end_is_refused() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let service = class(vec![method("exposed_keep", {
        let kept = kept.clone();
        move |call| kept.lock().unwrap().push(call)
    })]);
    let (client, server, serving) = two(&service, config());
    let root = client.root().unwrap();
    let result = ask_later(&root, Ask::CallAttr { name: "keep", args: &[], keywords: &[] }, None).unwrap();
    client.ping(Value::None, None).unwrap();
    client.close().unwrap();
    serving.join().unwrap().unwrap();
    let mut call = kept.lock().unwrap().pop().unwrap();
    assert!(call.is_cancelled());
    assert!(matches!(call.reply(Value::Int(1)), Err(Error::Closed(_))));
    assert!(matches!(call.reply(Value::Int(1)), Err(Error::State(_))));
    assert!(matches!(result.value(), Err(Error::Closed(_))));
    drop(server);
}

#[test]
fn a_server_that_was_waited_for_holds_nothing_of_the_host() {
    struct Slow(Arc<AtomicUsize>);
    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(30));
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let alive = Arc::new(AtomicUsize::new(0));
    let create = {
        let alive = alive.clone();
        move |_: Option<&Arc<dyn rpyc::objects::Peer>>| -> Box<dyn std::any::Any + Send + Sync> {
            alive.fetch_add(1, Ordering::SeqCst);
            Box::new(Slow(alive.clone()))
        }
    };
    let hooks =
        Service { aliases: Vec::new(), create: Box::new(create), on_connect: None, on_disconnect: None, shared: false };
    let definition = Definition { name: "SlowService".into(), service: Some(hooks), ..Definition::default() };
    let service = Class::new(definition).unwrap();
    let server = Server::new(&"tcp://127.0.0.1:0".parse().unwrap(), &service, config()).unwrap();
    server.start().unwrap();
    let address = server.address().parse().unwrap();
    let clients: Vec<_> = (0..3).map(|_| Connection::connect(&address, None, config()).unwrap()).collect();
    assert_eq!(alive.load(Ordering::SeqCst), 3);
    // Longer than any clock counts is no limit, and no panic.
    server.stop(Duration::MAX);
    server.join().unwrap();
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    drop(clients);
}
