//! A service whose methods fail as the library fails inside of them, for tests/run/crate.py.

use rpyc::{Class, Config, Connection, Object, Server, Value};
use std::sync::{Arc, Mutex};

fn main() -> rpyc::Result<()> {
    let kept: Arc<Mutex<Option<Object>>> = Arc::default();
    let (keep, call, give) = (kept.clone(), kept.clone(), kept);
    let of =
        |kept: &Mutex<Option<Object>>| -> Option<Object> { kept.lock().unwrap_or_else(|e| e.into_inner()).clone() };
    let service = Class::builder("RaisingService")
        .method("keep(function)", move |call| {
            *keep.lock().unwrap_or_else(|e| e.into_inner()) = Some(call.arg(0)?);
            Ok(())
        })
        .method("call_kept()", move |_| match of(&call) {
            Some(function) => Ok(function.invoke(())?),
            None => Ok(Value::None),
        })
        .method("kept()", move |_| Ok(of(&give)))
        .method("dial(port)", |call| {
            let address = format!("tcp://127.0.0.1:{}", call.arg::<u16>(0)?);
            Ok(Connection::connect(&address)?.is_closed())
        })
        .method("impatient(function)", |call| {
            if let Some(connection) = call.connection() {
                connection.set_option("sync_request_timeout", "0.2")?;
            }
            Ok(call.arg::<Object>(0)?.invoke(())?)
        })
        .method("panics()", |_| -> rpyc::Answer<()> { panic!("for once") })
        .build()?;
    let server = Server::bind_with("tcp://127.0.0.1:0", &service, &Config::new())?;
    println!("listening {}", server.address());
    server.serve()
}
