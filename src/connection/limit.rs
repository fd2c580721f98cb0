//! Limits how long a thread waits, and receives within that time. The clock is read only if the wait becomes long.

use crate::codec::frame::{Incoming, Target};
use crate::sync::Instant;
use crate::transport::{TICK, Transport};
use std::io::ErrorKind;
use std::time::Duration;

pub(super) enum Limit {
    Forever,
    /// Counted from the first wait.
    Lazy(Duration),
    /// A message came, but not the expected one: counted from the next check.
    Due(Duration),
    At(Instant),
    /// Only what is available.
    Now,
    /// The time is up, and what was available then has been checked.
    Over,
}

pub(super) enum Received {
    Bytes,
    /// A tick has passed.
    Nothing,
    TimedOut,
    End,
}

/// Maximum time of one wait for a condition variable.
const MAX_SLEEP: Duration = Duration::from_secs(3600);

impl Limit {
    /// Makes a limit of `timeout`; None is no limit.
    pub(super) fn lazy(timeout: Option<Duration>) -> Limit {
        match timeout {
            None => Limit::Forever,
            Some(Duration::ZERO) => Limit::Now,
            Some(timeout) => Limit::Lazy(timeout),
        }
    }

    /// Returns whether only what is available is checked.
    pub(super) fn is_now(&self) -> bool {
        matches!(self, Limit::Now | Limit::Over)
    }

    /// Returns whether a receive will return within a tick, with time left.
    #[inline]
    pub(super) fn is_patient(&self) -> bool {
        match self {
            Limit::Forever => true,
            Limit::Lazy(timeout) => *timeout > TICK,
            _ => false,
        }
    }

    /// Returns whether at least two ticks are left.
    #[inline(always)]
    pub(super) fn is_long(&self) -> bool {
        match self {
            Limit::Forever => true,
            Limit::Lazy(timeout) => timeout.as_secs() >= 2 * TICK.as_secs(),
            _ => false,
        }
    }

    pub(super) fn at(deadline: Option<Instant>) -> Limit {
        deadline.map_or(Limit::Forever, Limit::At)
    }

    fn start(&mut self, gone: Duration) {
        if let Limit::Lazy(timeout) | Limit::Due(timeout) = self {
            *self = match Instant::now().checked_add(timeout.saturating_sub(gone)) {
                Some(deadline) => Limit::At(deadline),
                None => Limit::Forever,
            };
        }
    }

    /// Returns how long a parked thread sleeps. None when the time is up.
    pub(super) fn remaining(&mut self) -> Option<Duration> {
        self.start(Duration::ZERO);
        match self {
            Limit::Forever | Limit::Lazy(_) | Limit::Due(_) => Some(MAX_SLEEP),
            Limit::Now | Limit::Over => None,
            Limit::At(deadline) => match deadline.saturating_duration_since(Instant::now()) {
                Duration::ZERO => None,
                left => Some(left.min(MAX_SLEEP)),
            },
        }
    }

    /// Returns how long sending may wait. Output must be sent even if the caller waits for nothing.
    pub(super) fn remaining_to_send(&mut self) -> Option<Duration> {
        if let Limit::Now = self { Some(MAX_SLEEP) } else { self.remaining() }
    }

    /// Receives once: one system call if something comes before the next tick.
    #[inline]
    pub(super) fn receive(&mut self, transport: &dyn Transport, incoming: &mut Incoming) -> Received {
        match self {
            Limit::Forever => receive(transport, incoming, true),
            Limit::Lazy(timeout) if *timeout > TICK => {
                let received = receive(transport, incoming, true);
                match received {
                    Received::Nothing => self.start(TICK),
                    _ => self.mark_due(),
                }
                received
            }
            Limit::Now => match receive(transport, incoming, false) {
                Received::Nothing => Received::TimedOut,
                other => other,
            },
            Limit::Lazy(_) | Limit::Due(_) | Limit::At(_) => self.receive_until(transport, incoming),
            Limit::Over => Received::TimedOut,
        }
    }

