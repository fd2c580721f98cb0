//! Printing, and values as text.

use crate::failure::Failure;
use rpyc::{Object, Result, Value};
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::Write;

/// Prints a line. `println!` would panic when nobody reads it any more.
pub fn line(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_fmt(text)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Says something beside the output. Who cannot be told is not: `eprintln!` would panic.
pub fn complain(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A text of a peer as it can be shown to people: control characters, which terminals obey, as Python writes them. Lines
/// and tabs stay.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(obeyed) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if obeyed(c) {
            // A String takes everything.
            let _ = write!(shown, "\\x{:02x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

fn obeyed(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

/// A value as Python prints it. What belongs to the peer is asked for its repr.
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

/// At most so many characters of a text, on one line.
pub fn shortened(text: &str, most: usize) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most + 1).collect();
    match flat.char_indices().nth(most) {
        Some(_) => flat.chars().take(most.saturating_sub(3)).chain("...".chars()).collect(),
        None => flat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_is_escaped() {
        assert_eq!(escaped("a\x1b]0;b\x07\r\u{9b}c\n\td\u{e9}"), "a\\x1b]0;b\\x07\\x0d\\x9bc\n\td\u{e9}");
        assert!(matches!(escaped("plain \n"), Cow::Borrowed(_)));
    }
}
