//! Implements the attribute rules (wire.md, section 6, "Attribute rules"). Every handler that gets a name calls this
//! module.

use crate::config::Config;
use crate::error::Exception;
use crate::value::{CompareOp, Shape, Text, Value};

/// The rule of a denial that no option decides.
const RULES: &str = "the attribute rules";
/// The same for an object whose names are not all known here. They are not requested.
const RULES_FOR_UNKNOWN: &str = "the attribute rules, whether it exists or not";

/// The kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Get,
    Set,
    Del,
}

/// The attribute that a name refers to.
#[derive(Clone, Debug)]
pub enum Name {
    /// Its index in the target's shape.
    Member(u32),
    /// The target decides by rules of its own.
    Own(Text),
    /// Allowed by the rules; the target looks it up.
    Dynamic(Text),
}

/// Results for names that only the target knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    exposed: Option<bool>,
    plain: Option<bool>,
}

/// The name that a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Exposed,
    Plain,
}

impl Known {
    pub fn learn(&mut self, question: Question, exists: bool) {
        match question {
            Question::Exposed => self.exposed = Some(exists),
            Question::Plain => self.plain = Some(exists),
        }
    }
}

pub enum Decision {
    Use(Name),
    /// The target must first tell whether this name exists.
    Ask(Question, Text),
    Refuse(Exception),
    /// The rules allow it, but the attribute does not exist.
    Missing(Exception),
}

/// Applies RPyC's rules to a name of the peer.
pub fn resolve(shape: &Shape, config: &Config, name: &[u8], permission: Permission, known: Known) -> Decision {
    let (own, allowed, switch) = match permission {
        Permission::Get => (shape.own_get, config.allow_getattr, "allow_getattr"),
        Permission::Set => (shape.own_set, config.allow_setattr, "allow_setattr"),
        Permission::Del => (shape.own_del, config.allow_delattr, "allow_delattr"),
    };
    if own {
        return Decision::Use(Name::Own(text(name)));
    }
    rules(shape, config, name, (allowed, switch), known, permission != Permission::Set)
}

/// Applies the rules only, for handlers that never consult the object's own.
pub fn resolve_by_rules(shape: &Shape, config: &Config, name: &[u8]) -> Decision {
    // Attributes that an object has beyond its shape do not belong to its type, and do not count here.
    let known = Known { exposed: Some(false), plain: Some(false) };
    rules(shape, config, name, (config.allow_getattr, "allow_getattr"), known, true)
}

/// `exists`: the attribute must exist already, which is not required to set it.
fn rules(
    shape: &Shape,
    config: &Config,
    name: &[u8],
    (allowed, switch): (bool, &str),
    known: Known,
    exists: bool,
) -> Decision {
    if !allowed {
        return Decision::Refuse(refusal(shape, config, name, switch));
    }
    let prefix = config.exposed_prefix.as_bytes();
    let exposes = config.allow_exposed_attrs && !prefix.is_empty();
    let plain = || {
        config.allow_all_attrs
            || (config.allow_exposed_attrs && name.starts_with(prefix))
            || (config.allow_public_attrs && !name.starts_with(b"_"))
            || (config.allow_safe_attrs && is_safe(config, name))
    };
    if exposes {
        let mut buffer = [0u8; 96];
        let mut long = Vec::new();
        let exposed: &[u8] = match buffer.get_mut(..prefix.len() + name.len()) {
            Some(space) => {
                let (head, tail) = space.split_at_mut(prefix.len());
                head.copy_from_slice(prefix);
                tail.copy_from_slice(name);
                space
            }
            None => {
                long.extend_from_slice(prefix);
                long.extend_from_slice(name);
                &long
            }
        };
        let member = shape.member(exposed);
        let exposed_exists = match (member, shape.dynamic, known.exposed) {
            (Some(_), _, _) => true,
            (None, true, None) => return Decision::Ask(Question::Exposed, text(exposed)),
            (None, true, Some(answer)) => answer,
            (None, false, _) => false,
        };
        if exposed_exists {
            let plain_exists = match (shape.member(name), shape.dynamic && plain(), known.plain) {
                (Some(_), _, _) => plain(),
                (None, true, None) => return Decision::Ask(Question::Plain, text(name)),
                (None, true, Some(answer)) => answer,
                (None, false, _) => false,
            };
            if !plain_exists {
                return Decision::Use(member.map_or_else(|| Name::Dynamic(text(exposed)), Name::Member));
            }
        }
    }
    if !plain() {
        let rule = if shape.dynamic { RULES_FOR_UNKNOWN } else { RULES };
        return Decision::Refuse(refusal(shape, config, name, rule));
    }
    match shape.member(name) {
        Some(member) => Decision::Use(Name::Member(member)),
        None if !shape.dynamic => Decision::Missing(missing(shape, name)),
        None if !exists || shape.says_missing => Decision::Use(Name::Dynamic(text(name))),
        None => match known.plain {
            None => Decision::Ask(Question::Plain, text(name)),
            Some(true) => Decision::Use(Name::Dynamic(text(name))),
            Some(false) => Decision::Missing(missing(shape, name)),
        },
    }
}

fn is_safe(config: &Config, name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| config.safe_attrs.contains(name))
}

/// Converts a name from the wire, which is UTF-8, as is a prefix before it.
fn text(name: &[u8]) -> Text {
    Text::new(&String::from_utf8_lossy(name))
}

/// Makes Python's denial, which has the same message for an absent name. An attribute of it has the rule, or tells that
/// objects of this type have no such name.
#[cold]
fn refusal(shape: &Shape, config: &Config, name: &[u8], rule: &str) -> Exception {
    let reason = match is_absent(shape, config, name) {
        true => ("missing_from".into(), Value::Str(Text::new(shape.class_name()))),
        false => ("refused_by".into(), Value::Str(Text::new(rule))),
    };
    let name = Value::Str(text(name));
    let mut exception = Exception::builtin("AttributeError", format!("cannot access {}", name.repr()));
    exception.attributes = vec![("name".into(), Value::None), ("obj".into(), Value::None), reason];
    exception
}

/// Returns whether INSPECT and DIR show that the name does not exist, so that an error which tells this discloses
/// nothing. They do not show names that an object looks up itself; and every type has all operators.
fn is_absent(shape: &Shape, config: &Config, name: &[u8]) -> bool {
    let exposed = || [config.exposed_prefix.as_bytes(), name].concat();
    let is_operator = || CompareOp::ALL.iter().any(|op| op.name().as_bytes() == name);
    let is_open = shape.dynamic || shape.own_get;
    !is_open && shape.member(name).is_none() && shape.member(&exposed()).is_none() && !is_operator()
}

fn missing(shape: &Shape, name: &[u8]) -> Exception {
    let name = Value::Str(text(name));
    no_attribute(shape.lacks(&name.repr()), name)
}

pub fn no_attribute(text: String, name: Value) -> Exception {
    let mut exception = Exception::builtin("AttributeError", text);
    exception.attributes = vec![("name".into(), name), ("obj".into(), Value::None)];
    exception
}
