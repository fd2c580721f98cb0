//! `rpyc dir`: what an object of the peer has.

use crate::command_line::{ConnectionOptions, Word, missing, next, unknown};
use crate::failure::{Failure, Outcome};
use crate::path::Path;
use crate::style::{Colour, Style};
use crate::{help, peer, show};
use lexopt::Parser;
use rpyc::classic::Classic;
use rpyc::connection::{Connection, ask_later};
use rpyc::error::{Error, Result as PeerResult};
use rpyc::objects::{Promise, ask};
use rpyc::value::{Ask, Proxy, Reference, Text, Value};

const USAGE: &str = "rpyc dir ADDR [PATH]";
/// So many questions are asked at once.
const BURST: usize = 256;
const WIDTH: usize = 60;

struct Options {
    connection: ConnectionOptions,
    all: bool,
    names_only: bool,
    style: Style,
}

/// A name of the object, and what the peer gave for it.
struct Entry {
    name: String,
    got: Option<PeerResult<Value>>,
    doc: Option<String>,
    signature: Option<String>,
}

pub fn run(parser: &mut Parser) -> Outcome {
    let connection = ConnectionOptions::default();
    let (mut words, mut colour) = (Vec::new(), "auto".to_owned());
    let mut options = Options { connection, all: false, names_only: false, style: Style::PLAIN };
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) => words.push(text),
            Word::Option(option) => match option.as_str() {
                "-h" | "--help" => return help::of("dir"),
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
        _ => return Err(missing(if words.is_empty() { "the address" } else { "one path" }, USAGE)),
    };
    let (address, path) = (peer::address(address, None)?, Path::parse(path)?);
    let connection = peer::connect(&address, options.connection.config.clone())?;
    let value = path.walk(Value::Ref(connection.root()?))?;
    let Value::Ref(object) = &value else {
        show::line(format_args!("{} {}", value.type_name(), show::escaped(&value.repr())))?;
        return Ok(0);
    };
    list(&connection, object, &options)
}

fn list(connection: &Connection, object: &Reference, options: &Options) -> Outcome {
    head(object, options)?;
    let names = names(object)?;
    let prefix = options.connection.config.exposed_prefix.to_string();
    let mut entries: Vec<Entry> = Vec::new();
    for name in &names {
        // Exposed names are asked for without their prefix, as Python's programs write them.
        let exposed = name.strip_prefix(&prefix).filter(|rest| !prefix.is_empty() && !rest.is_empty());
        let shown = exposed.unwrap_or(name);
        let wanted = options.all || !shown.starts_with('_');
        if wanted && !entries.iter().any(|entry| entry.name == shown) {
            entries.push(Entry { name: shown.to_owned(), got: None, doc: None, signature: None });
        }
    }
    if options.names_only {
        entries.iter().try_for_each(|entry| show::line(format_args!("{}", show::escaped(&entry.name))))?;
        return Ok(0);
    }
    fill(connection, object, &mut entries)?;
    let refused = |entry: &&Entry| matches!(&entry.got, Some(Err(Error::Remote(e))) if e.is_builtin("AttributeError"));
    let hidden = entries.iter().filter(refused).count();
    for entry in entries.iter().filter(|entry| options.all || !refused(entry)) {
        print(entry, options.style)?;
    }
    if hidden > 0 && !options.all {
        let plural = if hidden == 1 { "name is" } else { "names are" };
        show::line(format_args!("({hidden} more {plural} refused by the peer; --all shows them)"))?;
    }
    Ok(0)
}

/// Class and documentation of the object itself.
fn head(object: &Reference, options: &Options) -> Result<(), Failure> {
    if options.names_only {
        return Ok(());
    }
    let name = match object {
        Reference::Remote(proxy) => proxy.type_name.to_string(),
        Reference::Local(_) => "an object of this program".into(),
    };
    show::line(format_args!("{}", options.style.paint(Colour::Bold, show::escaped(&name))))?;
    if let Ok(Value::Str(doc)) = ask(object, Ask::GetAttr("__doc__")) {
        for line in doc.as_str().trim().lines() {
            show::line(format_args!("  {}", options.style.paint(Colour::Dim, show::escaped(line.trim()))))?;
        }
    }
    Ok(())
}

fn names(object: &Reference) -> Result<Vec<String>, Failure> {
    let answer = ask(object, Ask::Dir)?;
    let Value::Tuple(names) = &answer else {
        return Err(Error::Malformed(format!("the answer to DIR is a {}", answer.type_name())).into());
    };
    let text = |name: &Value| if let Value::Str(text) = name { Some(text.to_string()) } else { None };
    Ok(names.iter().filter_map(text).collect())
}

