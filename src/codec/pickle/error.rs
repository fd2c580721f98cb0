//! Errors of pickles.

use crate::value::GraphError;

/// Why a pickle cannot be read as plain data, or plain data not be written as a pickle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickleError {
    #[error("the pickle was rejected: {name} at byte {offset} is not plain data")]
    Refused { name: &'static str, offset: usize },
    #[error("not a pickle: {what} at byte {offset}")]
    Malformed { what: &'static str, offset: usize },
    #[error("a pickle of more than {limit} {what} (at byte {offset})")]
    Limit { what: &'static str, limit: usize, offset: usize },
    #[error("no memory for {bytes} bytes of a pickle")]
    NoMemory { bytes: usize },
    #[error("the pickle cannot be read: {0}")]
    Graph(#[from] GraphError),
    #[error("cannot pickle '{0}' object")]
    NotPlain(String),
    #[error("a {what} of {size} bytes has no form in pickle protocol {protocol}")]
    TooLong { what: &'static str, size: usize, protocol: u8 },
}

impl PickleError {
    /// Returns whether the pickle exceeds a limit, rather than being malformed.
    pub fn is_limit(&self) -> bool {
        match self {
            PickleError::Limit { .. } | PickleError::TooLong { .. } => true,
            PickleError::Graph(error) => {
                matches!(error, GraphError::TooDeep(_) | GraphError::TooManyItems(_) | GraphError::TooManyBytes(_))
            }
            _ => false,
        }
    }
}
