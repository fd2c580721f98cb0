//! Pickles to values: data alone.

use super::names::{Maker, Named, named};
use super::{PickleError, op};
use crate::value::Limits;
use crate::value::{Blob, Bounds, Graph, INLINE, Kind, Piece, Text, Value};
use std::collections::HashMap;

pub(super) type Result<T> = std::result::Result<T, PickleError>;

// Sizes that are counted against the limit on memory. Growing storage and the final copies can take up to three times
// as much. The count never decreases: pushed values mostly stay, inside of a container.
/// A place on the stack, and later in a container.
pub(super) const PIECE: usize = size_of::<Piece>();
/// A container, the value that becomes of it, and where both are kept.
const CONTAINER: usize = 144;
/// More for an item of a set, or a key or value of a dict, which are looked up while the container is made.
const HASHED: usize = 64;
const MEMO: usize = 64;
const MARK: usize = 16;
/// The head of a string, byte string or long integer.
const HEAD: usize = 48;

/// Reads the plain data in a pickle of any protocol. Sets of both kinds become frozensets, bytearrays bytes.
///
/// It ends when it exceeds the limit on memory, even if values are discarded before it is complete. Names and calls are
/// rejected except for the few of `names`; ranges become lists.
pub fn read(data: &[u8], limits: &Limits) -> Result<Value> {
    let (graph, root) = read_graph(data, limits)?;
    Ok(graph.build(root, &Bounds { depth: limits.depth, items: limits.items, bytes: limits.bytes })?)
}

/// The same as containers that may be shared, and contain themselves. Their sizes and depth are not checked yet.
pub fn read_graph(data: &[u8], limits: &Limits) -> Result<(Graph, Piece)> {
    let mut machine = Machine {
        data,
        at: 0,
        limits,
        memory: limits.memory,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        makers: HashMap::new(),
        graph: Graph::default(),
    };
    let root = machine.run()?;
    // Stack and memo are not needed while the value is made, and can be as large.
    Ok((machine.graph, root))
}

