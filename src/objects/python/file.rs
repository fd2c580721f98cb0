//! Files: the classes of Python's `io`, over a descriptor.

use super::super::call::Call;
use super::super::class::{Class, Member, Object};
use super::super::peer::Outcome;
use super::growth::memory_error;
use super::stream::{Layer, Stream};
use super::{
    Takes, arg, as_number_of_c, class, every, indexed, method, object, property, this, type_error, type_name,
    value_error,
};
use crate::error::Exception;
use crate::sync::{Mutex, lock};
use crate::value::{Text, Value};
use std::io::{self, IsTerminal, SeekFrom};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

/// The mode of a file, as in Python's `open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMode {
    text: String,
    reads: bool,
    writes: bool,
    binary: bool,
}

impl FileMode {
    /// Parses a mode: one of r, w and a, at most one of b and t, optionally a +.
    pub fn parse(text: &str) -> Option<FileMode> {
        let count = |wanted: &[char]| text.chars().filter(|c| wanted.contains(c)).count();
        let (way, kind, plus) = (count(&['r', 'w', 'a']), count(&['b', 't']), count(&['+']));
        if way != 1 || kind > 1 || plus > 1 || way + kind + plus != text.chars().count() {
            return None;
        }
        let reads = text.contains('r') || plus == 1;
        let writes = !text.contains('r') || plus == 1;
        Some(FileMode { text: text.to_owned(), reads, writes, binary: text.contains('b') })
    }

    /// Returns Python's attribute `mode`. A binary file has that of its raw file.
    fn shown(&self) -> String {
        if !self.binary {
            return self.text.clone();
        }
        let way = self.text.chars().find(|c| "rwa".contains(*c)).unwrap_or('r');
        match (way, self.reads && self.writes) {
            ('a', true) => "ab+".into(),
            (_, true) => "rb+".into(),
            (way, false) => format!("{way}b"),
        }
    }
}

/// A file of this process that peers read and write as one of Python's file classes.
pub struct File {
    layer: Layer,
    /// Shared by all layers of a file. None if it is closed.
    stream: Arc<Mutex<Option<Stream>>>,
    /// The layer below, made when it is first requested.
    below: OnceLock<Arc<Object>>,
    /// The layer below was detached, and this one is unusable.
    detached: AtomicBool,
    /// A text file is being iterated over, during which Python's tell() fails.
    iterated: AtomicBool,
    mode: FileMode,
    number: i32,
}

static TEXT: LazyLock<Arc<Class>> = LazyLock::new(|| io_class("TextIOWrapper", Layer::Text));
static READER: LazyLock<Arc<Class>> = LazyLock::new(|| io_class("BufferedReader", Layer::Buffered));
static WRITER: LazyLock<Arc<Class>> = LazyLock::new(|| io_class("BufferedWriter", Layer::Buffered));
static BOTH: LazyLock<Arc<Class>> = LazyLock::new(|| io_class("BufferedRandom", Layer::Buffered));
static RAW: LazyLock<Arc<Class>> = LazyLock::new(|| io_class("FileIO", Layer::Raw));

impl File {
    /// Makes a file that closes the descriptor with close() or its last reference. `number` is the result of `fileno`.
    pub fn object(descriptor: OwnedFd, mode: FileMode, number: i32) -> Arc<Object> {
        let layer = if mode.binary { Layer::Buffered } else { Layer::Text };
        let mut stream = Stream::new(std::fs::File::from(descriptor), layer);
        if mode.text.contains('a') {
            stream.seek_end();
        }
        File::over(layer, Arc::new(Mutex::new(Some(stream))), mode, number)
    }

    fn over(layer: Layer, stream: Arc<Mutex<Option<Stream>>>, mode: FileMode, number: i32) -> Arc<Object> {
        let class = match (layer, mode.reads, mode.writes) {
            (Layer::Text, ..) => &TEXT,
            (Layer::Buffered, true, true) => &BOTH,
            (Layer::Buffered, true, false) => &READER,
            (Layer::Buffered, false, _) => &WRITER,
            (Layer::Raw, ..) => &RAW,
        };
        let (below, detached, iterated) = (OnceLock::new(), AtomicBool::new(false), AtomicBool::new(false));
        class.instance(Box::new(File { layer, stream, below, detached, iterated, mode, number }))
    }

