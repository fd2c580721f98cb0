//! Certificates and keys that change while a server runs: the files are read again at the next connection.

use super::server_config;
use crate::config::tls::{Tls, given};
use crate::error::Result;
use crate::log::{self, Level};
use crate::sync::{Mutex, lock};
use rustls::ServerConfig;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

/// Device, inode, size and time of a file. None if it cannot be found.
type Stamp = Option<(u64, u64, u64, i64, i64)>;
/// Those of `tls_ca`, `tls_cert` and `tls_key`.
type Stamps = [Stamp; 3];

/// Settings of a server for its connections.
pub(in crate::transport) struct Acceptor {
    options: Tls,
    state: Mutex<State>,
}

struct State {
    config: Arc<ServerConfig>,
    /// The files as they were when they were last read, with success or without.
    seen: Stamps,
}

impl Acceptor {
    pub(in crate::transport) fn new(options: &Tls) -> Result<Acceptor> {
        // A change while they are read is then found at the first connection.
        let seen = stamps(options);
        let config = server_config(options)?;
        Ok(Acceptor { options: options.clone(), state: Mutex::new(State { config, seen }) })
    }

    /// Returns the settings for a new connection. Files that cannot be used leave the earlier settings in force.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let now = stamps(&self.options);
        let (config, read) = {
            let mut state = lock(&self.state);
            let mut read = None;
            if state.seen != now {
                state.seen = now;
                read = Some(server_config(&self.options).map(|config| state.config = config));
            }
            (state.config.clone(), read)
        };
        match read {
            None => {}
            Some(Ok(())) => log::write(Level::Info, || "the certificates of a TLS server were read again".into()),
            Some(Err(e)) => log::write(Level::Warn, || format!("a TLS server keeps its earlier certificates: {e}")),
        }
        config
    }
}

fn stamps(options: &Tls) -> Stamps {
    [&options.ca, &options.cert, &options.key].map(|path| {
        let file = std::fs::metadata(given(path)?).ok()?;
        Some((file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
    })
}
