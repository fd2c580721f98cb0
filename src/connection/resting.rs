//! Connections of a server on which nothing happens: they give back what memory they can, wake for nothing but the peer, and
//! nobody looks after them meanwhile. So a server with thousands of them does nothing.

use super::shared::Shared;
use super::state::{Guard, Key};
use crate::sync::Crew;
use crate::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection rests before its thread looks around again, though nothing has come; a limit of silence may have
/// been set meanwhile.
const REST: Duration = Duration::from_secs(30);

/// Whoever looks after connections, for as long as something happens on them.
pub trait Lookout: Send + Sync {
    /// Something happens again on one that had been let out of sight.
    fn look_again(&self, shared: &Arc<Shared>);
}

/// It is looked after.
const SEEN: u8 = 0;
/// It rests.
const RESTING: u8 = 1;
/// It rests, and the lookout has let it out of sight.
const UNSEEN: u8 = 2;

impl Shared {
    /// From now on this one is told when something happens after a rest.
    pub(crate) fn set_lookout(&self, lookout: Arc<dyn Lookout>) {
        // A connection is of one server.
        let _ = self.lookout.set(lookout);
    }

    /// Asked by the lookout. True: it rests, and the lookout will be told when that is over.
    pub(crate) fn leaves_sight(&self) -> bool {
        self.sight.compare_exchange(RESTING, UNSEEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Nothing has come for a tick: is there nothing either that this thread would have to look after? It is that of a
    /// server, it alone serves, and nothing is under way in either direction.
    #[cold]
    pub(super) fn may_rest(&self, inner: &Guard<'_>, key: Key) -> bool {
        let (reader, counts) = (&inner.reader, inner.protocol.counts());
        let alone = key == Key::Accepted && reader.servers == 1 && reader.waiters.is_empty();
        let nothing_due =
            reader.conversions.is_empty() && reader.bound.is_empty() && counts.serving + counts.pending == 0;
        // Releases wait for their time, unless the first one wakes this thread.
        let no_release = inner.references.riding.watched || counts.imports == 0;
        alone && nothing_due && no_release && inner.protocol.config().spin.is_zero() && !inner.event_loop.is_on()
    }

    /// Waits for the peer, as the only one who does. `ride`: it is to be woken by releases too.
    #[cold]
    #[inline(never)]
    pub(super) fn rest<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, ride: Option<Duration>) -> Guard<'a> {
        let time = inner.silence_left().map_or(REST, |left| left.min(REST));
        inner.protocol.give_back();
        let incoming = inner.protocol.take_incoming();
        inner.reader.reading = true;
        self.sight.store(RESTING, Ordering::Release);
        drop(inner);
        Crew::trim_stack();
        let came = match ride {
            // What it finds is not said, and it may be a release.
            Some(_) => {
                self.transport.await_input(time);
                true
            }
            None => self.transport.poll(true, false, Some(time)).map_or(true, |ready| ready.read),
        };
        if self.sight.swap(SEEN, Ordering::AcqRel) == UNSEEN {
            self.lookout.get().into_iter().for_each(|lookout| lookout.look_again(self));
        }
        let mut inner = self.put_back(incoming);
        inner.reader.idle = !came;
        if ride.is_some() {
            self.rode(&mut inner);
        }
        if !came {
            inner.is_silent_too_long();
        }
        inner
    }
}