    /// Returns the buffer of a text file, or the raw file of a buffer.
    fn below(&self) -> Value {
        let layer = if self.layer == Layer::Text { Layer::Buffered } else { Layer::Raw };
        let mode = FileMode { binary: true, ..self.mode.clone() };
        object(self.below.get_or_init(|| File::over(layer, self.stream.clone(), mode, self.number)).clone())
    }

    fn check_attached(&self) -> Result<(), Exception> {
        match self.layer {
            _ if !self.detached.load(Ordering::Acquire) => Ok(()),
            Layer::Text => Err(value_error("underlying buffer has been detached")),
            Layer::Buffered | Layer::Raw => Err(value_error("raw stream has been detached")),
        }
    }

    /// Runs `run` on the open file, for the method `name`.
    fn with<R>(&self, name: &str, run: impl FnOnce(&mut Stream) -> io::Result<R>) -> Result<R, Exception> {
        self.check_attached()?;
        match lock(&self.stream).as_mut() {
            Some(stream) => {
                stream.enter(self.layer);
                run(stream).map_err(|error| failed(&error))
            }
            None => Err(value_error(self.closed_text(name))),
        }
    }

    /// Returns the message of the method `name` for a closed file.
    fn closed_text(&self, name: &str) -> &'static str {
        match (self.layer, name) {
            (_, "__enter__" | "__iter__" | "writelines" | "readlines") | (Layer::Raw, "flush") => {
                "I/O operation on closed file."
            }
            (Layer::Buffered, "read" | "read1") => "read of closed file",
            (Layer::Buffered, "readline" | "__next__") => "readline of closed file",
            (Layer::Buffered, "peek") => "peek of closed file",
            (Layer::Buffered, "truncate") => "truncate of closed file",
            (Layer::Buffered, "flush" | "detach") if self.mode.writes => "flush of closed file",
            (Layer::Buffered, "flush" | "detach") => "I/O operation on closed file.",
            (Layer::Buffered, "write") => "write to closed file",
            (Layer::Buffered, "seek") => "seek of closed file",
            (Layer::Text, "readable" | "writable" | "seekable" | "fileno" | "isatty") => "I/O operation on closed file",
            (Layer::Text, _) => "I/O operation on closed file.",
            (Layer::Buffered | Layer::Raw, _) => "I/O operation on closed file",
        }
    }

    fn reading<R>(&self, name: &str, run: impl FnOnce(&mut Stream) -> io::Result<R>) -> Result<R, Exception> {
        if !self.mode.reads {
            self.check_attached()?;
            return Err(unsupported(match self.layer {
                Layer::Buffered => {
                    if name == "read1" {
                        name
                    } else {
                        "read"
                    }
                }
                layer => {
                    self.with(name, |_| Ok(()))?;
                    if layer == Layer::Text { "not readable" } else { "File not open for reading" }
                }
            }));
        }
        self.with(name, run)
    }

    fn read(&self, name: &str, count: Count) -> Outcome {
        if self.layer == Layer::Buffered && self.mode.reads && name == "read" && matches!(count, Count::Below(..-1)) {
            self.check_attached()?;
            return Err(value_error("read length must be non-negative or -1"));
        }
        let count = count.limit();
        self.given(match (count, self.layer) {
            (Some(count), Layer::Text) => self.reading(name, |stream| stream.read_chars(count))?,
            // A raw read makes at most one system call, but returns a regular file in one piece.
            (Some(count), Layer::Raw) => self.reading(name, |stream| match stream.is_seekable() {
                true => stream.read(Some(count)),
                false => stream.read_some(Some(count)),
            })?,
            (count, _) => self.reading(name, |stream| stream.read(count))?,
        })
    }

    /// Converts bytes to the result of a read: bytes or str.
    fn given(&self, bytes: Vec<u8>) -> Outcome {
        if self.mode.binary {
            return Ok(Value::Bytes(bytes.into()));
        }
        Text::from_utf8(bytes.into()).map(Value::Str).map_err(|(bytes, error)| {
            let start = error.valid_up_to();
            let end = start + error.error_len().unwrap_or(bytes.len() - start);
            let reason = match error.error_len() {
                None => "unexpected end of data",
                Some(_) if matches!(bytes.get(start), Some(0xc2..=0xf4)) => "invalid continuation byte",
                Some(_) => "invalid start byte",
            };
            let place = [Value::Int(start as i64), Value::Int(end as i64), Value::str(reason)];
            let args = [Value::str("utf-8"), Value::Bytes(bytes)].into_iter().chain(place).collect();
            Exception::with_args("builtins", "UnicodeDecodeError", args)
        })
    }

    fn line(&self, name: &str, limit: Option<usize>) -> Result<Vec<u8>, Exception> {
        match limit {
            // The limit of a text file counts characters, of at most four bytes each.
            Some(limit) if !self.mode.binary => self.reading(name, |stream| {
                let line = stream.read_line(Some(limit.saturating_mul(4)))?;
                // The last character may be incomplete. It is needed only if there are fewer.
                let sound = std::str::from_utf8(&line).map_or_else(|error| error.valid_up_to(), str::len);
                let text = line.get(..sound).and_then(|sound| std::str::from_utf8(sound).ok()).unwrap_or_default();
                let mut ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
                let end = match limit.checked_sub(1) {
                    None => 0,
                    Some(last) => ends.nth(last).unwrap_or(line.len()),
                };
                stream.give_back(line.get(end..).unwrap_or(&[]));
                Ok(line.get(..end).unwrap_or(&line).to_vec())
            }),
            limit => self.reading(name, |stream| stream.read_line(limit)),
        }
    }

    /// Whether the file is readable or writable. A buffer that never is need not check the file; text asks its buffer.
    fn is(&self, name: &str, able: bool) -> Outcome {
        match (self.layer, able) {
            (Layer::Text | Layer::Buffered, false) => self.check_attached()?,
            _ => self.with(name, |_| Ok(()))?,
        }
        Ok(Value::Bool(able))
    }

    fn write(&self, value: &Value) -> Outcome {
        match value {
            _ if self.layer == Layer::Buffered && !self.mode.writes => {}
            Value::Bytes(_) if self.mode.binary => {}
            Value::Str(_) if !self.mode.binary => {}
            other if self.mode.binary => {
                return Err(type_error(format!("a bytes-like object is required, not '{}'", type_name(other))));
            }
            other => return Err(type_error(format!("write() argument must be str, not {}", type_name(other)))),
        }
        if !self.mode.writes {
            return Err(match self.layer {
                Layer::Buffered => unsupported("write"),
                layer => {
                    self.with("write", |_| Ok(()))?;
                    unsupported(if layer == Layer::Text { "not writable" } else { "File not open for writing" })
                }
            });
        }
        let write = |bytes: &[u8]| self.with("write", |stream| stream.write(bytes));
        match value {
            Value::Bytes(bytes) => write(bytes).map(|()| Value::Int(bytes.len() as i64)),
            Value::Str(text) => write(text.as_bytes()).map(|()| Value::Int(text.as_str().chars().count() as i64)),
            _ => Ok(Value::None),
        }
    }

    /// Lines are written as they are produced: those before a failure of the iterable stay written.
    fn write_lines(&self, lines: &Value) -> Outcome {
        self.with("writelines", |_| Ok(()))?;
        every(lines, |line| self.write(&line).map(|_| ()))?;
        Ok(Value::None)
    }

    /// Reads a file position. Each layer of CPython has its own message for an invalid one.
    fn offset(&self, offset: &Value) -> Result<i64, Exception> {
        let value = match (indexed(offset)?, self.layer) {
            (number @ Value::BigInt(_), Layer::Text) if is_negative(&number) => {
                return Err(value_error(format!("negative seek position {}", number.repr())));
            }
            (Value::BigInt(_), Layer::Text) => return Err(failed(&io::Error::from_raw_os_error(libc::EINVAL))),
            (Value::BigInt(_), Layer::Buffered) => {
                let text = format!("cannot fit '{}' into an offset-sized integer", type_name(offset));
                return Err(value_error(text));
            }
            (value, Layer::Text) if value.to_i64().is_none() && !matches!(value, Value::Float(_)) => {
                let text = format!("'<' not supported between instances of '{}' and 'int'", type_name(offset));
                return Err(type_error(text));
            }
            (value, _) => value,
        };
        match value {
            Value::Int(offset) => Ok(offset),
            _ => as_number_of_c(offset, "long"),
        }
    }

    fn next(&self) -> Outcome {
        self.check_attached()?;
        self.iterated.store(self.layer == Layer::Text, Ordering::Relaxed);
        match self.line("__next__", None)? {
            line if line.is_empty() => {
                self.iterated.store(false, Ordering::Relaxed);
                Err(Exception::stop_iteration())
            }
            line => self.given(line),
        }
    }

    fn tell(&self) -> Outcome {
        self.with("tell", |_| Ok(()))?;
        if self.iterated.load(Ordering::Relaxed) {
            return Err(Exception::builtin("OSError", "telling position disabled by next() call"));
        }
        self.with("tell", Stream::tell).map(Value::from)
    }

    fn flush(&self) -> Outcome {
        self.with("flush", |_| Ok(()))?;
        self.iterated.store(false, Ordering::Relaxed);
        Ok(Value::None)
    }

    fn seek(&self, offset: &Value, whence: i64) -> Outcome {
        if self.layer == Layer::Buffered && !(0..=2).contains(&whence) {
            self.check_attached()?;
            return Err(value_error(format!("whence value {whence} unsupported")));
        }
        self.with("seek", |_| Ok(()))?;
        let as_given = offset;
        let offset = self.offset(as_given)?;
        if !self.mode.binary && offset != 0 && (whence == 1 || whence == 2) {
            let from = if whence == 1 { "cur" } else { "end" };
            return Err(unsupported(&format!("can't do nonzero {from}-relative seeks")));
        }
        let invalid = || failed(&io::Error::from_raw_os_error(libc::EINVAL));
        let to = match whence {
            0 if offset < 0 && !self.mode.binary => {
                return Err(value_error(format!("negative seek position {offset}")));
            }
            0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| invalid())?),
            1 => SeekFrom::Current(offset),
            2 => SeekFrom::End(offset),
            _ if self.layer == Layer::Raw => return Err(invalid()),
            _ => return Err(value_error(format!("invalid whence ({whence}, should be 0, 1 or 2)"))),
        };
        let at = self.with("seek", |stream| stream.seek(to))?;
        self.iterated.store(false, Ordering::Relaxed);
        // A text file returns the position that it was passed.
        Ok(match (as_given, whence) {
            (Value::Bool(_), 0) if self.layer == Layer::Text => as_given.clone(),
            _ => Value::from(at),
        })
    }

    fn truncate(&self, size: Option<&Value>) -> Outcome {
        // CPython checks the file before the argument.
        self.with("truncate", |_| Ok(()))?;
        if !self.mode.writes {
            let raw = self.layer == Layer::Raw;
            return Err(unsupported(if raw { "File not open for writing" } else { "truncate" }));
        }
        let bytes = match size {
            None | Some(Value::None) => None,
            Some(size) => {
                let size = u64::try_from(as_number_of_c::<i64>(size, "long")?);
                Some(size.map_err(|_| failed(&io::Error::from_raw_os_error(libc::EINVAL)))?)
            }
        };
        let left = self.with("truncate", |stream| stream.truncate(bytes))?;
        Ok(size.filter(|size| matches!(size, Value::Bool(_))).cloned().unwrap_or_else(|| Value::from(left)))
    }

    fn close(&self) -> Outcome {
        self.check_attached()?;
        let before = lock(&self.stream).take();
        drop(before);
        Ok(Value::None)
    }

    /// Detaches the layer below. Buffered input is lost.
    fn detach(&self) -> Outcome {
        self.with("detach", |_| Ok(()))?;
        let below = self.below();
        match self.detached.swap(true, Ordering::AcqRel) {
            true => self.check_attached().map(|()| Value::None),
            false => Ok(below),
        }
    }

    fn repr(&self, class: &str) -> String {
        let (number, attached) = (self.number, self.check_attached().is_ok());
        match self.layer {
            Layer::Text if attached => format!("<{class} name={number} mode='{}' encoding='utf-8'>", self.mode.text),
            Layer::Text => format!("<{class} mode='{}' encoding='utf-8'>", self.mode.text),
            Layer::Buffered if attached => format!("<{class} name={number}>"),
            Layer::Buffered => format!("<{class}>"),
            Layer::Raw if lock(&self.stream).is_none() => format!("<{class} [closed]>"),
            Layer::Raw => format!("<{class} name={number} mode='{}' closefd=True>", self.mode.shown()),
        }
    }
}

