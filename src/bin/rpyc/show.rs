//! Printing, and values as strings.

use crate::failure::Failure;
use rpyc::{Object, Result, Value};
use std::fmt;
use std::io::Write;

/// Prints a line. `println!` would panic if nobody reads the output.
pub fn line(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_fmt(text)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Prints to stderr and ignores a failure, for which `eprintln!` would panic.
pub fn complain(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Formats a value as Python prints it. An object of the peer is asked for its repr.
pub fn repr(value: &Value) -> Result<String> {
    Ok(match value {
        Value::Ref(object) => Object::from(object.clone()).repr()?,
        Value::Tuple(items) if items.iter().any(holds_reference) => {
            format!("({}{})", joined(items)?, if items.len() == 1 { "," } else { "" })
        }
        Value::List(items) if items.iter().any(holds_reference) => format!("[{}]", joined(items)?),
        Value::Dict(pairs) if pairs.iter().any(|(k, v)| holds_reference(k) || holds_reference(v)) => {
            let pairs: Result<Vec<String>> =
                pairs.iter().map(|(key, value)| Ok(format!("{}: {}", repr(key)?, repr(value)?))).collect();
            format!("{{{}}}", pairs?.join(", "))
        }
        plain => plain.repr(),
    })
}

fn joined(items: &[Value]) -> Result<String> {
    let items: Result<Vec<String>> = items.iter().map(repr).collect();
    Ok(items?.join(", "))
}

fn holds_reference(value: &Value) -> bool {
    match value {
        Value::Ref(_) => true,
        Value::Tuple(items) | Value::List(items) => items.iter().any(holds_reference),
        Value::Dict(pairs) => pairs.iter().any(|(key, value)| holds_reference(key) || holds_reference(value)),
        _ => false,
    }
}

/// Shortens a string to this number of characters, on one line.
pub fn shortened(text: &str, most: usize) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most + 1).collect();
    match flat.char_indices().nth(most) {
        Some(_) => flat.chars().take(most.saturating_sub(3)).chain("...".chars()).collect(),
        None => flat,
    }
}
