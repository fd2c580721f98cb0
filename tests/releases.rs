//! When the objects of a peer are given back to it.

use rpyc::config::{Config, Limits};
use rpyc::value::{Reference, Value};
use std::thread;

mod support;
use support::peer::*;

/// Their objects, in answers to requests of ours.
fn lent(instance: i64) -> Value {
    let id_pack = Value::tuple(vec![Value::str("x.Y"), Value::Int(70), Value::Int(instance)]);
    Value::tuple(vec![Value::Int(4), id_pack])
}

/// Objects that have been let go of do not count as held, although their releases wait for a message to ride behind.
#[test]
fn dead_proxies_do_not_count_as_imports() {
    let limits = Limits { imports: 3, ..Limits::default() };
    let (connection, peer) = alone(Config { limits, ..config() });
    for n in 0..20 {
        peer.send(&message(2, n, lent(1000 + n))).unwrap();
    }
    let results: Vec<_> = (0..20).map(|_| connection.async_request(GETROOT, &[], None).unwrap()).collect();
    for result in results {
        assert!(matches!(result.value().unwrap(), Value::Ref(Reference::Remote(_))));
    }
    let held: Vec<_> = (20..23)
        .map(|n| {
            peer.send(&message(2, n, lent(1000 + n))).unwrap();
            connection.sync_request(GETROOT, &[]).unwrap()
        })
        .collect();
    peer.send(&message(2, 23, lent(2000))).unwrap();
    let refused = connection.sync_request(GETROOT, &[]).unwrap_err().to_string();
    assert!(refused.contains("max_imports"), "{refused}");
    drop(held);
}

/// Releases ride behind what the session answers by itself, while a thread serves for ever.
#[test]
fn releases_ride_behind_any_answer() {
    let (connection, mut peer) = alone(config());
    let serving = connection.clone();
    peer.send(&message(2, 0, lent(1))).unwrap();
    let object = connection.sync_request(GETROOT, &[]).unwrap();
    let server = thread::spawn(move || serving.serve_all());
    assert_eq!(peer.next().unwrap().1, 0);
    drop(object);
    peer.send(&request(7, PING, vec![Value::Int(1)])).unwrap();
    let (kind, seq, _) = peer.next().unwrap();
    assert_eq!((kind, seq), (2, 7));
    let (kind, _, body) = peer.next().unwrap();
    let Value::Tuple(body) = body else { panic!() };
    // DEL
    assert_eq!((kind, body[0].to_i64()), (1, Some(15)));
    peer.transport.shutdown();
    server.join().unwrap().unwrap();
}
