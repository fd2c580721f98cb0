//! Classes and objects of the application: tables of methods and a state.

use super::call::Call;
use super::defaults;
use super::peer::Peer;
use super::reflect;
use super::signature::Signature;
use super::turn::Turn;
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::sync::{Mutex, lock};
use crate::value::{Local, Shape, Text, Value};
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// A method of the application. It answers the call, keeps it, or drops it: the caller then gets RuntimeError.
pub type Method = Arc<dyn Fn(Call) + Send + Sync>;

pub enum MemberKind {
    Method {
        run: Method,
        signature: Option<Signature>,
        quick: bool,
    },
    Property {
        get: Option<Method>,
        set: Option<Method>,
        del: Option<Method>,
    },
    /// A value that all instances have.
    Constant(Value),
    /// A member that every class gets from Python's `object`.
    Default(defaults::Slot),
}

impl MemberKind {
    fn title(&self) -> &'static str {
        match self {
            MemberKind::Method { .. } => "method",
            MemberKind::Property { .. } => "property",
            MemberKind::Constant(_) => "value",
            MemberKind::Default(_) => "default method",
        }
    }
}

pub struct Member {
    pub name: Text,
    pub doc: Option<Text>,
    pub kind: MemberKind,
}

impl Member {
    /// Returns the fault of a member that cannot be intended.
    fn fault(&self) -> Option<String> {
        match &self.kind {
            kind if self.name.as_str().is_empty() => Some(format!("a {} has no name", kind.title())),
            MemberKind::Property { get: None, set: None, del: None } => {
                Some(format!("the property '{}' can be neither read nor set nor deleted", self.name))
            }
            _ => None,
        }
    }
}

pub type Has = Arc<dyn Fn(&Object, &str) -> bool + Send + Sync>;

/// Attributes that only the object itself knows, subject to the usual rules.
pub struct Dynamic {
    /// None: an attribute exists unless reading it raises AttributeError.
    pub has: Option<Has>,
    pub get: Option<Method>,
    pub set: Option<Method>,
    pub del: Option<Method>,
}

impl Dynamic {
    /// Inherits the functions that it does not define.
    fn over(self, base: &Dynamic) -> Dynamic {
        Dynamic {
            has: self.has.or_else(|| base.has.clone()),
            get: self.get.or_else(|| base.get.clone()),
            set: self.set.or_else(|| base.set.clone()),
            del: self.del.or_else(|| base.del.clone()),
        }
    }
}

/// A class with it is a service: one instance per connection, with hooks.
pub struct Service {
    pub aliases: Vec<Text>,
    /// Creates the state of an instance. `Refused` rejects the connection.
    pub create: Create,
    pub on_connect: Option<Hook>,
    pub on_disconnect: Option<Hook>,
    /// One instance serves all connections.
    pub shared: bool,
}

/// Creates the state of a service's instance. A shared one is created without a connection.
pub type Create = Box<dyn Fn(Option<&Arc<dyn Peer>>) -> Box<dyn Any + Send + Sync> + Send + Sync>;

/// Returned instead of a state to reject the connection.
pub struct Refused;

/// A hook that runs at the beginning or the end of a connection.
pub type Hook = Box<dyn Fn(&Arc<dyn Peer>, &Arc<Object>) + Send + Sync>;

/// The description of a class.
#[derive(Default)]
pub struct Definition {
    pub module: String,
    pub name: String,
    pub doc: Option<Text>,
    pub base: Option<Arc<Class>>,
    pub members: Vec<Member>,
    pub construct: Option<Method>,
    /// The parameters of `construct`; None: any.
    pub construct_signature: Option<Signature>,
    pub get_attr: Option<Method>,
    pub set_attr: Option<Method>,
    pub del_attr: Option<Method>,
    pub dynamic: Option<Dynamic>,
    pub service: Option<Service>,
    /// Calls of one object never overlap.
    pub serial: bool,
    /// Instances are arrays for numpy, which requests a pickle if pickles are allowed.
    pub numpy: bool,
    /// Lives as long as the class.
    pub owner: Option<Box<dyn Any + Send + Sync>>,
    /// For peers, this class is the same as that one.
    pub same_as: Option<Arc<Class>>,
}

