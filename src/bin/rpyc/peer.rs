//! Connecting, for all commands that have an ADDR.

use crate::failure::Failure;
use rpyc::config::{Config, Dialect};
use rpyc::connection::Connection;
use rpyc::transport::Address;

/// The port of `rpyc_classic`.
pub const CLASSIC_PORT: u16 = 18812;

/// An address in the library's notation, or HOST:PORT, /PATH of a Unix socket, and HOST where there is a usual port.
pub fn address(text: &str, usual_port: Option<u16>) -> Result<Address, Failure> {
    let error = match text.parse::<Address>() {
        Ok(address) => return Ok(address),
        Err(error) => error,
    };
    let scheme = ["tcp://", "unix://", "fd:", "stdio:", "exec:"].into_iter().any(|scheme| text.starts_with(scheme));
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

pub fn connect(address: &Address, config: Config) -> Result<Connection, Failure> {
    Ok(Connection::connect(address, None, config)?)
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
