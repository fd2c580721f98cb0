//! `rpyc dir`: lists the members of an object.

use crate::command_line::{ConnectionOptions, Parser, Word, missing, next, unknown};
use crate::failure::{Failure, Outcome, PROTOCOL};
use crate::json::{self, Json};
use crate::path::Path;
use crate::style::{Colour, Style};
use crate::{help, peer, show};
use rpyc::escape;
use rpyc::{Classic, Connection, Error, Object, Pending, Value};
use serde::Serialize;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Number of requests sent at once.
const BURST: usize = 256;
const WIDTH: usize = 60;

struct Options {
    connection: ConnectionOptions,
    all: bool,
    names_only: bool,
    style: Style,
    json: bool,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Listing<'d> {
    ok: bool,
    r#type: &'d str,
    value: Option<Json<'d>>,
    doc: Option<String>,
    members: Vec<Member<'d>>,
    /// Members that are not listed.
    denied: usize,
}

#[derive(Serialize)]
struct Member<'d> {
    name: &'d str,
    kind: Option<String>,
    r#type: Option<&'d str>,
    value: Option<Json<'d>>,
    doc: Option<&'d str>,
    signature: Option<&'d str>,
    error: Option<String>,
}

/// Timeout for all replies together.
struct Patience {
    whole: Duration,
    until: Instant,
}

