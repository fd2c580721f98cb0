//! Connections of a server on which nothing happens: they give back what memory they can, wake for nothing but the peer, and
//! nobody looks after them meanwhile. So a server with thousands of them does nothing.

use super::shared::Shared;
use super::state::{Guard, Key};
use crate::sync::Crew;
use crate::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection rests before its thread looks around again, though nothing has come.
const REST: Duration = Duration::from_secs(30);

/// Whoever looks after connections, for as long as something happens on them.
pub trait Lookout: Send + Sync {
    /// Something happens again on one that had been let out of sight, or it is to be tended.
    fn look_again(&self, shared: &Arc<Shared>);
}

/// It is looked after.
const SEEN: u8 = 0;
/// It rests.
const RESTING: u8 = 1;
/// It rests, and the lookout has let it out of sight.
const UNSEEN: u8 = 2;
/// It rests, but another thread has left something to be done: the lookout tends it.
const TENDED: u8 = 3;

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

    /// Does its thread rest, so that it sees nothing but what the peer sends?
    #[inline]
    pub(super) fn is_resting(&self) -> bool {
        self.sight.load(Ordering::Acquire) != SEEN
    }

    /// Another thread leaves something to whoever serves, who may rest: what does not go, a failure, a limit that has changed.
    #[cold]
    #[inline(never)]
    pub(super) fn disturb(&self) {
        let change = |from| self.sight.compare_exchange(from, TENDED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        // The lookout lets one out of sight between two of these at most.
        if change(RESTING) || !change(UNSEEN) {
            return;
        }
        let this = self.releases.owner().and_then(Shared::of_home);
        if let (Some(lookout), Some(this)) = (self.lookout.get(), this) {
            lookout.look_again(&this);
        }
    }

    /// Is it to be tended by the lookout?
    pub(crate) fn is_tended(&self) -> bool {
        self.sight.load(Ordering::Acquire) == TENDED
    }

    /// By the lookout, once in a while: what the thread that rests would do after a tick.
    pub(crate) fn tend(&self) {
        if self.check_fork().is_err() {
            return;
        }
        let Some(mut inner) = crate::sync::try_lock(&self.inner) else { return };
        if !self.is_tended() || inner.life.end.is_some() {
            return;
        }
        let silent = self.transport.available() == 0 && inner.is_silent_too_long();
        if silent {
            inner.protocol.close();
        }
        self.flush_some(&mut inner);
        if silent || inner.writer.broken || inner.life.failed.is_some() {
            // That wakes the thread, which finds the reason.
            self.transport.shutdown();
        }
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
        let plain =
            inner.protocol.config().spin.is_zero() && !inner.event_loop.is_on() && !inner.protocol.is_skipping();
        // Without one, nobody would see what other threads leave to this one.
        alone && nothing_due && no_release && plain && self.lookout.get().is_some()
    }

    /// Waits for the peer, as the only one who does. `ride`: it is to be woken by releases too.
    #[cold]
    #[inline(never)]
    pub(super) fn rest<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, ride: Option<Duration>) -> Guard<'a> {
        let time = inner.silence_left().map_or(REST, |left| left.min(REST));
        let incoming = inner.protocol.take_for_long();
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