/// Asks for all attributes, and then for the docs of those that are objects, in bursts.
fn fill(connection: &Connection, object: &Reference, entries: &mut [Entry]) -> Result<(), Failure> {
    for burst in entries.chunks_mut(BURST) {
        let asked = together(connection, burst.iter().map(|entry| (object, entry.name.as_str())))?;
        for (entry, answer) in burst.iter_mut().zip(asked) {
            entry.got = Some(answer.value());
        }
        let objects: Vec<Option<Reference>> = burst.iter().map(|entry| entry.object().cloned()).collect();
        let asked = together(connection, objects.iter().flatten().map(|object| (object, "__doc__")))?;
        for (entry, answer) in burst.iter_mut().filter(|entry| entry.object().is_some()).zip(asked) {
            if let Ok(Value::Str(doc)) = answer.value() {
                entry.doc = Some(doc.to_string());
            }
        }
    }
    // Only where the peer lets everybody import can it be asked for signatures.
    if let Some(classic) = classic(connection) {
        for entry in entries.iter_mut() {
            let Some(Reference::Remote(proxy)) = entry.object() else { continue };
            if kind_of(proxy).1 {
                entry.signature = signature(&classic, &Reference::Remote(proxy.clone()));
            }
        }
    }
    Ok(())
}

fn together<'a>(
    connection: &Connection,
    attributes: impl Iterator<Item = (&'a Reference, &'a str)>,
) -> Result<Vec<Promise>, Failure> {
    connection.begin()?;
    let timeout = connection.config().sync_request_timeout;
    let asked: PeerResult<Vec<Promise>> =
        attributes.map(|(object, name)| ask_later(object, Ask::GetAttr(name), timeout)).collect();
    connection.flush()?;
    Ok(asked?)
}

fn classic(connection: &Connection) -> Option<Classic> {
    let root = connection.root().ok()?;
    names(&root).ok()?.iter().find(|name| *name == "getmodule" || *name == "exposed_getmodule")?;
    Classic::new(connection.clone()).ok()
}

fn signature(classic: &Classic, object: &Reference) -> Option<String> {
    let keywords: [(Text, Value); 0] = [];
    match classic.call("inspect", "signature", &[Value::Ref(object.clone())], &keywords) {
        Ok(Value::Ref(signature)) => match ask(&signature, Ask::Str) {
            Ok(Value::Str(text)) => Some(text.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// What an object is, in a word, and whether it is called.
fn kind_of(proxy: &Proxy) -> (String, bool) {
    let kind = match &*proxy.type_name {
        name if proxy.is_class => return (format!("class {name}"), false),
        "builtins.method" | "builtins.method_descriptor" | "builtins.method-wrapper" => "method",
        "builtins.function" | "builtins.builtin_function_or_method" => "function",
        name => return (name.to_owned(), false),
    };
    (kind.to_owned(), true)
}

impl Entry {
    fn object(&self) -> Option<&Reference> {
        match &self.got {
            Some(Ok(Value::Ref(object))) => Some(object),
            _ => None,
        }
    }
}

fn print(entry: &Entry, style: Style) -> Result<(), Failure> {
    let (kind, rest) = match &entry.got {
        Some(Ok(Value::Ref(Reference::Remote(proxy)))) => {
            let doc = entry.doc.as_deref().and_then(|doc| doc.trim().lines().next()).unwrap_or("");
            (kind_of(proxy).0, show::shortened(doc, WIDTH))
        }
        Some(Ok(value)) => (value.type_name().to_owned(), show::shortened(&value.repr(), WIDTH)),
        Some(Err(Error::Remote(exception))) if exception.is_builtin("AttributeError") => {
            ("refused".into(), String::new())
        }
        Some(Err(error)) => ("fails".into(), show::shortened(&error.to_string(), WIDTH)),
        None => (String::new(), String::new()),
    };
    let name = format!("{}{}", entry.name, entry.signature.as_deref().unwrap_or(""));
    let (name, kind) = (show::escaped(&name), show::escaped(&kind));
    let colour = match &*kind {
        "method" | "function" => Colour::Green,
        "refused" | "fails" => Colour::Red,
        _ => Colour::Cyan,
    };
    let text = format!("{}  {:<10}  {rest}", style.paint(colour, format_args!("{name:<24}")), kind);
    show::line(format_args!("{}", text.trim_end()))
}
