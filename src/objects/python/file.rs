//! Files: the classes of Python's `io`, over a descriptor.

use super::super::call::Call;
use super::super::class::{Class, Member, Object};
use super::super::peer::Outcome;
use super::growth::memory_error;
use super::stream::Stream;
use super::{Takes, arg, as_index, class, iterate, method, property, this, type_error, type_name, value_error};
use crate::error::Exception;
use crate::sync::{Mutex, lock};
use crate::value::{Text, Value};
use std::io::{self, IsTerminal, SeekFrom};
use std::os::fd::OwnedFd;
use std::sync::{Arc, LazyLock};

/// How a file is used, as in Python's `open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMode {
    text: String,
    reads: bool,
    writes: bool,
    binary: bool,
}

impl FileMode {
    /// Of one of r, w and a, at most one of b and t, and perhaps a +.
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

    /// What Python shows as `mode`: of binary files that of the raw file.
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

/// A file of this process that peers read and write.
pub struct File {
    /// None when it is closed.
    stream: Mutex<Option<Stream>>,
    mode: FileMode,
    number: i32,
}

static TEXT: LazyLock<Arc<Class>> =
    LazyLock::new(|| class("_io", "TextIOWrapper", "", members("TextIOWrapper", false)));
static READER: LazyLock<Arc<Class>> =
    LazyLock::new(|| class("_io", "BufferedReader", "", members("BufferedReader", true)));
static WRITER: LazyLock<Arc<Class>> =
    LazyLock::new(|| class("_io", "BufferedWriter", "", members("BufferedWriter", true)));
static BOTH: LazyLock<Arc<Class>> =
    LazyLock::new(|| class("_io", "BufferedRandom", "", members("BufferedRandom", true)));

impl File {
    /// Closes the descriptor when it is closed, or when nobody holds it any more. `number` is what `fileno` says.
    pub fn object(descriptor: OwnedFd, mode: FileMode, number: i32) -> Arc<Object> {
        let class = match (mode.binary, mode.reads, mode.writes) {
            (false, ..) => &TEXT,
            (true, true, true) => &BOTH,
            (true, true, false) => &READER,
            (true, false, _) => &WRITER,
        };
        let mut stream = Stream::new(std::fs::File::from(descriptor), !mode.binary);
        if mode.text.contains('a') {
            stream.seek_end();
        }
        let stream = Mutex::new(Some(stream));
        class.instance(Box::new(File { stream, mode, number }))
    }

    fn with<R>(&self, run: impl FnOnce(&mut Stream) -> io::Result<R>) -> Result<R, Exception> {
        match lock(&self.stream).as_mut() {
            Some(stream) => run(stream).map_err(|error| failed(&error)),
            None => Err(value_error("I/O operation on closed file.")),
        }
    }

    fn reading<R>(&self, run: impl FnOnce(&mut Stream) -> io::Result<R>) -> Result<R, Exception> {
        if !self.mode.reads {
            self.with(|_| Ok(()))?;
            return Err(unsupported(if self.mode.binary { "read" } else { "not readable" }));
        }
        self.with(run)
    }

    /// Bytes as this file gives them: as they are, or as text.
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

