//! The grammar of signatures: Python's for the head of a `def`, without the `def`.

use super::literal::{Cursor, Fault};
use super::typed::Typed;
use super::{Parameter, Signature};
use crate::value::Value;

/// Names that no parameter can have, because no keyword argument could name it.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

pub(super) fn signature(text: &str) -> Result<Signature, Fault> {
    let mut cursor = Cursor::new(text);
    cursor.skip_space();
    let name = qualified_name(&mut cursor)?;
    cursor.skip_space();
    if !cursor.eat("(") {
        return Err(cursor.fault("expected '('"));
    }
    let mut parameters = Parameters::default();
    loop {
        cursor.skip_space();
        if cursor.eat(")") {
            break;
        }
        parameters.read(&mut cursor)?;
        cursor.skip_space();
        if cursor.eat(")") {
            break;
        }
        if !cursor.eat(",") {
            return Err(cursor.fault("expected ',' or ')'"));
        }
    }
    cursor.skip_space();
    if cursor.eat("->") {
        annotation(&mut cursor)?;
    }
    if cursor.peek().is_some() {
        return Err(cursor.fault("expected the end"));
    }
    parameters.finish(text.trim(), name)
}

/// Reads `add`, `Calculator.add`, or nothing.
fn qualified_name<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, Fault> {
    let start = cursor.at();
    if cursor.identifier().is_some() {
        while cursor.eat(".") {
            if cursor.identifier().is_none() {
                return Err(cursor.fault("expected a name"));
            }
        }
    }
    Ok(cursor.since(start))
}

/// The parameters so far.
#[derive(Default)]
struct Parameters {
    all: Vec<Parameter>,
    positional: usize,
    positional_only: Option<usize>,
    required: usize,
    /// Reads `*` or `*rest`.
    star: Option<usize>,
    has_rest: bool,
    has_named: bool,
}

impl Parameters {
    fn read(&mut self, cursor: &mut Cursor) -> Result<(), Fault> {
        let at = cursor.at();
        if self.has_named {
            return Err(Fault::new(at, "nothing can follow '**'"));
        }
        if cursor.eat("**") {
            self.has_named = true;
            self.collector(cursor, Value::Dict(Default::default()))
        } else if cursor.eat("*") {
            if self.star.replace(at).is_some() {
                return Err(Fault::new(at, "'*' twice"));
            }
            cursor.skip_space();
            if matches!(cursor.peek(), Some(',' | ')')) {
                return Ok(());
            }
            self.has_rest = true;
            self.collector(cursor, Value::Tuple(Default::default()))
        } else if cursor.eat("/") {
            if self.star.is_some() {
                return Err(Fault::new(at, "'/' must precede '*'"));
            }
            if self.all.is_empty() {
                return Err(Fault::new(at, "'/' needs a parameter before it"));
            }
            if self.positional_only.replace(self.positional).is_some() {
                return Err(Fault::new(at, "'/' twice"));
            }
            Ok(())
        } else {
            self.ordinary(cursor)
        }
    }

    /// Reads the part after the stars of `*rest` and `**named`.
    fn collector(&mut self, cursor: &mut Cursor, empty: Value) -> Result<(), Fault> {
        cursor.skip_space();
        let (name, target) = self.name(cursor)?;
        self.all.push(Parameter { name, default: Some(empty), target });
        Ok(())
    }

    fn ordinary(&mut self, cursor: &mut Cursor) -> Result<(), Fault> {
        let at = cursor.at();
        let (name, target) = self.name(cursor)?;
        let default = if cursor.eat("=") {
            cursor.skip_space();
            Some(cursor.literal()?)
        } else {
            None
        };
        if self.star.is_none() {
            if default.is_none() {
                if self.required < self.positional {
                    return Err(Fault::new(at, format!("parameter '{name}' needs a default, as the one before it")));
                }
                self.required += 1;
            }
            self.positional += 1;
        }
        self.all.push(Parameter { name, default, target });
        Ok(())
    }

    /// Reads the name of a parameter and the type in its annotation.
    fn name(&self, cursor: &mut Cursor) -> Result<(Box<str>, Option<Typed>), Fault> {
        let at = cursor.at();
        let Some(name) = cursor.identifier() else {
            return Err(cursor.fault("expected a parameter"));
        };
        if KEYWORDS.contains(&name) {
            return Err(Fault::new(at, format!("'{name}' is a keyword of Python")));
        }
        if self.all.iter().any(|p| *p.name == *name) {
            return Err(Fault::new(at, format!("parameter '{name}' twice")));
        }
        cursor.skip_space();
        let target = if cursor.eat(":") { Typed::of(annotation(cursor)?) } else { None };
        Ok((name.into(), target))
    }

    fn finish(self, text: &str, name: &str) -> Result<Signature, Fault> {
        let collectors = usize::from(self.has_rest) + usize::from(self.has_named);
        if let Some(at) = self.star.filter(|_| !self.has_rest && self.all.len() == self.positional + collectors) {
            return Err(Fault::new(at, "'*' needs a parameter after it"));
        }
        Ok(Signature {
            is_typed: self.all.iter().any(|parameter| parameter.target.is_some()),
            text: text.into(),
            name: name.into(),
            parameters: self.all,
            positional: self.positional,
            positional_only: self.positional_only.unwrap_or(0),
            required: self.required,
            has_rest: self.has_rest,
            has_named: self.has_named,
        })
    }
}

/// Reads an expression up to what can follow an annotation.
fn annotation<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, Fault> {
    let start = cursor.at();
    let mut open: Vec<(usize, char)> = Vec::new();
    while let Some(c) = cursor.peek() {
        match c {
            '(' => open.push((cursor.at(), ')')),
            '[' => open.push((cursor.at(), ']')),
            '{' => open.push((cursor.at(), '}')),
            ',' | '=' | ')' if open.is_empty() => break,
            ')' | ']' | '}' => {
                let closes = open.pop().is_some_and(|(_, closing)| closing == c);
                if !closes {
                    return Err(cursor.fault(format!("'{c}' closes nothing")));
                }
            }
            '\'' | '"' => {
                cursor.skip_quoted()?;
                continue;
            }
            _ => {}
        }
        cursor.take();
    }
    if let Some((at, closing)) = open.pop() {
        return Err(Fault::new(at, format!("no '{closing}' for this")));
    }
    match cursor.since(start).trim() {
        "" => Err(cursor.fault("expected an annotation")),
        text => Ok(text),
    }
}
