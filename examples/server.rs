//! A service for Python clients: `cargo run --example server`.

use rpyc::{Class, Config, Exception, Object, Server};
use std::sync::Mutex;

/// The state of an account.
struct Account {
    owner: String,
    cents: Mutex<i64>,
}

fn account() -> rpyc::Result<Class> {
    Class::builder("bank.Account")
        .doc("An account of somebody.")
        .property("owner", |call| Ok(call.state::<Account>()?.owner.clone()))
        .property("balance", |call| Ok(*call.state::<Account>()?.cents.lock().unwrap()))
        .method("deposit(cents)", |call| {
            let (account, cents) = (call.state::<Account>()?, call.arg::<i64>(0)?);
            if cents <= 0 {
                return Err(Exception::builtin("ValueError", "a deposit is more than nothing"));
            }
            let mut balance = account.cents.lock().unwrap();
            *balance += cents;
            Ok(*balance)
        })
        .build()
}

fn bank() -> rpyc::Result<Class> {
    let account = account()?;
    Class::builder("BankService")
        .doc("Opens accounts.")
        .method("open(owner, cents=0)", move |call| {
            let (owner, cents) = (call.arg(0)?, call.arg(1)?);
            Ok(account.instance(Account { owner, cents: Mutex::new(cents) }))
        })
        .method("tell(listener, *words)", |call| {
            // An object of the client. `?` passes its exceptions on to the caller.
            let listener: Object = call.arg(0)?;
            let mut told = 0;
            for word in call.arg::<Vec<String>>(1)? {
                listener.invoke((word,))?;
                told += 1;
            }
            Ok(told)
        })
        .deferred("later(value)", |call| {
            // Another thread answers; this one serves other calls meanwhile.
            std::thread::spawn(move || {
                let value = call.arg::<rpyc::Value>(0);
                call.finish(value)
            });
        })
        .build()
}

fn main() -> rpyc::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("tcp://localhost:18862".into());
    let server = Server::bind_with(&address, &bank()?, &Config::new().with("sync_request_timeout", "10")?)?;
    println!("listening {}", server.address());
    server.serve()
}
