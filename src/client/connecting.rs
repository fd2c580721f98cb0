//! Connects, tells the application, and serves.

use super::{Client, Event, State, closed};
use crate::connection::{Connection, FIRST_PAUSE, LONGEST_PAUSE, with_jitter};
use crate::error::{Error, Result};
use crate::objects::{TimeLimit, thread_number};
use crate::sync::{Instant, MutexGuard, lock, wait_for};
use crate::transport;
use std::time::Duration;

/// This thread connects while it exists.
struct Turn<'a> {
    client: &'a Client,
    failed: Option<Error>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.client.state);
        state.connecting = None;
        state.rounds += 1;
        state.failed = self.failed.take();
        self.client.changed.notify_all();
    }
}

impl Client {
    /// Replaces the connection that has ended, in this thread.
    pub(super) fn connect(&self, mut state: MutexGuard<'_, State>, within: Option<TimeLimit>) -> Result<Connection> {
        state.connecting = Some(thread_number());
        let (lost, generation) = (state.current.take(), state.generation);
        drop(state);
        let mut turn = Turn { client: self, failed: None };
        if let Some(lost) = lost {
            self.tell(Event::Lost(&lost.shared().ended()), generation);
        }
        let connection = match self.attempt(within) {
            Ok(connection) => connection,
            Err(error) => {
                let own = within.and_then(|within| within.left()).is_some_and(|left| left.is_zero());
                if !self.is_closed() {
                    self.tell(Event::Failed(&error), generation);
                }
                // Who has more time tries again.
                turn.failed = (!own).then(|| error.clone());
                return Err(error);
            }
        };
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            connection.close()?;
            return Err(closed());
        }
        state.generation += 1;
        state.current = Some(connection.clone());
        let generation = state.generation;
        drop(state);
        self.tell(Event::Connected(&connection), generation);
        Ok(connection)
    }

    fn tell(&self, event: Event<'_>, generation: u64) {
        if let Some(listener) = &self.listener {
            listener(event, generation);
        }
    }

    /// Connects, and repeats attempts for the time of `connect_retry`, within the limit of the thread.
    fn attempt(&self, within: Option<TimeLimit>) -> Result<Connection> {
        let left = || within.and_then(|within| within.left());
        let open = |timeout: Option<Duration>| {
            let timeout = timeout.into_iter().chain(left()).min();
            transport::connect_with(&self.address, timeout, &self.config.tls)
        };
        let pause = |time: Duration| {
            if left().is_some_and(|left| left.is_zero()) {
                return Err(self.late());
            }
            self.pause(left().map_or(time, |left| left.min(time)))
        };
        if left().is_some_and(|left| left.is_zero()) {
            return Err(self.late());
        }
        Connection::connect_with_root(&self.address, &open, self.service.as_ref(), &self.config, pause)
    }

    /// Waits for a time, unless the client is closed.
    fn pause(&self, time: Duration) -> Result<()> {
        let start = Instant::now();
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return Err(closed());
            }
            let left = time.saturating_sub(Instant::now().saturating_duration_since(start));
            if left.is_zero() {
                return Ok(());
            }
            state = wait_for(&self.changed, state, left);
        }
    }

    /// Keeps the client connected and serves the peer, until `close`.
    pub fn serve_all(&self) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            let connection = match self.connection() {
                Ok(connection) => connection,
                Err(_) if self.is_closed() => return Ok(()),
                Err(error) => return Err(error),
            };
            let start = Instant::now();
            match connection.serve_all() {
                _ if self.is_closed() => return Ok(()),
                Ok(()) => {}
                Err(error @ (Error::Exit(_) | Error::Interrupted(_))) => return Err(error),
                Err(error) if !connection.closed() => return Err(error),
                Err(_) => {}
            }
            drop(connection);
            // A server that ends each connection at once is not asked all the time.
            if Instant::now().saturating_duration_since(start) >= LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            } else if self.pause(with_jitter(pause)).is_err() {
                return Ok(());
            } else {
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
