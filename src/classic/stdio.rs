//! A peer's stdin, stdout and stderr, led to us.

use super::Classic;
use crate::connection::{Ask, Call, Class, Definition, Member, MemberKind, Method, ask, obtain};
use crate::error::{Exception, Result};
use crate::sync::{Mutex, lock};
use crate::value::{Bounds, Local, Reference, Text, Value};
use std::sync::Arc;

/// Gets what the peer writes.
pub type Output = Arc<dyn Fn(&str) + Send + Sync>;
/// Fills a buffer with what the peer is to read; 0 bytes are the end.
pub type Input = Arc<dyn Fn(&mut [u8]) -> usize + Send + Sync>;

/// Where the three go. None: it stays with the peer.
#[derive(Default)]
pub struct Streams {
    pub input: Option<Input>,
    pub output: Option<Output>,
    pub error: Option<Output>,
}

/// What the peer had before.
pub struct Redirection {
    sys: Reference,
    before: Mutex<Vec<(&'static str, Value)>>,
}

impl Classic {
    /// Leads the peer's streams to us, until the redirection is ended.
    pub fn redirect(&self, streams: Streams) -> Result<Redirection> {
        let sys = self.module("sys")?;
        let wanted = [
            ("stdin", streams.input.map(reader).transpose()?),
            ("stdout", streams.output.map(|output| writer("<stdout>", output)).transpose()?),
            ("stderr", streams.error.map(|output| writer("<stderr>", output)).transpose()?),
        ];
        let redirection = Redirection { sys: sys.clone(), before: Mutex::default() };
        for (name, class) in wanted {
            let Some(class) = class else { continue };
            let stream: Arc<dyn Local> = class.instance(Box::new(()));
            let set = ask(&sys, Ask::GetAttr(name)).and_then(|before| {
                ask(&sys, Ask::SetAttr(name, &Value::Ref(Reference::Local(stream))))?;
                lock(&redirection.before).push((name, before));
                Ok(())
            });
            if let Err(error) = set {
                // What was led here already goes back; the first error is the one to tell.
                let _ = redirection.end();
                return Err(error);
            }
        }
        Ok(redirection)
    }
}

impl Redirection {
    /// Gives the peer back what it had. Once it has been, this does nothing.
    pub fn end(&self) -> Result<()> {
        let before = std::mem::take(&mut *lock(&self.before));
        let mut result = Ok(());
        for (name, stream) in before {
            result = result.and(ask(&self.sys, Ask::SetAttr(name, &stream)).map(drop));
        }
        result
    }
}

/// The same member under the name that a peer asks for, and under the one that the usual rules expose.
fn both(name: &str, kind: impl Fn() -> MemberKind) -> [Member; 2] {
    let member = |name: String| Member { name: Text::from(name), doc: None, kind: kind() };
    [member(name.to_owned()), member(format!("exposed_{name}"))]
}

fn method(
    members: &mut Vec<Member>,
    name: &str,
    run: impl Fn(&Call) -> Result<Value, Exception> + Send + Sync + 'static,
) {
    let run: Method = Arc::new(move |mut call: Call| {
        // The peer may be gone by now, and nobody else has to know.
        let _ = match run(&call) {
            Ok(value) => call.reply(value),
            Err(exception) => call.raise(exception),
        };
    });
    members.extend(both(name, || MemberKind::Method { run: run.clone(), signature: None, quick: false }));
}

/// What both sorts of stream have.
fn stream(name: &str, input: bool) -> Vec<Member> {
    let mut members = Vec::new();
    let constants = [
        ("encoding", Value::str("utf-8")),
        ("errors", Value::str("strict")),
        ("closed", Value::Bool(false)),
        ("newlines", Value::None),
        ("name", Value::str(name)),
        ("mode", Value::str(if input { "r" } else { "w" })),
    ];
    for (name, value) in constants {
        members.extend(both(name, || MemberKind::Constant(value.clone())));
    }
    for (name, value) in [("isatty", false), ("seekable", false), ("readable", input), ("writable", !input)] {
        method(&mut members, name, move |_| Ok(Value::Bool(value)));
    }
    for name in ["flush", "close"] {
        method(&mut members, name, |_| Ok(Value::None));
    }
    method(&mut members, "fileno", |_| {
        Err(Exception::with_args("io", "UnsupportedOperation", vec![Value::str("fileno")]))
    });
    members
}

fn class(name: &str, members: Vec<Member>) -> Result<Arc<Class>> {
    Class::new(Definition { name: name.into(), members, ..Definition::default() })
}

fn writer(name: &str, output: Output) -> Result<Arc<Class>> {
    let mut members = stream(name, false);
    let write = {
        let output = output.clone();
        move |text: &Value| match text {
            Value::Str(text) => {
                output(text.as_str());
                Ok(Value::Int(text.as_str().chars().count() as i64))
            }
            other => {
                let text = format!("write() argument must be str, not {}", other.type_name());
                Err(Exception::builtin("TypeError", text))
            }
        }
    };
    let write_one = write.clone();
    method(&mut members, "write", move |call| write_one(call.args().first().unwrap_or(&Value::None)));
    method(&mut members, "writelines", move |call| {
        let lines = match call.args().first() {
            Some(Value::Ref(lines)) => obtain(lines, &Bounds { depth: 1, items: 1 << 20, bytes: 1 << 28 })
                .map_err(|error| Exception::builtin("TypeError", error.to_string()))?,
            Some(lines) => lines.clone(),
            None => Value::None,
        };
        let (Value::List(lines) | Value::Tuple(lines)) = lines else {
            return Err(Exception::builtin("TypeError", "writelines() argument must be a list or tuple"));
        };
        lines.iter().try_for_each(|line| write(line).map(drop))?;
        Ok(Value::None)
    });
    class("OutputStream", members)
}

/// What has been got from the host and not been asked for yet.
struct Buffer {
    input: Input,
    bytes: Vec<u8>,
    ended: bool,
}

impl Buffer {
    fn fill(&mut self) {
        let mut chunk = [0; 4096];
        let got = (self.input)(&mut chunk).min(chunk.len());
        self.ended = got == 0;
        self.bytes.extend(chunk.iter().take(got));
    }

