//! Signatures of native methods, and the matching of calls to them.

mod grammar;
mod literal;
mod typed;

pub use literal::{Cursor as LiteralReader, Fault as LiteralFault};
pub use typed::Asked;

use crate::error::{Error, Exception};
use crate::value::{Text, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use typed::Typed;

/// The parsed form of a signature such as `add(a, b=2, *rest, c=3, **named)`.
///
/// Each parameter has a slot, in the order of the string.
#[derive(Clone, Debug)]
pub struct Signature {
    text: Box<str>,
    name: Box<str>,
    parameters: Vec<Parameter>,
    /// Number of parameters that accept positional arguments; they are the first.
    positional: usize,
    /// Number of those that are positional only.
    positional_only: usize,
    /// Number of those without a default; they are the first.
    required: usize,
    /// The slot after the positional ones is `*rest`.
    has_rest: bool,
    /// The last slot is `**named`.
    has_named: bool,
    /// At least one parameter has a type to which arguments are converted.
    is_typed: bool,
}

#[derive(Clone, Debug)]
struct Parameter {
    name: Box<str>,
    /// An empty tuple or dict for `*rest` and `**named`.
    default: Option<Value>,
    target: Option<Typed>,
}

/// Parameters by kind, with the defaults of positional and keyword ones.
#[derive(Default)]
pub struct Parts<'a> {
    pub positional: Vec<(&'a str, Option<&'a Value>)>,
    /// Number of positional-only parameters.
    pub positional_only: usize,
    pub keyword_only: Vec<(&'a str, Option<&'a Value>)>,
    pub rest: Option<&'a str>,
    pub named: Option<&'a str>,
}

impl Signature {
    /// Parses a signature. An error contains the offset in bytes.
    pub fn parse(text: &str) -> Result<Signature, Error> {
        grammar::signature(text)
            .map_err(|e| Error::Argument(format!("signature {}: {} (at {})", Value::str(text).repr(), e.what, e.at)))
    }

    /// Parses the signature of a function or member of this name. A signature without a name gets it. Its own name must
    /// be equal, with or without a prefix that ends with an underscore: "add(a, b)" is valid for `exposed_add`.
    pub fn of(mut self, name: &str) -> Result<Signature, Error> {
        if self.name.is_empty() {
            self.name = name.into();
            self.text = format!("{name}{}", self.text).into();
        }
        let own = self.name.rsplit('.').next().unwrap_or_default();
        match name.strip_suffix(own) {
            Some(prefix) if prefix.is_empty() || prefix.ends_with('_') => Ok(self),
            _ => Err(Error::Argument(format!(
                "'{name}': expected a signature of the same name, with or without its prefix, got '{}'",
                self.text
            ))),
        }
    }

    /// The function's name; empty if the string has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether arguments are converted before the call.
    #[inline]
    pub fn is_typed(&self) -> bool {
        self.is_typed
    }

    /// The string as it was written, for documentation.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of a slot's parameter, without stars.
    pub fn parameter_name(&self, slot: usize) -> Option<&str> {
        self.parameters.get(slot).map(|p| &*p.name)
    }

