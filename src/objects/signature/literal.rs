//! Python literals: defaults of signatures, and arguments of the tool.

use crate::value::{Blob, Value};
use num_bigint::BigInt as Number;

/// Maximum nesting of containers.
const MAX_DEPTH: usize = 100;

/// An error in a string, and its offset in bytes.
#[derive(Debug)]
pub struct Fault {
    /// The offset.
    pub at: usize,
    /// The error.
    pub what: String,
}

impl Fault {
    /// Makes an error at an offset.
    pub fn new(at: usize, what: impl Into<String>) -> Fault {
        Fault { at, what: what.into() }
    }
}

/// A position in a string.
pub struct Cursor<'t> {
    text: &'t str,
    at: usize,
    /// Lists, dicts and sets are accepted.
    containers: bool,
}

impl<'t> Cursor<'t> {
    /// Starts at the beginning of a string.
    pub fn new(text: &'t str) -> Cursor<'t> {
        Cursor { text, at: 0, containers: false }
    }

    /// The number of bytes read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The unread rest.
    pub fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The string read since a position.
    pub fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or("")
    }

    /// Makes an error at this position.
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        Fault::new(self.at, what)
    }

    /// Returns the next character.
    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reads one character.
    pub fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Reads this string. Returns false if something else follows.
    pub fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn eat_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let start = self.at;
        while self.peek().is_some_and(&wanted) {
            self.take();
        }
        self.since(start)
    }

    /// Skips spaces.
    pub fn skip_space(&mut self) {
        self.eat_while(|c| c.is_ascii_whitespace());
    }

    /// Reads a Python name.
    pub fn identifier(&mut self) -> Option<&'t str> {
        let first = self.peek()?;
        (first == '_' || first.is_alphabetic()).then(|| self.eat_while(|c| c == '_' || c.is_alphanumeric()))
    }

    /// Reads None, True, False, Ellipsis, a number, str, bytes, or a tuple of literals.
    pub fn literal(&mut self) -> Result<Value, Fault> {
        self.literal_at_depth(0)
    }

    /// Reads a literal that may contain lists, dicts and sets. A set becomes a frozenset, which is passed by value.
    pub fn value(&mut self) -> Result<Value, Fault> {
        self.containers = true;
        let value = self.literal_at_depth(0);
        self.containers = false;
        value
    }

    fn literal_at_depth(&mut self, depth: usize) -> Result<Value, Fault> {
        let start = self.at;
        if self.eat("...") {
            return Ok(Value::Ellipsis);
        }
        match self.peek() {
            Some('(') => return self.tuple(depth),
            Some('[') if self.containers => return Ok(Value::List(self.items("]", depth)?.0.into())),
            Some('{') if self.containers => return self.dict_or_set(depth),
            Some('\'' | '"') => return Ok(Value::from(self.quoted(Kind::Str)?)),
            Some('0'..='9' | '.' | '-' | '+') => return self.number(),
            _ => {}
        }
        let word = self.identifier().unwrap_or("");
        match (word, self.peek()) {
            ("b" | "B", Some('\'' | '"')) => {
                let text = self.quoted(Kind::Bytes)?;
                let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(c).ok()).collect();
                Ok(Value::Bytes(Blob::from(bytes)))
            }
            ("None", _) => Ok(Value::None),
            ("True", _) => Ok(Value::Bool(true)),
            ("False", _) => Ok(Value::Bool(false)),
            ("Ellipsis", _) => Ok(Value::Ellipsis),
            _ if self.containers => Err(Fault::new(start, "not a Python literal")),
            _ => Err(Fault::new(start, "expected a literal (None, a bool, number, str, bytes, or tuple of such)")),
        }
    }

    fn tuple(&mut self, depth: usize) -> Result<Value, Fault> {
        let (mut items, comma) = self.items(")", depth)?;
        match items.pop() {
            // Without a comma these are only parentheses.
            Some(only) if items.is_empty() && !comma => Ok(only),
            last => {
                items.extend(last);
                Ok(Value::tuple(items))
            }
        }
    }

    /// Reads the items between brackets, and returns whether a comma precedes the closing one.
    fn items(&mut self, close: &str, depth: usize) -> Result<(Vec<Value>, bool), Fault> {
        self.open(depth)?;
        let (mut items, mut comma) = (Vec::new(), false);
        loop {
            self.skip_space();
            if self.eat(close) {
                return Ok((items, comma));
            }
            if !comma && !items.is_empty() {
                return Err(self.fault(format!("expected ',' or '{close}'")));
            }
            items.push(self.literal_at_depth(depth + 1)?);
            self.skip_space();
            comma = self.eat(",");
        }
    }

    fn open(&mut self, depth: usize) -> Result<(), Fault> {
        if depth == MAX_DEPTH {
            let what = if self.containers { "containers" } else { "tuples" };
            return Err(self.fault(format!("{what} nested more than {MAX_DEPTH} deep")));
        }
        self.take();
        Ok(())
    }

    fn dict_or_set(&mut self, depth: usize) -> Result<Value, Fault> {
        let start = self.at;
        self.open(depth)?;
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        loop {
            self.skip_space();
            if self.eat("}") {
                break;
            }
            keys.push(self.literal_at_depth(depth + 1)?);
            self.skip_space();
            if self.eat(":") {
                self.skip_space();
                values.push(self.literal_at_depth(depth + 1)?);
                self.skip_space();
            }
            if !values.is_empty() && values.len() != keys.len() {
                return Err(self.fault("expected ':', as in the other entries"));
            }
            if !self.eat(",") && self.peek() != Some('}') {
                return Err(self.fault("expected ',' or '}'"));
            }
        }
        let made = match (keys.len(), values.len()) {
            (1.., 0) => Value::frozenset(keys),
            (0, 0) => Ok(Value::Dict(Default::default())),
            (all, with) if all == with => Value::dict(keys.into_iter().zip(values).collect()),
            _ => return Err(Fault::new(start, "a set and a dict in one")),
        };
        made.map_err(|what| Fault::new(start, what.to_string()))
    }

    /// Reads a real number, an imaginary one, or a sum of both.
    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        let first = match self.sign() {
            Some('-') => negative(self.unsigned()?),
            _ => self.unsigned()?,
        };
        let end = self.at;
        self.skip_space();
        let sign = if matches!(first, Value::Complex(..)) { None } else { self.sign() };
        let Some(sign) = sign else {
            self.at = end;
            return Ok(first);
        };
        let second_at = self.at;
        let Value::Complex(_, im) = self.unsigned()? else {
            return Err(Fault::new(second_at, "expected an imaginary number"));
        };
        let Some(re) = first.to_f64().filter(|re| re.is_finite() || matches!(first, Value::Float(_))) else {
            return Err(Fault::new(start, "an integer too large for a complex number"));
        };
        // Python computes these sums, which never yield negative zeros.
        Ok(Value::Complex(re + 0.0, if sign == '-' { 0.0 - im } else { 0.0 + im }))
    }

    fn sign(&mut self) -> Option<char> {
        let sign = self.peek().filter(|c| matches!(c, '-' | '+'))?;
        self.take();
        self.skip_space();
        Some(sign)
    }

    fn unsigned(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        let value = match self.rest().as_bytes() {
            [b'0', b'x' | b'X', ..] => self.prefixed(16),
            [b'0', b'o' | b'O', ..] => self.prefixed(8),
            [b'0', b'b' | b'B', ..] => self.prefixed(2),
            _ => self.decimal(),
        };
        let ends = self.peek().is_none_or(|c| c != '_' && c != '.' && !c.is_alphanumeric());
        value.filter(|_| ends).ok_or_else(|| Fault::new(start, "malformed number"))
    }

    fn prefixed(&mut self, radix: u32) -> Option<Value> {
        self.take();
        self.take();
        self.eat("_");
        let number = Number::parse_bytes(self.digits(radix)?.as_bytes(), radix)?;
        Some(Value::int_from_le_bytes(&number.to_signed_bytes_le()))
    }

    fn decimal(&mut self) -> Option<Value> {
        let whole = if self.peek() == Some('.') { String::new() } else { self.digits(10)? };
        let mut text = whole.clone();
        if self.eat(".") {
            text.push('.');
            if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                text.push_str(&self.digits(10)?);
            }
        }
        if self.eat("e") || self.eat("E") {
            text.push('e');
            let sign = self.peek().filter(|c| matches!(c, '-' | '+'));
            if let Some(sign) = sign {
                self.take();
                text.push(sign);
            }
            text.push_str(&self.digits(10)?);
        }
        if self.eat("j") || self.eat("J") {
            return Some(Value::Complex(0.0, text.parse().ok()?));
        }
        if text.len() > whole.len() {
            return Some(Value::Float(text.parse().ok()?));
        }
        // Python rejects leading zeros of integers other than 0, because 010 used to be octal.
        if whole.starts_with('0') && whole.bytes().any(|digit| digit != b'0') {
            return None;
        }
        Value::int_from_text(whole.as_bytes(), usize::MAX).ok()
    }

    /// Reads one or more digits, and drops single underscores between them.
    fn digits(&mut self, radix: u32) -> Option<String> {
        let text = self.eat_while(|c| c == '_' || c.is_digit(radix));
        let valid = text.split('_').all(|group| !group.is_empty());
        valid.then(|| text.replace('_', ""))
    }

    /// Reads a quoted string.
    pub fn skip_quoted(&mut self) -> Result<(), Fault> {
        self.quoted(Kind::Str).map(drop)
    }

    /// Reads the string between quotes. For bytes, each character below 256 stands for a byte.
    fn quoted(&mut self, kind: Kind) -> Result<String, Fault> {
        let start = self.at;
        let quote = self.take();
        let mut text = String::new();
        loop {
            let at = self.at;
            match self.take() {
                None | Some('\n' | '\r') => return Err(Fault::new(start, "the quote is never closed")),
                c if c == quote => return Ok(text),
                Some('\\') => match self.escape(kind) {
                    Some(c) => text.push(c),
                    None => return Err(Fault::new(at, format!("unknown escape {}", self.since(at)))),
                },
                Some(c) if kind == Kind::Str || c.is_ascii() => text.push(c),
                Some(c) => return Err(Fault::new(at, format!("'{c}' in bytes, which allow only ASCII"))),
            }
        }
    }

    /// Returns the meaning of the characters after a backslash.
    fn escape(&mut self, kind: Kind) -> Option<char> {
        let code = match self.peek()? {
            '0'..='7' => self.code(8, 1, 3)?,
            letter => {
                self.take();
                match letter {
                    '\\' | '\'' | '"' => u32::from(letter),
                    'a' => 7,
                    'b' => 8,
                    't' => 9,
                    'n' => 10,
                    'v' => 11,
                    'f' => 12,
                    'r' => 13,
                    'x' => self.code(16, 2, 2)?,
                    'u' if kind == Kind::Str => self.code(16, 4, 4)?,
                    'U' if kind == Kind::Str => self.code(16, 8, 8)?,
                    _ => return None,
                }
            }
        };
        char::from_u32(code).filter(|_| kind == Kind::Str || code < 256)
    }

    fn code(&mut self, radix: u32, least: usize, most: usize) -> Option<u32> {
        let start = self.at;
        while self.at - start < most && self.peek().is_some_and(|c| c.is_digit(radix)) {
            self.take();
        }
        let digits = self.since(start);
        if digits.len() < least { None } else { u32::from_str_radix(digits, radix).ok() }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Str,
    Bytes,
}

fn negative(value: Value) -> Value {
    match value {
        Value::Float(x) => Value::Float(-x),
        Value::Complex(re, im) => Value::Complex(-re, -im),
        other => match other.int_to_text() {
            Some(text) => Value::int_from_text(format!("-{text}").as_bytes(), usize::MAX).unwrap_or(other),
            None => other,
        },
    }
}
