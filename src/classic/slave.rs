//! The slave's side: a service that a stock client drives with `rpyc.classic.connect`.

use super::modules::{self, Native};
use crate::connection::Connection;
use crate::error::{Error, Exception, Result};
use crate::objects::{
    Call, Class, Create, Definition, Dict, Hook, Member, MemberKind, Method, Object, Peer, Refused, Service, ask,
};
use crate::value::{Ask, Local, Reference, Text, Value};
use std::any::Any;
use std::sync::{Arc, OnceLock};

/// The functions of the application for its masters. Without one, the library handles the request if it can, or rejects
/// it.
#[derive(Default)]
pub struct Slave {
    pub name: Option<String>,
    pub doc: Option<Text>,
    /// Modules by their names.
    pub modules: Vec<(Text, Reference)>,
    /// Imports other modules.
    pub getmodule: Option<Method>,
    pub eval: Option<Method>,
    pub execute: Option<Method>,
    /// Returns the namespace.
    pub namespace: Option<Method>,
    /// Makes the application's state for a connection; `Refused` rejects the connection.
    pub create: Option<Create>,
    pub on_connect: Option<Hook>,
    pub on_disconnect: Option<Hook>,
    pub owner: Option<Box<dyn Any + Send + Sync>>,
}

/// The state of a slave for each connection.
pub struct SlaveState {
    /// The application's own.
    pub application: Box<dyn Any + Send + Sync>,
    modules: Arc<Vec<(Text, Reference)>>,
    native: Native,
    namespace: OnceLock<Arc<Object>>,
}

impl SlaveState {
    /// A module that needs no application.
    pub fn module(&self, name: &str) -> Option<Reference> {
        let given = self.modules.iter().find(|(known, _)| known.as_str() == name).map(|(_, module)| module);
        self.native.get(name, given).or_else(|| given.cloned())
    }
}

/// Returns the slave state of a connection, if its root is a slave.
pub fn state_of(root: &Object) -> Option<&SlaveState> {
    root.state().downcast_ref::<SlaveState>()
}

/// The namespace of the connection over which a call was received, as its master gets it.
pub fn namespace_of(call: &Call) -> Result<Value> {
    let root = modules::service_of(call).filter(|root| state_of(root).is_some());
    let root = root.ok_or_else(|| Error::State("the connection's service is not a slave".into()))?;
    ask(&Reference::Local(root), Ask::GetAttr("namespace"))
}

/// The options that RPyC's SlaveService and ClassicService enable when they connect.
pub(super) const OPENED: [&str; 8] = [
    "allow_all_attrs",
    "allow_pickle",
    "allow_getattr",
    "allow_setattr",
    "allow_delattr",
    "import_custom_exceptions",
    "instantiate_custom_exceptions",
    "instantiate_oldstyle_exceptions",
];

/// The service of a slave.
pub fn slave(slave: Slave) -> Result<Arc<Class>> {
    let modules = Arc::new(slave.modules);
    let create = slave.create;
    let on_connect = slave.on_connect;
    let service = Service {
        aliases: Vec::new(),
        create: Box::new(move |peer| {
            let application = create.as_ref().map_or_else(|| Box::new(()) as _, |create| create(peer));
            if application.is::<Refused>() {
                return application;
            }
            let state = SlaveState {
                application,
                modules: modules.clone(),
                native: Native::default(),
                namespace: OnceLock::new(),
            };
            Box::new(state)
        }),
        on_connect: Some(Box::new(move |peer: &Arc<dyn Peer>, root: &Arc<Object>| {
            if let Some(connection) = Connection::of(peer) {
                // Cannot fail: the options exist and accept these values.
                let _ = OPENED.iter().try_for_each(|name| connection.set_option(name, "true"));
                let _ = connection.set_option("allow_exposed_attrs", "false");
            }
            if let Some(hook) = &on_connect {
                hook(peer, root);
            }
        })),
        on_disconnect: slave.on_disconnect,
        shared: false,
    };
    let method = |name: &str, signature: &str, run: Method| Member::method(name, Some(signature), None, run);
    let get_namespace = slave.namespace.unwrap_or_else(|| Arc::new(own_namespace));
    let members = vec![
        method("getmodule", "getmodule(name)", getmodule(slave.getmodule))?,
        method("eval", "eval(text)", slave.eval.unwrap_or_else(|| refused("evaluate code")))?,
        method("execute", "execute(text)", slave.execute.unwrap_or_else(|| refused("execute code")))?,
        method("getconn", "getconn()", Arc::new(getconn))?,
        Member {
            name: "namespace".into(),
            doc: None,
            kind: MemberKind::Property { get: Some(get_namespace), set: None, del: None },
        },
    ];
    Class::new(Definition {
        name: slave.name.unwrap_or_else(|| "SlaveService".into()),
        doc: slave.doc,
        members,
        service: Some(service),
        owner: slave.owner,
        ..Definition::default()
    })
}

/// Completes a call. The error of a connection that has ended is ignored.
pub(super) fn answer(mut call: Call, outcome: Result<Value, Exception>) {
    let _ = call.finish(outcome);
}

fn refused(what: &'static str) -> Method {
    Arc::new(move |call: Call| {
        answer(call, Err(Exception::builtin("NotImplementedError", format!("this slave does not {what}"))));
    })
}

/// The name of a module; parts of it in a tuple are put together, as in RPyC.
fn module_name(call: &Call) -> Result<String, Exception> {
    let text = |value: &Value| match value {
        Value::Str(text) => Some(text.to_string()),
        _ => None,
    };
    let name = match call.args() {
        [Value::Tuple(parts)] => parts.iter().map(text).collect::<Option<Vec<_>>>().map(|parts| parts.join(".")),
        [one] => text(one),
        _ => None,
    };
    name.ok_or_else(|| Exception::builtin("TypeError", "getmodule() takes the name of a module"))
}

fn getmodule(hook: Option<Method>) -> Method {
    Arc::new(move |call: Call| {
        let name = match module_name(&call) {
            Ok(name) => name,
            Err(exception) => return answer(call, Err(exception)),
        };
        match (state_of(call.object()).and_then(|state| state.module(&name)), &hook) {
            (Some(module), _) => answer(call, Ok(Value::Ref(module))),
            (None, Some(hook)) => hook(call),
            (None, None) => answer(call, Err(modules::not_found(&name))),
        }
    })
}

fn own_namespace(call: Call) {
    let namespace = state_of(call.object()).map(|state| state.namespace.get_or_init(Dict::empty).clone());
    let namespace =
        namespace.map_or(Value::None, |namespace| Value::Ref(Reference::Local(namespace as Arc<dyn Local>)));
    answer(call, Ok(namespace));
}

/// The local end of the connection, with the members that masters use.
fn getconn(call: Call) {
    let Some(connection) = call.peer().and_then(Connection::of) else {
        return answer(call, Err(Exception::builtin("RuntimeError", "the call was not received over a connection")));
    };
    let connection = modules::connection(connection);
    answer(call, connection.map(|object| Value::Ref(Reference::Local(object))));
}
