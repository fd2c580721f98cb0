//! When the peer is told of objects that are no longer held.
//!
//! A release costs a message, so it waits for one to ride behind. Where a thread serves or a loop runs, it waits for
//! `RIDE` at most; the reader or the loop is woken by the first one, and looks by itself as long as more may follow.

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

/// How long a release waits for a message where somebody can send it later.
pub(super) const RIDE: Duration = Duration::from_millis(50);
/// So many releases are not kept waiting for a message to ride behind.
const MAX_WAITING_RELEASES: usize = 64;
/// From so many answers on they are taken in while more is released: a peer whose answers nobody takes reads no more in the end.
const MAX_UNREAD_ANSWERS: usize = 1000;
/// How often a release that is to leave at once tries to get the lock, which is never held for long.
const TRIES: usize = 100;

impl Shared {
    /// Has releases watched, from the beginning of the connection on.
    pub(super) fn watch_releases(self: &Arc<Shared>, release: Release) {
        let weak: Weak<Shared> = Arc::downgrade(self);
        self.releases.set_watcher(move || {
            if let Some(shared) = weak.upgrade() {
                shared.released();
            }
        });
        self.releases.watch_each(release == Release::Now);
    }

    /// An object was released by whatever thread, under whatever lock.
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

    /// Sends what goes without waiting. False: the lock is held all the time, perhaps by this very thread.
    fn release_at_once(&self) -> bool {
        for _ in 0..TRIES {
            if let Some(mut inner) = crate::sync::try_lock(&self.inner) {
                // What has died under the lock is left to the next one: its destructors must not run here.
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

    /// The option `release` has changed.
    pub(super) fn set_release(&self, release: Release) {
        let now = release == Release::Now;
        self.release_now.store(now, Ordering::Relaxed);
        self.releases.watch_each(now);
        if now {
            self.release_at_once();
        }
    }

    /// Whether the releases that wait have waited for long enough, and for how long they still may.
    fn due(&self, inner: &mut Inner) -> Option<Duration> {
        let mut mark = self.releases.emptied();
        if self.bind_threads {
            // Another thread of the peer handles them than the one that takes a message with the same object: each new one
            // begins the time again.
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

    /// Before a thread receives: sends the releases whose time has come. Some: the thread must come back after this time,
    /// or when it is interrupted.
    pub(super) fn ride(&self, inner: &mut Inner, key: Key, limit: &Limit) -> Option<Duration> {
        let waiting = self.releases.len();
        // The only thread that serves is within a call, whose answer the releases can ride behind.
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
            // Nobody comes back for them, but there will be a message to ride behind; it may bring the object again.
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
            // Nothing came and nothing was released for a while: the next one will wake this thread.
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

    /// After a thread has received as `ride` said: from now on nobody need be woken, the thread looks again by itself.
    pub(super) fn rode(&self, inner: &mut Inner) {
        if std::mem::take(&mut inner.references.riding.watched) && !self.releases.quiet() {
            inner.references.riding.alert = true;
            inner.reader.idle = false;
        }
    }

    /// For the loop: sends the releases whose time has come.
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

    /// How long the loop may wait before it must send releases. None: there are none, and the first will wake it.
    pub(super) fn release_deadline(&self, inner: &mut Inner) -> Option<Duration> {
        if self.releases.is_empty() {
            self.releases.watch();
        }
        if self.releases.is_empty() { None } else { self.due(inner).or(Some(Duration::ZERO)) }
    }

    /// Sends the releases of dropped objects, if many wait and nobody is busy with the connection.
    pub fn release_soon(&self) {
        if self.releases.len() >= MAX_WAITING_RELEASES {
            self.release_waiting();
        }
    }

    /// Sends the releases that wait, if nobody is busy with the connection.
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
