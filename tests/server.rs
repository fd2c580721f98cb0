//! The server: limits, stopping, one-shot serving, and connections of both kinds of sockets.

use rpyc::config::Config;
use rpyc::connection::{Connection, ask_later};
use rpyc::error::{Error, Result};
use rpyc::objects::{Call, Class, Definition, Member, Method, Service, ask};
use rpyc::server::Server;
use rpyc::transport::Address;
use rpyc::value::{Ask, Reference, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

fn method(name: &str, run: impl Fn(Call) + Send + Sync + 'static) -> Member {
    let run: Method = Arc::new(run);
    Member::method(name, None, None, run).unwrap()
}

fn service(members: Vec<Member>) -> Arc<Class> {
    let hooks = Service {
        aliases: Vec::new(),
        create: Box::new(|_| Box::new(())),
        on_connect: None,
        on_disconnect: None,
        shared: false,
    };
    let definition = Definition { name: "TestService".into(), members, service: Some(hooks), ..Definition::default() };
    Class::new(definition).unwrap()
}

fn echo() -> Member {
    method("exposed_echo", |mut call| {
        let value = call.args().first().cloned().unwrap_or_default();
        call.reply(value).unwrap();
    })
}

fn listen(service: &Arc<Class>) -> (Server, Address) {
    let server = Server::new(&"tcp://127.0.0.1:0".parse().unwrap(), service, Config::default()).unwrap();
    let address = server.address().parse().unwrap();
    (server, address)
}

fn dial(address: &Address) -> Result<Connection> {
    Connection::connect(address, None, Config::default())
}

fn call(root: &Reference, name: &str, args: &[Value]) -> Result<Value> {
    ask(root, Ask::CallAttr { name, args, keywords: &[] })
}

fn works(connection: &Connection) {
    let root = connection.root().unwrap();
    assert_eq!(call(&root, "echo", &[Value::Int(7)]).unwrap(), Value::Int(7));
}

/// Waits for something that other threads bring about.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..5000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("never: {what}");
}

#[test]
fn connections_beyond_the_limit_are_turned_away() {
    let (server, address) = listen(&service(vec![echo()]));
    server.set_max_connections(2);
    server.start().unwrap();
    let first = dial(&address).unwrap();
    let second = dial(&address).unwrap();
    works(&first);
    works(&second);
    assert_eq!(server.connection_count(), 2);
    let third = dial(&address);
    assert!(third.is_err(), "a third connection was served");
    first.close().unwrap();
    eventually("room for another", || server.connection_count() == 1);
    works(&dial(&address).unwrap());
    works(&second);
    server.stop(Duration::ZERO);
    server.join().unwrap();
}

#[test]
fn stopping_waits_for_calls_that_run() {
    let (entered, wait_entered) = mpsc::channel();
    let (go, wait_go) = mpsc::channel::<()>();
    let (entered, wait_go) = (Mutex::new(entered), Mutex::new(wait_go));
    let slow = method("exposed_slow", move |mut call| {
        entered.lock().unwrap().send(()).unwrap();
        wait_go.lock().unwrap().recv().unwrap();
        call.reply(Value::str("done")).unwrap();
    });
    let (server, address) = listen(&service(vec![slow]));
    server.start().unwrap();
    let connection = dial(&address).unwrap();
    let root = connection.root().unwrap();
    let result = ask_later(&root, Ask::CallAttr { name: "slow", args: &[], keywords: &[] }, None).unwrap();
    wait_entered.recv().unwrap();
    let stopper = {
        let server = server.clone();
        std::thread::spawn(move || server.stop(Duration::from_secs(30)))
    };
    eventually("no new connections", || dial(&address).is_err());
    assert!(!stopper.is_finished());
    go.send(()).unwrap();
    assert_eq!(result.value().unwrap(), Value::str("done"));
    stopper.join().unwrap();
    server.join().unwrap();
    assert!(matches!(call(&root, "slow", &[]), Err(Error::Eof(_) | Error::Closed(_) | Error::Stale(_))));
    assert!(matches!(server.start(), Err(Error::State(_))));
}