fn unsupported(text: &str) -> Exception {
    Exception::with_args("io", "UnsupportedOperation", vec![Value::str(text)])
}

/// Converts a system error as Python does.
fn failed(error: &io::Error) -> Exception {
    if error.kind() == io::ErrorKind::OutOfMemory {
        return memory_error();
    }
    let number = error.raw_os_error().unwrap_or(libc::EIO);
    let name = match number {
        libc::EPIPE => "BrokenPipeError",
        libc::EAGAIN => "BlockingIOError",
        libc::ECONNRESET => "ConnectionResetError",
        libc::EISDIR => "IsADirectoryError",
        libc::EACCES | libc::EPERM => "PermissionError",
        _ => "OSError",
    };
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let args = vec![Value::Int(i64::from(number)), Value::str(text)];
    let mut exception = Exception::with_args("builtins", name, args.clone());
    let names = ["errno", "strerror", "filename", "filename2"].map(Text::new);
    exception.attributes = names.into_iter().zip(args.into_iter().chain([Value::None, Value::None])).collect();
    exception
}

fn is_negative(number: &Value) -> bool {
    matches!(number, Value::BigInt(number) if number.is_negative())
}

/// The size of a read.
#[derive(Clone, Copy)]
enum Count {
    All,
    Below(i64),
}