    /// The parameters by kind.
    pub fn parts(&self) -> Parts<'_> {
        let parameter = |p| -> (&str, Option<&Value>) {
            let p: &Parameter = p;
            (&p.name, p.default.as_ref())
        };
        let name = |slot: usize| self.parameter_name(slot);
        Parts {
            positional: self.parameters.iter().take(self.positional).map(parameter).collect(),
            positional_only: self.positional_only,
            keyword_only: self.parameters.get(self.keyword_only()).unwrap_or_default().iter().map(parameter).collect(),
            rest: if self.has_rest { name(self.positional) } else { None },
            named: if self.has_named { name(self.parameters.len().saturating_sub(1)) } else { None },
        }
    }

    /// Assigns the arguments of a call to slots, or returns Python's message if they do not match.
    #[inline(always)]
    pub fn bind(&self, args: Vec<Value>, keywords: Vec<(Text, Value)>) -> Result<Vec<Value>, Exception> {
        let fits = args.len() == self.positional && self.positional == self.parameters.len();
        if fits && keywords.is_empty() { Ok(args) } else { self.distribute(args, keywords) }
    }

    /// The steps are those of CPython, because their order decides which of several errors is reported.
    #[inline(never)]
    fn distribute(&self, mut args: Vec<Value>, mut keywords: Vec<(Text, Value)>) -> Result<Vec<Value>, Exception> {
        let given = args.len();
        let only_defaults_lack =
            self.positional == self.parameters.len() && (self.required..self.positional).contains(&given);
        if only_defaults_lack && keywords.is_empty() {
            args.extend(self.parameters.iter().skip(given).filter_map(|p| p.default.clone()));
            return Ok(args);
        }
        let surplus = if given > self.positional { args.split_off(self.positional) } else { Vec::new() };
        let mut slots: Vec<Option<Value>> = Vec::with_capacity(self.parameters.len());
        slots.extend(args.into_iter().map(Some));
        slots.resize_with(self.parameters.len(), || None);

        let mut named = Vec::new();
        for (name, value) in &mut keywords {
            match self.slot_of(name).and_then(|slot| slots.get_mut(slot)) {
                Some(Some(_)) => return Err(self.error(format!("got multiple values for argument '{name}'"))),
                Some(free) => *free = Some(std::mem::take(value)),
                None if self.has_named => named.push((name.clone(), std::mem::take(value))),
                None => {
                    let name = name.clone();
                    return Err(self.unexpected(&name, &keywords));
                }
            }
        }
        if let Some(slot) = slots.last_mut().filter(|_| !named.is_empty()) {
            *slot = Some(dict(named));
        }
        if !surplus.is_empty() {
            match slots.get_mut(self.positional) {
                Some(slot) if self.has_rest => *slot = Some(Value::tuple(surplus)),
                _ => return Err(self.too_many(given, &slots)),
            }
        }
        self.check(&slots, 0..self.positional, "positional")?;
        self.check(&slots, self.keyword_only(), "keyword-only")?;
        // A parameter without argument and default was reported above.
        let filled = slots.into_iter().zip(&self.parameters);
        Ok(filled.map(|(slot, p)| slot.or_else(|| p.default.clone()).unwrap_or_default()).collect())
    }

    fn keyword_only(&self) -> Range<usize> {
        self.positional + usize::from(self.has_rest)..self.parameters.len() - usize::from(self.has_named)
    }

    /// Returns the slot of a keyword.
    fn slot_of(&self, name: &Text) -> Option<usize> {
        let mut slots = (self.positional_only..self.positional).chain(self.keyword_only());
        slots.find(|slot| self.parameter_name(*slot).is_some_and(|p| *name == *p))
    }

    /// Returns whether each of these slots is filled or has a default.
    fn check(&self, slots: &[Option<Value>], range: Range<usize>, kind: &str) -> Result<(), Exception> {
        let of_range = self.parameters.iter().zip(slots).take(range.end).skip(range.start);
        let missing: Vec<String> = of_range
            .filter(|(parameter, slot)| slot.is_none() && parameter.default.is_none())
            .map(|(parameter, _)| format!("'{}'", parameter.name))
            .collect();
        let list = match missing.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [init @ .., last] => format!("{}, and {last}", init.join(", ")),
        };
        let missing = count(missing.len(), &format!("required {kind} argument"));
        Err(self.error(format!("missing {missing}: {list}")))
    }

    fn unexpected(&self, name: &Text, keywords: &[(Text, Value)]) -> Exception {
        let positional_only = self.parameters.iter().take(self.positional_only).map(|p| &*p.name);
        let given: Vec<&str> = positional_only.filter(|p| keywords.iter().any(|(name, _)| name == p)).collect();
        self.error(if given.is_empty() {
            format!("got an unexpected keyword argument '{name}'")
        } else {
            format!("got some positional-only arguments passed as keyword arguments: '{}'", given.join(", "))
        })
    }

    fn too_many(&self, given: usize, slots: &[Option<Value>]) -> Exception {
        let takes = if self.required < self.positional {
            format!("from {} to {} positional arguments", self.required, self.positional)
        } else {
            count(self.positional, "positional argument")
        };
        let range = self.keyword_only();
        let were_given = match slots.iter().take(range.end).skip(range.start).flatten().count() {
            0 if given == 1 => "1 was given".to_owned(),
            0 => format!("{given} were given"),
            keywords => format!(
                "{} (and {}) were given",
                count(given, "positional argument"),
                count(keywords, "keyword-only argument")
            ),
        };
        self.error(format!("takes {takes} but {were_given}"))
    }

    fn error(&self, what: String) -> Exception {
        Exception::builtin("TypeError", format!("{}() {what}", self.name))
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// As in a Python dict, the last of equal names counts, in the place of the first.
fn dict(pairs: Vec<(Text, Value)>) -> Value {
    let mut places = HashMap::with_capacity(pairs.len());
    let mut distinct: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        match places.entry(name) {
            Entry::Vacant(place) => {
                distinct.push((Value::Str(place.key().clone()), value));
                place.insert(distinct.len() - 1);
            }
            Entry::Occupied(place) => {
                if let Some(known) = distinct.get_mut(*place.get()) {
                    known.1 = value;
                }
            }
        }
    }
    Value::Dict(distinct.into())
}

#[cfg(test)]
mod tests;