#[test]
fn without_grace_calls_lose_their_caller() {
    let (entered, wait_entered) = mpsc::channel();
    let (go, wait_go) = mpsc::channel::<()>();
    let (told, wait_told) = mpsc::channel();
    let (entered, wait_go, told) = (Mutex::new(entered), Mutex::new(wait_go), Mutex::new(told));
    let slow = method("exposed_slow", move |mut call| {
        entered.lock().unwrap().send(()).unwrap();
        wait_go.lock().unwrap().recv().unwrap();
        let answer = call.is_cancelled();
        told.lock().unwrap().send((answer, call.reply(Value::None).is_err())).unwrap();
    });
    let (server, address) = listen(&service(vec![slow]));
    server.start().unwrap();
    let connection = dial(&address).unwrap();
    let root = connection.root().unwrap();
    let result = ask_later(&root, Ask::CallAttr { name: "slow", args: &[], keywords: &[] }, None).unwrap();
    wait_entered.recv().unwrap();
    server.stop(Duration::ZERO);
    assert!(result.value().is_err());
    go.send(()).unwrap();
    assert_eq!(wait_told.recv().unwrap(), (true, true));
    server.join().unwrap();
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn one_connection_is_served_in_the_callers_thread() {
    let served_by = Arc::new(Mutex::new(None));
    let seen = served_by.clone();
    let whoami = method("exposed_whoami", move |mut call| {
        *seen.lock().unwrap() = Some(std::thread::current().id());
        call.reply(Value::None).unwrap();
    });
    let (server, address) = listen(&service(vec![whoami]));
    let client = std::thread::spawn(move || {
        let connection = dial(&address).unwrap();
        call(&connection.root().unwrap(), "whoami", &[]).unwrap();
        connection.close().unwrap();
    });
    server.serve_one().unwrap();
    client.join().unwrap();
    assert_eq!(*served_by.lock().unwrap(), Some(std::thread::current().id()));
}

#[test]
fn serving_in_the_callers_thread_ends_when_it_is_stopped() {
    let (server, address) = listen(&service(vec![echo()]));
    let serving = {
        let server = server.clone();
        std::thread::spawn(move || server.serve())
    };
    works(&dial(&address).unwrap());
    assert!(matches!(server.start(), Err(Error::State(_))), "it accepts already");
    server.stop(Duration::ZERO);
    serving.join().unwrap().unwrap();
    server.join().unwrap();
}

#[test]
fn the_last_handle_stops_the_server() {
    let (server, address) = listen(&service(vec![echo()]));
    server.start().unwrap();
    let connection = dial(&address).unwrap();
    works(&connection);
    let other = server.clone();
    drop(server);
    works(&connection);
    drop(other);
    let root = connection.root();
    eventually("the connection ended", || root.as_ref().is_ok_and(|root| call(root, "echo", &[]).is_err()));
}

#[test]
fn unix_sockets_are_served_and_removed() {
    let path = std::env::temp_dir().join(format!("librpyc-server-{}", std::process::id()));
    let address: Address = format!("unix://{}", path.display()).parse().unwrap();
    let server = Server::new(&address, &service(vec![echo()]), Config::default()).unwrap();
    server.start().unwrap();
    works(&dial(&address).unwrap());
    server.stop(Duration::ZERO);
    server.join().unwrap();
    drop(server);
    eventually("the socket's file is gone", || !path.exists());
}

#[test]
fn each_connection_has_its_own_root_and_a_shared_one_is_made_once() {
    let states = |shared: bool| {
        let made = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(AtomicUsize::new(0));
        let (count, over) = (made.clone(), ended.clone());
        let hooks = Service {
            aliases: Vec::new(),
            create: Box::new(move |_| Box::new(count.fetch_add(1, Ordering::SeqCst))),
            on_connect: None,
            on_disconnect: Some(Connection::hook(move |connection, _root| {
                assert!(connection.closed());
                over.fetch_add(1, Ordering::SeqCst);
            })),
            shared,
        };
        let which = method("exposed_which", |mut call| {
            let state = call.object().state().downcast_ref::<usize>().copied().unwrap();
            call.reply(Value::Int(state as i64)).unwrap();
        });
        let definition =
            Definition { name: "Counting".into(), members: vec![which], service: Some(hooks), ..Definition::default() };
        let (server, address) = listen(&Class::new(definition).unwrap());
        server.start().unwrap();
        let mut seen = Vec::new();
        for _ in 0..3 {
            let connection = dial(&address).unwrap();
            seen.push(call(&connection.root().unwrap(), "which", &[]).unwrap());
            connection.close().unwrap();
        }
        server.stop(Duration::ZERO);
        server.join().unwrap();
        assert_eq!(ended.load(Ordering::SeqCst), 3);
        (made.load(Ordering::SeqCst), seen)
    };
    assert_eq!(states(false), (3, vec![Value::Int(0), Value::Int(1), Value::Int(2)]));
    assert_eq!(states(true), (1, vec![Value::Int(0), Value::Int(0), Value::Int(0)]));
}

/// The thread of a connection on which nothing has come for a while waits for the peer alone, for 30 seconds; what others do is
/// seen all the same.
#[test]
fn a_connection_that_rests_is_used_by_others() {
    const UNTIL_IT_RESTS: Duration = Duration::from_millis(2500);
    let (tell, told) = mpsc::channel();
    let hooks = Service {
        aliases: Vec::new(),
        create: Box::new(|_| Box::new(())),
        on_connect: Some(Connection::hook(move |connection, _| tell.send(connection.clone()).unwrap())),
        on_disconnect: None,
        shared: false,
    };
    let definition = Definition { name: "TestService".into(), service: Some(hooks), ..Definition::default() };
    let (server, address) = listen(&Class::new(definition).unwrap());
    server.start().unwrap();
    let client = dial(&address).unwrap();
    let served = told.recv().unwrap();
    std::thread::sleep(UNTIL_IT_RESTS);
    let asking = {
        let served = served.clone();
        std::thread::spawn(move || served.root())
    };
    std::thread::sleep(Duration::from_millis(100));
    served.shared().interrupt();
    eventually("the interrupt", || asking.is_finished());
    assert!(matches!(asking.join().unwrap(), Err(Error::Interrupted(_))));
    client.poll_all(Some(Duration::ZERO)).unwrap();
    std::thread::sleep(UNTIL_IT_RESTS);
    served.set_option("idle_timeout", "0.1").unwrap();
    let ended = std::thread::spawn(move || client.serve_all());
    eventually("the end", || ended.is_finished());
    assert!(ended.join().unwrap().is_ok());
    server.stop(Duration::ZERO);
    server.join().unwrap();
}