impl Count {
    /// Returns None for no limit: None or a negative number.
    fn limit(self) -> Option<usize> {
        match self {
            Count::All => None,
            Count::Below(count) => usize::try_from(count).ok(),
        }
    }
}

/// Reads an optional count, which may be None.
fn count(call: &Call) -> Result<Count, Exception> {
    let value = match call.args().first() {
        None | Some(Value::None) => return Ok(Count::All),
        Some(value) => value,
    };
    match indexed(value)? {
        Value::BigInt(_) => {
            let text = format!("cannot fit '{}' into an index-sized integer", type_name(value));
            Err(Exception::builtin("OverflowError", text))
        }
        count => count
            .to_i64()
            .map(Count::Below)
            .ok_or_else(|| type_error(format!("argument should be integer or None, not '{}'", type_name(value)))),
    }
}

/// The same for functions of CPython that reject None.
fn size(call: &Call) -> Result<Count, Exception> {
    match call.args().first() {
        None => Ok(Count::All),
        Some(value) => as_number_of_c(value, "ssize_t").map(Count::Below),
    }
}

fn io_class(owner: &'static str, layer: Layer) -> Arc<Class> {
    let mut members = Vec::from(reading(owner));
    members.extend(writing(owner));
    members.extend(places(owner));
    members.extend(of_layer(owner, layer));
    class("_io", owner, "", members)
}

