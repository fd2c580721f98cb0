//! Values: plain data, and references to objects.

pub(crate) mod kind;
pub(crate) mod make;

pub(crate) mod read;

pub(crate) mod array;

pub(crate) mod convert;

pub(crate) mod time;

#[cfg(test)]
mod values_test;
