//! A peer that is played by hand, and what the tests with one share.

use rpyc::codec::brine;
use rpyc::config::{Config, Limits};
use rpyc::connection::Connection;
use rpyc::error::Result;
use rpyc::objects::{Call, Class, Definition, Function, Member, Method, ask};
use rpyc::transport::{Transport, pair};
use rpyc::value::{Ask, Local, Reference, Value};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub const PING: i64 = 1;
pub const GETROOT: i64 = 3;

/// A message of rpyc 6, in a frame.
pub fn message(kind: u8, seq: i64, body: Value) -> Vec<u8> {
    let mut payload = vec![kind];
    brine::put_value(&mut payload, &Value::tuple(vec![Value::Int(seq), body]), &Limits::default()).unwrap();
    let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
    frame.push(0);
    frame.append(&mut payload);
    frame.push(b'\n');
    frame
}

pub fn boxed(value: Value) -> Value {
    Value::tuple(vec![Value::Int(1), value])
}

pub fn request(seq: i64, handler: i64, args: Vec<Value>) -> Vec<u8> {
    message(1, seq, Value::tuple(vec![Value::Int(handler), boxed(Value::tuple(args))]))
}

pub fn reply(seq: i64, value: Value) -> Vec<u8> {
    message(2, seq, boxed(value))
}

/// A peer that is played by hand.
pub struct Peer {
    pub transport: Arc<dyn Transport>,
    received: Vec<u8>,
}

impl Peer {
    pub fn new(transport: Arc<dyn Transport>) -> Peer {
        Peer { transport, received: Vec::new() }
    }

    pub fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.transport.send(&[IoSlice::new(bytes)]) {
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.transport.poll(false, true, Some(Duration::from_secs(1)))?;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Kind, number and body of the next message; None at the end of the stream.
    pub fn next(&mut self) -> Option<(u8, i64, Value)> {
        let mut quiet = 0;
        while quiet < 30 {
            if let Some(header) = self.received.first_chunk::<5>() {
                let end = 5 + u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
                if self.received.len() > end {
                    let rest = self.received.split_off(end + 1);
                    let frame = std::mem::replace(&mut self.received, rest);
                    let Value::Tuple(parts) = brine::decode(&frame[6..end], &Limits::default()).unwrap() else {
                        panic!()
                    };
                    return Some((frame[5], parts[0].to_i64().unwrap(), parts[1].clone()));
                }
            }
            match self.transport.recv(&mut self.received, 1 << 16, true) {
                Ok(0) => return None,
                Ok(_) => quiet = 0,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => quiet += 1,
                Err(_) => return None,
            }
        }
        panic!("nothing came");
    }

    /// Answers everything with None until the end of the stream.
    pub fn answer_all(mut self) {
        while let Some((kind, seq, _)) = self.next() {
            if kind == 1 && self.send(&reply(seq, Value::None)).is_err() {
                return;
            }
        }
    }
}

pub fn config() -> Config {
    Config {
        compress: false,
        sync_request_timeout: Some(Duration::from_secs(60)),
        close_timeout: Duration::from_millis(50),
        ..Config::default()
    }
}

/// A connection whose peer is played by hand.
pub fn alone(config: Config) -> (Connection, Peer) {
    let (ours, theirs) = pair();
    (Connection::new(ours, None, config).unwrap(), Peer::new(theirs))
}

pub fn method(name: &str, run: impl Fn(Call) + Send + Sync + 'static) -> Member {
    let run: Method = Arc::new(run);
    Member::method(name, None, None, run).unwrap()
}

pub fn class(members: Vec<Member>) -> Arc<Class> {
    Class::new(Definition { name: "Thing".into(), members, ..Definition::default() }).unwrap()
}

/// Two connections with each other, and the thread that serves the second.
pub fn two(service: &Arc<Class>, config: Config) -> (Connection, Connection, thread::JoinHandle<Result<()>>) {
    let (left, right) = pair();
    let client = Connection::new(left, None, config.clone()).unwrap();
    let server = Connection::new(right, Some(service), config).unwrap();
    let serving = server.clone();
    (client, server, thread::spawn(move || serving.serve_all()))
}

pub fn call(object: &Reference, name: &str, args: &[Value]) -> Result<Value> {
    ask(object, Ask::CallAttr { name, args, keywords: &[] })
}

pub fn local(object: Arc<dyn Local>) -> Value {
    Value::Ref(Reference::Local(object))
}

pub fn function(run: impl Fn(Call) + Send + Sync + 'static) -> Value {
    local(Function::new(method("f", run), Box::new(())))
}

/// Does something when it is dropped.
pub struct AtEnd<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
