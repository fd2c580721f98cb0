//! What the tests of the session share. Each test program uses a part of it.
#![allow(dead_code)]

pub mod masks;
pub mod node;
pub mod pair;
pub mod peer;
pub mod recording;
pub mod replay;
pub mod script;
pub mod survivor;
pub mod thing;