/// A method of a buffer. If the kind of buffer lacks it, it raises whatever its arguments are.
fn refused_or(owner: &'static str, name: &'static str, takes: Takes, run: fn(&File, &Call) -> Outcome) -> Member {
    match (owner, name) {
        ("BufferedWriter", "read" | "read1") | ("BufferedReader", "write") => {
            method(owner, name, Takes::Anything, move |_: &File, _| Err(unsupported(name)))
        }
        _ => method(owner, name, takes, run),
    }
}

fn reading(owner: &'static str) -> [Member; 5] {
    let method = |name, takes, run: fn(&File, &Call) -> Outcome| method(owner, name, takes, run);
    [
        refused_or(owner, "read", Takes::Between(0, 1), |file, call| file.read("read", count(call)?)),
        method("readline", Takes::Between(0, 1), |file, call| {
            let limit = if file.layer == Layer::Text { size(call)? } else { count(call)? };
            file.given(file.line("readline", limit.limit())?)
        }),
        method("readlines", Takes::Between(0, 1), |file, call| {
            let hint = count(call)?.limit().filter(|hint| *hint > 0).unwrap_or(usize::MAX);
            file.with("readlines", |_| Ok(()))?;
            let (mut lines, mut size) = (Vec::new(), 0usize);
            while size < hint {
                let line = file.line("readlines", None)?;
                if line.is_empty() {
                    break;
                }
                size = size.saturating_add(line.len());
                lines.push(file.given(line)?);
            }
            Ok(object(super::List::object(lines)))
        }),
        method("__next__", Takes::Operator(0), |file, _| file.next()),
        method("__iter__", Takes::Operator(0), |file, call| file.with("__iter__", |_| Ok(this(call)))),
    ]
}

fn writing(owner: &'static str) -> [Member; 6] {
    let method = |name, takes, run: fn(&File, &Call) -> Outcome| method(owner, name, takes, run);
    [
        refused_or(owner, "write", Takes::One, |file, call| file.write(&arg(call, 0))),
        method("writelines", Takes::One, |file, call| file.write_lines(&arg(call, 0))),
        method("flush", Takes::Nothing, |file, _| file.flush()),
        method("close", Takes::Nothing, |file, _| file.close()),
        method("__enter__", Takes::Nothing, |file, call| file.with("__enter__", |_| Ok(this(call)))),
        method("__exit__", Takes::Anything, |file, _| file.close()),
    ]
}

