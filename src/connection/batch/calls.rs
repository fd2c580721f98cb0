//! Implements prepared methods and lists of calls.

use crate::budget;
use crate::connection::asking;
use crate::connection::shared::Shared;
use crate::error::{Error, Result};
use crate::objects::{self, Promise};
use crate::protocol::{Body, Prepared};
use crate::value::{Ask, Reference, Text, Value};
use std::sync::Arc;
use std::time::Duration;

/// A method of an object, prepared for many calls.
pub struct PreparedCall {
    object: Reference,
    /// None if the object itself is called.
    name: Option<Box<str>>,
    /// Set for a peer's object.
    pub(super) remote: Option<Prepared>,
}

impl PreparedCall {
    pub fn new(object: &Reference, name: Option<&str>) -> Result<PreparedCall> {
        let remote = match object {
            Reference::Remote(proxy) => {
                asking::shared_of(proxy)?;
                Some(Prepared::new(proxy.clone(), name))
            }
            Reference::Local(_) => None,
        };
        Ok(PreparedCall { object: object.clone(), name: name.map(Into::into), remote })
    }

    pub fn object(&self) -> &Reference {
        &self.object
    }

    fn ask<'a>(&'a self, args: &'a [Value], keywords: &'a [(Text, Value)]) -> Ask<'a> {
        match &self.name {
            Some(name) => Ask::CallAttr { name, args, keywords },
            None => Ask::Call { args, keywords },
        }
    }

    /// Calls the method and waits for the reply.
    pub fn call(&self, args: &[Value], keywords: &[(Text, Value)]) -> Result<Value> {
        match &self.remote {
            Some(call) => asking::shared_of(call.target())?.sync_request(Body::Prepared { call, args, keywords }, None),
            None => objects::ask(&self.object, self.ask(args, keywords)),
        }
    }

    /// Calls the method without waiting.
    pub fn call_later(&self, args: &[Value], keywords: &[(Text, Value)], timeout: Option<Duration>) -> Result<Promise> {
        match &self.remote {
            Some(call) => asking::request_prepared(call, args, keywords, timeout),
            None => asking::ask_later(&self.object, self.ask(args, keywords), timeout),
        }
    }
}

/// Calls to be made, all on objects of one peer or all on our own.
#[derive(Default)]
pub struct Calls {
    methods: Vec<Arc<PreparedCall>>,
    args: Vec<Value>,
    calls: Vec<OneCall>,
    shared: Option<Arc<Shared>>,
}

struct OneCall {
    method: u32,
    first: usize,
    count: usize,
    keywords: Option<Box<[(Text, Value)]>>,
}

/// One call of the list.
pub(super) struct ListedCall<'a> {
    pub method: &'a PreparedCall,
    pub args: &'a [Value],
    pub keywords: &'a [(Text, Value)],
}

impl Calls {
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Gets the connection of the objects.
    pub fn shared(&self) -> Option<&Arc<Shared>> {
        self.shared.as_ref()
    }

    /// Adds calls, each with an equal share of the arguments. Fails without adding any if the object belongs to another
    /// connection than the earlier ones, or if there are too many.
    pub fn add(
        &mut self,
        method: &Arc<PreparedCall>,
        calls: usize,
        args: impl ExactSizeIterator<Item = Value>,
        keywords: &[(Text, Value)],
    ) -> Result<()> {
        let at = self.method(method)?;
        if self.calls.len().checked_add(calls).is_none_or(|calls| u32::try_from(calls).is_err()) {
            return Err(Error::Limit("a batch cannot have more than 4294967295 calls".into()));
        }
        let (first, count) = (self.args.len(), args.len().checked_div(calls).unwrap_or(0));
        budget::reserve(&mut self.calls, calls)?;
        budget::reserve(&mut self.args, args.len())?;
        self.args.extend(args);
        self.calls.extend((0..calls).map(|call| OneCall {
            method: at,
            first: first + call * count,
            count,
            keywords: if keywords.is_empty() { None } else { Some(keywords.into()) },
        }));
        Ok(())
    }

    fn method(&mut self, method: &Arc<PreparedCall>) -> Result<u32> {
        if self.methods.last().is_none_or(|last| !Arc::ptr_eq(last, method)) {
            if let Some(call) = &method.remote {
                let shared = asking::shared_of(call.target())?;
                if self.shared.as_ref().is_some_and(|known| !Arc::ptr_eq(known, &shared)) {
                    let text = "the object belongs to another connection than the previous calls";
                    return Err(Error::Argument(text.into()));
                }
                self.shared = Some(shared);
            }
            self.methods.push(method.clone());
        }
        u32::try_from(self.methods.len() - 1).map_err(|_| Error::Limit("the batch has too many methods".into()))
    }

    pub(super) fn get(&self, index: usize) -> Option<ListedCall<'_>> {
        let call = self.calls.get(index)?;
        let args = self.args.get(call.first..call.first + call.count)?;
        let keywords = call.keywords.as_deref().unwrap_or_default();
        Some(ListedCall { method: self.methods.get(call.method as usize)?, args, keywords })
    }
}
