//! Gives connections their places in a server, and makes room for new ones.

use super::room::{self, Origin, Place, Silence};
use super::{Inner, lock};
use crate::connection::{Connection, Shared};
use crate::log::Level;
use crate::transport::Transport;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often a full server looks for a silent connection while some may be silent, and the pause between two looks.
const LOOKS: u32 = 10;
pub(super) const PAUSE: Duration = Duration::from_millis(2);

/// The result of a look for a place.
enum Found {
    Place,
    /// The place of this connection, which must be closed.
    Of(Arc<Shared>),
    /// None now, but it cannot be told yet whether some connections are silent.
    Unclear,
    None(String),
}

impl Inner {
    /// Returns the origin of a peer if the connections of one are limited.
    pub(super) fn origin_of(&self, transport: &dyn Transport) -> Option<Origin> {
        (self.config.max_connections_per_address > 0).then(|| Origin::of(&transport.peer_name())).flatten()
    }

    /// Reserves a place for one more connection, which then enters with the same origin. If necessary, closes one
    /// without a message to make room. `pause` is called before another look.
    pub(super) fn find_place(&self, origin: Option<Origin>, pause: impl Fn()) -> Result<(), String> {
        let mut looks = 0;
        let shared = loop {
            match self.look_for_place(origin) {
                Found::Place => return Ok(()),
                Found::Of(shared) => break shared,
                Found::None(why) => return Err(why),
                Found::Unclear if looks < LOOKS => {
                    looks += 1;
                    pause();
                }
                Found::Unclear => return Err(self.full()),
            }
        };
        let text = || format!("{} was closed for a new connection: it has sent no message", shared.name());
        self.config.application.logger.write(Level::Warn, text);
        // The connection's own thread does the rest.
        shared.hang_up();
        Ok(())
    }

    fn full(&self) -> String {
        format!("{} connections are open", self.max_connections.load(Ordering::Relaxed))
    }

    fn look_for_place(&self, origin: Option<Origin>) -> Found {
        let of_one = self.config.max_connections_per_address;
        let max = self.max_connections.load(Ordering::Relaxed);
        let mut state = lock(&self.state);
        if origin.is_some() {
            let coming = state.coming.iter().filter(|coming| **coming == origin).count();
            if room::count(state.connections.values(), origin) + coming >= of_one {
                let text = format!("{of_one} connections are open from its address (max_connections_per_address)");
                return Found::None(text);
            }
        }
        if max == 0 || state.open() < max && state.connections.len() + state.coming.len() < 2 * max {
            state.coming.push(origin);
            return Found::Place;
        }
        // Code of the application may delay the end of those that are being closed.
        let few_leave = self.config.make_room && state.leaving < max;
        let mut unclear = false;
        let mut staying = state.connections.values_mut().filter(|place| few_leave && !place.leaving);
        let silent = staying.find(|place| {
            let silence = place.silence();
            unclear |= silence == Silence::Unclear;
            silence == Silence::Silent
        });
        let Some(place) = silent else {
            return if unclear { Found::Unclear } else { Found::None(self.full()) };
        };
        place.leaving = true;
        let shared = place.shared.clone();
        state.leaving += 1;
        state.coming.push(origin);
        Found::Of(shared)
    }

    /// Registers a connection. `reserved`: a place was found for it.
    pub(super) fn enter(
        &self,
        transport: Arc<dyn Transport>,
        origin: Option<Origin>,
        reserved: bool,
    ) -> (u64, Arc<Shared>) {
        let shared = Connection::accepted_shared(transport, self.config.clone());
        if let Some(queue) = self.queue.get() {
            // A new connection has no queue yet.
            let _ = queue.attach(&shared);
        }
        let proving = self.opens_first();
        let mut state = lock(&self.state);
        if let Some(at) = state.coming.iter().position(|coming| reserved && *coming == origin) {
            state.coming.swap_remove(at);
        }
        state.last += 1;
        let id = state.last;
        state.connections.insert(id, Place { shared: shared.clone(), origin, begun: false, proving, leaving: false });
        (id, shared)
    }

    pub(super) fn leave(&self, id: u64) {
        let mut state = lock(&self.state);
        let gone = state.connections.remove(&id);
        state.leaving -= gone.as_ref().is_some_and(|place| place.leaving) as usize;
        drop(state);
        drop(gone);
        self.changed.notify_all();
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::objects::{Class, Definition, Service};
    use crate::server::Server;
    use crate::sync::thread;
    use crate::transport::pair;
    use std::sync::mpsc;

    fn server() -> Server {
        let service = Service {
            aliases: Vec::new(),
            create: Box::new(|_| Box::new(())),
            on_connect: None,
            on_disconnect: None,
            shared: false,
        };
        let class = Definition { name: "Full".into(), service: Some(service), ..Definition::default() };
        let config = Config { max_connections: 1, ..Config::default() };
        Server::unbound(&Class::new(class).unwrap(), config).unwrap()
    }

    fn never() {
        panic!("it is clear whether there is a place");
    }

    #[test]
    fn a_place_is_reserved_until_its_connection_has_entered() {
        let server = server();
        let inner = &server.inner;
        inner.find_place(None, never).unwrap();
        assert_eq!(inner.find_place(None, never).unwrap_err(), "1 connections are open");
        let (id, _) = inner.enter(pair().0, None, true);
        assert_eq!(server.connection_count(), 1);
        inner.leave(id);
        assert_eq!(server.connection_count(), 0);
        inner.find_place(None, never).unwrap();
    }

    #[test]
    fn a_silent_connection_that_is_busy_for_a_moment_makes_room() {
        let server = server();
        let (ours, _theirs) = pair();
        server.add_transport(ours).unwrap();
        let shared = lock(&server.inner.state).connections.values().next().unwrap().shared.clone();
        let settle = || {
            let settled = |place: &Place| place.begun && place.silence() == Silence::Silent;
            while !lock(&server.inner.state).connections.values().all(settled) {
                thread::yield_now();
            }
        };
        settle();
        let (entered, is_locked) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let busy = thread::spawn(move || {
            shared.while_locked(|| {
                entered.send(()).unwrap();
                let _ = released.recv();
            });
        });
        is_locked.recv().unwrap();
        let release = std::cell::Cell::new(Some(release));
        let busy = std::cell::Cell::new(Some(busy));
        let pause = || {
            drop(release.take());
            busy.take().into_iter().for_each(|busy| busy.join().unwrap());
            settle();
        };
        server.inner.find_place(None, pause).unwrap();
        assert!(busy.take().is_none());
    }
}
