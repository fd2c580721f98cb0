//! What a peer is told of what went wrong here.

use super::Exception;
use crate::nesting::TooDeep;

impl TooDeep {
    /// What the caller gets. To be asked where the level was refused.
    #[cold]
    #[inline(never)]
    pub fn exception(self) -> Box<Exception> {
        Box::new(Exception::builtin("RecursionError", self.text()))
    }
}
