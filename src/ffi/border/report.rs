//! What an rpyc_error stands for.

use crate::error::Exception;
use crate::ffi::border::handle::Handle;
use crate::ffi::border::status::{Failure, error_of, rpyc_status};
use crate::ffi::border::types::rpyc_error;
use crate::printable;
use crate::value::Text;
use once_cell::sync::OnceCell;
use std::ffi::{CStr, CString};

impl Handle for rpyc_error {
    type Inner = Report;
    const WORD: [u8; 8] = *b"error\0\0\0";
}

/// The data behind an rpyc_error; its strings are ready to be borrowed by C.
#[derive(Clone)]
pub(crate) struct Report {
    pub status: rpyc_status,
    pub message: CString,
    /// The message on one line, once it has been asked for.
    pub described: OnceCell<CString>,
    pub raised: Option<Box<Raised>>,
}

/// An exception that is the reason.
#[derive(Clone)]
pub(crate) struct Raised {
    pub exception: Exception,
    pub module: CString,
    pub name: CString,
    pub traceback: CString,
    /// Of the attributes, in their order.
    pub names: Vec<CString>,
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Report {
        let raised = failure.exception.map(|exception| {
            let text = |text: &Text| c_text(text.as_str());
            Box::new(Raised {
                module: text(&exception.module),
                name: text(&exception.name),
                traceback: text(&exception.traceback),
                names: exception.attributes.iter().map(|(name, _)| text(name)).collect(),
                exception,
            })
        });
        Report { status: failure.status, message: c_text(&failure.message), described: OnceCell::new(), raised }
    }
}

impl Report {
    pub fn text(&self) -> &str {
        self.message.to_str().unwrap_or_default()
    }

    /// The message as logs and terminals can take it.
    pub fn description(&self) -> &CStr {
        self.described.get_or_init(|| c_text(&printable::one_line(self.text())))
    }

    pub fn exception(&self) -> Option<&Exception> {
        self.raised.as_ref().map(|raised| &raised.exception)
    }

    /// What a peer gets to whom it is passed on.
    pub fn into_raised(self) -> Exception {
        match self.raised {
            Some(raised) => raised.exception,
            None => error_of(self.status, self.text().to_owned()).into(),
        }
    }
}

/// A text that ends with NUL; each NUL within becomes U+FFFD.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}
