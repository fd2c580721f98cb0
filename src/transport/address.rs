//! Defines addresses of transports and their notation.

use crate::error::{Error, Result};
use std::fmt;
use std::net::Ipv6Addr;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::str::FromStr;

/// Maximum length of the name of a Unix socket on Linux, without the NUL at its end.
const UNIX_NAME_MAX: usize = 107;

/// An address, in its notation: `tcp://HOST:PORT`, `tcp://[IPV6]:PORT`, `tls://HOST:PORT`, `unix:///PATH`,
/// `unix://@NAME`, `shm:///PATH`, `fd:READ,WRITE`, `fd:SOCKET`, `stdio:`, `exec:COMMAND`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// TCP. An empty host is 127.0.0.1.
    Tcp {
        /// A name, or an address of IPv4 or IPv6.
        host: String,
        /// 0 to listen at a free port.
        port: u16,
    },
    /// TLS over TCP, likewise.
    Tls {
        /// What the certificate is for, where nothing else is said.
        host: String,
        /// To listen, 0 is a free one.
        port: u16,
    },
    /// A Unix socket in the file system.
    Unix(PathBuf),
    /// A Unix socket in Linux's abstract namespace.
    Abstract(String),
    /// A Unix socket in the file system, and shared memory beside it.
    Shared(PathBuf),
    /// Descriptors of this process, which the transport takes over. For a server: one socket that listens.
    Descriptors {
        /// To read from.
        read: RawFd,
        /// To write to; it may be the same.
        write: RawFd,
    },
    /// Standard input and output of this process.
    Stdio,
    /// A command for `/bin/sh`, which gets the stream as its standard input and output.
    Exec(String),
}

impl Address {
    /// Returns whether a second connection can be made, to retry what failed on the first. A command is run only once,
    /// because its effects and costs are unknown here.
    pub fn can_connect_again(&self) -> bool {
        let again = matches!(self, Address::Tcp { .. } | Address::Tls { .. } | Address::Unix(_) | Address::Abstract(_));
        again || matches!(self, Address::Shared(_))
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Address> {
        parse(text).map_err(|what| Error::Address(format!("address '{}': {what}", text.escape_debug())))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Address::Tls { host, port } if host.contains(':') => write!(f, "tls://[{host}]:{port}"),
            Address::Tls { host, port } => write!(f, "tls://{host}:{port}"),
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Abstract(name) => write!(f, "unix://@{name}"),
            Address::Shared(path) => write!(f, "shm://{}", path.display()),
            Address::Descriptors { read, write } if read == write => write!(f, "fd:{read}"),
            Address::Descriptors { read, write } => write!(f, "fd:{read},{write}"),
            Address::Stdio => f.write_str("stdio:"),
            Address::Exec(command) => write!(f, "exec:{command}"),
        }
    }
}

fn parse(text: &str) -> Result<Address, String> {
    if text.contains('\0') {
        return Err("it contains a zero byte".into());
    }
    if let Some(rest) = text.strip_prefix("tcp://") {
        host_and_port(rest).map(|(host, port)| Address::Tcp { host, port })
    } else if let Some(rest) = text.strip_prefix("tls://") {
        host_and_port(rest).map(|(host, port)| Address::Tls { host, port })
    } else if let Some(rest) = text.strip_prefix("unix://") {
        unix(rest)
    } else if let Some(rest) = text.strip_prefix("shm://") {
        shared(rest)
    } else if let Some(rest) = text.strip_prefix("fd:") {
        // One number is a socket: a stream, or a listening one for a server.
        let (read, write) = rest.split_once(',').unwrap_or((rest, rest));
        Ok(Address::Descriptors { read: descriptor(read)?, write: descriptor(write)? })
    } else if let Some(rest) = text.strip_prefix("stdio:") {
        if rest.is_empty() { Ok(Address::Stdio) } else { Err("nothing may follow 'stdio:'".into()) }
    } else if let Some(rest) = text.strip_prefix("exec:") {
        if rest.trim().is_empty() { Err("no command after 'exec:'".into()) } else { Ok(Address::Exec(rest.to_owned())) }
    } else {
        Err("it starts with none of tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH, shm:///PATH, fd:READ,WRITE, stdio: and exec:COMMAND"
            .into())
    }
}

fn host_and_port(rest: &str) -> Result<(String, u16), String> {
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("no ']' after the IPv6 address")?;
            // A scope ("%eth0") is resolved by the system.
            let number = host.split_once('%').map_or(host, |(number, _)| number);
            if number.parse::<Ipv6Addr>().is_err() {
                return Err(format!("'{host}' is not an IPv6 address"));
            }
            (host, after.strip_prefix(':').ok_or("no port after ']': write [IPV6]:PORT")?)
        }
        None => {
            let (host, port) = rest.rsplit_once(':').ok_or("no port: write tcp://HOST:PORT")?;
            if host.contains(':') {
                return Err("an IPv6 address needs brackets: write tcp://[IPV6]:PORT".into());
            }
            if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#[]".contains(c)) {
                return Err(format!("'{}' is not a host name", host.escape_debug()));
            }
            (host, port)
        }
    };
    let port = number(port).and_then(|n| u16::try_from(n).ok());
    let port = port.ok_or("the port is not a number from 0 to 65535")?;
    Ok((host.to_owned(), port))
}

