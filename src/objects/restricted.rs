//! Restricted views: an object with one list of names that peers can read and one of names that they can set.

use super::call::Call;
use super::class::{Class, Definition, Method, Object};
use super::job::downcast;
use super::operations::{Asker, ask_own_then};
use crate::error::{Error, Exception, Result};
use crate::value::{Ask, Local, Reference, Text, Value};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// The object of a view and its names.
struct View {
    object: Reference,
    readable: BTreeSet<String>,
    writable: BTreeSet<String>,
}

static CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let get: Method = Arc::new(|call| access(call, false));
    let set: Method = Arc::new(|call| access(call, true));
    Class::plain(Definition {
        name: "Restricted".into(),
        get_attr: Some(get),
        set_attr: Some(set),
        ..Definition::default()
    })
});

/// Makes a view of a local or remote object. Deleting follows the usual rules, which find nothing to delete.
pub fn restricted(object: Reference, readable: BTreeSet<String>, writable: BTreeSet<String>) -> Reference {
    let view: Arc<dyn Local> = CLASS.instance(Box::new(View { object, readable, writable }));
    Reference::Local(view)
}

/// Returns the local object of a view.
pub(super) fn held(object: &Object) -> Option<Arc<Object>> {
    match &object.state().downcast_ref::<View>()?.object {
        Reference::Local(local) => downcast::<Object>(local),
        Reference::Remote(_) => None,
    }
}

fn access(call: Call, write: bool) {
    match allowed(call.object(), call.args(), write) {
        Ok((object, name, value)) => {
            let ask = match &value {
                Some(value) => Ask::SetAttr(name.as_str(), value),
                None => Ask::GetAttr(name.as_str()),
            };
            let asker = Asker::of(&call);
            ask_own_then(asker, &object, ask, move |outcome| answer(call, outcome));
        }
        Err(error) => answer(call, Err(error)),
    }
}

fn answer(mut call: Call, outcome: Result<Value>) {
    // A failure means that the connection has ended, which needs no answer.
    let _ = call.finish(outcome.map_err(Exception::from));
}

/// Returns the object, the name and the value to set, if the name is allowed.
fn allowed(this: &Object, args: &[Value], write: bool) -> Result<(Reference, Text, Option<Value>)> {
    let Some(view) = this.state().downcast_ref::<View>() else {
        return Err(Error::State("the view has no object".into()));
    };
    let Some(Value::Str(name)) = args.first() else {
        return Err(Error::Type("name must be a string".into()));
    };
    let (names, rule) = match write {
        true => (&view.writable, "restricted: not writable"),
        false => (&view.readable, "restricted: not readable"),
    };
    if !names.contains(name.as_str()) {
        // rpyc.restricted has this message.
        let mut exception = Exception::builtin("AttributeError", name.as_str());
        exception.attributes.push(("refused_by".into(), Value::str(rule)));
        return Err(Error::Remote(exception));
    }
    Ok((view.object.clone(), name.clone(), args.get(1).filter(|_| write).cloned()))
}
