//! The C border: handles, ownership and status, and nothing else. The order of the modules is the order of
//! `include/rpyc.h`, which is made from their doc comments.
//!
//! A function of the border is one call of `guard::guard` with one `unsafe` block around it. Inside, in this order:
//! take what is consumed, then `pointer::output` each output (which empties it), then look at the other inputs, then
//! work. An early `?` thereby leaves every output empty and everything consumed is dropped.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc)]

// The order of the header; an empty line keeps rustfmt from sorting across it.
mod status;
mod version;

mod error;
mod value;
mod value_new;

mod value_get;

mod value_array;

mod config;
mod transport;

// Constants that only the header's readers use.
#[allow(dead_code)]
mod connection;
mod connection_facts;

mod event_loop;
mod serving;

mod async_result;
#[allow(dead_code)]
mod object;
mod object_compare;
mod object_hold;
mod object_items;

mod object_async;
mod object_obtain;
mod object_restricted;

mod buffer;

mod class;

mod list;

mod dict;
mod file;

mod call;
mod call_answer;
mod server;

mod queue;

mod session;
mod session_objects;
mod session_requests;

mod decoder;

mod classic;
mod classic_streams;
mod slave;

mod log;

mod config_host;

// What they share.
mod guard;
mod handle;
mod packed;
mod pointer;
mod table;
mod userdata;

#[cfg(test)]
mod values_test;
