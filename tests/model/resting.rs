//! Connections of a server that rest, while other threads use them.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use crate::serving::accepted;
use rpyc::config::Dialect;
use rpyc::connection::Shared;
use rpyc::error::{Error, Result};
use rpyc::protocol::Body;
use rpyc::server::watcher::Watcher;
use rpyc::sync::{Arc, clock, thread};
use rpyc::value::Value;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// What a connection that does not rest does within two ticks; one that rests would take 30 seconds.
const SOON: Duration = Duration::from_secs(4);

/// Asks the peer of an accepted connection for an echo.
fn ping(shared: &Arc<Shared>) -> Result<Value> {
    shared.sync_request(Body::Raw { handler: 1, args: &[Value::Int(1)] }, None)
}

fn is_interrupted<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Interrupted(_)))
}

/// Others call over it, are interrupted, and change its limits: all that happens as if its thread looked around each second.
#[test]
fn others_use_a_connection_that_rests() {
    check(Time::Passes(SECOND * 200), || {
        let (client, shared, life, _, serving) = accepted(1 << 12, Dialect::V6, vec![echo()]);
        let watcher = Watcher::new();
        watcher.watch(&shared);
        expect_echo(&client.root().unwrap(), 1);
        let rests = || {
            sleep(SECOND * 5);
            assert!(shared.rests());
        };
        rests();
        let callers = [(), ()].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || assert!(is_interrupted(&ping(&shared))))
        });
        sleep(SECOND / 10);
        let begun = clock::passed();
        shared.interrupt();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert!(clock::passed() - begun < SOON, "interrupted after {:?}", clock::passed() - begun);
        client.poll_all(Some(Duration::ZERO)).unwrap();
        rests();
        let begun = clock::passed();
        shared.handle().set_option("idle_timeout", "1").unwrap();
        serving.join().unwrap();
        assert!(clock::passed() - begun < SOON, "ended after {:?}", clock::passed() - begun);
        watcher.stop();
        watcher.join();
        assert!(is_end(&client.serve(None)));
        client.shared().assert_idle();
        shared.assert_idle();
        drop((client, shared));
        life.assert_over();
    });
}

/// The same, and the end, at any moment of a rest.
#[test]
fn a_rest_races_with_all_others() {
    check(Time::Races(SECOND * 200), || {
        let (client, shared, life, _, serving) = accepted(200, Dialect::V6, vec![echo()]);
        let watcher = Watcher::new();
        watcher.watch(&shared);
        drop(client.root().unwrap());
        let peer = client.clone();
        let peer = thread::spawn(move || drop(peer.serve_all()));
        let caller = shared.clone();
        let caller = thread::spawn(move || {
            for _ in 0..3 {
                let result = ping(&caller);
                assert!(result.is_ok() || is_end(&result) || is_interrupted(&result), "{result:?}");
                sleep(SECOND);
            }
        });
        let other = shared.clone();
        let other = thread::spawn(move || {
            other.interrupt();
            sleep(SECOND);
            other.handle().set_option("idle_timeout", "40").unwrap();
            other.interrupt();
            sleep(SECOND * 2);
            other.stop();
        });
        for thread in [peer, caller, other, serving] {
            thread.join().unwrap();
        }
        watcher.stop();
        watcher.join();
        client.shared().assert_idle();
        shared.assert_idle();
        drop((client, shared));
        life.assert_over();
    });
}