/// Python's unpickler, as far as it makes data.
pub(super) struct Machine<'a> {
    data: &'a [u8],
    at: usize,
    pub(super) limits: &'a Limits,
    /// The remaining memory.
    memory: usize,
    stack: Vec<Piece>,
    /// The height of the stack at each mark.
    marks: Vec<usize>,
    memo: HashMap<u64, Piece>,
    /// Nodes of callables, which are in no container.
    pub(super) makers: HashMap<usize, Maker>,
    pub(super) graph: Graph,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Piece> {
        loop {
            let start = self.at;
            let code = *self.take(1, "no STOP")?.first().unwrap_or(&0);
            if code == op::STOP {
                let root = self.pop()?;
                self.check_no_maker(std::slice::from_ref(&root))?;
                return if self.at < self.data.len() { Err(self.wrong("bytes after STOP")) } else { Ok(root) };
            }
            if !(self.call_code(code, start)?
                || self.scalar(code)?
                || self.container_code(code)?
                || self.memo_code(code)?
                || self.stack_code(code)?)
            {
                return Err(match op::refused(code) {
                    Some(name) => PickleError::Refused { name, offset: start },
                    None => PickleError::Malformed { what: "an unknown opcode", offset: start },
                });
            }
        }
    }

    /// Names that are known, and calls of them. False: it is another opcode.
    fn call_code(&mut self, code: u8, start: usize) -> Result<bool> {
        let (name, found) = match code {
            op::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
                ("GLOBAL", named(text(module), text(name)))
            }
            op::STACK_GLOBAL => match (self.pop()?, self.pop()?) {
                (Piece::Value(Value::Str(name)), Piece::Value(Value::Str(module))) => {
                    ("STACK_GLOBAL", named(module.as_str(), name.as_str()))
                }
                _ => ("STACK_GLOBAL", None),
            },
            op::REDUCE => return self.reduce(start).map(|()| true),
            _ => return Ok(false),
        };
        match found {
            Some(Named::Value(value)) => self.value(value)?,
            Some(Named::Maker(maker)) => {
                self.container(Kind::Tuple, Vec::new())?;
                if let Some(Piece::Node(node)) = self.stack.last() {
                    self.makers.insert(*node, maker);
                }
            }
            None => return Err(PickleError::Refused { name, offset: start }),
        }
        Ok(true)
    }

    /// Types and functions are not data.
    fn check_no_maker(&self, pieces: &[Piece]) -> Result<()> {
        let is_maker = |piece: &Piece| matches!(piece, Piece::Node(node) if self.makers.contains_key(node));
        match !self.makers.is_empty() && pieces.iter().any(is_maker) {
            true => Err(PickleError::Refused { name: "GLOBAL", offset: self.at }),
            false => Ok(()),
        }
    }

    /// Handles opcodes that move the stack and its marks. False for other opcodes.
    fn stack_code(&mut self, code: u8) -> Result<bool> {
        match code {
            op::PROTO => {
                let [version] = self.array("PROTO")?;
                if version > super::HIGHEST {
                    return Err(self.wrong("an unknown protocol"));
                }
            }
            // Frames say how reads are to be buffered, and nothing about the data.
            op::FRAME => drop(self.take(8, "FRAME")?),
            op::MARK => {
                self.charge(MARK)?;
                self.marks.push(self.stack.len());
            }
            op::POP => match self.marks.last() == Some(&self.stack.len()) {
                true => drop(self.marks.pop()),
                false => drop(self.pop()?),
            },
            op::POP_MARK => {
                let height = self.marked()?;
                self.stack.truncate(height);
            }
            op::DUP => {
                let top = self.top()?.clone();
                self.push(top)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Pushes data that holds no other. False: it is another opcode.
    fn scalar(&mut self, code: u8) -> Result<bool> {
        match code {
            op::NONE => self.value(Value::None)?,
            op::NEWTRUE => self.value(Value::Bool(true))?,
            op::NEWFALSE => self.value(Value::Bool(false))?,
            op::INT | op::LONG => self.decimal()?,
            op::BININT => {
                let n = i32::from_le_bytes(self.array("BININT")?);
                self.value(Value::Int(n.into()))?;
            }
            op::BININT1 => {
                let n = u8::from_le_bytes(self.array("BININT1")?);
                self.value(Value::Int(n.into()))?;
            }
            op::BININT2 => {
                let n = u16::from_le_bytes(self.array("BININT2")?);
                self.value(Value::Int(n.into()))?;
            }
            op::LONG1 => {
                let [size] = self.array("LONG1")?;
                self.long(size.into())?;
            }
            op::LONG4 => {
                let size = u32::from_le_bytes(self.array("LONG4")?);
                self.long(usize::try_from(size).unwrap_or(usize::MAX))?;
            }
            op::FLOAT => {
                let line = self.line()?;
                let number = std::str::from_utf8(line).ok().and_then(|text| text.trim().parse().ok());
                let number = number.ok_or_else(|| self.wrong("a FLOAT that is not a number"))?;
                self.value(Value::Float(number))?;
            }
            op::BINFLOAT => {
                let x = f64::from_be_bytes(self.array("BINFLOAT")?);
                self.value(Value::Float(x))?;
            }
            op::UNICODE => self.escaped()?,
            op::SHORT_BINUNICODE => self.text::<1>()?,
            op::BINUNICODE => self.text::<4>()?,
            op::BINUNICODE8 => self.text::<8>()?,
            op::SHORT_BINBYTES => self.bytes::<1>()?,
            op::BINBYTES => self.bytes::<4>()?,
            op::BINBYTES8 | op::BYTEARRAY8 => self.bytes::<8>()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Makes and fills containers. False: it is another opcode.
    fn container_code(&mut self, code: u8) -> Result<bool> {
        match code {
            op::EMPTY_TUPLE => self.container(Kind::Tuple, Vec::new())?,
            op::TUPLE1 => self.last(1)?,
            op::TUPLE2 => self.last(2)?,
            op::TUPLE3 => self.last(3)?,
            op::TUPLE => self.close_mark(Kind::Tuple)?,
            op::EMPTY_LIST => self.container(Kind::List, Vec::new())?,
            op::LIST => self.close_mark(Kind::List)?,
            op::EMPTY_DICT => self.container(Kind::Dict, Vec::new())?,
            op::DICT => self.close_mark(Kind::Dict)?,
            op::EMPTY_SET => self.container(Kind::Set, Vec::new())?,
            op::FROZENSET => self.close_mark(Kind::FrozenSet)?,
            op::APPEND => {
                let from = self.below(1)?;
                self.extend(Kind::List, from)?;
            }
            op::SETITEM => {
                let from = self.below(2)?;
                self.extend(Kind::Dict, from)?;
            }
            op::APPENDS => {
                let from = self.marked()?;
                self.extend(Kind::List, from)?;
            }
            op::SETITEMS => {
                let from = self.marked()?;
                self.extend(Kind::Dict, from)?;
            }
            op::ADDITEMS => {
                let from = self.marked()?;
                self.extend(Kind::Set, from)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Puts into the memo, and gets from it. False: it is another opcode.
    fn memo_code(&mut self, code: u8) -> Result<bool> {
        match code {
            op::MEMOIZE => self.put(self.memo.len() as u64)?,
            op::PUT => {
                let index = self.index()?;
                self.put(index)?;
            }
            op::BINPUT => {
                let [index] = self.array("BINPUT")?;
                self.put(index.into())?;
            }
            op::LONG_BINPUT => {
                let index = u32::from_le_bytes(self.array("LONG_BINPUT")?);
                self.put(index.into())?;
            }
            op::GET => {
                let index = self.index()?;
                self.get(index)?;
            }
            op::BINGET => {
                let [index] = self.array("BINGET")?;
                self.get(index.into())?;
            }
            op::LONG_BINGET => {
                let index = u32::from_le_bytes(self.array("LONG_BINGET")?);
                self.get(index.into())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn wrong(&self, what: &'static str) -> PickleError {
        PickleError::Malformed { what, offset: self.at }
    }

    fn take(&mut self, size: usize, what: &'static str) -> Result<&'a [u8]> {
        let end = self.at.checked_add(size).ok_or_else(|| self.wrong(what))?;
        let bytes = self.data.get(self.at..end).ok_or_else(|| self.wrong(what))?;
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let bytes = self.take(N, what)?;
        bytes.first_chunk::<N>().copied().ok_or_else(|| self.wrong(what))
    }

    /// Up to the end of the line.
    fn line(&mut self) -> Result<&'a [u8]> {
        let rest = self.data.get(self.at..).unwrap_or(&[]);
        let size = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| self.wrong("a line without an end"))?;
        let line = self.take(size, "a line")?;
        self.at += 1;
        Ok(line)
    }

    /// Counts memory against the limit.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<()> {
        match self.memory.checked_sub(bytes) {
            Some(left) => self.memory = left,
            None => return Err(self.too_many("bytes of memory (max_memory)", self.limits.memory)),
        }
        Ok(())
    }

    fn push(&mut self, piece: Piece) -> Result<()> {
        self.charge(PIECE)?;
        self.stack.push(piece);
        Ok(())
    }

    pub(super) fn value(&mut self, value: Value) -> Result<()> {
        let bytes = match &value {
            Value::Str(text) => text.as_bytes().len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::BigInt(n) => INLINE + n.digits(),
            _ => 0,
        };
        if bytes > INLINE {
            self.charge(HEAD + bytes)?;
        }
        self.push(Piece::Value(value))
    }

    pub(super) fn container(&mut self, kind: Kind, children: Vec<Piece>) -> Result<()> {
        self.charge(CONTAINER)?;
        self.charge_hashed(kind, children.len())?;
        let node = self.graph.add(kind, children);
        self.push(Piece::Node(node))
    }

    fn charge_hashed(&mut self, kind: Kind, items: usize) -> Result<()> {
        match kind {
            Kind::Set | Kind::FrozenSet | Kind::Dict => self.charge(items.saturating_mul(HASHED)),
            Kind::Tuple | Kind::List => Ok(()),
        }
    }

    /// The height of the stack at the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn pop(&mut self) -> Result<Piece> {
        match self.stack.len() > self.floor() {
            true => self.stack.pop().ok_or_else(|| self.wrong("an empty stack")),
            false => Err(self.wrong("an empty stack")),
        }
    }

    fn top(&self) -> Result<&Piece> {
        self.stack.get(self.floor()..).and_then(<[Piece]>::last).ok_or_else(|| self.wrong("an empty stack"))
    }

    /// Removes the last mark and returns its position on the stack.
    fn marked(&mut self) -> Result<usize> {
        let height = self.marks.pop().ok_or_else(|| self.wrong("no MARK"))?;
        Ok(height.min(self.stack.len()))
    }

    /// The position of the last `count` items on the stack.
    fn below(&self, count: usize) -> Result<usize> {
        let from = self.stack.len().checked_sub(count).filter(|from| *from >= self.floor());
        from.ok_or_else(|| self.wrong("an empty stack"))
    }

    fn last(&mut self, count: usize) -> Result<()> {
        let from = self.below(count)?;
        self.collect(Kind::Tuple, from)
    }

    fn close_mark(&mut self, kind: Kind) -> Result<()> {
        let from = self.marked()?;
        self.collect(kind, from)
    }

    /// Makes a container of what is on the stack above `from`.
    fn collect(&mut self, kind: Kind, from: usize) -> Result<()> {
        // From the bottom, `split_off` would return the whole capacity of the stack.
        let items: Vec<Piece> = self.stack.drain(from..).collect();
        self.check_no_maker(&items)?;
        if kind == Kind::Dict && items.len() % 2 == 1 {
            return Err(self.wrong("a key without a value"));
        }
        self.container(kind, items)
    }

    /// Moves what is on the stack above `from` into the container below it.
    fn extend(&mut self, kind: Kind, from: usize) -> Result<()> {
        let count = self.stack.len() - from;
        if kind == Kind::Dict && count % 2 == 1 {
            return Err(self.wrong("a key without a value"));
        }
        let below = from.checked_sub(1).filter(|at| *at >= self.floor()).and_then(|at| self.stack.get(at));
        let node = match below {
            Some(Piece::Node(node)) if self.graph.kind(*node) == Some(kind) => *node,
            Some(_) => return Err(self.wrong("items for a value that does not accept them")),
            None => return Err(self.wrong("an empty stack")),
        };
        self.charge_hashed(kind, count)?;
        self.check_no_maker(self.stack.get(from..).unwrap_or(&[]))?;
        if let Some(children) = self.graph.children(node) {
            children.extend(self.stack.drain(from..));
        }
        Ok(())
    }

    fn put(&mut self, index: u64) -> Result<()> {
        let piece = self.top()?.clone();
        match self.memo.insert(index, piece) {
            None => self.charge(MEMO),
            Some(_) => Ok(()),
        }
    }

    fn get(&mut self, index: u64) -> Result<()> {
        let piece = self.memo.get(&index).cloned().ok_or_else(|| self.wrong("a GET without its PUT"))?;
        self.push(piece)
    }

    fn index(&mut self) -> Result<u64> {
        let line = self.line()?;
        let index = std::str::from_utf8(line).ok().and_then(|text| text.trim().parse().ok());
        index.ok_or_else(|| self.wrong("an index that is not a number"))
    }

    fn decimal(&mut self) -> Result<()> {
        let line = self.line()?;
        let value = match line {
            b"00" => Value::Bool(false),
            b"01" => Value::Bool(true),
            line => {
                let digits = line.strip_suffix(b"L").unwrap_or(line);
                match Value::int_from_text(digits, self.limits.digits) {
                    Ok(value) => value,
                    Err(crate::value::IntTextError::TooLong { .. }) => {
                        return Err(self.too_many("digits", self.limits.digits));
                    }
                    Err(_) => return Err(self.wrong("an int that is not a number")),
                }
            }
        };
        self.value(value)
    }

    fn long(&mut self, size: usize) -> Result<()> {
        // A byte has more than two digits, so rejecting it before the conversion is right.
        if size / 2 > self.limits.digits.max(8) {
            return Err(self.too_many("digits", self.limits.digits));
        }
        let value = Value::int_from_le_bytes(self.take(size, "a cut int")?);
        if matches!(&value, Value::BigInt(n) if n.digits() > self.limits.digits) {
            return Err(self.too_many("digits", self.limits.digits));
        }
        self.value(value)
    }

    pub(super) fn too_many(&self, what: &'static str, limit: usize) -> PickleError {
        PickleError::Limit { what, limit, offset: self.at }
    }

    /// A blob that is preceded by its size in `N` bytes.
    fn sized<const N: usize>(&mut self) -> Result<&'a [u8]> {
        let mut size = [0u8; 8];
        for (to, from) in size.iter_mut().zip(self.array::<N>("a cut length")?) {
            *to = from;
        }
        let size = usize::try_from(u64::from_le_bytes(size)).unwrap_or(usize::MAX);
        if size > self.limits.bytes {
            return Err(self.too_many("bytes in one string", self.limits.bytes));
        }
        self.take(size, "a cut text")
    }

    fn bytes<const N: usize>(&mut self) -> Result<()> {
        let bytes = self.sized::<N>()?;
        let copied = Blob::try_copy_aligned(bytes).map_err(|_| PickleError::NoMemory { bytes: bytes.len() })?;
        self.value(Value::Bytes(copied))
    }

    fn text<const N: usize>(&mut self) -> Result<()> {
        let bytes = self.sized::<N>()?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.wrong("a str that is not UTF-8"))?;
        let copied = Text::try_new(text).map_err(|_| PickleError::NoMemory { bytes: text.len() })?;
        self.value(Value::Str(copied))
    }

    /// "raw-unicode-escape": Latin-1 with \uXXXX and \UXXXXXXXX.
    fn escaped(&mut self) -> Result<()> {
        let mut rest = self.line()?;
        let mut text = String::with_capacity(rest.len());
        while let [byte, after @ ..] = rest {
            let digits = match rest {
                [b'\\', b'u', ..] => 4,
                [b'\\', b'U', ..] => 8,
                _ => {
                    text.push(char::from(*byte));
                    rest = after;
                    continue;
                }
            };
            let code = rest.get(2..2 + digits).and_then(|hex| std::str::from_utf8(hex).ok());
            let code = code.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let c = code.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
            text.push(c.ok_or_else(|| self.wrong("an escape that is not a character"))?);
            rest = rest.get(2 + digits..).unwrap_or(&[]);
        }
        self.value(Value::Str(Text::from(text)))
    }
}
