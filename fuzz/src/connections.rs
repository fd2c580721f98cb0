//! A connection with a service, whose peer says anything: calls are dispatched, and the service asks the peer in return.

use super::sessions::config;
use rpyc::connection::{Connection, obtain};
use rpyc::error::Exception;
use rpyc::ids::Id;
use rpyc::objects::{Class, Definition, Generator, Member, Method, Service, ask, equal, truth};
use rpyc::transport::{Transport, pair_with_capacity};
use rpyc::value::{Ask, Bounds, Reference, Value};
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The first byte has settings; the rest is the stream.
pub fn served(data: &[u8]) {
    let Some((&flags, data)) = data.split_first() else { return };
    let (ours, theirs) = pair_with_capacity(1 << 24);
    let settings = rpyc::config::Config {
        // Answers are there already or never come.
        sync_request_timeout: Some(Duration::from_micros(50)),
        close_timeout: Duration::ZERO,
        ..config(flags)
    };
    let connection = Connection::new(ours, Some(&service()), settings).expect("a connection over memory");
    send(&*theirs, &renumbered(data, INPUT, Id::new().get()));
    let mut received = Vec::new();
    // Each message is one round at most.
    for _ in 0..data.len() + 1 {
        match connection.poll_all(Some(Duration::ZERO)) {
            Ok(true) => {}
            Ok(false) | Err(_) => break,
        }
        while theirs.recv(&mut received, 1 << 16, false).is_ok_and(|n| n > 0) {
            received.clear();
        }
    }
    let counts = connection.counts();
    assert!(connection.closed() || counts.serving == 0, "something that was asked is not answered: {counts:?}");
    connection.abort();
}

/// What a peer gets for these bytes: to find out the ids that it may name.
pub fn answer_to(data: &[u8]) -> Vec<u8> {
    let (ours, theirs) = pair_with_capacity(1 << 24);
    let connection = Connection::new(ours, Some(&service()), config(1)).expect("a connection over memory");
    let first = Id::new().get();
    send(&*theirs, &renumbered(data, INPUT, first));
    while connection.poll_all(Some(Duration::ZERO)).is_ok_and(|more| more) {}
    let mut received = Vec::new();
    while theirs.recv(&mut received, 1 << 16, false).is_ok_and(|n| n > 0) {}
    connection.abort();
    renumbered(&received, first, INPUT)
}

/// Ids are counted from a random number. In inputs they are counted from this one, so that every run is the same.
const INPUT: u64 = 500_000_000_000_000_000;
/// So many digits do two ids of one input have in common.
const SAME: usize = 14;

/// The bytes with other ids: each that stands for a number a little above `from` stands for one above `to`.
fn renumbered(bytes: &[u8], from: u64, to: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let digits = from.to_string().len();
    let mut at = 0;
    while let Some(text) = bytes.get(at..at + digits) {
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok());
        match number.and_then(|number| number.checked_sub(from)).filter(|n| *n < 10u64.pow((digits - SAME) as u32)) {
            Some(n) => {
                bytes[at..at + digits].copy_from_slice((to + n).to_string().as_bytes());
                at += digits;
            }
            None => at += 1,
        }
    }
    bytes
}

fn send(transport: &dyn Transport, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match transport.send(&[IoSlice::new(bytes)]) {
            Ok(n) => bytes = &bytes[n..],
            Err(_) => return,
        }
    }
}

fn method(name: &str, signature: Option<&str>, run: Method) -> Member {
    Member::method(name, signature, None, run).expect("a signature that is right")
}

/// What it does with a peer's object is what librpyc's functions do with it.
fn use_it(object: &Reference) -> Value {
    let outcomes = [
        truth(object).is_ok(),
        equal(object, &Value::Int(1)).is_ok(),
        ask(object, Ask::Repr).is_ok(),
        ask(object, Ask::Call { args: &[], keywords: &[] }).is_ok(),
        ask(object, Ask::BuffIter(3)).is_ok(),
        ask(object, Ask::Inspect).is_ok(),
        obtain(object, &Bounds { depth: 8, items: 100, bytes: 1 << 16 }).is_ok(),
    ];
    Value::tuple(outcomes.map(Value::Bool).to_vec())
}

fn numbers() -> Value {
    Value::List((0..50).map(Value::Int).collect())
}

fn service() -> Arc<Class> {
    let members = vec![
        method(
            "exposed_add",
            Some("add(a, b=2, *rest, c=3, **named)"),
            Arc::new(|mut call| {
                let args = call.args().to_vec();
                let _ = call.reply(Value::tuple(args));
            }),
        ),
        method(
            "exposed_use",
            Some("use(thing)"),
            Arc::new(|mut call| {
                let outcome = match call.args() {
                    [Value::Ref(object)] => use_it(object),
                    _ => Value::None,
                };
                let _ = call.reply(outcome);
            }),
        ),
        method(
            "exposed_list",
            None,
            Arc::new(|mut call| {
                let _ = call.reply(numbers());
            }),
        ),
        method(
            "exposed_dict",
            None,
            Arc::new(|mut call| {
                let entries = (0..5).map(|n| (Value::Int(n), Value::str("x"))).collect();
                let _ = call.reply(Value::dict(entries).expect("keys that can be hashed"));
            }),
        ),
        method(
            "exposed_iterate",
            None,
            Arc::new(|mut call| {
                let left = AtomicI64::new(50);
                let next: Method = Arc::new(move |mut call| {
                    let n = left.fetch_sub(1, Ordering::Relaxed);
                    let _ = match n > 0 {
                        true => call.reply(Value::Int(n)),
                        false => call.raise(Exception::stop_iteration()),
                    };
                });
                let _ = call.reply(Value::Ref(Reference::Local(Generator::object(next))));
            }),
        ),
        method("exposed_keep", None, Arc::new(drop)),
    ];
    let service = Service {
        aliases: Vec::new(),
        create: Box::new(|_| Box::new(())),
        on_connect: None,
        on_disconnect: None,
        shared: false,
    };
    let definition =
        Definition { name: "FuzzService".into(), members, service: Some(service), ..Definition::default() };
    Class::new(definition).expect("a class that is right")
}