impl Patience {
    /// Returns twice the timeout of one reply; None if that is unlimited.
    fn of(options: &ConnectionOptions) -> Result<Option<Patience>, Failure> {
        let seconds = options.config.get("sync_request_timeout")?.parse().ok();
        let whole = seconds.and_then(|seconds: f64| Duration::try_from_secs_f64(2.0 * seconds).ok());
        Ok(whole.and_then(|whole| Some(Patience { whole, until: Instant::now().checked_add(whole)? })))
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// A name of the object and the reply for it.
struct Entry {
    name: String,
    got: Option<rpyc::Result<Value>>,
    doc: Option<String>,
    signature: Option<String>,
}

pub fn run(parser: &mut Parser) -> Outcome {
    let connection = ConnectionOptions::default();
    let (mut words, mut colour) = (Vec::new(), "auto".to_owned());
    let mut options = Options { connection, all: false, names_only: false, style: Style::PLAIN, json: parser.json };
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) => words.push(text),
            Word::Option(option) => match option.as_str() {
                "-h" | "--help" => return help::of(parser),
                "-a" | "--all" => options.all = true,
                "-n" | "--names" => options.names_only = true,
                "--color" => colour = crate::command_line::text(parser)?,
                _ if options.connection.take(&option, parser)? => {}
                _ => return Err(unknown(&option)),
            },
        }
    }
    options.style = Style::for_output(&colour)?;
    let (address, path) = match words.as_slice() {
        [address] => (address, ""),
        [address, path] => (address, path.as_str()),
        _ => return Err(missing(if words.is_empty() { "the address" } else { "one path" }, parser)),
    };
    let (address, path) = (peer::address(address, None)?, Path::parse(path)?);
    let connection = peer::connect(&address, &options.connection.config)?;
    let value = path.walk(peer::root(&connection, &address)?)?;
    let Value::Ref(object) = &value else {
        if options.json {
            let (r#type, value) = (value.type_name(), Some(Json(&value)));
            json::print(&Listing { ok: true, r#type, value, doc: None, members: Vec::new(), denied: 0 })?;
            return Ok(0);
        }
        show::line(format_args!("{} {}", value.type_name(), escape::lines(&value.repr())))?;
        return Ok(0);
    };
    list(&connection, &Object::from(object.clone()), &options)
}

fn list(connection: &Connection, object: &Object, options: &Options) -> Outcome {
    let Some(patience) = Patience::of(&options.connection)? else {
        return list_within(connection, object, options, None);
    };
    rpyc::timeout(patience.whole, || list_within(connection, object, options, Some(&patience)))
}

fn list_within(connection: &Connection, object: &Object, options: &Options, patience: Option<&Patience>) -> Outcome {
    let doc = if options.names_only { None } else { doc_of(object) };
    if !options.json && !options.names_only {
        head(object, doc.as_deref(), options.style)?;
    }
    let names = object.names()?;
    let prefix = options.connection.config.get("exposed_prefix")?;
    let (mut entries, mut seen) = (Vec::new(), HashSet::new());
    for name in &names {
        // Exposed names are requested without their prefix, as Python programs write them.
        let exposed = name.strip_prefix(&prefix).filter(|rest| !prefix.is_empty() && !rest.is_empty());
        let shown = exposed.unwrap_or(name);
        let wanted = options.all || !shown.starts_with('_');
        if wanted && seen.insert(shown) {
            entries.push(Entry { name: shown.to_owned(), got: None, doc: None, signature: None });
        }
    }
    let filled = if options.names_only { Ok(()) } else { fill(connection, object, &mut entries, patience) };
    let refused = |entry: &&Entry| matches!(&entry.got, Some(Err(Error::Remote(e))) if e.is_builtin("AttributeError"));
    let hidden = entries.iter().filter(refused).count();
    if options.json {
        // `--json` prints one document: the failure replaces an incomplete list.
        filled?;
        let shown = entries.iter().filter(|entry| options.all || !refused(entry));
        let (members, denied) = (shown.map(Entry::member).collect(), if options.all { 0 } else { hidden });
        json::print(&Listing { ok: true, r#type: object.type_name(), value: None, doc, members, denied })?;
        return Ok(0);
    }
    if options.names_only {
        entries.iter().try_for_each(|entry| show::line(format_args!("{}", escape::lines(&entry.name))))?;
        return Ok(0);
    }
    for entry in entries.iter().filter(|entry| entry.got.is_some() && (options.all || !refused(entry))) {
        print(entry, options.style)?;
    }
    if hidden > 0 && !options.all {
        let plural = if hidden == 1 { "name is" } else { "names are" };
        show::line(format_args!("({hidden} more {plural} denied by the peer; --all shows them)"))?;
    }
    filled.map(|()| 0)
}

fn doc_of(object: &Object) -> Option<String> {
    match object.get("__doc__") {
        Ok(Value::Str(doc)) => Some(doc.to_string()),
        _ => None,
    }
}

/// Prints class and docstring of the object itself.
fn head(object: &Object, doc: Option<&str>, style: Style) -> Result<(), Failure> {
    show::line(format_args!("{}", style.paint(Colour::Bold, escape::lines(object.type_name()))))?;
    for line in doc.unwrap_or_default().trim().lines() {
        show::line(format_args!("  {}", style.paint(Colour::Dim, escape::lines(line.trim()))))?;
    }
    Ok(())
}

/// Requests all attributes in bursts, then the docstrings of those that are objects, until the timeout.
fn fill(
    connection: &Connection,
    object: &Object,
    entries: &mut [Entry],
    patience: Option<&Patience>,
) -> Result<(), Failure> {
    let count = entries.len();
    let wait = |answer: Pending| {
        if let Some(patience) = patience {
            answer.set_timeout(Some(patience.left()));
        }
        answer.wait()
    };
    for (number, burst) in entries.chunks_mut(BURST).enumerate() {
        if let Some(patience) = patience.filter(|patience| patience.left().is_zero()) {
            let (seconds, asked) = (patience.whole.as_secs_f64(), number * BURST);
            let text = format!("the peer took more than {seconds} s; {asked} of {count} names were requested");
            return Err(
                Failure::new(PROTOCOL, text).hint("--timeout SECONDS waits longer, --names requests no attributes")
            );
        }
        let asked = together(connection, burst.iter().map(|entry| (object, entry.name.as_str())))?;
        for (entry, answer) in burst.iter_mut().zip(asked) {
            entry.got = Some(wait(answer));
        }
        let objects: Vec<Option<Object>> = burst.iter().map(Entry::object).collect();
        let asked = together(connection, objects.iter().flatten().map(|object| (object, "__doc__")))?;
        for (entry, answer) in burst.iter_mut().filter(|entry| entry.object().is_some()).zip(asked) {
            if let Ok(Value::Str(doc)) = wait(answer) {
                entry.doc = Some(doc.to_string());
            }
        }
    }
    // Signatures need `inspect`, which only a classic server lets every client import.
    if let Some(classic) = classic(connection) {
        for entry in entries.iter_mut() {
            if let Some(object) = entry.object().filter(|object| kind_of(object).1) {
                entry.signature = signature(&classic, &object);
            }
        }
    }
    Ok(())
}

fn together<'a>(
    connection: &Connection,
    attributes: impl Iterator<Item = (&'a Object, &'a str)>,
) -> Result<Vec<Pending>, Failure> {
    connection.cork()?;
    let asked: rpyc::Result<Vec<Pending>> = attributes.map(|(object, name)| object.get_later(name)).collect();
    connection.flush()?;
    Ok(asked?)
}

fn classic(connection: &Connection) -> Option<Classic> {
    let root = connection.root().ok()?;
    root.names().ok()?.iter().find(|name| *name == "getmodule" || *name == "exposed_getmodule")?;
    Classic::over(connection).ok()
}

fn signature(classic: &Classic, object: &Object) -> Option<String> {
    let signature = classic.call("inspect", "signature", [object]).ok()?;
    Object::try_from(signature).ok()?.str().ok()
}

/// Returns the kind of an object in one word, and whether it is callable.
fn kind_of(object: &Object) -> (String, bool) {
    let kind = match object.type_name() {
        name if object.is_class() => return (format!("class {name}"), false),
        "builtins.method" | "builtins.method_descriptor" | "builtins.method-wrapper" => "method",
        "builtins.function" | "builtins.builtin_function_or_method" => "function",
        name => return (name.to_owned(), false),
    };
    (kind.to_owned(), true)
}

impl Entry {
    fn member(&self) -> Member<'_> {
        let (kind, r#type, value, error) = match &self.got {
            Some(Ok(value @ Value::Ref(object))) => {
                (Some(kind_of(&object.clone().into()).0), Some(value.type_name()), None, None)
            }
            Some(Ok(value)) => (Some(value.type_name().to_owned()), Some(value.type_name()), Some(Json(value)), None),
            Some(Err(Error::Remote(exception))) if exception.is_builtin("AttributeError") => {
                (Some("denied".into()), None, None, Some(exception.summary()))
            }
            Some(Err(error)) => (Some("fails".into()), None, None, Some(error.to_string())),
            None => (None, None, None, None),
        };
        let (doc, signature) = (self.doc.as_deref(), self.signature.as_deref());
        Member { name: &self.name, kind, r#type, value, doc, signature, error }
    }

    fn object(&self) -> Option<Object> {
        match &self.got {
            Some(Ok(Value::Ref(object))) => Some(object.clone().into()),
            _ => None,
        }
    }
}

fn print(entry: &Entry, style: Style) -> Result<(), Failure> {
    let (kind, rest) = match &entry.got {
        Some(Ok(Value::Ref(object))) => {
            let doc = entry.doc.as_deref().and_then(|doc| doc.trim().lines().next()).unwrap_or("");
            (kind_of(&object.clone().into()).0, show::shortened(doc, WIDTH))
        }
        Some(Ok(value)) => (value.type_name().to_owned(), show::shortened(&value.repr(), WIDTH)),
        Some(Err(Error::Remote(exception))) if exception.is_builtin("AttributeError") => {
            ("denied".into(), String::new())
        }
        Some(Err(error)) => ("fails".into(), show::shortened(&error.to_string(), WIDTH)),
        None => (String::new(), String::new()),
    };
    let name = format!("{}{}", entry.name, entry.signature.as_deref().unwrap_or(""));
    let (name, kind) = (escape::lines(&name), escape::lines(&kind));
    let colour = match &*kind {
        "method" | "function" => Colour::Green,
        "denied" | "fails" => Colour::Red,
        _ => Colour::Cyan,
    };
    let text = format!("{}  {:<10}  {rest}", style.paint(colour, format_args!("{name:<24}")), kind);
    show::line(format_args!("{}", text.trim_end()))
}