pub struct Class {
    pub(super) shape: Arc<Shape>,
    /// In the order of the shape's indexes, with inherited members.
    members: Vec<Arc<Member>>,
    pub(super) doc: Option<Text>,
    /// Constructs an object. A signature is stored in the member.
    pub(super) construct: Option<(Method, Option<Arc<Member>>)>,
    pub(super) get_attr: Option<Method>,
    pub(super) set_attr: Option<Method>,
    pub(super) del_attr: Option<Method>,
    pub(super) dynamic: Option<Arc<Dynamic>>,
    /// Returns the plain data of an instance.
    data: Option<fn(&Object) -> Option<Value>>,
    service: Option<Arc<Service>>,
    serial: bool,
    /// This class as the root of connections.
    root_class: Mutex<Weak<Class>>,
    /// The root that all connections share.
    shared_root: Mutex<Weak<Object>>,
    class_object: Mutex<Weak<ClassObject>>,
    /// Objects that the application identifies by a key.
    keyed: Mutex<Keyed>,
    base: Option<Arc<Class>>,
    owner: Option<Box<dyn Any + Send + Sync>>,
}

/// Existing objects by key.
#[derive(Default)]
struct Keyed {
    objects: HashMap<usize, Weak<Object>>,
    /// At this number of entries, those of freed objects are removed.
    full: usize,
}

impl Keyed {
    fn enter(&mut self, key: usize, object: &Arc<Object>) {
        if self.objects.len() >= self.full {
            self.objects.retain(|_, object| object.strong_count() > 0);
            self.full = (2 * self.objects.len()).max(16);
        }
        self.objects.insert(key, Arc::downgrade(object));
    }
}

/// Names that every Python proxy has and never looks up in INSPECT.
const NOT_LISTED: &[&str] = &[
    "__class__",
    "__cmp__",
    "__del__",
    "__delattr__",
    "__dict__",
    "__dir__",
    "__doc__",
    "__eq__",
    "__exit__",
    "__ge__",
    "__getattr__",
    "__getattribute__",
    "__gt__",
    "__hash__",
    "__init__",
    "__instancecheck__",
    "__le__",
    "__lt__",
    "__metaclass__",
    "__methods__",
    "__module__",
    "__ne__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__repr__",
    "__setattr__",
    "__slots__",
    "__str__",
    "__weakref__",
];

impl Class {
    pub fn new(definition: Definition) -> Result<Arc<Class>> {
        if definition.name.is_empty() {
            return Err(Error::Argument("a class needs a name".into()));
        }
        let mut known = HashMap::new();
        for member in &definition.members {
            if let Some(text) = member.fault() {
                return Err(Error::Argument(format!("class '{}': {text}", definition.name)));
            }
            if let Some(before) = known.insert(member.name.as_str(), member) {
                let (name, first, second) = (&member.name, before.kind.title(), member.kind.title());
                let text = format!(
                    "class '{}': the name '{name}' is given twice, to a {first} and a {second}",
                    definition.name
                );
                return Err(Error::Argument(text));
            }
        }
        let aliases = definition.service.as_ref().map_or(&[][..], |service| &service.aliases);
        if let Some(twice) = (1..).zip(aliases).find(|(next, alias)| aliases[*next..].contains(alias)) {
            let text = format!("class '{}': the alias '{}' is given twice", definition.name, twice.1);
            return Err(Error::Argument(text));
        }
        Ok(Class::plain(definition))
    }

    /// A class without members of its own.
    pub fn empty() -> Arc<Class> {
        Class::plain(Definition { name: "object".into(), ..Definition::default() })
    }

    pub(crate) fn plain(d: Definition) -> Arc<Class> {
        Class::plain_with(d, None)
    }

    /// A class whose instances represent plain data.
    pub(super) fn of_data(d: Definition, data: fn(&Object) -> Option<Value>) -> Arc<Class> {
        Class::plain_with(d, Some(data))
    }

    fn plain_with(d: Definition, data: Option<fn(&Object) -> Option<Value>>) -> Arc<Class> {
        let module = if d.module.is_empty() { "librpyc" } else { &d.module };
        let type_name = Text::from(format!("{module}.{}", d.name));
        let service = None;
        Class::build(Definition { service, ..d }, type_name, d.service.map(Arc::new), data, false)
    }

