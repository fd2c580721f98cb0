//! `rpyc serve`: a small service for testing clients, networks and this tool.

use crate::command_line::{ConnectionOptions, Parser, Word, next, surplus, text, unknown};
use crate::failure::{Failure, Outcome};
use crate::{help, peer, show, signals};
use rpyc::escape;
use rpyc::{Answer, Call, Class, Connection, Exception, Object, Server, Value};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::mpsc;
use std::time::Duration;

/// Time without input after which a connection is ended, once the server is ending.
const IDLE: Duration = Duration::ZERO;
/// Time for running calls, once the server is ending.
const GRACE: Duration = Duration::from_secs(2);
/// Time for the remaining threads after that.
const REST: Duration = Duration::from_secs(1);

pub fn run(parser: &mut Parser) -> Outcome {
    let mut options = ConnectionOptions::default();
    let mut address = None;
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) if address.is_none() => address = Some(text),
            Word::Value(text) => return Err(surplus(parser, &text)),
            Word::Option(option) if option == "-h" || option == "--help" => return help::of(parser),
            Word::Option(option) if option == "--pool" => options.config.set("pool_threads", &text(parser)?)?,
            Word::Option(option) if options.take(&option, parser)? => {}
            Word::Option(option) => return Err(unknown(&option)),
        }
    }
    let address = match (address, activated()?) {
        (Some(address), _) => peer::address(&address, None)?,
        (None, Some(fd)) => peer::address(&fd, None)?,
        (None, None) => peer::address("tcp://:0", None)?,
    };
    let (asked, end) = mpsc::channel();
    signals::at_first(&[SIGINT, SIGTERM], move || {
        // Without a receiver, the server has ended already.
        let _ = asked.send(());
    })?;
    let server = Server::bind_with(&address.to_string(), &service()?, &options.config)?;
    show::line(format_args!("listening {}", server.address()))?;
    server.start()?;
    // Only the thread of the signal has the sender.
    let _ = end.recv();
    let cut = server.drain(IDLE, Some(GRACE))?;
    if cut > 0 {
        show::line(format_args!("cut {cut}"))?;
    }
    // A call that still runs ends with the program. Without one, the socket's file is removed first.
    let (joined, end) = mpsc::channel();
    let waits = std::thread::Builder::new().name("rpyc-join".into()).stack_size(signals::STACK).spawn(move || {
        let _ = server.join();
        drop(server);
        let _ = joined.send(());
    });
    if waits.is_ok() {
        let _ = end.recv_timeout(REST);
    }
    Ok(0)
}

/// Returns the address of the socket that systemd has opened for this process (sd_listen_fds(3)).
fn activated() -> Result<Option<String>, Failure> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(None);
    }
    match number("LISTEN_FDS") {
        None | Some(0) => Ok(None),
        Some(1) => Ok(Some("fd:3".into())),
        Some(count) => Err(Failure::usage(format!("LISTEN_FDS: expected one socket, got {count}"))),
    }
}

fn argument(call: &Call, at: usize) -> Value {
    call.args().get(at).cloned().unwrap_or_default()
}

fn type_error(call: &Call, at: usize, want: &str) -> Exception {
    let (name, got) = (call.argument_name(at), argument(call, at));
    Exception::builtin("TypeError", format!("{name} must be {want}, not {}", got.type_name()))
}

fn service() -> rpyc::Result<Class> {
    Class::builder("rpyc_tool.TryService")
        .doc("A service to try things with (rpyc serve).")
        .alias("TRY")
        .on_connect(|connection| tell("connected", connection))
        .on_disconnect(|connection| tell("disconnected", connection))
        .method("echo(value)", |call| Ok(argument(call, 0)))
        .member_doc("Gives the same thing back.")
        .method("add(a, b)", add)
        .member_doc("The sum of two numbers, or the concatenation of two strings.")
        .method("sleep(seconds, value=None)", sleep)
        .member_doc("Gives the value after a while.")
        .method("fail(name, message='as asked for')", fail)
        .member_doc("Raises a builtin exception of this name.")
        .method("call(function, *args)", call_back)
        .member_doc("Calls a function of the client, and gives its result.")
        .method("zeros(size)", zeros)
        .member_doc("So many bytes.")
        .build()
}

fn tell(what: &str, connection: &Connection) {
    // The output may have no reader.
    let _ = show::line(format_args!("{what} {}", escape::lines(&connection.peer_name())));
}

fn add(call: &Call) -> Answer<Value> {
    match (argument(call, 0), argument(call, 1)) {
        (Value::Int(a), Value::Int(b)) => match a.checked_add(b) {
            Some(sum) => Ok(Value::Int(sum)),
            None => Err(Exception::builtin("OverflowError", "the sum has more than 64 bits")),
        },
        (Value::Str(a), Value::Str(b)) => Ok(Value::from(format!("{a}{b}"))),
        (Value::Float(a), Value::Float(b)) => Ok(Value::Float(a + b)),
        (Value::Float(a), Value::Int(b)) => Ok(Value::Float(a + b as f64)),
        (Value::Int(a), Value::Float(b)) => Ok(Value::Float(a as f64 + b)),
        (Value::Int(_) | Value::Float(_), _) => Err(type_error(call, 1, "a number")),
        (Value::Str(_), _) => Err(type_error(call, 1, "a text")),
        _ => Err(type_error(call, 0, "a number or a string")),
    }
}

fn sleep(call: &Call) -> Answer<Value> {
    let seconds = match argument(call, 0) {
        Value::Int(seconds) => seconds as f64,
        Value::Float(seconds) => seconds,
        _ => return Err(type_error(call, 0, "a number of seconds")),
    };
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= Duration::from_secs(3600));
    let time = time.ok_or_else(|| Exception::builtin("ValueError", "seconds must be from 0 to 3600"))?;
    std::thread::sleep(time);
    Ok(argument(call, 1))
}

fn fail(call: &Call) -> Answer<Value> {
    match (argument(call, 0), argument(call, 1)) {
        (Value::Str(name), message) => Err(Exception::with_args("builtins", name.as_str(), vec![message])),
        _ => Err(type_error(call, 0, "the name of an exception")),
    }
}

fn call_back(call: &Call) -> Answer<Value> {
    let Ok(function) = Object::try_from(argument(call, 0)) else { return Err(type_error(call, 0, "a function")) };
    let args = match argument(call, 1) {
        Value::Tuple(args) => args.to_vec(),
        _ => Vec::new(),
    };
    Ok(function.invoke(args)?)
}

fn zeros(call: &Call) -> Answer<Value> {
    match argument(call, 0) {
        Value::Int(size @ 0..=0x1000_0000) => Ok(Value::bytes(&vec![0; size as usize])),
        Value::Int(_) => Err(Exception::builtin("ValueError", "size must be from 0 to 268435456")),
        _ => Err(type_error(call, 0, "an int")),
    }
}
