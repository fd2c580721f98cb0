//! Classic mode, as its master.

use super::call::Args;
use super::{Config, Connection, Object};
use crate::classic;
use crate::error::Result;
use crate::value::Value;

/// A classic server (`rpyc_classic`) at the other end of a connection: it imports and runs what it is told.
#[derive(Clone)]
pub struct Classic {
    inner: classic::Classic,
    connection: Connection,
}

impl Classic {
    /// Connects to a classic server.
    pub fn connect(address: &str) -> Result<Classic> {
        Classic::connect_with(address, &Config::default())
    }

    /// Connects with settings.
    pub fn connect_with(address: &str, config: &Config) -> Result<Classic> {
        let inner = classic::Classic::connect(address, None, config.0.clone())?;
        Ok(Classic { connection: Connection::of(inner.connection().clone()), inner })
    }

    /// The classic server at the other end of a connection.
    pub fn over(connection: &Connection) -> Result<Classic> {
        let inner = classic::Classic::new(connection.inner().clone())?;
        Ok(Classic { inner, connection: connection.clone() })
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A module of the server, which imports it when it is first asked for.
    pub fn module(&self, name: &str) -> Result<Object> {
        self.inner.module(name).map(Object)
    }

    /// Calls a function of a module.
    pub fn call(&self, module: &str, function: &str, args: impl Args) -> Result<Value> {
        self.inner.call(module, function, &args.into_values(), &[])
    }

    /// The value of an expression in the server's namespace.
    pub fn eval(&self, text: &str) -> Result<Value> {
        self.inner.eval(text)
    }

    /// Runs statements in the server's namespace.
    pub fn execute(&self, text: &str) -> Result<()> {
        self.inner.execute(text)
    }

    /// A name of the server's namespace.
    pub fn get(&self, name: &str) -> Result<Value> {
        self.inner.get(name)
    }

    /// Sets a name of the server's namespace.
    pub fn set(&self, name: &str, value: impl Into<Value>) -> Result<()> {
        self.inner.set(name, value.into())
    }
}