    /// `is_root`: adds the members of every RPyC service, its names, and denies setting attributes.
    fn build(
        d: Definition,
        type_name: Text,
        service: Option<Arc<Service>>,
        data: Option<fn(&Object) -> Option<Value>>,
        is_root: bool,
    ) -> Arc<Class> {
        let mut members: Vec<Arc<Member>> = Vec::new();
        let own = d.members.into_iter().map(Arc::new);
        let inherited = d.base.iter().flat_map(|base| base.members.iter().cloned());
        let of_services = defaults::service_members().filter(|_| is_root);
        for member in own.chain(inherited).chain(of_services).chain(defaults::members()) {
            if !members.iter().any(|known| known.name == member.name) {
                members.push(member);
            }
        }
        let bases: Vec<Arc<Shape>> = d.base.iter().map(|base| base.shape.clone()).collect();
        let mut shape = Shape::new(type_name, bases, members.iter().map(|m| m.name.clone()).collect());
        shape.inspect = inspection(&members);
        if let (true, Value::Tuple(listed)) = (d.numpy, &shape.inspect) {
            let array = Value::tuple(vec![Value::str("__array__"), Value::None]);
            shape.inspect_pickled = Some(Value::Tuple(listed.iter().cloned().chain([array]).collect()));
        }
        if let Some(same) = d.same_as {
            shape.id = same.shape.id.clone();
        }
        let base = d.base.as_ref();
        let get_attr = d.get_attr.or_else(|| base.and_then(|b| b.get_attr.clone()));
        shape.own_get = get_attr.is_some();
        let set_attr = d.set_attr.or_else(|| base.and_then(|b| b.set_attr.clone()));
        let del_attr = d.del_attr.or_else(|| base.and_then(|b| b.del_attr.clone()));
        // A service denies setting by its own rules, as rpyc.Service does.
        shape.own_set = set_attr.is_some() || is_root;
        shape.own_del = del_attr.is_some() || is_root;
        let inherited = base.and_then(|b| b.dynamic.clone());
        let dynamic = match (d.dynamic, inherited) {
            (Some(own), Some(inherited)) => Some(Arc::new(own.over(&inherited))),
            (own, inherited) => own.map(Arc::new).or(inherited),
        };
        shape.dynamic = dynamic.is_some();
        shape.says_missing = dynamic.as_ref().is_some_and(|dynamic| dynamic.has.is_none());
        Arc::new(Class {
            shape: Arc::new(shape),
            members,
            doc: d.doc,
            construct: d.construct.map(|run| constructor(run, d.construct_signature)),
            get_attr,
            set_attr,
            del_attr,
            dynamic,
            data,
            service,
            serial: d.serial,
            root_class: Mutex::new(Weak::new()),
            shared_root: Mutex::new(Weak::new()),
            class_object: Mutex::new(Weak::new()),
            keyed: Mutex::default(),
            base: d.base,
            owner: d.owner,
        })
    }

