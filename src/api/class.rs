//! Classes of ours: what peers see of this program's objects, and the services of servers and connections.

use super::call::{Answer, Call};
use super::{Connection, Object};
use crate::connection;
use crate::error::{Exception, Result};
use crate::objects::{self, Class as Inner, Definition, Hook, Member, MemberKind, Method, Service};
use crate::panics;
use crate::value::{Text, Value};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A class of this program, made of closures; also one whose instances are the roots of connections, a service.
///
/// ```
/// # fn main() -> rpyc::Result<()> {
/// let class = rpyc::Class::builder("geo.Point").method("norm()", |call| Ok(call.state::<(f64, f64)>()?.0.abs())).build()?;
/// let point = class.instance((-2.0f64, 0.0f64));
/// assert_eq!(f64::try_from(point.call("norm", ())?)?, 2.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Class(Arc<Inner>);

impl Class {
    /// Begins a class of this name, with its module or without: `bank.Account`.
    pub fn builder(name: &str) -> ClassBuilder {
        let (module, name) = name.rsplit_once('.').unwrap_or(("", name));
        let definition = Definition { module: module.into(), name: name.into(), ..Definition::default() };
        let service = Service {
            aliases: Vec::new(),
            create: Box::new(|_| Box::new(())),
            on_connect: None,
            on_disconnect: None,
            shared: false,
        };
        ClassBuilder { definition, service, failed: None }
    }

    /// An object of this class around a state, which its methods find with [`Call::state`].
    pub fn instance<S: Any + Send + Sync>(&self, state: S) -> Object {
        Object::local(self.0.instance(Box::new(state)))
    }

    /// The class itself as an object.
    pub fn as_object(&self) -> Object {
        Object::local(self.0.as_object())
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<class {}>", self.0.shape().type_name)
    }
}

/// A class that is being described. What is wrong with a description, [`build`](ClassBuilder::build) tells.
pub struct ClassBuilder {
    definition: Definition,
    service: Service,
    failed: Option<crate::error::Error>,
}

impl ClassBuilder {
    /// What `help()` says of the class.
    pub fn doc(mut self, text: &str) -> ClassBuilder {
        self.definition.doc = Some(Text::new(text));
        self
    }

    /// What `help()` says of the member that was given last.
    pub fn member_doc(mut self, text: &str) -> ClassBuilder {
        if let Some(member) = self.definition.members.last_mut() {
            member.doc = Some(Text::new(text));
        }
        self
    }

    /// A method, with its signature as in Python: `"transfer(amount, to=None)"`. Peers find it under this name; for the attribute rules
    /// it is exposed, unless it is a special one such as `__len__`.
    pub fn method<R, F>(self, signature: &str, run: F) -> ClassBuilder
    where
        R: Into<Value>,
        F: Fn(&Call) -> Answer<R> + Send + Sync + 'static,
    {
        self.member(Member::method(&exposed(name_of(signature)), Some(signature), None, answering(run)))
    }

    /// A method that may answer later, from any thread, with [`Call::finish`].
    pub fn deferred(self, signature: &str, run: impl Fn(Call) + Send + Sync + 'static) -> ClassBuilder {
        let run: Method = Arc::new(move |call| {
            // A panic drops the call, whose caller hears of that.
            let _ = panics::inside(|| panics::outside(|| run(Call::of(call))));
        });
        self.member(Member::method(&exposed(name_of(signature)), Some(signature), None, run))
    }

    /// An attribute that is computed when it is read.
    pub fn property<R, F>(self, name: &str, get: F) -> ClassBuilder
    where
        R: Into<Value>,
        F: Fn(&Call) -> Answer<R> + Send + Sync + 'static,
    {
        let kind = MemberKind::Property { get: Some(answering(get)), set: None, del: None };
        self.member(Ok(Member { name: Text::from(exposed(name)), doc: None, kind }))
    }

