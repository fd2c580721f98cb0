//! The pooled server: the bound on its threads, what needs no free thread, fairness, time limits, and the end.

use rpyc::{Class, ClassBuilder, Config, Connection, Object, Server, Value};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

/// A service whose `echo` replies and whose `back` calls a function of the client.
fn service() -> ClassBuilder {
    Class::builder("PooledService")
        .method("echo(value)", |call| Ok(call.args()[0].clone()))
        .method("back(function, value)", |call| Ok(call.arg::<Object>(0)?.invoke((call.args()[1].clone(),))?))
        .method("zeros(size)", |call| Ok(Value::bytes(&vec![0; call.arg::<i64>(0)? as usize])))
}

fn config(options: &[(&str, &str)]) -> Config {
    options.iter().fold(Config::new(), |config, (name, text)| config.with(name, text).unwrap())
}

fn start_with(class: ClassBuilder, options: &[(&str, &str)]) -> Server {
    let server = Server::bind_with("tcp://127.0.0.1:0", &class.build().unwrap(), &config(options)).unwrap();
    server.start().unwrap();
    server
}

fn start(class: ClassBuilder, threads: &str) -> Server {
    start_with(class, &[("pool_threads", threads)])
}

fn connect(server: &Server) -> (Connection, Object) {
    let connection = Connection::connect(&server.address()).unwrap();
    let root = connection.root().unwrap();
    (connection, root)
}

