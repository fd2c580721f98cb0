//! Calls: their arguments on the way out, and what the called get.

use super::{Connection, Object};
use crate::connection;
use crate::error::{Error, Exception, Result};
use crate::objects;
use crate::value::{Reference, Value};
use std::any::Any;

/// What code that serves a call gives: a value, or an exception for the caller. Errors of this library become exceptions by `?`.
pub type Answer<T> = Result<T, Exception>;

/// Arguments of a call: a tuple, an array, a slice or a vector.
pub trait Args {
    /// The arguments as values.
    fn into_values(self) -> Vec<Value>;
}

impl Args for () {
    fn into_values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl Args for &[Value] {
    fn into_values(self) -> Vec<Value> {
        self.to_vec()
    }
}

impl<T: Into<Value>> Args for Vec<T> {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<Value>, const N: usize> Args for [T; N] {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => {
        $(
            impl<$($name: Into<Value>),+> Args for ($($name,)+) {
                #[allow(non_snake_case)]
                fn into_values(self) -> Vec<Value> {
                    let ($($name,)+) = self;
                    vec![$($name.into()),+]
                }
            }
        )+
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}

/// A call of a peer to something of ours.
pub struct Call {
    inner: objects::Call,
}

impl Call {
    pub(super) fn of(inner: objects::Call) -> Call {
        Call { inner }
    }

    /// An argument by its place in the signature. A value of another type makes the TypeError that the caller gets.
    pub fn arg<T>(&self, index: usize) -> Answer<T>
    where
        T: TryFrom<Value>,
        Error: From<T::Error>,
    {
        let value = self.inner.args().get(index).cloned();
        let value =
            value.ok_or_else(|| Exception::builtin("TypeError", format!("argument {} is missing", index + 1)))?;
        T::try_from(value).map_err(|error| match Error::from(error) {
            Error::Type(text) => {
                Exception::builtin("TypeError", format!("{}: {text}", self.inner.argument_name(index)))
            }
            Error::Range(text) => {
                Exception::builtin("OverflowError", format!("{}: {text}", self.inner.argument_name(index)))
            }
            other => other.into(),
        })
    }

    /// All arguments: one for each parameter of the signature, with its default where the caller gave none. `*args` is a tuple,
    /// `**keywords` a dict.
    pub fn args(&self) -> &[Value] {
        self.inner.args()
    }

    /// The name of the method or function that is called.
    pub fn name(&self) -> &str {
        let name = self.inner.name();
        name.strip_prefix("exposed_").unwrap_or(name)
    }

    /// How messages name an argument: `add() argument 'b'`.
    pub fn argument_name(&self, index: usize) -> String {
        self.inner.argument_name(index)
    }

    /// What the object that is called holds: what [`ClassBuilder::state`](super::ClassBuilder::state) made for a service, or
    /// [`Class::instance`](super::Class::instance) was given.
    pub fn state<S: Any>(&self) -> Answer<&S> {
        let wrong = || Exception::builtin("RuntimeError", "the method expects an object with a state of another type");
        self.inner.object().state().downcast_ref().ok_or_else(wrong)
    }

    /// The object that is called.
    pub fn object(&self) -> Object {
        Object(Reference::Local(self.inner.object().clone()))
    }

    /// The connection that the call came over, which it does not keep open; `None` for one of our own.
    pub fn connection(&self) -> Option<Connection> {
        self.inner.peer().and_then(connection::Connection::of).map(Connection::of)
    }

    /// Does nobody wait for the answer any more? Code that runs long may look.
    pub fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    /// Answers. A call that is dropped without an answer gives its caller a RuntimeError.
    pub fn finish(mut self, answer: Answer<impl Into<Value>>) -> Result<()> {
        self.inner.finish(answer.map(Into::into))
    }
}
