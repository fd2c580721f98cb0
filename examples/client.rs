//! A client of a Python service: `python calculator.py`, then `cargo run --example client`.

use rpyc::{Connection, Error, Object, Value};

fn main() -> rpyc::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("tcp://localhost:18861".into());
    let conn = Connection::connect(&address)?;
    let root = conn.root()?;

    let sum: i64 = root.call("add", (40, 2))?.try_into()?;
    println!("40 + 2 = {sum}");

    // A list is passed by reference: `shelf` is Python's list.
    let shelf: Object = root.get("shelf")?.try_into()?;
    shelf.call("append", ["Emma"])?;
    for book in shelf.iter()? {
        println!("book: {}", String::try_from(book?)?);
    }
    println!("a copy: {}", shelf.obtain()?.repr());

    // A closure is a function that the peer can call.
    let double = Object::function("double(x)", |call| Ok(2 * call.arg::<i64>(0)?))?;
    println!("mapped: {}", root.call_with("apply", (double, 3), &[("times", 2.into())])?.repr());

    match root.call("divide", (1, 0)) {
        Err(Error::Remote(exception)) if exception.is_builtin("ZeroDivisionError") => {
            println!("{}", exception.summary())
        }
        other => println!("unexpected: {:?}", other.map(|value: Value| value.repr())),
    }

    let answers = [root.call_later("add", (1, 2))?, root.call_later("add", (3, 4))?];
    for answer in &answers {
        println!("later: {}", i64::try_from(answer.wait()?)?);
    }
    conn.close()
}
