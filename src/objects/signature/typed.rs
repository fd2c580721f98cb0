//! Parameters with a type: `value: float`. Data is converted here; objects require requests.

use super::Signature;
use crate::error::{Error, Exception};
use crate::objects::target::Target;
use crate::value::Value;

/// The type in an annotation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed {
    target: Target,
    /// None is accepted as well.
    or_none: bool,
}

impl Typed {
    /// `float`, `"float"`, `datetime`, `datetime.datetime`, `float | None`, `Optional[float]`. Others are ignored.
    pub fn of(annotation: &str) -> Option<Typed> {
        let text = annotation.trim();
        let quoted = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        if let Some(inside) = quoted('"').or_else(|| quoted('\'')) {
            return Typed::of(inside);
        }
        let optional = text.strip_prefix("typing.").unwrap_or(text).strip_prefix("Optional[");
        if let Some(inside) = optional.and_then(|text| text.strip_suffix(']')) {
            return Typed::of(inside).map(|typed| Typed { or_none: true, ..typed });
        }
        let of_datetime = text.strip_prefix("datetime.").unwrap_or(text);
        if text.contains('|') {
            let parts: Vec<&str> = text.split('|').map(str::trim).collect();
            let rest: Vec<&str> = parts.iter().copied().filter(|part| *part != "None").collect();
            let or_none = rest.len() < parts.len();
            return match rest.as_slice() {
                [one] if parts.len() == 2 => Typed::of(one).map(|typed| Typed { or_none: true, ..typed }),
                ["float", "timedelta"] if parts.len() <= 3 => Some(Typed { target: Target::Duration, or_none }),
                _ => None,
            };
        }
        let target = match of_datetime {
            "date" => Target::Date,
            "time" => Target::Time,
            "datetime" => Target::DateTime,
            "timedelta" => Target::Delta,
            _ if of_datetime.len() < text.len() => return None,
            "bool" => Target::Bool,
            "int" => Target::Int,
            "float" => Target::Float,
            "str" => Target::Str,
            "bytes" => Target::Bytes,
            _ => return None,
        };
        Some(Typed { target, or_none: false })
    }
}

/// An argument that requires a request: its slot, and its place within the tuple or dict of `*rest` and `**named`.
pub struct Asked {
    pub slot: usize,
    item: Option<usize>,
    pub target: Target,
    pub object: Value,
}

impl Asked {
    /// Inserts a converted value in its place.
    pub fn put(self, args: &mut [Value], converted: Value) {
        let Some(arg) = args.get_mut(self.slot) else { return };
        let Some(place) = self.item else {
            *arg = converted;
            return;
        };
        match arg {
            Value::Tuple(items) => {
                let mut items = items.to_vec();
                items.get_mut(place).into_iter().for_each(|item| *item = converted.clone());
                *arg = Value::tuple(items);
            }
            Value::Dict(pairs) => {
                let mut pairs = pairs.to_vec();
                pairs.get_mut(place).into_iter().for_each(|(_, item)| *item = converted.clone());
                *arg = Value::Dict(pairs.into());
            }
            _ => {}
        }
    }
}

impl Signature {
    /// Converts the arguments that are data, one in each slot. Returns those that require a request.
    pub fn fit(&self, args: &mut [Value]) -> Result<Vec<Asked>, Exception> {
        let mut asked = Vec::new();
        for (slot, (parameter, arg)) in self.parameters.iter().zip(args).enumerate() {
            let Some(typed) = parameter.target else { continue };
            let is_rest = self.has_rest && slot == self.positional;
            let is_named = self.has_named && slot + 1 == self.parameters.len();
            if !is_rest && !is_named {
                // A default is passed unchanged.
                if parameter.default.as_ref().is_none_or(|default| default != arg) {
                    self.fit_one(slot, None, typed, arg, &mut asked)?;
                }
            } else if !is_empty(arg) {
                self.fit_items(slot, typed, arg, &mut asked)?;
            }
        }
        Ok(asked)
    }

    fn fit_items(&self, slot: usize, typed: Typed, arg: &mut Value, asked: &mut Vec<Asked>) -> Result<(), Exception> {
        match arg {
            Value::Tuple(items) => {
                let mut items = items.to_vec();
                for (place, item) in items.iter_mut().enumerate() {
                    self.fit_one(slot, Some(place), typed, item, asked)?;
                }
                *arg = Value::tuple(items);
            }
            Value::Dict(pairs) => {
                let mut pairs = pairs.to_vec();
                for (place, (_, item)) in pairs.iter_mut().enumerate() {
                    self.fit_one(slot, Some(place), typed, item, asked)?;
                }
                *arg = Value::Dict(pairs.into());
            }
            _ => {}
        }
        Ok(())
    }

    fn fit_one(
        &self,
        slot: usize,
        item: Option<usize>,
        typed: Typed,
        value: &mut Value,
        asked: &mut Vec<Asked>,
    ) -> Result<(), Exception> {
        let target = typed.target;
        match value {
            value if target.is(value) => {}
            Value::None if typed.or_none => {}
            Value::Ref(_) => asked.push(Asked { slot, item, target, object: value.clone() }),
            value => {
                let type_name = value.type_name().to_owned();
                let converted = target.of_data(std::mem::take(value));
                *value = converted.map_err(|error| self.refusal(slot, target, &type_name, error))?;
            }
        }
        Ok(())
    }

    /// The exception for an argument that could not be converted.
    pub fn refusal(&self, slot: usize, target: Target, type_name: &str, error: Error) -> Exception {
        let name = self.parameter_name(slot).unwrap_or_default();
        let place = format!("{}() argument '{name}'", self.name);
        match error {
            Error::Remote(exception) => exception,
            Error::Range(text) => Exception::builtin("OverflowError", format!("{place}: {text}")),
            Error::Type(_) => {
                Exception::builtin("TypeError", format!("{place} must be {}, not {type_name}", target.name()))
            }
            Error::Timeout(_) => {
                let text = format!("{place} must be {}: {type_name} was not converted in time", target.name());
                Exception::builtin("TypeError", text)
            }
            other => Exception::from(other),
        }
    }
}

fn is_empty(arg: &Value) -> bool {
    match arg {
        Value::Tuple(items) => items.is_empty(),
        Value::Dict(pairs) => pairs.is_empty(),
        _ => true,
    }
}
