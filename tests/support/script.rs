//! What a recording tells about the application behind our session: its objects, their attributes, its settings.

use super::node::{Node, int};
use super::recording::{Kind, Message, Recording, Side};
use super::thing::{Thing, shape};
use rpyc::config::{Config, Dialect};
use rpyc::error::{Exception, Raised};
use rpyc::value::{Shape, Text, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Exist in Python, but may not be touched by the rules.
const HIDDEN: &[&str] = &["hidden", "__class__", "__dict__"];
/// Safe names that the objects of the recordings nevertheless lack.
const ABSENT: &[&str] = &["__cmp__", "__getslice__"];

/// A value of the library in the terms of the recording; objects are symbols.
pub fn node_of(value: &Value, symbol: &mut dyn FnMut(&rpyc::value::Reference) -> String) -> Node {
    let mut all = |items: &[Value]| items.iter().map(|item| node_of(item, symbol)).collect();
    match value {
        Value::None => Node::None,
        Value::NotImplemented => Node::NotImplemented,
        Value::Ellipsis => Node::Ellipsis,
        Value::Bool(b) => Node::Bool(*b),
        Value::Int(n) => Node::Int(n.to_string()),
        Value::BigInt(n) => Node::Int(n.text().to_string()),
        Value::Float(x) => Node::Float(x.to_bits()),
        Value::Complex(re, im) => Node::Complex(re.to_bits(), im.to_bits()),
        Value::Str(text) => Node::Str(text.to_string()),
        Value::Bytes(bytes) => Node::Bytes(bytes.to_vec()),
        Value::Tuple(items) => Node::Tuple(all(items)),
        Value::Slice(items) => Node::Slice(all(&items[..])),
        Value::FrozenSet(items) => Node::FrozenSet(all(items)),
        Value::Ref(reference) => Node::Id(symbol(reference)),
        Value::List(_) | Value::Dict(_) | Value::Array(_) | Value::Temporal(_) => {
            panic!("nothing on the wire is a {}", value.type_name())
        }
    }
}

/// A value by value; there must be no symbol in it but those that `number` knows.
pub fn plain(node: &Node, number: &dyn Fn(&str) -> String) -> Value {
    let all = |items: &[Node]| items.iter().map(|item| plain(item, number)).collect::<Vec<_>>();
    match node {
        Node::None => Value::None,
        Node::NotImplemented => Value::NotImplemented,
        Node::Ellipsis => Value::Ellipsis,
        Node::Bool(b) => Value::Bool(*b),
        Node::Int(text) => Value::int_from_text(text.as_bytes(), 5000).expect("int"),
        Node::Float(bits) => Value::Float(f64::from_bits(*bits)),
        Node::Complex(re, im) => Value::Complex(f64::from_bits(*re), f64::from_bits(*im)),
        Node::Bytes(bytes) => Value::bytes(bytes),
        Node::Str(text) => Value::str(text),
        Node::Tuple(items) => Value::tuple(all(items)),
        Node::Slice(items) => {
            let [start, stop, step]: [Value; 3] = all(items).try_into().expect("three parts");
            Value::slice(start, stop, step)
        }
        Node::FrozenSet(items) => Value::frozenset(all(items)).expect("hashable"),
        Node::Id(symbol) => Value::int_from_text(number(symbol).as_bytes(), 5000).expect("int"),
    }
}

/// The object in an id_pack: its instance, or the class itself.
pub fn object_symbol(pack: &Node) -> Option<&str> {
    match pack.items() {
        [_, _, Node::Id(instance)] => Some(instance),
        [_, Node::Id(class), Node::Int(zero)] if zero == "0" => Some(class),
        _ => None,
    }
}

/// Every reference in a box: label and id_pack.
pub fn references<'a>(boxed: &'a Node, found: &mut dyn FnMut(i64, &'a Node)) {
    let Node::Tuple(pair) = boxed else { return };
    match pair.as_slice() {
        [Node::Int(label), content] => match (label.as_str(), content) {
            ("2", Node::Tuple(items)) => items.iter().for_each(|item| references(item, found)),
            ("3" | "4", pack) => found(label.parse().unwrap(), pack),
            _ => {}
        },
        other => panic!("not a box: {other:?}"),
    }
}

/// The box of a message, unless it is an exception.
pub fn boxed(message: &Message) -> Option<&Node> {
    match message.kind {
        Kind::Request => Some(message.request().1),
        Kind::Reply => Some(&message.body),
        Kind::Exception => None,
    }
}

/// A box with objects as symbols.
pub fn unboxed(boxed: &Node) -> Node {
    let [Node::Int(label), content] = boxed.items() else { panic!("not a box: {boxed:?}") };
    match label.as_str() {
        "1" => content.clone(),
        "2" => Node::Tuple(content.items().iter().map(unboxed).collect()),
        _ => Node::Id(object_symbol(content).unwrap_or("unknown").to_owned()),
    }
}

/// The settings of our side.
pub fn config(recording: &Recording, us: Side) -> Config {
    let mut config = Config { bind_threads: recording.bind_threads, ..Config::default() };
    if us == Side::Client && !recording.six {
        config.dialect = Dialect::V5;
    }
    if us == Side::Server {
        for (name, value) in recording.server_config.as_object().expect("settings") {
            config.set(name, &value.to_string()).expect("a setting of ours");
        }
    }
    if is_slave(recording, us) {
        config.allow_all_attrs = true;
        config.allow_setattr = true;
        config.allow_delattr = true;
        config.allow_exposed_attrs = false;
    }
    config
}

fn is_slave(recording: &Recording, us: Side) -> bool {
    match us {
        Side::Server => recording.server != "demo",
        Side::Client => matches!(recording.name.as_str(), "e_classic_slave" | "e_classic_duplex" | "o_teleport"),
    }
}

/// Our side's objects, made as the recording needs them.
pub struct Application {
    dynamic: bool,
    shapes: HashMap<String, Arc<Shape>>,
    /// The INSPECT answers for classes themselves, by the class's symbol.
    class_inspect: HashMap<String, Value>,
    attributes: HashMap<String, BTreeSet<String>>,
    pub objects: HashMap<String, Arc<Thing>>,
    root: Option<(String, Node)>,
}

impl Application {
    pub fn new(recording: &Recording, us: Side, config: &Config, dynamic: bool) -> Application {
        let mut host = Application {
            dynamic,
            shapes: HashMap::new(),
            class_inspect: HashMap::new(),
            attributes: HashMap::new(),
            objects: HashMap::new(),
            root: None,
        };
        let said =
            |side: Side| recording.frames.iter().filter(move |f| f.from == side).filter_map(|f| f.message.as_ref());
        let asked: Vec<&Message> = said(if us == Side::Server { Side::Client } else { Side::Server })
            .filter(|m| m.kind == Kind::Request)
            .collect();
        let answer = |seq: i64| said(us).find(|m| m.kind != Kind::Request && m.seq == seq);
        // Class by symbol: its name, and what INSPECT says of its instances.
        let mut classes: HashMap<String, (String, Value, BTreeSet<String>)> = HashMap::new();
        for message in said(us) {
            references(
                boxed(message).unwrap_or(&super::node::tuple([super::node::int(1), Node::None])),
                &mut |label, pack| {
                    if let ([Node::Str(name), Node::Id(class), _], 4) = (pack.items(), label) {
                        classes.entry(class.clone()).or_insert_with(|| (name.clone(), Value::None, BTreeSet::new()));
                    }
                },
            );
        }
        for message in &asked {
            let (handler, args) = message.request();
            let replied = || answer(message.seq).filter(|found| found.kind == Kind::Reply);
            if let Some(root) = (handler == 3).then(replied).flatten() {
                let pack = &root.body.items()[1];
                host.root = Some((object_symbol(pack).expect("root").to_owned(), pack.clone()));
            }
            let args = args.items()[1].items();
            if let Some(found) = (handler == 16).then(replied).flatten() {
                let listed = plain(&found.body.items()[1], &|_| unreachable!());
                match args[0].items() {
                    [_, Node::Id(class), Node::Int(_)] => {
                        host.class_inspect.insert(class.clone(), listed);
                    }
                    [_, Node::Id(class), _] => classes.get_mut(class).expect("a class of ours").1 = listed,
                    other => panic!("INSPECT of {other:?}"),
                }
            }
            let names: &[usize] = match handler {
                4 | 5 | 6 | 8 => &[1],
                11 => &[2],
                18 => &[1, 2],
                19 => &[],
                _ => continue,
            };
            let Some([Node::Int(label), pack]) = args.first().map(Node::items) else { continue };
            let ("3", Some(symbol)) = (label.as_str(), object_symbol(pack)) else { continue };
            let mut names: Vec<String> = names.iter().filter_map(|i| args.get(*i)).filter_map(name_in).collect();
            if handler == 19 {
                names.push("__exit__".into());
            }
            let Node::Id(class) = &pack.items()[1] else { panic!("class of {pack:?}") };
            for name in names.iter().filter(|name| !ABSENT.contains(&name.as_str())) {
                let refused =
                    answer(message.seq).is_some_and(|found| format!("{:?}", found.body).contains("cannot access"));
                let safe = name.starts_with("exposed_") || config.safe_attrs.contains(name);
                let attribute = match () {
                    () if config.allow_all_attrs || safe || HIDDEN.contains(&name.as_str()) => name.clone(),
                    () if refused && !attributes_of(&host, symbol).contains(&format!("exposed_{name}")) => continue,
                    () => format!("exposed_{name}"),
                };
                host.attributes.entry(symbol.to_owned()).or_default().insert(attribute.clone());
                classes.get_mut(class).expect("a class of ours").2.insert(attribute);
            }
        }
        let base = classes.iter().find(|(_, (name, ..))| name == "demo_peer.Base").map(|(symbol, _)| symbol.clone());
        let mut symbols: Vec<&String> = classes.keys().collect();
        // The base class first.
        symbols.sort_by_key(|symbol| (Some(*symbol) != base.as_ref(), symbol.len(), (*symbol).clone()));
        for symbol in symbols {
            let (name, inspect, attributes) = &classes[symbol];
            let names = attributes.iter().map(|name| Text::new(name)).filter(|_| !dynamic).collect();
            let bases = base.iter().filter(|_| name == "demo_peer.Derived").map(|base| host.shapes[base].clone());
            let mut made = Shape::new(Text::new(name), bases.collect(), names);
            made.inspect = inspect.clone();
            made.dynamic = dynamic;
            // rpyc.Service refuses these by rules of its own.
            (made.own_set, made.own_del) = (name.ends_with("Service"), name.ends_with("Service"));
            host.shapes.insert(symbol.clone(), Arc::new(made));
        }
        host
    }

    pub fn root(&mut self) -> Option<Arc<Thing>> {
        let (_, pack) = self.root.clone()?;
        Some(self.object(&pack))
    }

    pub fn is_root(&self, symbol: &str) -> bool {
        self.root.as_ref().is_some_and(|(root, _)| root == symbol)
    }

    /// The object that the recording calls so.
    pub fn object(&mut self, pack: &Node) -> Arc<Thing> {
        let symbol = object_symbol(pack).expect("an object").to_owned();
        if let Some(known) = self.objects.get(&symbol) {
            return known.clone();
        }
        let Node::Id(class) = &pack.items()[1] else { panic!("class of {pack:?}") };
        let instances = &self.shapes[class];
        let made = if pack.items()[2] == super::node::int(0) {
            let mut own = shape("builtins.type", &[]);
            own.inspect = self.class_inspect.get(class).cloned().unwrap_or_default();
            Thing::class(&symbol, own, instances)
        } else {
            let names = self.attributes.get(&symbol).into_iter().flatten().map(String::as_str);
            Thing::with_attributes(&symbol, instances, names.filter(|_| self.dynamic))
        };
        self.objects.insert(symbol, made.clone());
        made
    }
}

fn attributes_of(host: &Application, symbol: &str) -> BTreeSet<String> {
    host.attributes.get(symbol).cloned().unwrap_or_default()
}

fn name_in(boxed: &Node) -> Option<String> {
    match boxed.items() {
        [Node::Int(_), Node::Str(name)] => Some(name.clone()),
        [Node::Int(_), Node::Bytes(name)] => Some(String::from_utf8(name.clone()).expect("UTF-8")),
        _ => None,
    }
}

/// A recorded exception body.
pub fn exception(body: &Node, number: &dyn Fn(&str) -> String) -> Exception {
    if *body == int(1) {
        return Exception::stop_iteration();
    }
    let [class, args, attributes, traceback] = body.items() else { panic!("{body:?}") };
    let text = |node: &Node| Text::new(node.as_text());
    Raised {
        module: text(&class.items()[0]),
        name: text(&class.items()[1]),
        args: args.items().iter().map(|arg| plain(arg, number)).collect(),
        attributes: attributes.items().iter().map(|a| (text(&a.items()[0]), plain(&a.items()[1], number))).collect(),
        traceback: text(traceback),
        meaning: None,
    }
    .into()
}
