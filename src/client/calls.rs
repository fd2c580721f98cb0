//! Calls that find their way from the root of whichever connection is open.

use super::Client;
use crate::connection::shared_of;
use crate::error::{Error, Result};
use crate::objects::ask;
use crate::value::{Ask, Proxy, Reference, Text, Value};

/// How many connections a request is tried on, if each ends before it is sent.
const ATTEMPTS: usize = 3;

impl Client {
    /// Gets the peer's root object.
    pub fn root(&self) -> Result<Reference> {
        self.on_root(|root| Ok(root.clone()))
    }

    /// Gets an attribute by its path from the root.
    pub fn get_attr(&self, path: &str) -> Result<Value> {
        self.on_root(|root| {
            let (owner, name) = owner_of(root, path)?;
            ask(&owner, Ask::GetAttr(name))
        })
    }

    /// Calls a method by its path from the root.
    pub fn call(&self, path: &str, args: &[Value], keywords: &[(Text, Value)]) -> Result<Value> {
        self.on_root(|root| {
            args.iter().chain(keywords.iter().map(|(_, value)| value)).try_for_each(check)?;
            let (owner, name) = owner_of(root, path)?;
            ask(&owner, Ask::CallAttr { name, args, keywords })
        })
    }

    /// Asks the root of the open connection. `work` is repeated only if its last request was certainly not sent.
    fn on_root<R>(&self, work: impl Fn(&Reference) -> Result<R>) -> Result<R> {
        let mut attempt = 1;
        loop {
            let connection = self.connection()?;
            let done = match connection.root() {
                Ok(root) => work(&root),
                // It runs nothing.
                Err(Error::Eof(text) | Error::Closed(text)) => Err(Error::Stale(text)),
                Err(error) => Err(error),
            };
            match done {
                Err(Error::Stale(_)) if connection.closed() && attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }
}

/// Gets the object before the last name of a path.
fn owner_of<'a>(root: &Reference, path: &'a str) -> Result<(Reference, &'a str)> {
    let (way, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut owner = root.clone();
    for step in way.split('.').filter(|_| !way.is_empty()) {
        owner = match ask(&owner, Ask::GetAttr(step))? {
            Value::Ref(next) => next,
            other => {
                return Err(Error::Type(format!(
                    "path '{path}': {step} is not an object but of type {}",
                    other.type_name()
                )));
            }
        };
    }
    Ok((owner, name))
}

/// Rejects objects whose connection has ended: the peer could do nothing with them.
fn check(value: &Value) -> Result<()> {
    let is_stale = |proxy: &Proxy| match shared_of(proxy) {
        Ok(shared) => shared.is_closed(),
        // An object of a session has another error.
        Err(error) => matches!(error, Error::Stale(_)),
    };
    match value.any_remote(&is_stale) {
        true => Err(Error::Stale("an argument is an object whose connection has ended; get the object again".into())),
        false => Ok(()),
    }
}
