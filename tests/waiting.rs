//! What Rust programs do about calls that take long: time limits and interrupts.

use rpyc::{Class, Config, Connection, Error, Object, Server, timeout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(60);

/// A server whose method `wait` answers when it is told to.
struct Waits {
    server: Server,
    go_on: mpsc::Sender<()>,
    began: mpsc::Receiver<()>,
}

impl Waits {
    fn start() -> Waits {
        let (go_on, told) = mpsc::channel();
        let (begins, began) = mpsc::channel();
        let (told, begins) = (Arc::new(Mutex::new(told)), Mutex::new(begins));
        let service = Class::builder("WaitingService")
            .method("wait()", move |_| {
                let _ = begins.lock().unwrap().send(());
                let _ = told.lock().unwrap().recv();
                Ok(1)
            })
            .method("pause()", |_| {
                thread::sleep(10 * SHORT);
                Ok(2)
            })
            .method("echo(value)", |call| Ok(call.args()[0].clone()))
            .build()
            .unwrap();
        let server = Server::bind("tcp://127.0.0.1:0", &service).unwrap();
        server.start().unwrap();
        Waits { server, go_on, began }
    }

    fn connect(&self, options: &[(&str, &str)]) -> (Connection, Object) {
        let config = options.iter().fold(Config::new(), |config, (option, value)| config.with(option, value).unwrap());
        let connection = Connection::connect_with(self.server.address().as_str(), &config, None).unwrap();
        let root = connection.root().unwrap();
        (connection, root)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let _ = self.go_on.send(());
        self.server.stop(Duration::ZERO);
    }
}

fn works(root: &Object) {
    assert_eq!(root.call("echo", (7,)).unwrap().convert::<i64>().unwrap(), 7);
}

fn is_timeout<T>(result: rpyc::Result<T>) -> bool {
    matches!(result, Err(Error::Timeout(_)))
}

#[test]
fn a_time_limit_ends_a_call_and_not_the_connection() {
    let waits = Waits::start();
    let (_connection, root) = waits.connect(&[]);
    assert!(is_timeout(timeout(SHORT, || root.call("wait", ()))));
    waits.go_on.send(()).unwrap();
    works(&root);
    // It is for all that is done within it, and is over behind it.
    let inside = timeout(Duration::ZERO, || [root.call("echo", (1,)), root.get("echo")].map(is_timeout));
    assert_eq!(inside, [true, true]);
    works(&root);
    assert_eq!(timeout(LONG, || root.call("echo", (3,))).unwrap().convert::<i64>().unwrap(), 3);
}

#[test]
fn a_time_limit_within_another_only_shortens_it() {
    let waits = Waits::start();
    let (_connection, root) = waits.connect(&[]);
    assert!(is_timeout(timeout(SHORT, || timeout(LONG, || root.call("wait", ())))));
    waits.go_on.send(()).unwrap();
    timeout(LONG, || {
        assert!(is_timeout(timeout(Duration::ZERO, || root.call("echo", (1,)))));
        works(&root);
    });
    let panics = catch_unwind(AssertUnwindSafe(|| timeout::<()>(Duration::ZERO, || panic!("for once"))));
    assert!(panics.is_err());
    works(&root);
}

#[test]
fn a_time_limit_may_be_longer_than_the_option() {
    let waits = Waits::start();
    let (connection, root) = waits.connect(&[]);
    connection.set_option("sync_request_timeout", "0.03").unwrap();
    assert!(is_timeout(root.call("pause", ())));
    assert_eq!(timeout(LONG, || root.call("pause", ())).unwrap().convert::<i64>().unwrap(), 2);
    // One of another thread says nothing here.
    let other = root.clone();
    timeout(LONG, || assert!(is_timeout(thread::spawn(move || other.call("wait", ())).join().unwrap())));
}

#[test]
fn an_interrupt_ends_the_wait_that_is_there() {
    let waits = Waits::start();
    let (connection, root) = waits.connect(&[("interruptible", "true")]);
    let waiting = root.clone();
    let waiter = thread::spawn(move || waiting.call("wait", ()));
    waits.began.recv().unwrap();
    connection.interrupt();
    assert!(matches!(waiter.join().unwrap(), Err(Error::Interrupted(_))));
    waits.go_on.send(()).unwrap();
    works(&root);
}

#[test]
fn an_interrupt_ends_the_next_wait() {
    let waits = Waits::start();
    let (connection, root) = waits.connect(&[]);
    connection.interrupt();
    assert!(matches!(root.call("wait", ()), Err(Error::Interrupted(_))));
    waits.go_on.send(()).unwrap();
    works(&root);
    assert!(!connection.is_closed());
}
