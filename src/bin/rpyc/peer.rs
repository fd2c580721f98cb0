//! Connecting, for all commands that have an ADDR.

use crate::failure::{Failure, PROTOCOL};
use rpyc::wire::{self, Address};
use rpyc::{Config, Connection, Dialect, Error};
use std::cell::Cell;

/// The port of `rpyc_classic`.
pub const CLASSIC_PORT: u16 = 18812;

/// An address in the library's notation, or HOST:PORT, /PATH of a Unix socket, and HOST where there is a usual port.
pub fn address(text: &str, usual_port: Option<u16>) -> Result<Address, Failure> {
    let error = match text.parse::<Address>() {
        Ok(address) => return Ok(address),
        Err(error) => error,
    };
    let scheme =
        ["tcp://", "unix://", "shm://", "fd:", "stdio:", "exec:"].into_iter().any(|scheme| text.starts_with(scheme));
    let mut forms = Vec::new();
    if text.starts_with('/') {
        forms.push(format!("unix://{text}"));
    } else if !scheme {
        forms.push(format!("tcp://{text}"));
    }
    if let Some(port) = usual_port {
        let host = text.strip_prefix("tcp://").unwrap_or(text);
        forms.push(format!("tcp://{host}:{port}"));
    }
    forms.iter().find_map(|form| form.parse().ok()).ok_or_else(|| {
        if scheme || text.is_empty() {
            return error.into();
        }
        Failure::usage(format!("'{text}' is no address"))
            .hint("HOST:PORT, tcp://HOST:PORT, unix:///PATH, /PATH of a Unix socket, or exec:COMMAND")
    })
}

pub fn connect(address: &Address, config: &Config) -> Result<Connection, Failure> {
    let reached = Cell::new(false);
    let open = |timeout| {
        let transport = wire::connect(address, timeout);
        reached.set(reached.get() || transport.is_ok());
        transport
    };
    Connection::connect_by(address, config, None, open).map_err(|error| match error {
        Error::Timeout(text) if !reached.get() => Failure::unreachable(text),
        Error::Io { .. } if !reached.get() => {
            Failure::unreachable(error.to_string()).hint("Is the name of the host right?")
        }
        // The first answer tells.
        Error::Malformed(text) | Error::Limit(text) => {
            Failure::new(PROTOCOL, format!("{address} does not speak RPyC: {text}")).hint(
                "Is it the right port? A server of another protocol, such as HTTP, answers so, or one before rpyc 4.1",
            )
        }
        other => other.into(),
    })
}

/// What the peer speaks, in words.
pub fn dialect(connection: &Connection) -> &'static str {
    match connection.dialect() {
        Dialect::V5 => "the protocol of rpyc 4.1 to 5.3",
        Dialect::V6 if connection.is_native() => "the protocol of rpyc 6, natively",
        Dialect::V6 => "the protocol of rpyc 6",
        Dialect::Auto => "a protocol not yet known",
    }
}
