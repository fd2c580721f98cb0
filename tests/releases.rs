//! When the objects of a peer are given back to it.

use rpyc::config::{Config, Limits};
use rpyc::connection::Connection;
use rpyc::error::Result;
use rpyc::value::Value;
use std::thread;

mod support;
use support::peer::*;

/// Their objects, in answers to requests of ours.
fn lent(instance: i64) -> Value {
    let id_pack = Value::tuple(vec![Value::str("x.Y"), Value::Int(70), Value::Int(instance)]);
    Value::tuple(vec![Value::Int(4), id_pack])
}

/// Answers the next GETROOT with a reference; releases come in between.
fn lend(connection: &Connection, peer: &mut Peer, instance: i64) -> Result<Value> {
    let result = connection.async_request(GETROOT, &[], None)?;
    loop {
        let (kind, seq, body) = peer.next().unwrap();
        let Value::Tuple(body) = body else { panic!() };
        if kind == 1 && body[0].to_i64() == Some(GETROOT) {
            peer.send(&message(2, seq, lent(instance))).unwrap();
            return result.value();
        }
    }
}

/// Objects that have been let go of do not count as held, although their releases wait for a message to ride behind.
#[test]
fn dead_proxies_do_not_count_as_imports() {
    let limits = Limits { imports: 3, ..Limits::default() };
    let (connection, mut peer) = alone(Config { limits, ..config() });
    for n in 0..20 {
        lend(&connection, &mut peer, 1000 + n).unwrap();
    }
    let held: Vec<_> = (0..3).map(|n| lend(&connection, &mut peer, 2000 + n).unwrap()).collect();
    let refused = lend(&connection, &mut peer, 3000).unwrap_err().to_string();
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