fn unix(rest: &str) -> Result<Address, String> {
    let name = rest.strip_prefix('@');
    let length = name.unwrap_or(rest).len();
    if length > UNIX_NAME_MAX {
        return Err(format!("the name of the socket has {length} bytes, and at most {UNIX_NAME_MAX} are possible"));
    }
    match name {
        Some("") => Err("no name after '@'".into()),
        Some(name) => Ok(Address::Abstract(name.to_owned())),
        None if rest.len() > 1 && rest.starts_with('/') => Ok(Address::Unix(PathBuf::from(rest))),
        None => Err("the path must be absolute: write unix:///PATH, or unix://@NAME for an abstract socket".into()),
    }
}

fn shared(rest: &str) -> Result<Address, String> {
    match unix(rest) {
        Ok(Address::Unix(path)) => Ok(Address::Shared(path)),
        Err(what) if rest.starts_with('/') => Err(what),
        _ => Err("the path must be absolute: write shm:///PATH".into()),
    }
}

fn descriptor(text: &str) -> Result<RawFd, String> {
    let fd = number(text).and_then(|n| RawFd::try_from(n).ok());
    fd.ok_or_else(|| format!("'{}' is not the number of a descriptor", text.escape_debug()))
}

/// Accepts digits only: the parser of std would accept a sign too.
fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_written_back() {
        let tcp = |host: &str, port| Address::Tcp { host: host.into(), port };
        for (text, address) in [
            ("tcp://localhost:18861", tcp("localhost", 18861)),
            ("tcp://127.0.0.1:0", tcp("127.0.0.1", 0)),
            ("tls://example.org:18861", Address::Tls { host: "example.org".into(), port: 18861 }),
            ("tls://[::1]:1", Address::Tls { host: "::1".into(), port: 1 }),
            ("tcp://:65535", tcp("", 65535)),
            ("tcp://[::1]:80", tcp("::1", 80)),
            ("tcp://[fe80::1%eth0]:80", tcp("fe80::1%eth0", 80)),
            ("unix:///run/a b.sock", Address::Unix("/run/a b.sock".into())),
            ("unix://@name/of it", Address::Abstract("name/of it".into())),
            ("shm:///run/a b.sock", Address::Shared("/run/a b.sock".into())),
            ("fd:3,4", Address::Descriptors { read: 3, write: 4 }),
            ("fd:3", Address::Descriptors { read: 3, write: 3 }),
            ("stdio:", Address::Stdio),
            ("exec: ssh host 'a b'", Address::Exec(" ssh host 'a b'".into())),
        ] {
            assert_eq!(text.parse::<Address>().unwrap(), address);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn a_wrong_address_says_what_is_wrong() {
        let long = format!("unix:///{}", "x".repeat(107));
        for (text, what) in [
            ("", "starts with none of"),
            ("localhost:80", "starts with none of"),
            ("tcp:80", "starts with none of"),
            ("tcp://localhost", "no port"),
            ("tcp://localhost:", "not a number from 0 to 65535"),
            ("tcp://localhost:65536", "not a number from 0 to 65535"),
            ("tcp://localhost:+80", "not a number from 0 to 65535"),
            ("tcp://localhost:99999999999999999999", "not a number from 0 to 65535"),
            ("tcp://localhost:80/", "not a number from 0 to 65535"),
            ("tcp://::1:80", "needs brackets"),
            ("tcp://[::1:80", "no ']'"),
            ("tcp://[::1]80", "no port after ']'"),
            ("tcp://[::g]:80", "'::g' is not an IPv6 address"),
            ("tcp://user@host:80", "'user@host' is not a host name"),
            ("tcp://a\0b:80", "zero byte"),
            ("unix://", "must be absolute"),
            ("unix:///", "must be absolute"),
            ("unix://rel/path", "must be absolute"),
            ("unix://@", "no name after '@'"),
            ("shm://@name", "write shm:///PATH"),
            ("shm://", "write shm:///PATH"),
            (&long.replace("unix", "shm"), "has 108 bytes"),
            (&long, "has 108 bytes"),
            ("fd:", "'' is not the number of a descriptor"),
            ("fd:x", "'x' is not the number of a descriptor"),
            ("fd:3,", "'' is not the number of a descriptor"),
            ("fd:-1,3", "'-1' is not the number of a descriptor"),
            ("fd:3,4294967295", "'4294967295' is not the number of a descriptor"),
            ("stdio:x", "nothing may follow"),
            ("exec: ", "no command"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(matches!(error, Error::Address(_)), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(what), "'{text}' gave: {message}");
        }
    }
}