    fn line(&self, limit: Option<usize>) -> Result<Vec<u8>, Exception> {
        match limit {
            // A limit of text counts characters: no byte beyond four for each is needed.
            Some(limit) if !self.mode.binary => self.reading(|stream| {
                let line = stream.read_line(Some(limit.saturating_mul(4)))?;
                // The last character may be cut, and is needed only if there are fewer.
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
            limit => self.reading(|stream| stream.read_line(limit)),
        }
    }

    fn write(&self, value: &Value) -> Outcome {
        if !self.mode.writes {
            if self.mode.binary {
                return Err(unsupported("write"));
            }
            self.with(|_| Ok(()))?;
            return Err(unsupported("not writable"));
        }
        let write = |bytes: &[u8]| self.with(|stream| stream.write(bytes));
        match value {
            Value::Bytes(bytes) if self.mode.binary => write(bytes).map(|()| Value::Int(bytes.len() as i64)),
            Value::Str(text) if !self.mode.binary => {
                write(text.as_bytes()).map(|()| Value::Int(text.as_str().chars().count() as i64))
            }
            other if self.mode.binary => {
                Err(type_error(format!("a bytes-like object is required, not '{}'", type_name(other))))
            }
            other => Err(type_error(format!("write() argument must be str, not {}", type_name(other)))),
        }
    }

    fn seek(&self, offset: i64, whence: i64) -> Outcome {
        if !self.mode.binary && offset != 0 && (whence == 1 || whence == 2) {
            let from = if whence == 1 { "cur" } else { "end" };
            return Err(unsupported(&format!("can't do nonzero {from}-relative seeks")));
        }
        let to = match whence {
            0 if offset < 0 && !self.mode.binary => {
                return Err(value_error(format!("negative seek position {offset}")));
            }
            0 => {
                SeekFrom::Start(u64::try_from(offset).map_err(|_| failed(&io::Error::from_raw_os_error(libc::EINVAL)))?)
            }
            1 => SeekFrom::Current(offset),
            2 => SeekFrom::End(offset),
            _ if self.mode.binary => return Err(value_error(format!("whence value {whence} unsupported"))),
            _ => return Err(value_error(format!("invalid whence ({whence}, should be 0, 1 or 2)"))),
        };
        self.with(|stream| stream.seek(to)).map(Value::from)
    }

    fn close(&self) {
        let before = lock(&self.stream).take();
        drop(before);
    }
}

fn unsupported(text: &str) -> Exception {
    Exception::with_args("io", "UnsupportedOperation", vec![Value::str(text)])
}

/// An error of the system as Python raises it.
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

/// A count that may be missing, None or negative: then there is no limit.
fn count(call: &Call) -> Result<Option<usize>, Exception> {
    match call.args().first() {
        None | Some(Value::None) => Ok(None),
        Some(value) => {
            let count = value
                .to_i64()
                .ok_or_else(|| type_error(format!("argument should be integer or None, not '{}'", type_name(value))))?;
            Ok(usize::try_from(count).ok())
        }
    }
}

fn members(owner: &'static str, binary: bool) -> Vec<Member> {
    let method = |name, takes, run: fn(&File, &Call) -> Outcome| method(owner, name, takes, run);
    let mut members = vec![
        method("read", Takes::Between(0, 1), |file, call| {
            let bytes = match (count(call)?, file.mode.binary) {
                (Some(count), false) => file.reading(|stream| stream.read_chars(count)),
                (count, _) => file.reading(|stream| stream.read(count)),
            };
            file.given(bytes?)
        }),
        method("readline", Takes::Between(0, 1), |file, call| file.given(file.line(count(call)?)?)),
        method("readlines", Takes::Between(0, 1), |file, call| {
            let hint = count(call)?.filter(|hint| *hint > 0).unwrap_or(usize::MAX);
            let (mut lines, mut size) = (Vec::new(), 0usize);
            while size < hint {
                let line = file.line(None)?;
                if line.is_empty() {
                    break;
                }
                size = size.saturating_add(line.len());
                lines.push(file.given(line)?);
            }
            Ok(super::object(super::List::object(lines)))
        }),
        method("__next__", Takes::Operator(0), |file, _| match file.line(None)? {
            line if line.is_empty() => Err(Exception::stop_iteration()),
            line => file.given(line),
        }),
        method("__iter__", Takes::Operator(0), |file, call| file.with(|_| Ok(this(call)))),
        method("write", Takes::One, |file, call| file.write(&arg(call, 0))),
        method("writelines", Takes::One, |file, call| {
            iterate(&arg(call, 0))?.iter().try_for_each(|line| file.write(line).map(|_| ()))?;
            Ok(Value::None)
        }),
        method("seek", Takes::Between(1, 2), |file, call| {
            let whence = call.args().get(1).map_or(Ok(0), as_index)?;
            file.seek(as_index(&arg(call, 0))?, whence)
        }),
        method("tell", Takes::Nothing, |file, _| file.with(Stream::tell).map(Value::from)),
        method("truncate", Takes::Between(0, 1), |file, call| {
            if !file.mode.writes {
                return Err(unsupported("truncate"));
            }
            let size = match call.args().first() {
                None | Some(Value::None) => None,
                Some(size) => {
                    let size = u64::try_from(as_index(size)?);
                    Some(size.map_err(|_| failed(&io::Error::from_raw_os_error(libc::EINVAL)))?)
                }
            };
            file.with(|stream| stream.truncate(size)).map(Value::from)
        }),
        method("flush", Takes::Nothing, |file, _| file.with(|_| Ok(Value::None))),
        method("close", Takes::Nothing, |file, _| {
            file.close();
            Ok(Value::None)
        }),
        method("__enter__", Takes::Nothing, |file, call| file.with(|_| Ok(this(call)))),
        method("__exit__", Takes::Anything, |file, _| {
            file.close();
            Ok(Value::None)
        }),
        method("readable", Takes::Nothing, |file, _| file.with(|_| Ok(Value::Bool(file.mode.reads)))),
        method("writable", Takes::Nothing, |file, _| file.with(|_| Ok(Value::Bool(file.mode.writes)))),
        method("seekable", Takes::Nothing, |file, _| file.with(|stream| Ok(Value::Bool(stream.tell().is_ok())))),
        method("isatty", Takes::Nothing, |file, _| file.with(|stream| Ok(Value::Bool(stream.file().is_terminal())))),
        method("fileno", Takes::Nothing, |file, _| file.with(|_| Ok(Value::Int(i64::from(file.number))))),
        method("__repr__", Takes::Operator(0), |file, call| {
            let class = call.object().class().shape().type_name.clone();
            Ok(Value::from(match file.mode.binary {
                true => format!("<{class} name={}>", file.number),
                false => format!("<{class} name={} mode='{}' encoding='utf-8'>", file.number, file.mode.text),
            }))
        }),
        property("closed", |file: &File| Ok(Value::Bool(lock(&file.stream).is_none()))),
        property("name", |file: &File| Ok(Value::Int(i64::from(file.number)))),
        property("mode", |file: &File| Ok(Value::from(file.mode.shown()))),
    ];
    if binary {
        members.push(method("read1", Takes::Between(0, 1), |file, call| {
            let count = count(call)?;
            file.given(file.reading(|stream| stream.read_some(count))?)
        }));
    } else {
        members.push(property("encoding", |_: &File| Ok(Value::str("utf-8"))));
        members.push(property("errors", |_: &File| Ok(Value::str("strict"))));
        members.push(property("newlines", |_: &File| Ok(Value::None)));
        members.push(property("line_buffering", |_: &File| Ok(Value::Bool(false))));
    }
    members
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
