//! Replaces TLS in a library that was built without it.

use super::Transport;
use crate::config::tls::Tls;
use crate::error::{Error, Result};
use std::io;
use std::sync::Arc;
use std::time::Duration;

fn missing<T>() -> Result<T> {
    Err(Error::Unsupported("tls:// addresses need a librpyc that was built with its feature 'tls'".into()))
}

pub(super) struct Connector;

impl Connector {
    pub(super) fn new(_options: &Tls, _host: &str) -> Result<Connector> {
        missing()
    }

    pub(super) fn begin(&self, _below: Arc<dyn Transport>) -> Result<Arc<dyn Transport>> {
        missing()
    }

    pub(super) fn connect(&self, _below: Arc<dyn Transport>, _timeout: Option<Duration>) -> Result<Arc<dyn Transport>> {
        missing()
    }
}

pub(super) struct Acceptor;

impl Acceptor {
    pub(super) fn new(_options: &Tls) -> Result<Acceptor> {
        missing()
    }

    pub(super) fn accept(&self, _below: Arc<dyn Transport>) -> io::Result<Arc<dyn Transport>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
