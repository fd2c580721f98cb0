//! Values: plain data, and references to objects.

pub(crate) mod kind;
pub(crate) mod make;

pub(crate) mod read;

pub(crate) mod array;

#[cfg(test)]
mod values_test;
