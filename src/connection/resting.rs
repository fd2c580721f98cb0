//! Lets idle connections of a server rest: they free unused memory, wake up only for the peer, and are not watched. So
//! thousands of them cost no CPU time.

use super::shared::Shared;
use super::state::{Guard, Key};
use crate::sync::Crew;
use crate::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection rests before its thread checks its state, even if nothing has arrived.
const REST: Duration = Duration::from_secs(30);

/// Watches connections while they are active.
pub trait Lookout: Send + Sync {
    /// Called when a connection that is no longer watched becomes active, or needs work.
    fn look_again(&self, shared: &Arc<Shared>);
}

/// It is watched.
pub(super) const SEEN: u8 = 0;
/// It rests.
pub(super) const RESTING: u8 = 1;
/// It rests and is no longer watched.
pub(super) const UNSEEN: u8 = 2;
/// It rests, but another thread has left work: the lookout does it.
const TENDED: u8 = 3;

impl Shared {
    /// Sets the lookout that is told when the connection becomes active after a rest.
    pub(crate) fn set_lookout(&self, lookout: Arc<dyn Lookout>) {
        // A connection belongs to one server, so this is the first lookout.
        let _ = self.lookout.set(lookout);
    }

    /// Called by the lookout. Returns true if the connection rests, so that the lookout need not watch it until it is
    /// told. `calm` means that no code has run for it since the last check.
    pub(crate) fn leaves_sight(&self, calm: bool) -> bool {
        let pooled = self.has_loop.load(Ordering::Relaxed);
        if pooled && !calm {
            return false;
        }
        let leaves = self.sight.compare_exchange(RESTING, UNSEEN, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if leaves && pooled {
            self.free_buffers();
        }
        leaves
    }

    /// Returns whether its thread rests, so that it only notices input of the peer.
    #[inline]
    pub(super) fn is_resting(&self) -> bool {
        self.sight.load(Ordering::Acquire) != SEEN && !self.has_loop.load(Ordering::Relaxed)
    }

    /// Called when another thread leaves work to the serving thread, which may rest: pending output, a failure, a
    /// changed limit.
    #[cold]
    #[inline(never)]
    pub(super) fn disturb(&self) {
        let change = |from| self.sight.compare_exchange(from, TENDED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        // The lookout stops watching a connection at most once between two of these calls.
        if change(RESTING) || !change(UNSEEN) {
            return;
        }
        let this = self.releases.owner().and_then(Shared::of_home);
        if let (Some(lookout), Some(this)) = (self.lookout.get(), this) {
            lookout.look_again(&this);
        }
    }

    /// Returns whether the lookout must do work for it.
    pub(crate) fn is_tended(&self) -> bool {
        self.sight.load(Ordering::Acquire) == TENDED
    }

    /// Called by the lookout at intervals: does the work that a resting thread would do after a tick.
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
            // This wakes the thread, which finds the reason.
            self.transport.shutdown();
        }
    }

    /// Called when nothing has arrived for a tick. Returns whether this thread has nothing else to watch: it is the
    /// thread of a server, it serves alone, and nothing is under way in either direction.
    #[cold]
    pub(super) fn may_rest(&self, inner: &Guard<'_>, key: Key) -> bool {
        let (reader, counts) = (&inner.reader, inner.protocol.counts());
        let alone = key == Key::Accepted && reader.servers == 1 && reader.waiters.is_empty();
        let nothing_due =
            reader.conversions.is_empty() && reader.bound.is_empty() && counts.serving + counts.pending == 0;
        // Pending releases have a deadline, unless the first one wakes this thread.
        let no_release = inner.references.riding.watched || counts.imports == 0;
        let plain =
            inner.protocol.config().spin.is_zero() && !inner.event_loop.is_on() && !inner.protocol.is_skipping();
        // Without a lookout, work that other threads leave would not be noticed.
        alone && nothing_due && no_release && plain && self.lookout.get().is_some()
    }

    /// Waits for the peer, as the only thread that does. With `ride`, releases wake it too.
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
            // `await_input` does not report its reason, and this may be a release.
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