fn raw(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address().strip_prefix("tcp://").unwrap()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

fn works(root: &Object) {
    assert_eq!(root.call("echo", (7,)).unwrap(), Value::Int(7));
}

fn end(server: &Server) {
    server.stop(LONG);
    server.join().unwrap();
    assert_eq!(server.connection_count(), 0);
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("never: {what}");
}

#[test]
fn many_connections_share_few_threads() {
    let seen = Arc::new(Mutex::new(std::collections::HashSet::new()));
    let threads = seen.clone();
    let class = service().method("thread()", move |_| {
        threads.lock().unwrap().insert(thread::current().id());
        Ok(Value::None)
    });
    let server = start(class, "2");
    let clients: Vec<_> = (0..50).map(|_| connect(&server)).collect();
    assert_eq!(server.connection_count(), 50);
    for _ in 0..3 {
        for (_, root) in &clients {
            works(root);
            root.call("thread", ()).unwrap();
        }
    }
    assert!((1..=2).contains(&seen.lock().unwrap().len()));
    for (connection, _) in &clients[..25] {
        connection.close().unwrap();
    }
    eventually("half of them have gone", || server.connection_count() == 25);
    clients[25..].iter().for_each(|(_, root)| works(root));
    end(&server);
}

#[test]
fn a_handler_that_waits_for_its_client_serves_what_that_asks() {
    let server = start(service(), "1");
    let (_one, root) = connect(&server);
    let (_other, bystander) = connect(&server);
    let asks = root.clone();
    let nested = Object::function("nested(value)", move |call| {
        let inner = Object::function("inner(value)", |call| Ok(call.args()[0].clone()))?;
        Ok(asks.call("back", (inner, call.args()[0].clone()))?)
    })
    .unwrap();
    for value in 0..20 {
        assert_eq!(root.call("back", (nested.clone(), value)).unwrap(), Value::Int(value));
        works(&bystander);
    }
    end(&server);
}

/// More clients than threads, each of which calls back, and whose callback calls again before it replies.
#[test]
fn all_threads_wait_for_callbacks() {
    let server = start(service(), "3");
    let meeting = Arc::new(Barrier::new(3));
    let clients: Vec<_> = (0..3)
        .map(|number| {
            let (connection, root) = connect(&server);
            let (meeting, asks) = (meeting.clone(), root.clone());
            thread::spawn(move || {
                let callback = Object::function("callback(value)", move |call| {
                    // All threads of the pool are in such calls now.
                    meeting.wait();
                    Ok(asks.call("echo", (call.args()[0].clone(),))?)
                })
                .unwrap();
                for _ in 0..10 {
                    assert_eq!(root.call("back", (callback.clone(), number)).unwrap(), Value::Int(number));
                }
                drop(connection);
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    eventually("all have gone", || server.connection_count() == 0);
    end(&server);
}

/// Handlers of two connections call objects of each other's clients.
#[test]
fn handlers_wait_on_one_anothers_connections() {
    let kept = Arc::new(Mutex::new(Vec::<Object>::new()));
    let (keeps, gives) = (kept.clone(), kept.clone());
    let class = service()
        .method("keep(function)", move |call| {
            keeps.lock().unwrap().push(call.arg::<Object>(0)?);
            Ok(Value::None)
        })
        .method("ask(index, value)", move |call| {
            let function = gives.lock().unwrap()[call.arg::<i64>(0)? as usize].clone();
            Ok(function.invoke((call.args()[1].clone(),))?)
        });
    let server = start(class, "2");
    let (one, first) = connect(&server);
    let (two, second) = connect(&server);
    for root in [&first, &second] {
        let asks = root.clone();
        let function =
            Object::function("function(value)", move |call| Ok(asks.call("echo", (call.args()[0].clone(),))?));
        root.call("keep", (function.unwrap(),)).unwrap();
    }
    let crossing = [(first, 1), (second, 0)].map(|(root, index)| {
        thread::spawn(move || {
            for value in 0..200 {
                assert_eq!(root.call("ask", (index, value)).unwrap(), Value::Int(value));
            }
        })
    });
    // While one client is done, its functions are still called.
    let background = [&one, &two].map(|connection| connection.serve_in_background().unwrap());
    crossing.into_iter().for_each(|client| client.join().unwrap());
    drop(background);
    kept.lock().unwrap().clear();
    end(&server);
}

#[test]
fn deferred_answers_free_their_threads() {
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let keeps = waiting.clone();
    let class = service().deferred("later(value)", move |call| keeps.lock().unwrap().push(call));
    let server = start(class, "1");
    let (_keep, root) = connect(&server);
    let results: Vec<_> = (0..100).map(|value| root.call_later("later", (value,)).unwrap()).collect();
    eventually("all are deferred", || waiting.lock().unwrap().len() == 100);
    works(&connect(&server).1);
    works(&root);
    for call in std::mem::take(&mut *waiting.lock().unwrap()) {
        let value = call.args()[0].clone();
        call.finish(Ok(value)).unwrap();
    }
    for (value, result) in results.iter().enumerate() {
        assert_eq!(result.wait().unwrap(), Value::Int(value as i64));
    }
    end(&server);
}

/// At the bound new requests wait, and are served when a thread is free.
#[test]
fn more_handlers_wait_than_there_are_threads() {
    let (go_on, told) = mpsc::channel::<()>();
    let (begins, began) = mpsc::channel();
    let (told, begins) = (Mutex::new(told), Mutex::new(begins));
    let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let counts = running.clone();
    let class = service().method("block()", move |_| {
        let now = counts.0.fetch_add(1, Ordering::SeqCst) + 1;
        counts.1.fetch_max(now, Ordering::SeqCst);
        begins.lock().unwrap().send(()).unwrap();
        told.lock().unwrap().recv().unwrap();
        counts.0.fetch_sub(1, Ordering::SeqCst);
        Ok(Value::None)
    });
    let server = start(class, "2");
    let clients: Vec<_> = (0..8).map(|_| connect(&server)).collect();
    let results: Vec<_> = clients.iter().map(|(_, root)| root.call_later("block", ()).unwrap()).collect();
    for _ in 0..8 {
        began.recv_timeout(LONG).unwrap();
        go_on.send(()).unwrap();
    }
    results.iter().for_each(|result| assert_eq!(result.wait().unwrap(), Value::None));
    assert!(running.1.load(Ordering::SeqCst) <= 2, "more ran at once than there are threads");
    end(&server);
}

/// One client sends requests without a pause; the others are served by the only thread all the same.
#[test]
fn a_flood_leaves_room_for_others() {
    let server = start(service(), "1");
    let (flood, root) = connect(&server);
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stops = stop.clone();
    let flooding = thread::spawn(move || {
        let mut sent = 0;
        while !stops.load(Ordering::Relaxed) {
            let results: Vec<_> = (0..500).map(|value| root.call_later("echo", (value,)).unwrap()).collect();
            results.iter().for_each(|result| drop(result.wait().unwrap()));
            sent += 500;
        }
        drop(flood);
        sent
    });
    let (_keep, other) = connect(&server);
    for _ in 0..200 {
        works(&other);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(flooding.join().unwrap() >= 500);
    end(&server);
}

/// A client that asks for much and reads nothing holds no thread, and gets all when it reads.
#[test]
fn a_peer_that_does_not_read_holds_no_thread() {
    const SIZE: i64 = 8 << 20;
    let server = start(service(), "1");
    let (_slow, root) = connect(&server);
    let results: Vec<_> = (0..4).map(|_| root.call_later("zeros", (SIZE,)).unwrap()).collect();
    let (_keep, other) = connect(&server);
    for _ in 0..100 {
        works(&other);
    }
    for result in &results {
        assert!(matches!(result.wait().unwrap(), Value::Bytes(bytes) if bytes.len() == SIZE as usize));
    }
    end(&server);
}

#[test]
fn hooks_run_once_for_each_connection_however_it_ends() {
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (begun, ended) = (counts.clone(), counts.clone());
    let class = service()
        .on_connect(move |_| {
            begun.0.fetch_add(1, Ordering::SeqCst);
        })
        .on_disconnect(move |connection| {
            assert!(connection.is_closed());
            ended.1.fetch_add(1, Ordering::SeqCst);
        });
    let server = start(class, "2");
    let (closed, root) = connect(&server);
    works(&root);
    closed.close().unwrap();
    drop(raw(&server));
    let mut broken = raw(&server);
    broken.write_all(b"GET / HTTP/1.1\r\nHost: a very long line that is no message of RPyC\r\n\r\n").unwrap();
    let _ = broken.read_to_end(&mut Vec::new());
    eventually("three have ended", || counts.1.load(Ordering::SeqCst) == 3 && server.connection_count() == 0);
    let (_stays, root) = connect(&server);
    works(&root);
    let silent = raw(&server);
    eventually("five have begun", || counts.0.load(Ordering::SeqCst) == 5);
    end(&server);
    drop(silent);
    assert_eq!((counts.0.load(Ordering::SeqCst), counts.1.load(Ordering::SeqCst)), (5, 5));
}

/// Time limits are kept without any other event, and by connections of which the pool has forgotten the buffers.
#[test]
fn silent_peers_are_found() {
    let options = [("pool_threads", "2"), ("handshake_timeout", "0.3"), ("idle_timeout", "1.5")];
    let server = start_with(service(), &options);
    let mut begins = raw(&server);
    begins.write_all(&[0, 0, 0]).unwrap();
    let (idle, root) = connect(&server);
    works(&root);
    let _ = begins.read_to_end(&mut Vec::new());
    eventually("the idle one has ended", || server.connection_count() == 0);
    drop(idle);
    end(&server);
}

#[test]
fn a_handler_may_stop_the_server() {
    let place = Arc::new(Mutex::new(None::<Server>));
    let stops = place.clone();
    let class = service().method("stop()", move |_| {
        let server = stops.lock().unwrap().take().unwrap();
        server.stop(LONG);
        assert!(server.join().is_err());
        Ok(Value::None)
    });
    let server = start(class, "1");
    *place.lock().unwrap() = Some(server.clone());
    let (_keep, root) = connect(&server);
    let _ = root.call("stop", ());
    server.join().unwrap();
}

#[test]
fn stopping_waits_for_calls_that_run() {
    let (begins, began) = mpsc::channel();
    let (go_on, told) = mpsc::channel::<()>();
    let (begins, told) = (Mutex::new(begins), Mutex::new(told));
    let class = service().method("slow()", move |_| {
        begins.lock().unwrap().send(()).unwrap();
        told.lock().unwrap().recv().unwrap();
        Ok(5)
    });
    let server = start(class, "2");
    let (_keep, root) = connect(&server);
    let result = root.call_later("slow", ()).unwrap();
    began.recv_timeout(LONG).unwrap();
    let stopper = server.clone();
    let stopping = thread::spawn(move || stopper.stop(LONG));
    eventually("no new connections", || TcpStream::connect(server.address().strip_prefix("tcp://").unwrap()).is_err());
    assert!(!stopping.is_finished());
    go_on.send(()).unwrap();
    assert_eq!(result.wait().unwrap(), Value::Int(5));
    stopping.join().unwrap();
    server.join().unwrap();
}

#[test]
fn the_last_handle_stops_the_pool() {
    let server = start(service(), "2");
    let (connection, root) = connect(&server);
    works(&root);
    drop(server);
    eventually("the connection ended", || root.call("echo", (1,)).is_err());
    drop(connection);
}

#[test]
fn unusable_options_are_refused() {
    let class = service().build().unwrap();
    let refused = config(&[("pool_threads", "2"), ("bind_threads", "true")]);
    assert!(Server::bind_with("tcp://127.0.0.1:0", &class, &refused).is_err());
    assert!(Config::new().with("pool_threads", "1025").is_err());
    let auto = config(&[("pool_threads", "auto")]).get("pool_threads").unwrap();
    assert!(auto.parse::<usize>().unwrap() >= 4);
}

#[test]
fn hundreds_of_connections_are_active_at_once() {
    let server = start(service(), "4");
    let streams: Vec<_> = (0..400).map(|_| connect(&server)).collect();
    eventually("all are there", || server.connection_count() == streams.len());
    let shares: Vec<_> = streams.chunks(100).map(<[_]>::to_vec).collect();
    let threads: Vec<_> = shares
        .into_iter()
        .map(|share| {
            thread::spawn(move || {
                for _ in 0..3 {
                    let results: Vec<_> =
                        share.iter().map(|(_, root)| root.call_later("echo", (7,)).unwrap()).collect();
                    results.iter().for_each(|result| assert_eq!(result.wait().unwrap(), Value::Int(7)));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    end(&server);
}

/// The files of a new certificate and its key.
#[cfg(feature = "tls")]
fn identity() -> (std::path::PathBuf, [String; 2]) {
    let folder = std::env::temp_dir().join(format!("librpyc-pool-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let paths = ["cert", "key"].map(|name| folder.join(name).to_str().unwrap().to_owned());
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost";
    let made = std::process::Command::new("openssl")
        .args(arguments.split(' '))
        .args(["-out", &paths[0], "-keyout", &paths[1]])
        .output()
        .expect("openssl, which the tests need");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (folder, paths)
}

/// A drain looks at a TLS connection while no thread is free: the request that it takes from the socket must not be
/// forgotten, though epoll no longer shows it.
#[cfg(feature = "tls")]
#[test]
fn looks_at_a_tls_connection_forget_no_request() {
    let (folder, [cert, key]) = identity();
    let (started, has_started) = mpsc::channel();
    let (go_on, waits) = mpsc::channel::<()>();
    let (started, waits) = (Mutex::new(started), Mutex::new(waits));
    let class = service().method("wait()", move |_| {
        started.lock().unwrap().send(()).unwrap();
        waits.lock().unwrap().recv_timeout(LONG).unwrap();
        Ok(Value::None)
    });
    let options = config(&[("pool_threads", "1"), ("tls_cert", &cert), ("tls_key", &key)]);
    let server = Server::bind_with("tls://127.0.0.1:0", &class.build().unwrap(), &options).unwrap();
    server.start().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    let client = || {
        let options = config(&[("tls_insecure_no_verification", "true")]);
        let connection = Connection::connect_with(&server.address(), &options, None).unwrap();
        let root = connection.root().unwrap();
        works(&root);
        (connection, root)
    };
    let ((one, blocker), (other, root)) = (client(), client());
    thread::scope(|scope| {
        let blocked = scope.spawn(|| blocker.call("wait", ()).unwrap());
        has_started.recv_timeout(LONG).unwrap();
        let drained = scope.spawn(|| server.drain(LONG, None).unwrap());
        let pending = root.call_later("echo", (7,)).unwrap();
        pending.set_timeout(Some(LONG));
        // For looks of the drain: fewer of them find less, but fail nothing.
        thread::sleep(Duration::from_millis(300));
        go_on.send(()).unwrap();
        blocked.join().unwrap();
        assert_eq!(pending.wait().unwrap(), Value::Int(7));
        one.close().unwrap();
        other.close().unwrap();
        assert_eq!(drained.join().unwrap(), 0);
    });
    server.join().unwrap();
}