    /// Up to and with the end of a line, or `most` characters, or everything (`line` is false).
    fn take(&mut self, line: bool, most: Option<usize>) -> String {
        self.ended = false;
        loop {
            let whole = match std::str::from_utf8(&self.bytes) {
                Ok(text) => text.len(),
                Err(error) if error.error_len().is_some() || self.ended => self.bytes.len(),
                Err(error) => error.valid_up_to(),
            };
            let text = String::from_utf8_lossy(self.bytes.get(..whole).unwrap_or(&[])).into_owned();
            let line_end = text.find('\n').filter(|_| line).map(|at| at + 1);
            let most_end = most.and_then(|most| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(most));
            let end = match (line_end, most_end) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            match end {
                Some(end) => {
                    let rest = text.get(end..).unwrap_or("").as_bytes().to_vec();
                    let tail = self.bytes.split_off(whole);
                    self.bytes = [rest, tail].concat();
                    return text.get(..end).unwrap_or("").to_owned();
                }
                None if self.ended => {
                    self.bytes.clear();
                    return text;
                }
                None => self.fill(),
            }
        }
    }
}

/// The number of characters that is asked for; None for all.
fn most(call: &Call) -> Option<usize> {
    call.args().first().and_then(Value::to_i64).and_then(|n| usize::try_from(n).ok())
}

fn reader(input: Input) -> Result<Arc<Class>> {
    let buffer = Arc::new(Mutex::new(Buffer { input, bytes: Vec::new(), ended: false }));
    let mut members = stream("<stdin>", true);
    let on = |line: bool| {
        let buffer = buffer.clone();
        move |most: Option<usize>| lock(&buffer).take(line, most)
    };
    let (read, line, lines, next) = (on(false), on(true), on(true), on(true));
    method(&mut members, "read", move |call| Ok(Value::from(read(most(call)))));
    method(&mut members, "readline", move |call| Ok(Value::from(line(most(call)))));
    method(&mut members, "readlines", move |_| {
        let all = std::iter::from_fn(|| Some(lines(None)).filter(|line| !line.is_empty()));
        Ok(Value::List(all.map(Value::from).collect()))
    });
    method(&mut members, "__next__", move |_| match next(None) {
        line if line.is_empty() => Err(Exception::stop_iteration()),
        line => Ok(Value::from(line)),
    });
    method(&mut members, "__iter__", |call| {
        let this: Arc<dyn Local> = call.object().clone();
        Ok(Value::Ref(Reference::Local(this)))
    });
    class("InputStream", members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_characters_are_cut_where_python_cuts_them() {
        let source = Mutex::new("eins\nzw\u{f6}lf\nlast".as_bytes().to_vec());
        // Three bytes at a time, so that characters are cut.
        let input: Input = Arc::new(move |into| {
            let mut source = lock(&source);
            let n = source.len().min(3);
            into[..n].copy_from_slice(&source[..n]);
            source.drain(..n);
            n
        });
        let mut buffer = Buffer { input, bytes: Vec::new(), ended: false };
        assert_eq!(buffer.take(true, None), "eins\n");
        assert_eq!(buffer.take(true, Some(3)), "zw\u{f6}");
        assert_eq!(buffer.take(true, Some(30)), "lf\n");
        assert_eq!(buffer.take(false, Some(0)), "");
        assert_eq!(buffer.take(false, Some(1)), "l");
        assert_eq!(buffer.take(false, None), "ast");
        assert_eq!(buffer.take(true, None), "");
    }
}
