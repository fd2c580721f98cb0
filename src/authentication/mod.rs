//! Authentication of a peer on the raw stream, before the first frame.
//!
//! An authenticator gets an `Opening`: the stream with a time limit. It returns the credentials of the peer, or an
//! error, which closes the connection. This module only knows the form of both; `connection/admission.rs` implements
//! the opening over a transport and runs the authenticator.

pub mod secret;
pub mod unix;

use crate::error::Result;
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// The process at the other end of a Unix socket, as the kernel recorded it when the socket was connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// The process id; it may belong to another process by now.
    pub pid: i32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
}

/// The raw stream of one peer before the first frame. After a failed `read` or `write`, the authentication fails,
/// whatever the authenticator returns.
pub trait Opening: Send + Sync {
    /// Reads exactly as many bytes as `room` has.
    fn read(&self, room: &mut [u8]) -> Result<()>;

    /// Writes all bytes.
    fn write(&self, bytes: &[u8]) -> Result<()>;

    /// Returns the time left. None for no limit.
    fn time_left(&self) -> Option<Duration>;

    /// Returns whether this side is the server, which accepted the stream.
    fn is_server(&self) -> bool;

    /// Returns the name of the peer, as in messages.
    fn peer_name(&self) -> String;

    /// Returns the process at the other end of a Unix socket.
    fn user(&self) -> Option<User>;

    /// Returns the certificate with which the peer authenticated itself, as DER.
    fn certificate(&self) -> Option<Vec<u8>>;
}

/// Returns the credentials of the peer, or the reason why it is refused.
pub type Authenticator = Arc<dyn Fn(&Arc<dyn Opening>) -> Result<Value> + Send + Sync>;
