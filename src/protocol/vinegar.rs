//! Encodes and decodes exceptions (wire.md, section 9).

use crate::codec::brine::{self, Reader, Sink};
use crate::config::{Config, Dialect, Limits};
use crate::error::{Exception, Raised};
use crate::value::{Text, Value};

/// Returns the version of RPyC that the dialect belongs to. A Python peer compares the part before the first dot.
fn version_text(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V5 => concat!("5.3.1 (librpyc ", env!("CARGO_PKG_VERSION"), ")"),
        _ => concat!("6.0.2 (librpyc ", env!("CARGO_PKG_VERSION"), ")"),
    }
}

/// Writes the body of an exception message. A value that cannot be passed by value is sent as its repr, and cut if it
/// is too deep or too long even for that, so that every exception can be sent.
pub fn put_exception<S: Sink>(out: &mut S, exception: &Exception, config: &Config, dialect: Dialect) {
    if exception.is_builtin("StopIteration") {
        return brine::put_int(out, 1);
    }
    brine::put_tuple_header(out, 4);
    brine::put_tuple_header(out, 2);
    brine::put_str(out, exception.module.as_bytes());
    brine::put_str(out, exception.name.as_bytes());
    brine::put_tuple_header(out, exception.args.len());
    for arg in &exception.args {
        put_plain(out, arg, &config.limits);
    }
    let sent = |name: &Text| name.as_bytes() != b"_remote_version" && name.as_bytes() != b"args";
    let attributes = exception.attributes.iter().filter(|(name, _)| sent(name));
    brine::put_tuple_header(out, attributes.clone().count() + 1);
    for (name, value) in attributes {
        brine::put_tuple_header(out, 2);
        brine::put_str(out, name.as_bytes());
        put_plain(out, value, &config.limits);
    }
    brine::put_tuple_header(out, 2);
    brine::put_str(out, b"_remote_version");
    let version = match &config.remote_version {
        _ if !config.include_local_version => "<version denied>",
        Some(version) => version,
        None => version_text(dialect),
    };
    brine::put_str(out, version.as_bytes());
    if !config.include_local_traceback {
        brine::put_str(out, b"<traceback denied>");
    } else if exception.traceback.as_bytes().is_empty() {
        brine::put_str(out, exception.summary().as_bytes());
    } else {
        brine::put_str(out, exception.traceback.as_bytes());
    }
}

fn put_plain<S: Sink>(out: &mut S, value: &Value, limits: &Limits) {
    let mut bytes = Vec::new();
    if value.is_plain() && brine::put_value(&mut bytes, value, limits).is_ok() {
        return out.put(&bytes);
    }
    let text = value.repr();
    let cut = text.char_indices().nth(1000).map_or(text.len(), |(at, _)| at);
    brine::put_str(out, &text.as_bytes()[..cut]);
}

/// Reads the body of an exception message. None if it has another form.
pub fn read_exception(reader: &mut Reader<'_>) -> Result<Option<Exception>, brine::DecodeError> {
    let body = reader.value()?;
    Ok(match body {
        Value::Int(1) => Some(Exception::stop_iteration()),
        Value::Tuple(parts) => from_parts(&parts),
        // A string exception of very old versions of Python.
        Value::Str(text) => Some(Raised { name: text, ..Raised::default() }.into()),
        _ => None,
    })
}

fn from_parts(parts: &[Value]) -> Option<Exception> {
    let [Value::Tuple(class), Value::Tuple(args), Value::Tuple(attributes), traceback] = parts else { return None };
    let [module, Value::Str(name)] = &**class else { return None };
    // Python's `__module__` can be any value, such as None for a type made without a module.
    let module = match module {
        Value::Str(module) => module.clone(),
        other => Text::new(&other.repr()),
    };
    let mut exception = Raised { module, name: name.clone(), args: args.to_vec(), ..Raised::default() };
    for attribute in attributes.iter() {
        let Value::Tuple(pair) = attribute else { return None };
        let [Value::Str(name), value] = &**pair else { return None };
        exception.attributes.push((name.clone(), value.clone()));
    }
    if let Value::Str(text) = traceback {
        exception.traceback = text.clone();
    }
    Some(exception.into())
}

/// Makes Python's TypeError for a request whose arguments do not fit its handler.
pub fn wrong_arguments(handler: &str, names: &[&str], optional: usize, given: usize) -> Exception {
    let required = names.len() - optional;
    let name = format!("Connection._handle_{handler}()");
    let text = if given < required {
        let missing: Vec<String> = names[given..required].iter().map(|n| format!("'{n}'")).collect();
        let list = match missing.as_slice() {
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [init @ .., last] => format!("{}, and {last}", init.join(", ")),
            [] => String::new(),
        };
        let plural = if missing.len() == 1 { "argument" } else { "arguments" };
        format!("{name} missing {} required positional {plural}: {list}", missing.len())
    } else {
        let most = names.len() + 1;
        let takes = if optional > 0 {
            format!("from {} to {most} positional arguments", required + 1)
        } else if most == 1 {
            "1 positional argument".to_owned()
        } else {
            format!("{most} positional arguments")
        };
        format!("{name} takes {takes} but {} were given", given + 1)
    };
    Exception::builtin("TypeError", text)
}
