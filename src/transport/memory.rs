//! Implements a pair of transports in memory, each the peer of the other.

use super::{Ready, TICK, Transport, uninit};
use crate::sync::{Condvar, Instant, Mutex, lock, wait, wait_for};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

const CAPACITY: usize = 256 << 10;

/// Makes a connected pair. Each direction holds up to 256 KiB; then its writer must wait, as with a socket.
pub fn pair() -> (Arc<dyn Transport>, Arc<dyn Transport>) {
    pair_with_capacity(CAPACITY)
}

/// Makes a connected pair whose directions hold up to `capacity` bytes each, at least one.
pub fn pair_with_capacity(capacity: usize) -> (Arc<dyn Transport>, Arc<dyn Transport>) {
    let state = Mutex::new(State { left: VecDeque::new(), right: VecDeque::new(), down: false, rung: (false, false) });
    let changed = Changed { left: Condvar::new(), right: Condvar::new() };
    let link = Arc::new(Link { state, changed, capacity: capacity.max(1) });
    (Arc::new(End { link: link.clone(), side: Side::Left }), Arc::new(End { link, side: Side::Right }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

struct Link {
    state: Mutex<State>,
    /// The condition on which the threads of each side wait.
    changed: Changed,
    capacity: usize,
}

struct Changed {
    left: Condvar,
    right: Condvar,
}

/// Bytes, by the side that will receive them.
struct State {
    left: VecDeque<u8>,
    right: VecDeque<u8>,
    /// A shutdown by either side ends both directions, as with a socket.
    down: bool,
    /// Waits for input must end, on the left and on the right.
    rung: (bool, bool),
}

impl State {
    fn rung(&mut self, side: Side) -> &mut bool {
        match side {
            Side::Left => &mut self.rung.0,
            Side::Right => &mut self.rung.1,
        }
    }

    fn toward(&mut self, side: Side) -> &mut VecDeque<u8> {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

struct End {
    link: Arc<Link>,
    side: Side,
}

impl End {
    fn other(&self) -> Side {
        if self.side == Side::Left { Side::Right } else { Side::Left }
    }

    fn changed(&self, side: Side) -> &Condvar {
        match side {
            Side::Left => &self.link.changed.left,
            Side::Right => &self.link.changed.right,
        }
    }

    fn ready(&self, state: &mut State, read: bool, write: bool) -> Ready {
        let down = state.down;
        Ready {
            read: read && (down || !state.toward(self.side).is_empty()),
            write: write && (down || state.toward(self.other()).len() < self.link.capacity),
        }
    }
}

impl Transport for End {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        self.recv_into(&mut [], buf, max, wait)
    }

    fn recv_into(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        uninit::reserve(buf, max)?;
        let mut state = lock(&self.link.state);
        if wait && !self.ready(&mut state, true, false).read {
            let end = Instant::now() + TICK;
            // Other events than bytes notify it too, but a caller that asks to wait relies on the whole tick.
            loop {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() || self.ready(&mut state, true, false).read {
                    break;
                }
                state = wait_for(self.changed(self.side), state, left);
            }
        }
        let down = state.down;
        let waiting = state.toward(self.side);
        let count = waiting.len().min(room.len().saturating_add(max));
        if count == 0 {
            return if down { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let (mut rest, mut left) = (room, count);
        let (first, second) = waiting.as_slices();
        for half in [first, second] {
            let half = &half[..half.len().min(left)];
            left -= half.len();
            let (for_room, next) = half.split_at(half.len().min(rest.len()));
            let (place, behind) = rest.split_at_mut(for_room.len());
            place.copy_from_slice(for_room);
            rest = behind;
            buf.extend_from_slice(next);
        }
        waiting.drain(..count);
        drop(state);
        self.changed(self.other()).notify_all();
        Ok(count)
    }

    fn available(&self) -> usize {
        lock(&self.link.state).toward(self.side).len()
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = lock(&self.link.state);
        if state.down {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let queue = state.toward(self.other());
        let before = queue.len();
        for buf in bufs {
            let room = self.link.capacity - queue.len();
            queue.extend(&buf[..buf.len().min(room)]);
        }
        let sent = queue.len() - before;
        drop(state);
        if sent == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.changed(self.other()).notify_all();
        Ok(sent)
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
        let mut state = lock(&self.link.state);
        loop {
            let ready = self.ready(&mut state, read, write);
            if ready.any() || state.down {
                return Ok(ready);
            }
            let changed = self.changed(self.side);
            state = match deadline.map(|d| d.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Ok(ready),
                Some(left) => wait_for(changed, state, left),
                None => wait(changed, state),
            };
        }
    }

    fn await_input(&self, timeout: Duration) {
        let end = Instant::now() + timeout;
        let mut state = lock(&self.link.state);
        while !self.ready(&mut state, true, false).read && !*state.rung(self.side) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = wait_for(self.changed(self.side), state, left);
        }
        *state.rung(self.side) = false;
    }

    fn interrupt(&self) {
        *lock(&self.link.state).rung(self.side) = true;
        self.changed(self.side).notify_all();
    }

    fn shutdown(&self) {
        lock(&self.link.state).down = true;
        self.link.changed.left.notify_all();
        self.link.changed.right.notify_all();
    }

    fn fileno(&self) -> Option<RawFd> {
        None
    }

    fn peer_name(&self) -> String {
        "memory".to_owned()
    }

    fn local_name(&self) -> String {
        "memory".to_owned()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.shutdown();
    }
}
