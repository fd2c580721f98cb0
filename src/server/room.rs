//! Whom a server takes in when places are few: how many connections there are of an address, and which one makes room.

use crate::connection::Shared;
use std::net::IpAddr;
use std::sync::Arc;

/// What connections of one address have in common: an IPv4 address, or the first 64 bits of one of IPv6, which belong to one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin(u128);

impl Origin {
    /// Of a peer's name as the transport has it. None: it has no address.
    pub fn of(peer: &str) -> Option<Origin> {
        let (host, _port) = peer.strip_prefix("tcp://")?.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = host.split('%').next().unwrap_or(host);
        match host.parse::<IpAddr>().ok()?.to_canonical() {
            IpAddr::V4(address) => Some(Origin(address.to_ipv6_mapped().into())),
            IpAddr::V6(address) => Some(Origin(u128::from(address) >> 64 << 64)),
        }
    }
}

/// One of a server's connections.
pub struct Place {
    pub shared: Arc<Shared>,
    pub origin: Option<Origin>,
    /// Its thread runs. From then on the connection itself tells whether the application is busy with it.
    pub begun: bool,
    /// It has made room for another, and its thread is about to see it.
    pub leaving: bool,
}

impl Place {
    /// Has it said nothing so far, and has the application nothing to do with it?
    pub fn is_silent(&self) -> bool {
        if self.begun { self.shared.awaits_first_message() } else { !self.shared.has_arrived() }
    }
}

/// How many of them come from there?
pub fn count<'a>(places: impl Iterator<Item = &'a Place>, origin: Origin) -> usize {
    places.filter(|place| place.origin == Some(origin)).count()
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;

    #[test]
    fn origins_are_addresses_without_ports() {
        let origin = |peer: &str| Origin::of(peer);
        assert_eq!(origin("tcp://127.0.0.1:1"), origin("tcp://127.0.0.1:65535"));
        assert_ne!(origin("tcp://127.0.0.1:1"), origin("tcp://127.0.0.2:1"));
        assert_eq!(origin("tcp://[::ffff:127.0.0.1]:1"), origin("tcp://127.0.0.1:2"));
        assert_eq!(origin("tcp://[2001:db8:0:1::1]:1"), origin("tcp://[2001:db8:0:1:ffff::2]:2"));
        assert_ne!(origin("tcp://[2001:db8:0:1::1]:1"), origin("tcp://[2001:db8:0:2::1]:1"));
        assert_eq!(origin("tcp://[fe80::1%eth0]:1"), origin("tcp://[fe80::1]:2"));
        assert!(origin("tcp://[::1]:1").is_some());
        assert_ne!(origin("tcp://[::1]:1"), origin("tcp://0.0.0.0:1"));
        for none in ["unix:///tmp/x", "unix://", "", "pair", "tcp://host:1"] {
            assert_eq!(origin(none), None, "{none}");
        }
    }
}
