//! Stops a server without losing a request, and hands its socket over to another process.

use super::{Inner, Server};
use crate::connection::{Requests, SETTLED, Shared};
use crate::error::{Error, Result};
use crate::log::Level;
use crate::sync::{lock, thread, wait_for};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The interval of looks at the connections.
const LOOK: Duration = Duration::from_millis(5);
/// How often connections are looked at when they are cut off, while a thread works on them.
const LAST_LOOKS: u32 = 5;
/// The part of the time that the looks may take: with many connections they become rarer.
const SHARE: u32 = 10;

/// The last look at a connection.
struct Seen {
    messages: u64,
    since: Instant,
}

/// Counts a thread that accepts, until the connection that it accepted last is registered.
pub(super) struct Accepting<'a>(&'a Inner);

impl Accepting<'_> {
    pub(super) fn new(inner: &Inner) -> Accepting<'_> {
        lock(&inner.state).accepting += 1;
        Accepting(inner)
    }
}

impl Drop for Accepting<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).accepting -= 1;
        self.0.changed.notify_all();
    }
}

impl Server {
    /// Accepts no more connections. Each connection is ended once all of its requests are answered and nothing has
    /// arrived for `idle`. At the limit (None: never) the rest is ended. Returns the number of connections on which a
    /// request had no reply by then.
    pub fn drain(&self, idle: Duration, limit: Option<Duration>) -> Result<usize> {
        let inner = self.inner.clone();
        if inner.is_here() {
            return Err(Error::Deadlock("a server cannot be drained by one of its own threads".into()));
        }
        // Hooks of connections that end may run in this thread.
        let _member = inner.crew.enter();
        inner.draining.store(true, Ordering::Release);
        inner.source.stop();
        // None: the deadline is not representable, so there is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut seen = BTreeMap::new();
        loop {
            let start = Instant::now();
            inner.end_idle(idle.max(SETTLED), &mut seen);
            let pause = (start.elapsed() * SHARE).max(LOOK);
            let state = lock(&inner.state);
            if state.connections.is_empty() && state.accepting == 0 {
                break;
            }
            let left = deadline.map_or(pause, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            drop(wait_for(&inner.changed, state, pause.min(left)));
        }
        let cut = inner.cut();
        inner.shut_down();
        Ok(cut)
    }

    /// Duplicates the listening socket, for another process that accepts from it. Afterwards stopping does not shut
    /// the socket down.
    pub fn pass_socket(&self) -> Result<OwnedFd> {
        self.inner.source.pass()
    }
}

impl Inner {
    /// Returns whether nothing is accepted any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopping.load(Ordering::Acquire) || self.draining.load(Ordering::Acquire)
    }

    /// Returns all connections, each with whether its peer is still proving itself.
    fn all(&self) -> Vec<(u64, Arc<Shared>, bool)> {
        let state = lock(&self.state);
        state.connections.iter().map(|(id, place)| (*id, place.shared.clone(), place.proving)).collect()
    }

    /// Ends the connections on which nothing was requested for `idle`.
    fn end_idle(&self, idle: Duration, seen: &mut BTreeMap<u64, Seen>) {
        for (id, shared, proving) in self.all() {
            if proving {
                // It has its own time limit.
                continue;
            }
            let now = Instant::now();
            match shared.open_requests() {
                Requests::Ended => {}
                Requests::Open | Requests::Unclear => drop(seen.remove(&id)),
                Requests::Handled(messages) => {
                    let last = seen.entry(id).or_insert(Seen { messages, since: now });
                    if last.messages != messages {
                        *last = Seen { messages, since: now };
                    } else if now.saturating_duration_since(last.since) >= idle {
                        shared.end_between_requests();
                    }
                }
            }
        }
    }

    /// Counts and logs the connections that are ended in the middle of a request, or before they have begun.
    fn cut(&self) -> usize {
        let mut cut = self.all();
        for look in 1..=LAST_LOOKS {
            let mut unclear = false;
            cut.retain(|(_, shared, proving)| match shared.open_requests() {
                Requests::Ended => false,
                Requests::Open => true,
                Requests::Handled(_) => *proving,
                Requests::Unclear => {
                    unclear = true;
                    true
                }
            });
            if !unclear || look == LAST_LOOKS {
                break;
            }
            thread::sleep(LOOK);
        }
        for (_, shared, proving) in &cut {
            let what = if *proving { "its authentication has not ended" } else { "a request has no reply" };
            let text = || format!("{} is cut off: {what} at the end of the drain", shared.name());
            self.config.application.logger.write(Level::Warn, text);
        }
        cut.len()
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::connection::Connection;
    use crate::objects::{Class, Definition, Service};
    use crate::transport::{Ready, Transport, pair};
    use std::io::{self, IoSlice};
    use std::os::fd::RawFd;
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    /// A transport from which only the thread that waits for input may take it.
    struct Waited {
        inner: Arc<dyn Transport>,
        waits: AtomicBool,
        looks: AtomicUsize,
        taken: AtomicUsize,
    }

    impl Waited {
        fn take(&self) {
            self.taken.fetch_add(self.waits.load(Ordering::SeqCst) as usize, Ordering::SeqCst);
        }
    }

    impl Transport for Waited {
        fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
            self.waits.store(wait, Ordering::SeqCst);
            let received = self.inner.recv(buf, max, wait);
            self.waits.store(false, Ordering::SeqCst);
            received
        }

        fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            self.inner.send(bufs)
        }

        fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
            self.take();
            self.inner.poll(read, write, timeout)
        }

        fn holds_input(&self) -> bool {
            self.take();
            self.inner.holds_input()
        }

        fn shows_input(&self) -> bool {
            self.looks.fetch_add(1, Ordering::SeqCst);
            self.inner.shows_input()
        }

        fn shutdown(&self) {
            self.inner.shutdown();
        }

        fn fileno(&self) -> Option<RawFd> {
            self.inner.fileno()
        }

        fn peer_name(&self) -> String {
            "waited".into()
        }

        fn local_name(&self) -> String {
            "waited".into()
        }
    }

    fn service() -> Arc<Class> {
        let service = Service {
            aliases: Vec::new(),
            create: Box::new(|_| Box::new(())),
            on_connect: None,
            on_disconnect: None,
            shared: false,
        };
        Class::new(Definition { name: "Drained".into(), service: Some(service), ..Definition::default() }).unwrap()
    }

    /// Input that a look takes is not noticed by a thread that waits for it.
    #[test]
    fn a_drain_leaves_input_to_the_thread_that_waits_for_it() {
        let server = Server::unbound(&service(), Config::default()).unwrap();
        let (ours, theirs) = pair();
        let (waits, looks, taken) = Default::default();
        let waited = Arc::new(Waited { inner: ours, waits, looks, taken });
        server.add_transport(waited.clone()).unwrap();
        let client = Connection::new(theirs, None, Config::default()).unwrap();
        client.root().unwrap();
        let drained = thread::spawn(move || server.drain(Duration::from_millis(100), None));
        assert_eq!(drained.join().unwrap().unwrap(), 0);
        assert!(waited.looks.load(Ordering::SeqCst) > 0);
        assert_eq!(waited.taken.load(Ordering::SeqCst), 0);
        drop(client);
    }
}
