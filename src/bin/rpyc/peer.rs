//! Connecting, for all commands that have an ADDR.

use crate::failure::{CONNECT, Failure};
use rpyc::wire::Address;
use rpyc::{Config, Connection, Dialect, Error, Value};
use std::cell::Cell;
use std::io::ErrorKind;

/// The port of `rpyc_classic`.
pub const CLASSIC_PORT: u16 = 18812;

/// Parses an address: the library's notation, HOST:PORT, /PATH of a Unix socket, or HOST if there is a default port.
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
        Failure::usage(format!("'{text}' is not an address"))
            .hint("HOST:PORT, tcp://HOST:PORT, unix:///PATH, /PATH of a Unix socket, or exec:COMMAND")
    })
}

pub fn connect(address: &Address, config: &Config) -> Result<Connection, Failure> {
    let reached = Cell::new(false);
    let open = |timeout| {
        let transport = config.open(address, timeout);
        reached.set(reached.get() || transport.is_ok());
        transport
    };
    Connection::connect_by(address, config, None, open).map_err(|error| match error {
        Error::Connect { .. } | Error::Timeout(_) | Error::Io { .. } if !reached.get() => unreachable(address, &error),
        other => Failure::at_first(other, address),
    })
}

/// Gets the root, which is the first reply if the dialect was set.
pub fn root(connection: &Connection, address: &Address) -> Result<Value, Failure> {
    match connection.root() {
        Ok(root) => Ok(root.into()),
        Err(error) => Err(Failure::at_first(error, address)),
    }
}

/// Nothing was reached at the address. The remedy depends on its kind and on the reason.
fn unreachable(address: &Address, error: &Error) -> Failure {
    let reason = match error {
        Error::Connect { source, .. } | Error::Io { source, .. } => Some(source.kind()),
        _ => None,
    };
    let hint = match (address, reason) {
        (Address::Exec(_), _) => "The command cannot be run: check its name and its permissions",
        (_, Some(ErrorKind::PermissionDenied)) => {
            "Connecting is not permitted: check the permissions of the socket and its folders"
        }
        (Address::Unix(_) | Address::Shared(_), Some(ErrorKind::NotFound)) => {
            "There is no socket at this path. Start the server, or check the path"
        }
        (Address::Unix(_) | Address::Shared(_), Some(ErrorKind::ConnectionRefused)) => {
            "The file exists, but no server listens there: it may be left from one that has ended. Start the server"
        }
        (Address::Abstract(_), _) => "No server listens under this name. Start the server, or check the name",
        (Address::Unix(_) | Address::Shared(_), _) => "Does the server run, and does it accept connections?",
        (_, Some(ErrorKind::ConnectionRefused)) => {
            "Does the server run, and does it listen on this address and port? A server on 127.0.0.1 is not reachable \
             from other machines"
        }
        (_, None | Some(ErrorKind::TimedOut)) => {
            "Does the server run, and does a firewall block the port? --timeout SECONDS waits longer"
        }
        _ if matches!(error, Error::Io { .. }) => "Is the name of the host right?",
        _ => "Is the host reachable from here?",
    };
    Failure::new(CONNECT, error.to_string()).hint(hint)
}

/// Describes the peer's protocol.
pub fn dialect(connection: &Connection) -> &'static str {
    match connection.dialect() {
        Dialect::V5 => "the protocol of rpyc 4.1 to 5.3",
        Dialect::V6 if connection.is_native() => "the protocol of rpyc 6, natively",
        Dialect::V6 => "the protocol of rpyc 6",
        Dialect::Auto => "a protocol not yet known",
    }
}
