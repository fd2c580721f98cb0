//! The master's side: modules, builtins, eval, execute and namespace of a classic server.

use super::slave::OPENED;
use crate::codec::pickle;
use crate::config::Config;
use crate::connection::{Connection, shared_of};
use crate::error::{Error, Result};
use crate::objects::{Class, Definition, Member, MemberKind, ask};
use crate::protocol::Handler;
use crate::sync::{Mutex, lock};
use crate::transport::Address;
use crate::value::{Ask, Bounds, Reference, Text, Value};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The port of `rpyc_classic`.
const PORT: u16 = 18812;

/// A connection to a classic server, and what has been fetched of it. All clones are one.
#[derive(Clone)]
pub struct Classic {
    connection: Connection,
    shared: Arc<Fetched>,
}

struct Fetched {
    root: Reference,
    modules: Mutex<HashMap<String, Reference>>,
    namespace: Mutex<Option<Reference>>,
}

/// The root for a classic server that also uses this side as its slave: empty, as RPyC's FakeSlaveService.
static FAKE_SLAVE: LazyLock<Option<Arc<Class>>> = LazyLock::new(|| {
    let names = ["exposed_namespace", "exposed_execute", "exposed_eval", "exposed_getmodule", "exposed_getconn"];
    let members =
        names.map(|name| Member { name: Text::new(name), doc: None, kind: MemberKind::Constant(Value::None) });
    let definition = Definition { name: "FakeSlaveService".into(), members: members.into(), ..Definition::default() };
    Class::new(definition).ok()
});

/// An address; without a port, that of `rpyc_classic`.
fn parse(address: &str) -> Result<Address> {
    match address.parse() {
        Ok(address) => Ok(address),
        Err(error) => format!("{address}:{PORT}").parse().map_err(|_| error),
    }
}

impl Classic {
    /// Connects to a classic server. Without a service, the server gets no local objects.
    ///
    /// The settings are those of RPyC's ClassicService, unless the application chose others. Exposed names stay
    /// enabled: the peer finds the members of `FAKE_SLAVE` by them.
    pub fn connect(address: &str, service: Option<&Arc<Class>>, mut config: Config) -> Result<Classic> {
        for name in OPENED {
            config.set_default(name, "true")?;
        }
        let service = service.or(FAKE_SLAVE.as_ref());
        Classic::new(Connection::connect(&parse(address)?, service, config)?)
    }

    /// The classic server at the other end of a connection.
    pub fn new(connection: Connection) -> Result<Classic> {
        let root = connection.root()?;
        let shared = Arc::new(Fetched { root, modules: Mutex::default(), namespace: Mutex::default() });
        Ok(Classic { connection, shared })
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    pub fn root(&self) -> &Reference {
        &self.shared.root
    }

    fn call_root(&self, name: &str, args: &[Value]) -> Result<Value> {
        ask(self.root(), Ask::CallAttr { name, args, keywords: &[] })
    }

    /// Returns a module of the peer, imported there at its first use.
    pub fn module(&self, name: &str) -> Result<Reference> {
        if let Some(module) = lock(&self.shared.modules).get(name) {
            return Ok(module.clone());
        }
        let module = object(self.call_root("getmodule", &[Value::str(name)])?, "the module")?;
        // Two threads that fetch it at once get the same module.
        lock(&self.shared.modules).insert(name.to_owned(), module.clone());
        Ok(module)
    }

    pub fn builtins(&self) -> Result<Reference> {
        self.module("builtins")
    }

    /// Calls a function of a module.
    pub fn call(&self, module: &str, function: &str, args: &[Value], keywords: &[(Text, Value)]) -> Result<Value> {
        ask(&self.module(module)?, Ask::CallAttr { name: function, args, keywords })
    }

    /// The value of an expression in the peer's namespace.
    pub fn eval(&self, text: &str) -> Result<Value> {
        self.call_root("eval", &[Value::str(text)])
    }

    /// Runs statements in the peer's namespace.
    pub fn execute(&self, text: &str) -> Result<()> {
        self.call_root("execute", &[Value::str(text)]).map(drop)
    }

    /// The peer's namespace: a dict.
    pub fn namespace(&self) -> Result<Reference> {
        if let Some(namespace) = &*lock(&self.shared.namespace) {
            return Ok(namespace.clone());
        }
        let namespace = object(ask(self.root(), Ask::GetAttr("namespace"))?, "the namespace")?;
        *lock(&self.shared.namespace) = Some(namespace.clone());
        Ok(namespace)
    }

    /// A name of the namespace.
    pub fn get(&self, name: &str) -> Result<Value> {
        let args = [Value::str(name)];
        ask(&self.namespace()?, Ask::CallAttr { name: "__getitem__", args: &args, keywords: &[] })
    }

    pub fn set(&self, name: &str, value: Value) -> Result<()> {
        let args = [Value::str(name), value];
        ask(&self.namespace()?, Ask::CallAttr { name: "__setitem__", args: &args, keywords: &[] }).map(drop)
    }

    /// The peer's own end of this connection.
    pub fn getconn(&self) -> Result<Reference> {
        object(self.call_root("getconn", &[])?, "the connection")
    }

    /// Copies an object by its pickle, in one request. A pickle with more than plain data is rejected.
    pub fn obtain(&self, object: &Reference, bounds: &Bounds) -> Result<Value> {
        let Reference::Remote(proxy) = object else {
            return Err(Error::Argument("the object belongs to this process".into()));
        };
        if !Arc::ptr_eq(&shared_of(proxy)?, self.connection.shared()) {
            return Err(Error::Argument("the object belongs to another connection".into()));
        }
        let protocol = Value::Int(pickle::DEFAULT.into());
        let answer = self.connection.sync_request(Handler::Pickle as i64, &[Value::Ref(object.clone()), protocol])?;
        let Value::Bytes(bytes) = answer else {
            return Err(Error::Malformed(format!("reply to PICKLE: expected bytes, got {}", answer.type_name())));
        };
        let mut limits = self.connection.config().limits;
        limits.depth = limits.depth.min(bounds.depth);
        limits.items = limits.items.min(bounds.items);
        limits.bytes = limits.bytes.min(bounds.bytes);
        limits.memory = limits.memory.min(memory_for(bounds));
        Ok(pickle::read(&bytes, &limits)?)
    }
}

/// The upper bound on the memory that the reader of pickles counts for a value within the bounds.
fn memory_for(bounds: &Bounds) -> usize {
    // Place, container, memo, lookup, mark, head of a string. Small bounds are reported under their own names.
    const ITEM: usize = 512;
    bounds.items.saturating_mul(ITEM).saturating_add(bounds.bytes).saturating_add(1 << 20)
}

/// Converts a value that must be an object of the peer.
pub(super) fn object(value: Value, what: &str) -> Result<Reference> {
    match value {
        Value::Ref(object) => Ok(object),
        other => Err(Error::Type(format!("{what}: expected an object, got {}", other.type_name()))),
    }
}
