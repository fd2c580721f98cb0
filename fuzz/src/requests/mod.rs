//! Random requests that are all valid: to a service that keeps, passes on and calls objects, and to a session.
//!
//! The input is read as choices of the peer. Whenever librpyc would wait, the peer goes on; so everything happens on one thread, in
//! an order that the input alone decides. At the end each request must have been answered once, and nothing may be left of anything.

mod bare;
mod peer;
mod service;
mod vocabulary;

pub use bare::session;

use super::codecs::limits;
use peer::Peer;
use rpyc::config::{Config, Dialect, Limits};
use rpyc::connection::Connection;
use rpyc::transport::{Ready, Transport, pair_with_capacity};
use service::World;
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn config(flags: u8) -> Config {
    let dialects = [Dialect::V6, Dialect::V5, Dialect::Auto, Dialect::Auto];
    Config {
        dialect: dialects[usize::from(flags & 3)],
        allow_public_attrs: flags & 4 != 0,
        allow_setattr: true,
        allow_delattr: flags & 8 != 0,
        allow_pickle: flags & 16 != 0,
        compression_threshold: if flags & 32 == 0 { 3000 } else { 100 },
        // Everything that is waited for is there as soon as the peer has gone on.
        sync_request_timeout: None,
        close_timeout: Duration::ZERO,
        limits: Limits { serving: 40, exports: 1000, imports: 1000, pending: 1000, ..limits() },
        ..Config::default()
    }
}

/// The peer speaks the older dialect, where `config` leaves it to it.
fn is_older(flags: u8) -> bool {
    flags & 1 != 0
}

/// One end of a pair in memory, with the peer behind the other. It never waits.
struct Driven {
    near: Arc<dyn Transport>,
    far: Arc<dyn Transport>,
    peer: Mutex<Peer>,
}

impl Driven {
    /// The peer takes what there is, and says something. False: it has nothing to say any more.
    fn go_on(&self) -> bool {
        let mut peer = self.peer.lock().unwrap();
        self.hear(&mut peer);
        let more = peer.go_on();
        self.say(&mut peer);
        if peer.over {
            self.far.shutdown();
        }
        more
    }

    /// Where nothing is left to be said, the peer leaves: a call of the service that waits for another one of ours ends then.
    fn go_on_or_leave(&self) {
        if !self.go_on() {
            self.far.shutdown();
        }
    }

    fn hear(&self, peer: &mut Peer) {
        let mut received = Vec::new();
        while self.far.recv(&mut received, 1 << 16, false).is_ok_and(|n| n > 0) {}
        peer.receive(&received);
    }

    fn say(&self, peer: &mut Peer) {
        let out = peer.take_out();
        if !out.is_empty() {
            let sent = self.far.send(&[IoSlice::new(&out)]);
            assert!(sent.is_err() || sent.is_ok_and(|n| n == out.len()), "the pair holds all that is said");
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut Peer) -> R) -> R {
        let mut peer = self.peer.lock().unwrap();
        self.hear(&mut peer);
        let result = f(&mut peer);
        self.say(&mut peer);
        result
    }
}

impl Transport for Driven {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        if wait && !self.near.poll(true, false, Some(Duration::ZERO))?.read {
            self.go_on_or_leave();
        }
        self.near.recv(buf, max, false)
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.near.send(bufs)
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        if read && timeout != Some(Duration::ZERO) && !self.near.poll(true, false, Some(Duration::ZERO))?.read {
            self.go_on_or_leave();
        }
        self.near.poll(read, write, Some(Duration::ZERO))
    }

    fn shutdown(&self) {
        self.near.shutdown();
    }

    fn fileno(&self) -> Option<RawFd> {
        None
    }

    fn peer_name(&self) -> String {
        "the peer".into()
    }

    fn local_name(&self) -> String {
        "the service".into()
    }
}

/// The first byte has settings, the rest are the peer's choices.
pub fn connection(data: &[u8]) {
    let Some((&flags, data)) = data.split_first() else { return };
    let (near, far) = pair_with_capacity(1 << 26);
    let driven = Arc::new(Driven { near, far, peer: Mutex::new(Peer::new(data, is_older(flags))) });
    let world = Arc::new(World::default());
    let service = service::service(&world);
    let connection = Connection::new(driven.clone(), Some(&service), config(flags)).expect("a connection over memory");
    let handle = || while connection.poll_all(Some(Duration::ZERO)).is_ok_and(|more| more) {};
    while !connection.closed() && driven.go_on() {
        handle();
    }
    handle();
    if !connection.closed() && flags & 64 == 0 {
        end_in_order(&connection, &driven, &world, &handle);
    }
    if driven.with(|peer| peer.tangled) {
        // A call that is answered after the end keeps a container in its arguments, which then is not looked at any more.
        world.forget();
    }
    connection.abort();
    drop((connection, service));
    world.forget();
    drop(driven);
    assert_eq!(Arc::strong_count(&world), 1, "something of the service is left");
}

/// All is given back, and then nothing is left on either side.
fn end_in_order(connection: &Connection, driven: &Driven, world: &World, handle: &dyn Fn()) {
    let settle = || loop {
        handle();
        if connection.closed() || !driven.go_on() {
            break handle();
        }
    };
    // What is let go may call once more, and what is released be lent once more.
    for _ in 0..100 {
        world.forget();
        settle();
        driven.with(Peer::release_all);
        settle();
        if connection.closed() || driven.with(|peer| peer.holds() == 0) && connection.counts().exports == 0 {
            break;
        }
    }
    if connection.closed() {
        return;
    }
    let (waits, lent, left) = driven.with(|peer| (peer.waits_for(), peer.lent(), peer.tangled || peer.overlong));
    let counts = connection.counts();
    assert_eq!((waits, counts.serving, counts.pending), (0, 0, 0), "not everything is answered: {counts:?}");
    assert_eq!(counts.exports, 0, "something is still lent: {counts:?}");
    assert!(left || lent == 0 && counts.imports == 0, "{lent} objects are still held: {counts:?}");
}
