//! Values to pickles, in any protocol that Python reads.

use super::{HIGHEST, PickleError, op};
use crate::budget;
use crate::value::{Array, Value};

type Result<T> = std::result::Result<T, PickleError>;

/// The rest of a container that is being written, and the opcode that ends it.
struct Open<'a> {
    rest: Rest<'a>,
    end: &'static [u8],
}

enum Rest<'a> {
    Items(std::slice::Iter<'a, Value>),
    Pairs(std::slice::Iter<'a, (Value, Value)>, Option<&'a Value>),
}

impl<'a> Rest<'a> {
    fn next(&mut self) -> Option<&'a Value> {
        match self {
            Rest::Items(items) => items.next(),
            Rest::Pairs(pairs, value) => match value.take() {
                Some(value) => Some(value),
                None => pairs.next().map(|(key, of_key)| {
                    *value = Some(of_key);
                    key
                }),
            },
        }
    }
}

/// The pickle of plain data, in `protocol` (at most 5), of at most about `limit` bytes. Nothing is shared in it.
pub fn write(value: &Value, protocol: u8, limit: usize) -> Result<Vec<u8>> {
    let mut w = Writer::new(protocol, limit);
    w.whole(value)?;
    Ok(w.end())
}

/// The pickle of a numpy array: `numpy.array(numpy.frombuffer(bytes, type))`, a copy that can be written to.
pub fn write_numpy(array: &Array, limit: usize) -> Result<Vec<u8>> {
    let mut w = Writer::new(4, limit);
    let bytes = array.to_wire();
    w.check(bytes.len())?;
    w.out.extend_from_slice(b"cnumpy\narray\n(");
    // Older versions of numpy take no empty buffer.
    match array.is_empty() {
        true => w.out.extend([op::MARK, op::LIST]),
        false => {
            w.out.extend_from_slice(b"cnumpy\nfrombuffer\n(");
            w.bytes(&bytes)?;
            w.text(array.element().type_string())?;
            w.out.extend([op::TUPLE, op::REDUCE]);
        }
    }
    w.text(array.element().type_string())?;
    w.out.extend([op::TUPLE, op::REDUCE]);
    Ok(w.end())
}

/// More than what is written for a value beside its own bytes.
const PIECE: usize = 256;

pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    pub(super) protocol: u8,
    limit: usize,
}

impl Writer {
    pub(super) fn new(protocol: u8, limit: usize) -> Writer {
        let mut w = Writer { out: Vec::new(), protocol: protocol.min(HIGHEST), limit };
        if w.protocol >= 2 {
            w.out.extend([op::PROTO, w.protocol]);
        }
        w
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.out.push(op::STOP);
        self.out
    }

    /// Writes a value with all that is in it.
    pub(super) fn whole(&mut self, value: &Value) -> Result<()> {
        let mut open: Vec<Open<'_>> = Vec::new();
        let mut next = Some(value);
        loop {
            match next {
                Some(value) => open.extend(self.put(value)?),
                None => match open.pop() {
                    Some(done) => self.out.extend_from_slice(done.end),
                    None => return Ok(()),
                },
            }
            self.check(0)?;
            next = open.last_mut().and_then(|container| container.rest.next());
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Before this number of bytes is written, and between values, of which each writes `PIECE` at most besides.
    pub(super) fn check(&mut self, more: usize) -> Result<()> {
        if self.out.len().saturating_add(more) > self.limit {
            return Err(PickleError::Limit { what: "bytes", limit: self.limit, offset: self.out.len() });
        }
        let bytes = more.saturating_add(PIECE);
        if self.out.capacity() - self.out.len() >= bytes {
            return Ok(());
        }
        self.out.try_reserve(bytes).map_err(|_| PickleError::NoMemory { bytes })
    }

    /// Writes a value, or the beginning of a container.
    fn put<'a>(&mut self, value: &'a Value) -> Result<Option<Open<'a>>> {
        match value {
            Value::None => self.out.push(op::NONE),
            Value::Bool(b) if self.protocol >= 2 => self.out.push(if *b { op::NEWTRUE } else { op::NEWFALSE }),
            Value::Bool(b) => self.out.extend_from_slice(if *b { b"I01\n" } else { b"I00\n" }),
            Value::Int(_) | Value::BigInt(_) => self.int(value)?,
            Value::Float(x) => self.float(*x),
            Value::Str(text) => self.text(text.as_str())?,
            Value::Bytes(bytes) => self.bytes(bytes)?,
            Value::Complex(re, im) => {
                self.global("complex");
                self.out.push(op::MARK);
                self.float(*re);
                self.float(*im);
                self.out.extend([op::TUPLE, op::REDUCE]);
            }
            Value::NotImplemented => self.global("NotImplemented"),
            Value::Ellipsis => self.global("Ellipsis"),
            Value::Tuple(items) => return self.open(Rest::Items(items.iter()), b"", b"t"),
            Value::List(items) => return self.open(Rest::Items(items.iter()), b"", b"l"),
            Value::FrozenSet(items) if self.protocol >= 4 => return self.open(Rest::Items(items.iter()), b"", b"\x91"),
            Value::FrozenSet(items) => {
                self.global("frozenset");
                return self.open(Rest::Items(items.iter()), b"(", b"ltR");
            }
            Value::Slice(parts) => {
                self.global("slice");
                return self.open(Rest::Items(parts.iter()), b"", b"tR");
            }
            Value::Dict(entries) => return self.open(Rest::Pairs(entries.iter(), None), b"", b"d"),
            // An array is written as a list of its numbers.
            Value::Array(numbers) => {
                self.out.push(op::MARK);
                for number in numbers.iter() {
                    self.put(&number)?;
                    self.check(0)?;
                }
                self.out.push(op::LIST);
            }
            Value::Temporal(time) => self.time(time)?,
            Value::Ref(_) => return Err(PickleError::NotPlain(value.type_name().to_owned())),
        }
        Ok(None)
    }

