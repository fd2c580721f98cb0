//! Two connected sides, and services whose methods are closures.

use rpyc::config::{Config, Dialect};
use rpyc::connection::{Connection, ask_later};
use rpyc::error::{Error, Result};
use rpyc::objects::{Call, Class, Definition, Function, Member, MemberKind, Object, Promise, Service, ask};
use rpyc::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use rpyc::sync::thread::{self, JoinHandle};
use rpyc::sync::{Condvar, Instant, Mutex, lock, wait, wait_for};
use rpyc::transport::pair_with_capacity;
use rpyc::value::{Ask, Local, Reference, Text, Value};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// No limits of time, no search for the dialect.
pub fn config() -> Config {
    Config {
        dialect: Dialect::V6,
        sync_request_timeout: None,
        close_timeout: Duration::from_secs(1000),
        compress: false,
        ..Config::default()
    }
}

/// Counts what has to happen exactly once.
#[derive(Clone, Default)]
pub struct Count(Arc<AtomicUsize>);

impl Count {
    pub fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    pub fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Something that counts its end.
    pub fn at_end(&self) -> AtEnd {
        AtEnd(self.clone())
    }
}

pub struct AtEnd(Count);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// A door that is opened once, for threads that wait for each other outside of a connection.
#[derive(Clone, Default)]
pub struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    pub fn open(&self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        let mut open = lock(&self.0.0);
        while !*open {
            open = wait(&self.0.1, open);
        }
    }
}

pub type Method = (&'static str, Box<dyn Fn(Call) + Send + Sync>);

pub fn method(name: &'static str, run: impl Fn(Call) + Send + Sync + 'static) -> Method {
    (name, Box::new(run))
}

/// What happened to the services of one class.
#[derive(Clone, Default)]
pub struct Life {
    pub connected: Count,
    /// Open as soon as it is connected.
    pub up: Door,
    pub disconnected: Count,
    pub destroyed: Count,
}

impl Life {
    pub fn assert_over(&self) {
        assert_eq!(self.connected.get(), 1, "on_connect");
        assert_eq!(self.disconnected.get(), 1, "on_disconnect");
        assert_eq!(self.destroyed.get(), 1, "the service's end");
    }

    /// Also for a connection that may have ended before its service was created.
    pub fn assert_over_or_unborn(&self) {
        if self.connected.get() + self.disconnected.get() + self.destroyed.get() > 0 {
            self.assert_over();
        }
    }
}

pub fn service(life: &Life, serial: bool, methods: Vec<Method>) -> Arc<Class> {
    let (made, life) = (life.destroyed.clone(), (life.connected.clone(), life.up.clone(), life.disconnected.clone()));
    let (connected, up, disconnected) = life;
    let service = Service {
        aliases: Vec::new(),
        create: Box::new(move |_| Box::new(made.at_end())),
        on_connect: Some(Box::new(move |_, _| {
            connected.add();
            up.open();
        })),
        on_disconnect: Some(Box::new(move |_, _| disconnected.add())),
        shared: false,
    };
    Class::new(Definition {
        name: "Model".into(),
        service: Some(service),
        serial,
        members: members(methods),
        ..Definition::default()
    })
    .unwrap()
}

pub fn class(serial: bool, methods: Vec<Method>) -> Arc<Class> {
    Class::new(Definition { name: "Thing".into(), serial, members: members(methods), ..Definition::default() }).unwrap()
}

fn members(methods: Vec<Method>) -> Vec<Member> {
    methods
        .into_iter()
        .map(|(name, run)| Member::method(&format!("exposed_{name}"), None, None, run.into()).unwrap())
        .collect()
}

/// A function that can be sent, with a state of its own.
pub fn function(state: impl Any + Send + Sync, run: impl Fn(Call) + Send + Sync + 'static) -> Value {
    let member = Member::method("callback", None, None, Arc::new(run)).unwrap();
    local(Function::new(member, Box::new(state)))
}

/// One whose answers may wait for those to the next requests.
pub fn quick_function(run: impl Fn(Call) + Send + Sync + 'static) -> Value {
    let kind = MemberKind::Method { run: Arc::new(run), signature: None, quick: true };
    local(Function::new(Member { name: Text::new("quick"), doc: None, kind }, Box::new(())))
}

pub fn local(object: Arc<impl Local>) -> Value {
    Value::Ref(Reference::Local(object))
}

pub fn instance(class: &Arc<Class>, state: impl Any + Send + Sync) -> Arc<Object> {
    class.instance(Box::new(state))
}

/// Answers with the first argument.
pub fn echo() -> Method {
    method("echo", |mut call| {
        let value = call.args()[0].clone();
        let _ = call.reply(value);
    })
}

/// Calls the first argument with the others and answers with what it gives.
pub fn apply() -> Method {
    method("apply", |mut call| {
        let args = call.args().to_vec();
        match self::call(&args[0], &args[1..]) {
            Ok(value) => drop(call.reply(value)),
            Err(_) => drop(call),
        }
    })
}

/// Threads that answer calls after the method has returned.
#[derive(Clone, Default)]
pub struct Threads(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Threads {
    /// Answers with a value, or the first argument.
    pub fn later(&self, value: Option<Value>) -> Method {
        let threads = self.0.clone();
        method("later", move |mut call| {
            let value = value.clone().unwrap_or_else(|| call.args()[0].clone());
            // With the lock held, so that nobody who has the answer misses the thread.
            lock(&threads).push(thread::spawn(move || drop(call.reply(value))));
        })
    }

    pub fn start(&self, run: impl FnOnce() + Send + 'static) {
        lock(&self.0).push(thread::spawn(run));
    }

    /// Waits for those that have been started.
    pub fn join(&self) {
        let threads = std::mem::take(&mut *lock(&self.0));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

pub fn reference(value: &Value) -> &Reference {
    match value {
        Value::Ref(reference) => reference,
        other => panic!("no object: {other:?}"),
    }
}

pub fn call(callee: &Value, args: &[Value]) -> Result<Value> {
    ask(reference(callee), Ask::Call { args, keywords: &[] })
}

pub fn call_method(object: &Reference, name: &str, args: &[Value]) -> Result<Value> {
    ask(object, Ask::CallAttr { name, args, keywords: &[] })
}

pub fn call_later(object: &Reference, name: &str, args: &[Value], timeout: Option<Duration>) -> Result<Promise> {
    ask_later(object, Ask::CallAttr { name, args, keywords: &[] }, timeout)
}

pub fn int(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        other => panic!("no int: {other:?}"),
    }
}

/// Calls `echo` and expects the number back.
pub fn expect_echo(root: &Reference, n: i64) {
    assert_eq!(int(&call_method(root, "echo", &[Value::Int(n)]).unwrap()), n);
}

/// The error of a call that was cut off by the end of its connection, or not sent after it.
pub fn is_end<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Eof(_) | Error::Closed(_) | Error::Stale(_)))
}

