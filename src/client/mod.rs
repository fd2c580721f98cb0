//! Implements clients that connect again: an address, and the one connection to it that is open. Threads of the
//! application do all of it: one connects, the others wait for it.

mod calls;
mod connecting;

use crate::config::Config;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::objects::{Class, thread_number, time_limit};
use crate::sync::{Condvar, Mutex, lock, wait, wait_for};
use crate::transport::Address;
use std::sync::Arc;

/// What the application is told, in the thread that finds it out and without a lock. Meanwhile other threads wait.
pub enum Event<'a> {
    /// A connection was made, and the peer's root has arrived.
    Connected(&'a Connection),
    /// The connection has ended.
    Lost(&'a Error),
    /// No connection could be made within the limits.
    Failed(&'a Error),
}

/// Receives events, with the number of the connection: for `Failed`, that of the last one.
pub type Listener = Box<dyn Fn(Event<'_>, u64) + Send + Sync>;

/// A client of one address.
pub struct Client {
    address: Address,
    service: Option<Arc<Class>>,
    config: Config,
    listener: Option<Listener>,
    state: Mutex<State>,
    /// Notified when a thread has finished connecting, and by `close`.
    changed: Condvar,
    forks: u32,
}

#[derive(Default)]
struct State {
    current: Option<Connection>,
    /// The number of connections so far.
    generation: u64,
    /// The thread that connects.
    connecting: Option<u32>,
    /// The number of times a thread has connected or failed.
    rounds: u64,
    /// The error of the last round, if it holds for every thread that waited for it.
    failed: Option<Error>,
    closed: bool,
}

impl Client {
    /// Makes a client, which does not connect yet.
    pub fn new(
        address: Address,
        service: Option<&Arc<Class>>,
        config: Config,
        listener: Option<Listener>,
    ) -> Result<Client> {
        if matches!(address, Address::Descriptors { .. } | Address::Stdio) {
            return Err(Error::Argument(format!(
                "address '{address}': a client needs one that can be connected to again"
            )));
        }
        Ok(Client {
            address,
            service: service.cloned(),
            config,
            listener,
            state: Mutex::default(),
            changed: Condvar::default(),
            forks: crate::fork::generation(),
        })
    }

    /// Gets the open connection. Connects, or waits for the thread that connects, if there is none.
    pub fn connection(&self) -> Result<Connection> {
        Error::unless_forked(self.forks, "client")?;
        let within = time_limit::here();
        let own = thread_number();
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return Err(closed());
            }
            match (state.connecting, state.current.clone()) {
                (Some(thread), current) if thread == own => return in_callback(current),
                (Some(_), _) => {
                    let round = state.rounds;
                    match within.and_then(|within| within.left()) {
                        Some(left) if left.is_zero() => return Err(self.late()),
                        Some(left) => state = wait_for(&self.changed, state, left),
                        None => state = wait(&self.changed, state),
                    }
                    if let (true, Some(error)) = (state.rounds != round, &state.failed) {
                        return Err(error.clone());
                    }
                }
                (None, Some(current)) => {
                    let generation = state.generation;
                    drop(state);
                    if is_open(&current)? {
                        return Ok(current);
                    }
                    state = lock(&self.state);
                    // Another thread may have been faster.
                    if state.generation == generation && state.connecting.is_none() && !state.closed {
                        return self.connect(state, within);
                    }
                }
                (None, None) => return self.connect(state, within),
            }
        }
    }

    /// Returns the number of connections that were made so far.
    pub fn generation(&self) -> u64 {
        if Error::unless_forked(self.forks, "client").is_err() {
            return 0;
        }
        lock(&self.state).generation
    }

    /// Closes the connection, and ends everything that waits on the client.
    pub fn close(&self) -> Result<()> {
        Error::unless_forked(self.forks, "client")?;
        let current = {
            let mut state = lock(&self.state);
            state.closed = true;
            self.changed.notify_all();
            state.current.take()
        };
        current.map_or(Ok(()), |current| current.close())
    }

    fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    fn late(&self) -> Error {
        Error::Timeout(format!("no connection with {} was made in time; nothing was sent", self.address))
    }
}

/// Handles what has arrived, so that an end is found before a request is sent in vain.
fn is_open(connection: &Connection) -> Result<bool> {
    const MOST: usize = 64;
    for _ in 0..MOST {
        if connection.closed() {
            return Ok(false);
        }
        if !connection.has_message() && !connection.shared().has_arrived() {
            return Ok(true);
        }
        match connection.serve(Some(std::time::Duration::ZERO)) {
            // Another thread reads.
            Ok(false) => return Ok(!connection.closed()),
            Ok(true) => {}
            Err(error @ Error::Exit(_)) => return Err(error),
            Err(_) if connection.closed() => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(!connection.closed())
}

/// Gets the connection of which the callback of this thread is told.
fn in_callback(current: Option<Connection>) -> Result<Connection> {
    match current {
        Some(current) if current.closed() => Err(current.shared().ended()),
        Some(current) => Ok(current),
        None => Err(Error::State("the client is not connected, and connects when the callback has returned".into())),
    }
}

fn closed() -> Error {
    Error::Closed("the client is closed".into())
}
