//! Detects a trace that leads to itself, which would connect to itself until no descriptor is left.

use crate::failure::Failure;
use rpyc::wire::Address;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};

/// Rejects `to` if it is certainly the address on which the trace listens.
pub fn check(listen: &Address, to: &Address) -> Result<(), Failure> {
    let back = match (listen, to) {
        (Address::Tcp { host, port }, Address::Tcp { host: to, port: to_port }) if port == to_port => {
            let to = if to.is_empty() { "127.0.0.1" } else { to };
            let (own, there) = ((host.as_str(), *port).to_socket_addrs(), (to, *to_port).to_socket_addrs());
            match (own.map(|mut own| own.next()), there) {
                (Ok(Some(own)), Ok(mut there)) => there.all(|there| leads_back(own, there)),
                // A name that cannot be resolved is reported to each client.
                _ => false,
            }
        }
        (Address::Unix(own) | Address::Shared(own), Address::Unix(there) | Address::Shared(there)) => {
            own == there || matches!((own.canonicalize(), there.canonicalize()), (Ok(a), Ok(b)) if a == b)
        }
        (own, there) => own == there,
    };
    if !back {
        return Ok(());
    }
    Err(Failure::usage(format!("--to {to}: the trace itself listens there"))
        .hint("give two addresses: the clients connect to --listen, the server listens on --to"))
}

/// Returns whether a connection to this server would reach this listener. Called for each connection, when the
/// server's address is known: a host can have several.
pub fn is_own(listen: &Address, server: &str) -> bool {
    let (Address::Tcp { host, port }, Ok(Address::Tcp { host: to, port: to_port })) = (listen, server.parse()) else {
        return false;
    };
    match (host.parse(), to.parse()) {
        (Ok(own), Ok(there)) => leads_back(SocketAddr::new(own, *port), SocketAddr::new(there, to_port)),
        _ => false,
    }
}

fn leads_back(own: SocketAddr, there: SocketAddr) -> bool {
    let (own_ip, ip) = (own.ip().to_canonical(), there.ip().to_canonical());
    let covers = own_ip == ip || own_ip.is_unspecified() && (own_ip.is_ipv6() || ip.is_ipv4()) && is_here(ip);
    own.port() == there.port() && covers
}

/// Only an address of this machine can be bound.
fn is_here(ip: IpAddr) -> bool {
    ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_back_is_seen() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        for (listen, to, back) in [
            ("tcp://127.0.0.1:7", "tcp://127.0.0.1:7", true),
            ("tcp://127.0.0.1:7", "tcp://:7", true),
            ("tcp://127.0.0.1:7", "tcp://127.0.0.1:8", false),
            ("tcp://127.0.0.1:7", "tcp://127.0.0.2:7", false),
            ("tcp://0.0.0.0:7", "tcp://127.0.0.2:7", true),
            ("tcp://0.0.0.0:7", "tcp://192.0.2.1:7", false),
            ("tcp://0.0.0.0:7", "tcp://[::1]:7", false),
            ("tcp://[::]:7", "tcp://127.0.0.1:7", true),
            ("unix:///tmp/a", "unix:///tmp/a", true),
            ("unix:///tmp/a", "unix:///tmp/b", false),
            ("unix:///tmp/a", "shm:///tmp/a", true),
            ("unix://@a", "unix://@a", true),
            ("tcp://127.0.0.1:7", "exec:true", false),
        ] {
            assert_eq!(check(&address(listen), &address(to)).is_err(), back, "{listen} to {to}");
        }
        assert!(is_own(&address("tcp://0.0.0.0:7"), "tcp://127.0.0.1:7"));
        assert!(!is_own(&address("tcp://0.0.0.0:7"), "tcp://127.0.0.1:8"));
        assert!(!is_own(&address("tcp://0.0.0.0:7"), "unix socket"));
    }
}