    #[inline]
    pub fn member(&self, index: u32) -> Option<&Arc<Member>> {
        self.members.get(index as usize)
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Member>> {
        self.shape.member(name.as_bytes()).and_then(|index| self.member(index))
    }

    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    pub(super) fn base(&self) -> Option<&Arc<Class>> {
        self.base.as_ref()
    }

    /// Returns all members, inherited ones included.
    pub(super) fn members(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.members.iter()
    }

    pub(super) fn doc(&self) -> Option<&Text> {
        self.doc.as_ref()
    }

    pub fn service(&self) -> Option<&Arc<Service>> {
        self.service.as_ref()
    }

    pub fn is_or_derives_from(&self, ancestor: &Class) -> bool {
        std::ptr::eq(self, ancestor) || self.base.as_ref().is_some_and(|base| base.is_or_derives_from(ancestor))
    }

    /// Returns the owner. A root class has that of its service.
    pub fn owner(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.owner.as_deref().or_else(|| self.base.as_ref()?.owner())
    }

    /// Returns the described class: for the class of a root, its service.
    pub fn described(self: &Arc<Class>) -> &Arc<Class> {
        match &self.base {
            Some(base) if self.owner.is_none() => base.described(),
            _ => self,
        }
    }

    /// Makes an instance with a state of the application.
    pub fn instance(self: &Arc<Class>, state: Box<dyn Any + Send + Sync>) -> Arc<Object> {
        self.instance_as(state, Id::new())
    }

    pub fn instance_as(self: &Arc<Class>, state: Box<dyn Any + Send + Sync>, id: Id) -> Arc<Object> {
        Arc::new(Object { class: self.clone(), state, turn: self.serial.then(Turn::default), id })
    }

    /// Returns the existing instance with this key and the unused state, or a new instance.
    pub fn instance_of_key<S: Any + Send + Sync>(self: &Arc<Class>, key: usize, state: S) -> (Arc<Object>, Option<S>) {
        let mut keyed = lock(&self.keyed);
        if let Some(known) = keyed.objects.get(&key).and_then(Weak::upgrade) {
            return (known, Some(state));
        }
        let made = self.instance(Box::new(state));
        keyed.enter(key, &made);
        (made, None)
    }

    /// Returns the root of a connection: a new instance, or the shared one as long as it is referenced.
    pub fn root(self: &Arc<Class>, peer: Option<&Arc<dyn Peer>>) -> Arc<Object> {
        let shared = self.service.as_ref().is_some_and(|service| service.shared);
        let peer = peer.filter(|_| !shared);
        let make = || {
            let state = self.service.as_ref().map_or_else(|| Box::new(()) as _, |service| (service.create)(peer));
            self.as_root().instance(state)
        };
        if !shared {
            return make();
        }
        if let Some(root) = lock(&self.shared_root).upgrade() {
            return root;
        }
        // Application code runs without the lock. If two roots are made at once, the first is used.
        let made = make();
        let mut shared = lock(&self.shared_root);
        if let Some(root) = shared.upgrade() {
            return root;
        }
        *shared = Arc::downgrade(&made);
        drop(shared);
        made
    }

    /// Makes a root with an existing state.
    pub fn root_around(self: &Arc<Class>, state: Box<dyn Any + Send + Sync>, id: Id) -> Arc<Object> {
        self.as_root().instance_as(state, id)
    }

    fn as_root(self: &Arc<Class>) -> Arc<Class> {
        let mut root_class = lock(&self.root_class);
        root_class.upgrade().unwrap_or_else(|| {
            let definition = Definition {
                name: self.shape.class_name().to_owned(),
                base: Some(self.clone()),
                doc: self.doc.clone(),
                serial: self.serial,
                ..Definition::default()
            };
            let made = Class::build(definition, self.shape.type_name.clone(), self.service.clone(), None, true);
            *root_class = Arc::downgrade(&made);
            made
        })
    }

    /// Returns the class as an object that can be sent; the same one as long as it is referenced.
    pub fn as_object(self: &Arc<Class>) -> Arc<ClassObject> {
        let mut known = lock(&self.class_object);
        known.upgrade().unwrap_or_else(|| {
            let own = |member: &Arc<Member>| match member.kind {
                MemberKind::Method { .. } | MemberKind::Constant(_) => Some(member.clone()),
                MemberKind::Property { .. } => Some(Arc::new(reflect::property_of(member))),
                MemberKind::Default(_) => None,
            };
            let members: Vec<Arc<Member>> = self.members.iter().filter_map(own).collect();
            let names = self.members.iter().map(|member| &member.name);
            let mut shape = defaults::class_shape(self.shape.class_name(), &members, names);
            // As in Python: the methods of `type`, then those of the class, special ones included.
            if let (Value::Tuple(of_type), Value::Tuple(of_class)) = (&shape.inspect, inspection(&members)) {
                let more = of_class.iter().filter(|pair| !of_type.iter().any(|known| names_same(known, pair)));
                shape.inspect = Value::Tuple(of_type.iter().chain(more).cloned().collect());
            }
            let shape = Arc::new(shape);
            let made = Arc::new(ClassObject { class: self.clone(), shape, members });
            *known = Arc::downgrade(&made);
            made
        })
    }

    /// Returns the names of a service in capitals, as in RPyC. The first one is its name.
    pub fn service_aliases(&self) -> Vec<Text> {
        match &self.service {
            Some(service) if !service.aliases.is_empty() => {
                service.aliases.iter().map(|alias| Text::from(alias.as_str().to_uppercase())).collect()
            }
            _ => {
                let name = self.shape.class_name().to_uppercase();
                vec![Text::new(name.strip_suffix("SERVICE").unwrap_or(&name))]
            }
        }
    }
}

/// The reply to INSPECT: the methods that a Python peer must know, with docstrings.
fn inspection(members: &[Arc<Member>]) -> Value {
    let listed = members.iter().filter(|member| {
        let callable = match &member.kind {
            MemberKind::Method { .. } => true,
            MemberKind::Default(slot) => slot.is_method(),
            _ => false,
        };
        callable && !NOT_LISTED.contains(&member.name.as_str())
    });
    let pair = |member: &Arc<Member>| {
        let doc = member.doc.clone().map_or(Value::None, Value::Str);
        Value::tuple(vec![Value::Str(member.name.clone()), doc])
    };
    Value::Tuple(listed.map(pair).collect())
}

/// Returns whether two entries of an answer to INSPECT have the same name.
fn names_same(entry: &Value, other: &Value) -> bool {
    matches!((entry, other), (Value::Tuple(entry), Value::Tuple(other)) if entry.first() == other.first())
}

/// Makes a constructor, whose signature is stored as that of a method.
fn constructor(run: Method, signature: Option<Signature>) -> (Method, Option<Arc<Member>>) {
    let member = signature.map(|signature| {
        let kind = MemberKind::Method { run: run.clone(), signature: Some(signature), quick: false };
        Arc::new(Member { name: Text::new("__init__"), doc: None, kind })
    });
    (run, member)
}

/// An instance of a class of the application.
pub struct Object {
    pub(super) class: Arc<Class>,
    state: Box<dyn Any + Send + Sync>,
    pub(super) turn: Option<Turn>,
    id: Id,
}

impl Object {
    pub fn class(&self) -> &Arc<Class> {
        &self.class
    }