    /// Receives as `receive` does, if `is_long`.
    #[inline(always)]
    pub(super) fn receive_patiently(&mut self, transport: &dyn Transport, incoming: &mut Incoming) -> Received {
        let Some((buffer, max)) = incoming.short_target() else { return self.receive(transport, incoming) };
        match transport.recv(buffer, max, true) {
            Ok(n) if n > 0 => {
                incoming.received(n);
                self.mark_due();
                Received::Bytes
            }
            received => self.received_nothing(received),
        }
    }

    /// A peer that keeps sending other messages must not stop the clock.
    #[inline(always)]
    fn mark_due(&mut self) {
        if let Limit::Lazy(timeout) = *self {
            *self = Limit::Due(timeout);
        }
    }

    #[cold]
    #[inline(never)]
    fn received_nothing(&mut self, received: std::io::Result<usize>) -> Received {
        let received = no_bytes(received);
        match received {
            Received::Nothing => self.start(TICK),
            _ => self.mark_due(),
        }
        received
    }

    /// Receives once within `most`. An interrupt ends it as if a tick had passed.
    pub(super) fn receive_unless(
        &mut self,
        transport: &dyn Transport,
        incoming: &mut Incoming,
        most: Duration,
    ) -> Received {
        if let Some(left) = self.remaining() {
            transport.await_input(left.min(most));
            match receive(transport, incoming, false) {
                Received::Nothing if self.remaining().is_some() => return Received::Nothing,
                Received::Nothing => {}
                received => return received,
            }
        }
        self.receive(transport, incoming)
    }

    /// Receives without sleeping, for at most `time`. None if nothing came.
    #[cold]
    pub(super) fn spin(
        &mut self,
        time: Duration,
        transport: &dyn Transport,
        incoming: &mut Incoming,
    ) -> Option<Received> {
        let left = self.remaining()?;
        let time = time.min(left).min(TICK);
        match transport.spin(time) {
            Some(true) => {
                return match receive(transport, incoming, false) {
                    Received::Nothing => None,
                    received => Some(received),
                };
            }
            Some(false) => return None,
            None => {}
        }
        let end = Instant::now().checked_add(time)?;
        loop {
            match receive(transport, incoming, false) {
                Received::Nothing => {}
                received => return Some(received),
            }
            if Instant::now() >= end {
                return None;
            }
            std::hint::spin_loop();
        }
    }

    fn receive_until(&mut self, transport: &dyn Transport, incoming: &mut Incoming) -> Received {
        let Some(left) = self.remaining() else {
            *self = Limit::Over;
            return match receive(transport, incoming, false) {
                Received::Nothing => Received::TimedOut,
                other => other,
            };
        };
        if left >= TICK {
            return receive(transport, incoming, true);
        }
        match transport.poll(true, false, Some(left)) {
            Ok(ready) if !ready.read => {
                if self.remaining().is_none() {
                    Received::TimedOut
                } else {
                    Received::Nothing
                }
            }
            _ => match receive(transport, incoming, false) {
                Received::Nothing if self.remaining().is_none() => Received::TimedOut,
                other => other,
            },
        }
    }
}

#[inline]
fn receive(transport: &dyn Transport, incoming: &mut Incoming, wait: bool) -> Received {
    let Target { room, buffer, max } = incoming.target();
    let received = match room {
        [] => transport.recv(buffer, max, wait),
        room => transport.recv_into(room, buffer, max, wait),
    };
    match received {
        Ok(n) if n > 0 => {
            incoming.received(n);
            Received::Bytes
        }
        received => no_bytes(received),
    }
}

/// Converts the result of a receive without bytes.
#[cold]
#[inline(never)]
fn no_bytes(received: std::io::Result<usize>) -> Received {
    match received {
        Ok(_) => Received::End,
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
            Received::Nothing
        }
        // A reset is an end: data that arrived before has been received.
        Err(_) => Received::End,
    }
}
