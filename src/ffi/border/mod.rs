//! What every function of the border is made of.

pub(crate) mod status;

pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod packed;
pub(crate) mod pointer;
pub(crate) mod table;
pub(crate) mod userdata;