fn places(owner: &'static str) -> [Member; 12] {
    let method = |name, takes, run: fn(&File, &Call) -> Outcome| method(owner, name, takes, run);
    [
        method("seek", Takes::Between(1, 2), |file, call| {
            let whence = call.args().get(1).map_or(Ok(0), |whence| as_number_of_c::<i32>(whence, "int"))?;
            file.seek(&arg(call, 0), i64::from(whence))
        }),
        method("tell", Takes::Nothing, |file, _| file.tell()),
        method("truncate", Takes::Between(0, 1), |file, call| file.truncate(call.args().first())),
        method("readable", Takes::Nothing, |file, _| file.is("readable", file.mode.reads)),
        method("writable", Takes::Nothing, |file, _| file.is("writable", file.mode.writes)),
        method("seekable", Takes::Nothing, |file, _| {
            file.with("seekable", |stream| Ok(Value::Bool(stream.is_seekable())))
        }),
        method("isatty", Takes::Nothing, |file, _| {
            file.with("isatty", |stream| Ok(Value::Bool(stream.file().is_terminal())))
        }),
        method("fileno", Takes::Nothing, |file, _| file.with("fileno", |_| Ok(Value::Int(i64::from(file.number))))),
        method("__repr__", Takes::Operator(0), |file, call| {
            Ok(Value::from(file.repr(call.object().class().shape().type_name.as_str())))
        }),
        property("closed", |file: &File| file.check_attached().map(|()| Value::Bool(lock(&file.stream).is_none()))),
        property("name", |file: &File| file.check_attached().map(|()| Value::Int(i64::from(file.number)))),
        property("mode", |file: &File| {
            if file.layer != Layer::Text {
                file.check_attached()?;
            }
            Ok(Value::from(file.mode.shown()))
        }),
    ]
}

/// The members that only some classes have.
fn of_layer(owner: &'static str, layer: Layer) -> Vec<Member> {
    let method = |name, takes, run: fn(&File, &Call) -> Outcome| method(owner, name, takes, run);
    let detach = || method("detach", Takes::Nothing, |file, _| file.detach());
    fn below(file: &File) -> Outcome {
        Ok(if file.check_attached().is_ok() { file.below() } else { Value::None })
    }
    match layer {
        Layer::Text => vec![
            detach(),
            property("buffer", below),
            property("encoding", |_: &File| Ok(Value::str("utf-8"))),
            property("errors", |_: &File| Ok(Value::str("strict"))),
            property("newlines", |file: &File| file.check_attached().map(|()| Value::None)),
            property("line_buffering", |_: &File| Ok(Value::Bool(false))),
            property("write_through", |_: &File| Ok(Value::Bool(false))),
        ],
        Layer::Buffered => {
            let mut members = vec![detach(), property("raw", below)];
            members.push(refused_or(owner, "read1", Takes::Between(0, 1), |file, call| {
                let count = size(call)?.limit();
                file.given(file.reading("read1", |stream| stream.read_some(count))?)
            }));
            if owner != "BufferedWriter" {
                members.push(method("peek", Takes::Between(0, 1), |file, call| {
                    size(call)?;
                    file.given(file.reading("peek", Stream::peek)?)
                }));
            }
            members
        }
        Layer::Raw => vec![
            method("readall", Takes::Nothing, |file, _| file.read("readall", Count::All)),
            property("closefd", |_: &File| Ok(Value::Bool(true))),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for (text, reads, writes, binary, shown) in [
            ("r", true, false, false, "r"),
            ("rb", true, false, true, "rb"),
            ("w", false, true, false, "w"),
            ("at", false, true, false, "at"),
            ("r+", true, true, false, "r+"),
            ("w+b", true, true, true, "rb+"),
            ("ab+", true, true, true, "ab+"),
        ] {
            let mode = FileMode::parse(text).unwrap();
            assert_eq!((mode.reads, mode.writes, mode.binary), (reads, writes, binary), "{text}");
            assert_eq!(mode.shown(), shown);
        }
        for text in ["", "b", "+", "rw", "rr", "rbt", "r++", "x", "r "] {
            assert_eq!(FileMode::parse(text), None, "{text}");
        }
    }
}
