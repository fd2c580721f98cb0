//! Decides when the peer is told of released objects.
//!
//! A release costs a message, so it waits until it can be sent together with another one. If a thread serves or a loop
//! runs, it waits at most `RIDE`: the first release wakes the reader or the loop, which then checks by itself as long
//! as more may follow.

use super::limit::Limit;
use super::shared::Shared;
use super::state::{Inner, Key};
use super::threads;
use crate::config::Release;
use crate::sync::atomic::Ordering;
use crate::sync::{Arc, Instant, thread};
use crate::transport::TICK;
use std::sync::Weak;
use std::time::Duration;

/// Maximum time that a release waits for a message, if a thread can send it later.
pub(super) const RIDE: Duration = Duration::from_millis(50);
/// Number of pending releases from which they are sent without waiting.
const MAX_WAITING_RELEASES: usize = 64;
/// Number of unread replies from which they are received while more objects are released: a peer whose replies are not
/// received stops reading in the end.
const MAX_UNREAD_ANSWERS: usize = 1000;
/// Number of attempts to get the lock for a release that must be sent at once. The lock is never held for long.
const TRIES: usize = 100;

impl Shared {
    /// Begins to watch for releases, at the beginning of the connection.
    pub(super) fn watch_releases(self: &Arc<Shared>, release: Release) {
        let weak: Weak<Shared> = Arc::downgrade(self);
        self.releases.set_watcher(move || {
            if let Some(shared) = weak.upgrade() {
                shared.released();
            }
        });
        self.releases.watch_each(release == Release::Now);
    }

    /// Called when an object is released, on any thread, under any lock.
    #[cold]
    fn released(&self) {
        if self.release_now.load(Ordering::Relaxed) && self.release_at_once() {
            return;
        }
        if let Some(wake) = self.loop_wake.get().filter(|_| self.has_loop.load(Ordering::Relaxed)) {
            wake.ring();
        }
        self.transport.interrupt();
    }

    /// Sends what the transport accepts without blocking. Returns false if the lock stays held, perhaps by this thread.
    fn release_at_once(&self) -> bool {
        for _ in 0..TRIES {
            if let Some(mut inner) = crate::sync::try_lock(&self.inner) {
                // Values that died under the lock are left to the next holder: their destructors must not run here.
                inner.protocol.send_releases();
                self.flush_some(&mut inner);
                if !inner.protocol.outgoing().is_empty() {
                    inner.tell_loop();
                }
                return true;
            }
            thread::yield_now();
        }
        false
    }

    /// Applies a change of the option `release`.
    pub(super) fn set_release(&self, release: Release) {
        let now = release == Release::Now;
        self.release_now.store(now, Ordering::Relaxed);
        self.releases.watch_each(now);
        if now {
            self.release_at_once();
        }
    }

    /// Returns how long the pending releases may still wait. None if their time is up.
    fn due(&self, inner: &mut Inner) -> Option<Duration> {
        let mut mark = self.releases.emptied();
        if self.bind_threads {
            // The peer handles them in another thread than a message with the same object, so each new release restarts
            // the time.
            mark = mark.wrapping_mul(MAX_WAITING_RELEASES as u64).wrapping_add(self.releases.len() as u64);
        }
        let now = Instant::now();
        match inner.references.riding.due {
            Some((since, due)) if since == mark => {
                let left = due.saturating_duration_since(now);
                (!left.is_zero()).then_some(left)
            }
            _ => {
                inner.references.riding.due = Some((mark, now + RIDE));
                Some(RIDE)
            }
        }
    }

    /// Called before a thread receives: sends the releases whose time is up. Some: the thread must return after this
    /// time, or when it is interrupted.
    pub(super) fn ride(&self, inner: &mut Inner, key: Key, limit: &Limit) -> Option<Duration> {
        let waiting = self.releases.len();
        // If the only serving thread is within a call, the releases can be sent with its reply.
        let served = match key {
            Key::Reply(_) => {
                inner.reader.servers > 1 || inner.reader.servers == 1 && inner.reader.server_thread != threads::id()
            }
            _ => inner.reader.servers > 0,
        };
        if waiting == 0 && (!served || inner.protocol.imports() == 0) {
            return None;
        }
        let now = self.release_now.load(Ordering::Relaxed);
        let rides = !self.bind_threads && !inner.protocol.outgoing().is_empty();
        let must = now || waiting >= MAX_WAITING_RELEASES || !limit.is_patient() || rides;
        if !served {
            // No thread returns for them, but another message will follow; it may bring the object again.
            if must || inner.reader.idle {
                inner.protocol.send_releases();
            }
            return None;
        }
        if waiting > 0 && (must || self.due(inner).is_none()) {
            inner.protocol.send_releases();
        }
        if now {
            return Some(TICK);
        }
        if self.releases.is_empty() {
            // Nothing was received or released for a while: the next release wakes this thread.
            inner.references.riding.alert &= !inner.reader.idle;
            if !inner.references.riding.alert {
                self.releases.watch();
                if self.releases.is_empty() {
                    inner.references.riding.watched = true;
                    return Some(TICK);
                }
                self.releases.quiet();
            }
        }
        inner.references.riding.alert = true;
        if self.releases.is_empty() { Some(RIDE) } else { self.due(inner).or(Some(Duration::ZERO)) }
    }

    /// Called after a receive with `ride`: from now on the thread checks by itself and need not be woken.
    pub(super) fn rode(&self, inner: &mut Inner) {
        if std::mem::take(&mut inner.references.riding.watched) && !self.releases.quiet() {
            inner.references.riding.alert = true;
            inner.reader.idle = false;
        }
    }

    /// Called by the loop: sends the releases whose time is up.
    pub(super) fn ride_in_loop(&self, inner: &mut Inner) {
        self.releases.quiet();
        let waiting = self.releases.len();
        if waiting == 0 || inner.reader.reading {
            return;
        }
        let now = self.release_now.load(Ordering::Relaxed);
        let rides = !self.bind_threads && !inner.protocol.outgoing().is_empty();
        if now || waiting >= MAX_WAITING_RELEASES || rides || self.due(inner).is_none() {
            inner.protocol.send_releases();
        }
    }

    /// Returns how long the loop may wait before it must send releases. None if there are none; the first will wake it.
    pub(super) fn release_deadline(&self, inner: &mut Inner) -> Option<Duration> {
        if self.releases.is_empty() {
            self.releases.watch();
        }
        if self.releases.is_empty() { None } else { self.due(inner).or(Some(Duration::ZERO)) }
    }

    /// Sends the pending releases if there are many, unless another thread holds the lock.
    pub fn release_soon(&self) {
        if self.releases.len() >= MAX_WAITING_RELEASES {
            self.release_waiting();
        }
    }

    /// Sends the pending releases, unless another thread holds the lock.
    pub(crate) fn release_waiting(&self) {
        if !self.releases.is_empty() && self.check_fork().is_ok() {
            if let Some(mut inner) = crate::sync::try_lock(&self.inner) {
                inner.protocol.send_releases();
                self.flush_some(&mut inner);
                let behind = inner.protocol.pending() >= MAX_UNREAD_ANSWERS;
                drop(inner);
                if behind {
                    self.take_in();
                }
            }
        }
    }
}