    /// An attribute that peers may also set, where the option `allow_setattr` lets them; `set` finds the value as its argument.
    pub fn settable<R, F, G>(self, name: &str, get: F, set: G) -> ClassBuilder
    where
        R: Into<Value>,
        F: Fn(&Call) -> Answer<R> + Send + Sync + 'static,
        G: Fn(&Call) -> Answer<()> + Send + Sync + 'static,
    {
        let kind = MemberKind::Property { get: Some(answering(get)), set: Some(answering(set)), del: None };
        self.member(Ok(Member { name: Text::from(exposed(name)), doc: None, kind }))
    }

    /// A value that all objects of the class have.
    pub fn constant(self, name: &str, value: impl Into<Value>) -> ClassBuilder {
        let kind = MemberKind::Constant(value.into());
        self.member(Ok(Member { name: Text::from(exposed(name)), doc: None, kind }))
    }

    /// Calls for one object never overlap.
    pub fn serial(mut self) -> ClassBuilder {
        self.definition.serial = true;
        self
    }

    /// As a service: one more name by which a registry or a client knows it.
    pub fn alias(mut self, name: &str) -> ClassBuilder {
        self.service.aliases.push(Text::new(name));
        self
    }

    /// As a service: makes the state for each connection.
    pub fn state<S: Any + Send + Sync>(mut self, make: impl Fn() -> S + Send + Sync + 'static) -> ClassBuilder {
        self.service.create = Box::new(move |_| Box::new(make()));
        self
    }

    /// As a service: all connections have one root, and one state.
    pub fn shared(mut self) -> ClassBuilder {
        self.service.shared = true;
        self
    }

    /// As a service: runs when a connection has come about.
    pub fn on_connect(mut self, run: impl Fn(&Connection) + Send + Sync + 'static) -> ClassBuilder {
        self.service.on_connect = Some(hook(run));
        self
    }

    /// As a service: runs when a connection has ended.
    pub fn on_disconnect(mut self, run: impl Fn(&Connection) + Send + Sync + 'static) -> ClassBuilder {
        self.service.on_disconnect = Some(hook(run));
        self
    }

    /// The class, or what is wrong with its description: a signature that is none, a name that is given twice.
    pub fn build(self) -> Result<Class> {
        match self.failed {
            Some(error) => Err(error),
            None => Inner::new(Definition { service: Some(self.service), ..self.definition }).map(Class),
        }
    }

    fn member(mut self, member: Result<Member>) -> ClassBuilder {
        match member {
            Ok(member) => self.definition.members.push(member),
            Err(error) => self.failed = self.failed.or(Some(error)),
        }
        self
    }
}

fn name_of(signature: &str) -> &str {
    signature.split('(').next().unwrap_or(signature).trim()
}

/// As services of Python name what is for their peers.
fn exposed(name: &str) -> String {
    match name.starts_with("__") || name.starts_with("exposed_") {
        true => name.to_owned(),
        false => format!("exposed_{name}"),
    }
}

pub(super) fn function_member<R, F>(signature: &str, run: F) -> Result<Member>
where
    R: Into<Value>,
    F: Fn(&Call) -> Answer<R> + Send + Sync + 'static,
{
    Member::method(name_of(signature), Some(signature), None, answering(run))
}

/// Runs a closure and answers with what it gives; a panic is a RuntimeError for the caller, and stays there.
fn answering<R, F>(run: F) -> Method
where
    R: Into<Value>,
    F: Fn(&Call) -> Answer<R> + Send + Sync + 'static,
{
    Arc::new(move |call: objects::Call| {
        let call = Call::of(call);
        let answer = panics::inside(|| panics::outside(|| run(&call).map(Into::into)));
        let answer: Answer<Value> = answer.unwrap_or_else(|_| {
            let text = format!("{}() panicked", call.name());
            Err(Exception::builtin("RuntimeError", text))
        });
        // A caller that has gone gets no answer.
        let _ = call.finish(answer);
    })
}

fn hook(run: impl Fn(&Connection) + Send + Sync + 'static) -> Hook {
    connection::Connection::hook(move |connection, _| {
        let connection = Connection::of(connection.clone());
        // Nobody is there to be told of a panic.
        let _ = panics::inside(|| panics::outside(|| run(&connection)));
    })
}
