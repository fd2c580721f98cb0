//! What a program serves: classes, lists, dicts and files that peers use, the calls that they make, and servers.

pub(crate) mod class;

mod list;

mod dict;
mod file;

pub(crate) mod call;

mod answer;
pub(crate) mod server;
mod stopping;

mod queue;
