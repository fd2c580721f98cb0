//! What settings hold beside scalars: objects and functions of the application.

use crate::authentication::Authenticator;
use crate::error::{ExceptionTypes, Result};
use crate::log::Logger;
use crate::value::{Home, Reference, Value};
use std::fmt;
use std::sync::Arc;

/// Runs before a connection of ours is closed by us; gets the connection and the peer's root.
pub type BeforeClosed = Arc<dyn Fn(&Arc<dyn Home>, &Reference) -> Result<()> + Send + Sync>;
#[derive(Clone, Default)]
pub struct Application {
    pub logger: Logger,
    pub exceptions: Arc<ExceptionTypes>,
    pub credentials: Value,
    /// Local and peer, in place of what the transport says.
    pub endpoints: Option<(Arc<str>, Arc<str>)>,
    pub before_closed: Option<BeforeClosed>,
    /// Authenticates each peer before the first frame; its credentials replace `credentials`.
    pub authenticator: Option<Authenticator>,
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").finish_non_exhaustive()
    }
}
