//! Arguments of calls: Python literals, and contents of files and stdin.

use crate::failure::Failure;
use crate::json;
use rpyc::Value;
use rpyc::literal::Reader;
use std::io::Read;

#[derive(Default)]
pub struct Arguments {
    pub args: Vec<Value>,
    pub keywords: Vec<(String, Value)>,
}

impl Arguments {
    pub fn keywords(&self) -> Vec<(&str, Value)> {
        self.keywords.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
    }

    /// Converts words of a command line, each a value or `name=value`. With `texts`, words are strings.
    pub fn parse(words: &[String], texts: bool) -> Result<Arguments, Failure> {
        let mut stdin = Stdin::default();
        let mut value = |word: &str| if texts { Ok(Value::str(word)) } else { one(word, &mut stdin) };
        let mut with = Arguments::default();
        for word in words {
            match keyword(word) {
                Some((name, text)) => with.keywords.push((name.to_owned(), value(text)?)),
                None => with.args.push(value(word)?),
            }
        }
        Ok(with)
    }
}

/// Splits `name=value`. Names are ASCII.
pub fn keyword(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic());
    let is_name = first && letters.all(|c| c == '_' || c.is_ascii_alphanumeric());
    (is_name && !value.starts_with('=')).then_some((name, value))
}

/// Stdin, which can be read once.
#[derive(Default)]
struct Stdin {
    used: bool,
}

impl Stdin {
    fn read(&mut self) -> Result<Vec<u8>, Failure> {
        if std::mem::replace(&mut self.used, true) {
            return Err(Failure::usage("stdin can be only one argument").hint("use @FILE for the others"));
        }
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes);
        read.map_err(|error| Failure::file("cannot read stdin", error))?;
        Ok(bytes)
    }
}

/// `-` and `@-` are stdin, `@FILE` is a file; no Python literal begins like this.
fn one(word: &str, stdin: &mut Stdin) -> Result<Value, Failure> {
    let source = if word == "-" { "-" } else { word.strip_prefix('@').unwrap_or_default() };
    if source.is_empty() && !word.starts_with('@') {
        return literal(word);
    }
    let kinds = ["text", "bytes", "json"];
    let (kind, path) = source.split_once(':').filter(|(kind, _)| kinds.contains(kind)).unwrap_or(("text", source));
    if path.is_empty() {
        return Err(Failure::usage(format!("argument '{word}': the name of the file is missing"))
            .hint("@FILE or @- (stdin) for a string, @bytes:FILE for bytes, @json:FILE for a JSON value"));
    }
    let (place, bytes) = match path {
        "-" => ("stdin", stdin.read()?),
        path => (path, std::fs::read(path).map_err(|error| Failure::file(format!("cannot read {path}"), error))?),
    };
    if kind == "bytes" {
        return Ok(Value::bytes(&bytes));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("argument '{word}': {place} is not UTF-8 at byte {at}"))
            .hint(format!("@bytes:{path} passes bytes"))
    })?;
    if kind == "text" {
        return Ok(Value::from(text));
    }
    json::value(&text).map_err(|what| Failure::usage(format!("argument '{word}': {place}: {what}")))
}

fn literal(word: &str) -> Result<Value, Failure> {
    let mut reader = Reader::new(word);
    reader.skip_space();
    let value = reader.value().and_then(|value| {
        reader.skip_space();
        if reader.peek().is_none() { Ok(value) } else { Err(reader.fault("unexpected characters after the literal")) }
    });
    value.map_err(|fault| {
        Failure::usage(format!("argument '{word}': {} (at {})", fault.what, fault.at))
            .hint(format!("a string needs quotes of its own: \"'{word}'\"; with --text all arguments are strings"))
    })
}
