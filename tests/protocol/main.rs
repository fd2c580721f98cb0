//! The session by itself, without sockets, threads and clock: what goes in, what comes out. One program, for it is compiled and
//! linked much faster than one for each file.

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod boxing;
mod counts;
mod destinations;
mod dialects;
mod ending;
mod handlers;
mod limits;
mod malformed;
mod native;
mod properties;
mod refusals;
mod repeated;
mod requests;
mod sequences;
mod silence;
mod usual;