/// A client and a server whose `threads` serve it, and the client's root of the server.
pub struct Sides {
    pub client: Connection,
    pub server: Connection,
    pub root: Option<Reference>,
    pub client_life: Life,
    pub server_life: Life,
    serving: Vec<JoinHandle<()>>,
}

pub struct Setting {
    pub capacity: usize,
    pub threads: usize,
    pub serial: bool,
    pub client: Config,
    pub server: Config,
}

impl Default for Setting {
    fn default() -> Setting {
        Setting { capacity: 1 << 16, threads: 1, serial: false, client: config(), server: config() }
    }
}

impl Setting {
    pub fn connect(self, ours: Vec<Method>, theirs: Vec<Method>) -> Sides {
        let (left, right) = pair_with_capacity(self.capacity);
        let (client_life, server_life) = (Life::default(), Life::default());
        let client = Connection::new(left, Some(&service(&client_life, false, ours)), self.client).unwrap();
        let server = Connection::new(right, Some(&service(&server_life, self.serial, theirs)), self.server).unwrap();
        let serving = (0..self.threads)
            .map(|_| {
                let server = server.clone();
                thread::spawn(move || server.serve_all().unwrap())
            })
            .collect();
        let root = match self.threads {
            0 => root_served_by(&client, &server),
            _ => client.root().unwrap(),
        };
        let root = Some(root);
        Sides { client, server, root, client_life, server_life, serving }
    }
}

/// The root of a peer that no thread serves.
pub fn root_served_by(asking: &Connection, peer: &Connection) -> Reference {
    let peer = peer.clone();
    let serving = thread::spawn(move || assert!(peer.serve(None).unwrap()));
    let root = asking.root().unwrap();
    serving.join().unwrap();
    root
}

/// Connected with nothing in particular.
pub fn connect(theirs: Vec<Method>) -> Sides {
    Setting::default().connect(Vec::new(), theirs)
}

impl Sides {
    pub fn root(&self) -> Reference {
        self.root.clone().unwrap()
    }

    /// The orderly end, after which nothing may be left.
    pub fn close(mut self) {
        self.client.shared().assert_idle();
        self.root = None;
        self.client.close().unwrap();
        self.finish();
    }

    /// Waits for the threads that serve, which end with the connection.
    pub fn join_serving(&mut self) {
        self.serving.drain(..).for_each(|thread| thread.join().unwrap());
    }

    /// After the end, however it came.
    pub fn finish(mut self) {
        self.root = None;
        self.join_serving();
        assert!(self.client.closed());
        assert!(self.server.closed());
        self.client.shared().assert_idle();
        self.server.shared().assert_idle();
        assert_eq!((self.client.counts().exports, self.server.counts().exports), (0, 0));
        let Sides { client, server, client_life, server_life, .. } = self;
        drop((client, server));
        client_life.assert_over();
        server_life.assert_over();
    }
}

/// Lets time pass in this thread.
pub fn sleep(time: Duration) {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let end = Instant::now() + time;
    let mut guard = lock(&mutex);
    while Instant::now() < end {
        guard = wait_for(&condvar, guard, end.saturating_duration_since(Instant::now()));
    }
}

/// Runs something when it goes.
pub struct OnDrop(pub Option<Box<dyn FnOnce() + Send + Sync>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|f| f());
    }
}
