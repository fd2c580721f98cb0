//! Python's `bool()` and `==` on objects, wherever they live.

use super::remote::{Ask, ask};
use crate::error::{Error, Exception, Result};
use crate::session::CompareOp;
use crate::value::{Reference, Value};

/// `bool(object)`: what `__bool__` says, else whether `__len__` is not 0, else true.
pub fn truth(object: &Reference) -> Result<bool> {
    for name in ["__bool__", "__len__"] {
        match ask(object, Ask::CallAttr { name, args: &[], keywords: &[] }) {
            Ok(Value::Bool(truth)) => return Ok(truth),
            Ok(Value::Int(length)) if name == "__len__" => return Ok(length != 0),
            Ok(Value::BigInt(_)) if name == "__len__" => return Ok(true),
            Ok(other) => {
                return Err(Error::Type(format!("{name} of the object answers with {}", other.type_name())));
            }
            Err(Error::Remote(exception)) if is_missing(&exception) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// There is no such attribute, which is not the same as that it may not be used.
fn is_missing(exception: &Exception) -> bool {
    let refused = |text: &Value| matches!(text, Value::Str(text) if text.as_str().starts_with("cannot access"));
    exception.is_builtin("AttributeError") && !exception.args.first().is_some_and(refused)
}

/// `object == other`: what `__eq__` of the object says, else that of the other, else whether they are the same.
pub fn equal(object: &Reference, other: &Value) -> Result<bool> {
    let this = Value::Ref(object.clone());
    let mut answer = ask(object, Ask::Compare(CompareOp::Eq, other))?;
    if let (Value::NotImplemented, Value::Ref(other)) = (&answer, other) {
        answer = ask(other, Ask::Compare(CompareOp::Eq, &this))?;
    }
    match (&answer, other) {
        (Value::NotImplemented, Value::Ref(other)) => Ok(object.same(other)),
        (Value::NotImplemented, _) => Ok(false),
        (Value::Bool(equal), _) => Ok(*equal),
        (Value::Ref(object), _) => truth(object),
        (other, _) => Err(Error::Type(format!("__eq__ of the object answers with {}", other.type_name()))),
    }
}