    /// Returns the plain data that it represents, if its class has any.
    pub(super) fn data(&self) -> Option<Value> {
        self.class.data?(self)
    }

    /// Returns the state of the application.
    #[inline]
    pub fn state(&self) -> &(dyn Any + Send + Sync) {
        &*self.state
    }
}

impl Local for Object {
    fn shape(&self) -> &Arc<Shape> {
        &self.class.shape
    }

    fn id(&self) -> u64 {
        self.id.get()
    }
}

/// A class as an object. Calling it constructs an instance.
pub struct ClassObject {
    pub(super) class: Arc<Class>,
    shape: Arc<Shape>,
    /// Its methods, constants and properties, after the members of all classes.
    members: Vec<Arc<Member>>,
}

impl ClassObject {
    /// Returns the class.
    pub fn class(&self) -> &Arc<Class> {
        &self.class
    }

    /// Returns a property or constant by name.
    pub(super) fn property(&self, name: &str) -> Option<Value> {
        self.members.iter().find(|member| member.name.as_str() == name).and_then(|member| match &member.kind {
            MemberKind::Constant(value) => Some(value.clone()),
            _ => None,
        })
    }

    /// Returns a method, constant or property by its index in the shape.
    pub(super) fn member(&self, index: u32) -> Option<&Arc<Member>> {
        self.members.get(defaults::class_member(index)?)
    }
}

impl Local for ClassObject {
    fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    fn id(&self) -> u64 {
        self.class.shape.id.get()
    }

    fn instances(&self) -> Option<&Arc<Shape>> {
        Some(&self.class.shape)
    }
}

/// A method read from an object: `obj.method` without a call.
pub struct BoundMethod {
    pub(super) object: Arc<Object>,
    pub(super) member: Arc<Member>,
    id: Id,
}

impl BoundMethod {
    pub(super) fn new(object: Arc<Object>, member: Arc<Member>) -> BoundMethod {
        BoundMethod { object, member, id: Id::new() }
    }

    /// Returns the object and the method's name.
    pub fn parts(&self) -> (&Object, &Text) {
        (&self.object, &self.member.name)
    }
}

impl Local for BoundMethod {
    fn shape(&self) -> &Arc<Shape> {
        defaults::method_shape()
    }

    fn id(&self) -> u64 {
        self.id.get()
    }
}

/// A function of the application.
pub struct Function {
    pub(super) member: Arc<Member>,
    /// An instance of an empty class, which holds the function's state.
    pub(super) object: Arc<Object>,
    id: Id,
}

impl Function {
    pub fn new(member: Member, state: Box<dyn Any + Send + Sync>) -> Arc<Function> {
        Function::numbered(member, state, Id::new())
    }

    pub fn numbered(member: Member, state: Box<dyn Any + Send + Sync>, id: Id) -> Arc<Function> {
        Function::of(defaults::function_class(false), member, state, id)
    }

    /// Returns the object that holds its state.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Makes a function whose calls never overlap.
    pub fn serial(member: Member, state: Box<dyn Any + Send + Sync>) -> Arc<Function> {
        Function::of(defaults::function_class(true), member, state, Id::new())
    }

    fn of(class: &Arc<Class>, member: Member, state: Box<dyn Any + Send + Sync>, id: Id) -> Arc<Function> {
        Arc::new(Function { member: Arc::new(member), object: class.instance(state), id })
    }
}

impl Local for Function {
    fn shape(&self) -> &Arc<Shape> {
        defaults::function_shape()
    }

    fn id(&self) -> u64 {
        self.id.get()
    }
}
