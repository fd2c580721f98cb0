//! Provides the connections of a server.

use crate::error::{Error, Result};
use crate::transport::{self, Address, Event, Listener, Transport};
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Maximum time of one wait for the stop of a server that does not listen.
const WAIT: Duration = Duration::from_secs(3600);

pub enum Source {
    Listener(Box<Listener>),
    /// The application accepts, and adds its streams. The event means that the server must stop.
    Application {
        stop: Event,
        stopped: AtomicBool,
    },
}

impl Source {
    pub fn application() -> Result<Source> {
        let stop = Event::new().map_err(|e| Error::io("cannot make an eventfd", e))?;
        Ok(Source::Application { stop, stopped: AtomicBool::new(false) })
    }

    /// Waits for the next connection; None once it was stopped.
    pub fn accept(&self) -> io::Result<Option<Arc<dyn Transport>>> {
        match self {
            Source::Listener(listener) => listener.accept(),
            Source::Application { stop, stopped } => {
                // A signal ends a wait early; a write to the descriptor stops the server.
                while !stopped.load(Ordering::Acquire) && !transport::is_readable(stop.fd(), WAIT) {}
                Ok(None)
            }
        }
    }

    pub fn stop(&self) {
        match self {
            Source::Listener(listener) => listener.stop(),
            Source::Application { stop, stopped } => {
                stopped.store(true, Ordering::Release);
                stop.set();
            }
        }
    }

    pub fn stop_fd(&self) -> RawFd {
        match self {
            Source::Listener(listener) => listener.stop_fd(),
            Source::Application { stop, .. } => stop.fd(),
        }
    }

    /// Returns the address; empty if the server does not listen.
    pub fn address(&self) -> String {
        match self {
            Source::Listener(listener) => listener.address().to_string(),
            Source::Application { .. } => String::new(),
        }
    }

    /// Returns whether the streams begin with a handshake.
    pub fn has_handshake(&self) -> bool {
        matches!(self, Source::Listener(listener) if matches!(listener.address(), Address::Tls { .. }))
    }

    /// Duplicates the listening socket, for another process that accepts from it.
    pub fn pass(&self) -> Result<OwnedFd> {
        match self {
            Source::Listener(listener) => listener.pass(),
            Source::Application { .. } => Err(Error::State("the server does not listen".into())),
        }
    }
}
