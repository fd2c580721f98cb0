//! Tells what a full server has to know of its connections: how many are from one address, and whether one has been
//! silent so far.

use crate::connection::Shared;
use std::net::IpAddr;
use std::sync::Arc;

/// The common part of the addresses of one customer: an IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin(u128);

impl Origin {
    /// Gets it from a peer's name as the transport has it. None if the peer has no address.
    pub fn of(peer: &str) -> Option<Origin> {
        let rest = peer.strip_prefix("tcp://").or_else(|| peer.strip_prefix("tls://"))?;
        let (host, _port) = rest.rsplit_once(':')?;
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
    /// Its stream has a handshake or an authentication before it, which has not ended yet.
    pub proving: bool,
    /// It is being closed to make room, and its thread has not noticed yet.
    pub leaving: bool,
}

impl Place {
    /// Finds out whether it has sent no message so far and the application is not busy with it.
    pub fn silence(&self) -> Silence {
        let silent = match (self.proving, self.begun) {
            (true, _) => Some(true),
            (false, true) => self.shared.awaits_first_message(),
            (false, false) => Some(!self.shared.has_arrived()),
        };
        match silent {
            Some(true) => Silence::Silent,
            Some(false) => Silence::Broken,
            None => Silence::Unclear,
        }
    }
}

/// Whether a connection has sent no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    Silent,
    Broken,
    /// A thread is working on it, perhaps for a moment: to begin it, or on what has arrived.
    Unclear,
}

/// Returns the number of connections from one origin.
pub fn count<'a>(places: impl Iterator<Item = &'a Place>, origin: Option<Origin>) -> usize {
    places.filter(|place| place.origin == origin).count()
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
