//! Settings, by the names that RPyC has for them.

use crate::authentication::secret;
use crate::config::{self, SETTINGS, Setting};
use crate::error::{Error, Result};
use crate::transport::{self, Address, Transport};
use std::sync::Arc;
use std::time::Duration;

/// Settings of connections, which copy them. Those of RPyC have its names and defaults.
///
/// ```
/// # fn main() -> rpyc::Result<()> {
/// let config = rpyc::Config::new().with("allow_public_attrs", "true")?.with("sync_request_timeout", "2.5")?;
/// assert_eq!(config.get("sync_request_timeout")?, "2.5");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config(pub(super) config::Config);

impl Config {
    /// Settings as rpyc 6.0.2 has them at first.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets an option by its name and a text: flags are `true` or `false`, times are seconds or `none`.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        self.0.set(name, text)
    }

    /// As `set`, to be chained.
    pub fn with(mut self, name: &str, text: &str) -> Result<Config> {
        self.set(name, text).map(|()| self)
    }

    /// Authenticates both sides by a shared secret of at least 16 bytes, on connections and servers. Over plain TCP it
    /// protects only the opening.
    pub fn set_secret(&mut self, secret: &[u8]) -> Result<()> {
        self.0.application.authenticator = Some(secret::authenticator(secret)?);
        Ok(())
    }

    /// The text of an option.
    pub fn get(&self, name: &str) -> Result<String> {
        self.0.get(name).ok_or_else(|| Error::Argument(format!("unknown option '{name}'")))
    }

    /// So long connecting and each request may take; `None`: for ever.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.0.connect_timeout = timeout;
        self.0.sync_request_timeout = timeout;
    }

    /// Opens a stream to an address within the time, with the options of TLS that are set here.
    pub fn open(&self, address: &Address, timeout: Option<Duration>) -> Result<Arc<dyn Transport>> {
        transport::connect_with(address, timeout, &self.0.tls)
    }

    /// All options: name, text at first, and what it is.
    pub fn options() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        SETTINGS.iter().map(|Setting { name, default, doc, .. }| (*name, *default, *doc))
    }
}
