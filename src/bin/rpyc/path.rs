//! Paths from the root to an object: `shelf.books[0]`, `make('x').label`.

use crate::argument::{Arguments, keyword};
use crate::failure::Failure;
use rpyc::literal::{self, Reader};
use rpyc::{Object, Value};

/// One step of a path.
enum Step {
    Attribute(String),
    Item(Value),
    Call(Arguments),
}

/// A parsed path.
pub struct Path<'t> {
    text: &'t str,
    steps: Vec<(Step, usize)>,
}

impl<'t> Path<'t> {
    pub fn parse(text: &'t str) -> Result<Path<'t>, Failure> {
        let steps = parse_steps(text).map_err(|fault| {
            Failure::usage(format!("path '{text}': {} (at {})", fault.what, fault.at))
                .hint("names with dots, items and calls: shelf.books, shelf.books[0], make('x').label")
        })?;
        Ok(Path { text, steps })
    }

    /// Evaluates the path, beginning with an object.
    pub fn walk(&self, from: Value) -> Result<Value, Failure> {
        follow(self.text, &self.steps, from)
    }

    /// Evaluates the path and calls the result. A method is called in one request.
    pub fn call(&self, from: Value, with: &Arguments) -> Result<Value, Failure> {
        let args = &with.args;
        if let Some(((Step::Attribute(name), _), before)) = self.steps.split_last() {
            let owner = follow(self.text, before, from)?;
            let end = before.last().map_or(0, |(_, end)| *end);
            let owner = object(self.text.get(..end), &owner)?;
            return Ok(owner.call_with(name, args.as_slice(), &with.keywords())?);
        }
        let target = self.walk(from)?;
        Ok(object(Some(self.text), &target)?.invoke_with(args.as_slice(), &with.keywords())?)
    }
}

fn follow(text: &str, steps: &[(Step, usize)], from: Value) -> Result<Value, Failure> {
    let mut here = from;
    let mut done = 0;
    for (step, end) in steps {
        let object = object(text.get(..done), &here)?;
        here = match step {
            Step::Attribute(name) => object.get(name)?,
            Step::Item(key) => object.item(key.clone())?,
            Step::Call(with) => object.invoke_with(with.args.as_slice(), &with.keywords())?,
        };
        done = *end;
    }
    Ok(here)
}

/// Returns the object at a place of the path. A value that was passed by value is an error.
fn object(place: Option<&str>, value: &Value) -> Result<Object, Failure> {
    if let Value::Ref(object) = value {
        return Ok(object.clone().into());
    }
    let place = place.filter(|place| !place.is_empty()).unwrap_or("the root");
    let value = crate::show::shortened(&value.repr(), 60);
    Err(Failure::usage(format!("{place} is {value}, which was passed by value: it has no remote attributes")))
}

fn parse_steps(text: &str) -> Result<Vec<(Step, usize)>, literal::Fault> {
    let mut reader = Reader::new(text);
    let mut steps = Vec::new();
    if text.trim().is_empty() || text == "." {
        return Ok(steps);
    }
    loop {
        let step = if steps.is_empty() || reader.eat(".") {
            let name = reader.identifier().ok_or_else(|| reader.fault("expected a name"))?;
            Step::Attribute(name.to_owned())
        } else if reader.eat("[") {
            reader.skip_space();
            let key = reader.value()?;
            reader.skip_space();
            if !reader.eat("]") {
                return Err(reader.fault("expected ']'"));
            }
            Step::Item(key)
        } else if reader.eat("(") {
            Step::Call(arguments_until(&mut reader)?)
        } else if reader.peek().is_none() {
            return Ok(steps);
        } else {
            return Err(reader.fault("expected '.', '[' or '('"));
        };
        steps.push((step, reader.at()));
    }
}

fn arguments_until(reader: &mut Reader<'_>) -> Result<Arguments, literal::Fault> {
    let mut with = Arguments::default();
    loop {
        reader.skip_space();
        if reader.eat(")") {
            return Ok(with);
        }
        match keyword(reader.rest()) {
            Some((name, _)) => {
                reader.eat(name);
                reader.eat("=");
                with.keywords.push((name.to_owned(), reader.value()?));
            }
            None => with.args.push(reader.value()?),
        }
        reader.skip_space();
        if !reader.eat(",") && reader.peek() != Some(')') {
            return Err(reader.fault("expected ',' or ')'"));
        }
    }
}
