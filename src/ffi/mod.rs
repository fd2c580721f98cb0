//! The C border: handles, ownership and status, and nothing else. One folder or file for each chapter of
//! `include/rpyc.h`, which is made from their doc comments; the order of the modules is the order of its functions.
//! `border` is the machinery that the chapters share, with the form of a function; it knows none of them.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc)]

// An empty line keeps rustfmt from sorting across it.
mod border;

mod version;

mod error;
mod value;

mod config;
mod connection;

mod object;

mod service;

mod session;

mod classic;

mod log;

mod application;