    fn open<'a>(&mut self, rest: Rest<'a>, before: &[u8], end: &'static [u8]) -> Result<Option<Open<'a>>> {
        self.out.extend_from_slice(before);
        self.out.push(op::MARK);
        Ok(Some(Open { rest, end }))
    }

    /// One of Python's builtins, under the name of its module that readers of this protocol know.
    pub(super) fn global(&mut self, name: &str) {
        let module = if self.protocol >= 3 { "builtins" } else { "__builtin__" };
        self.out.extend_from_slice(format!("c{module}\n{name}\n").as_bytes());
    }

    pub(super) fn int(&mut self, value: &Value) -> Result<()> {
        let small = value.to_i64().and_then(|n| i32::try_from(n).ok());
        match small {
            Some(n) if self.protocol == 0 => self.out.extend_from_slice(format!("I{n}\n").as_bytes()),
            Some(n) => match (u8::try_from(n), u16::try_from(n)) {
                (Ok(n), _) => self.out.extend([op::BININT1, n]),
                (_, Ok(n)) => self.prefixed(op::BININT2, &n.to_le_bytes()),
                _ => self.prefixed(op::BININT, &n.to_le_bytes()),
            },
            None if self.protocol < 2 => {
                let text = value.int_to_text().unwrap_or_default();
                self.prefixed(op::LONG, text.as_bytes());
                self.out.extend_from_slice(b"L\n");
            }
            None => {
                let bytes = value.int_to_le_bytes().unwrap_or_default();
                match (u8::try_from(bytes.len()), u32::try_from(bytes.len())) {
                    (Ok(n), _) => self.out.extend([op::LONG1, n]),
                    (_, Ok(n)) => self.prefixed(op::LONG4, &n.to_le_bytes()),
                    _ => return Err(self.too_long("int", bytes.len())),
                }
                self.check(bytes.len())?;
                self.out.extend_from_slice(&bytes);
            }
        }
        Ok(())
    }

    fn float(&mut self, x: f64) {
        match self.protocol {
            0 => self.out.extend_from_slice(format!("F{x:?}\n").as_bytes()),
            _ => self.prefixed(op::BINFLOAT, &x.to_be_bytes()),
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.check(text.len())?;
        if self.protocol == 0 {
            return self.escaped(text);
        }
        match (u8::try_from(text.len()), u32::try_from(text.len())) {
            (Ok(n), _) if self.protocol >= 4 => self.out.extend([op::SHORT_BINUNICODE, n]),
            (_, Ok(n)) => self.prefixed(op::BINUNICODE, &n.to_le_bytes()),
            _ if self.protocol >= 4 => self.prefixed(op::BINUNICODE8, &(text.len() as u64).to_le_bytes()),
            _ => return Err(self.too_long("str", text.len())),
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Python's "raw-unicode-escape", in which only what would end or spoil the line is escaped, and all beyond Latin-1.
    fn escaped(&mut self, text: &str) -> Result<()> {
        self.out.push(op::UNICODE);
        for c in text.chars() {
            // An escape is up to six times as long as its character.
            self.check(0)?;
            match (u32::from(c), c) {
                (code, '\\' | '\0' | '\n' | '\r' | '\x1a') => {
                    self.out.extend_from_slice(format!("\\u{code:04x}").as_bytes())
                }
                (code @ 0..=0xff, _) => self.out.push(code as u8),
                (code @ 0..=0xffff, _) => self.out.extend_from_slice(format!("\\u{code:04x}").as_bytes()),
                (code, _) => self.out.extend_from_slice(format!("\\U{code:08x}").as_bytes()),
            }
        }
        self.out.push(b'\n');
        Ok(())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.check(bytes.len())?;
        if self.protocol < 3 {
            // Old protocols have no bytes: they are encoded from a string with the same code points.
            self.out.extend_from_slice(b"c_codecs\nencode\n(");
            budget::check(2 * bytes.len()).map_err(|error| PickleError::NoMemory { bytes: error.bytes })?;
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            self.text(&text)?;
            self.text("latin1")?;
            self.out.extend([op::TUPLE, op::REDUCE]);
            return Ok(());
        }
        match (u8::try_from(bytes.len()), u32::try_from(bytes.len())) {
            (Ok(n), _) => self.out.extend([op::SHORT_BINBYTES, n]),
            (_, Ok(n)) => self.prefixed(op::BINBYTES, &n.to_le_bytes()),
            _ if self.protocol >= 4 => self.prefixed(op::BINBYTES8, &(bytes.len() as u64).to_le_bytes()),
            _ => return Err(self.too_long("bytes object", bytes.len())),
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn prefixed(&mut self, code: u8, bytes: &[u8]) {
        self.out.push(code);
        self.out.extend_from_slice(bytes);
    }

    fn too_long(&self, what: &'static str, size: usize) -> PickleError {
        PickleError::TooLong { what, size, protocol: self.protocol }
    }
}
