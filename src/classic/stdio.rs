//! A peer's stdin, stdout and stderr, redirected to this process.

use super::Classic;
use crate::connection::obtain;
use crate::error::{Exception, Result};
use crate::objects::{Call, Class, Definition, Member, MemberKind, Method, ask};
use crate::sync::{Condvar, Mutex, lock, wait};
use crate::value::{Ask, Bounds, Local, Reference, Text, Value};
use std::sync::Arc;

/// Gets what the peer writes.
pub type Output = Arc<dyn Fn(&str) + Send + Sync>;
/// Fills a buffer with what the peer is to read; 0 bytes are the end.
pub type Input = Arc<dyn Fn(&mut [u8]) -> usize + Send + Sync>;

/// The targets of the three streams. None: not redirected.
#[derive(Default)]
pub struct Streams {
    pub input: Option<Input>,
    pub output: Option<Output>,
    pub error: Option<Output>,
}

/// The streams of the peer before the redirection.
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
                // Known before it is done: what fails here may still happen there.
                lock(&redirection.before).push((name, before));
                ask(&sys, Ask::SetAttr(name, &Value::Ref(Reference::Local(stream)))).map(drop)
            });
            if let Err(error) = set {
                // Restore the streams that were already redirected; report the first error.
                let _ = redirection.end();
                return Err(error);
            }
        }
        Ok(redirection)
    }
}

impl Redirection {
    /// Restores the peer's streams. After success this does nothing; failed ones are tried again.
    pub fn end(&self) -> Result<()> {
        let before = std::mem::take(&mut *lock(&self.before));
        let mut result = Ok(());
        for (name, stream) in before {
            if let Err(error) = ask(&self.sys, Ask::SetAttr(name, &stream)) {
                lock(&self.before).push((name, stream));
                result = result.and(Err(error));
            }
        }
        result
    }
}

/// The member under the name that a peer requests, and under the name that the default rules expose.
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
        // The error of a connection that has ended is ignored.
        let outcome = run(&call);
        let _ = call.finish(outcome);
    });
    members.extend(both(name, || MemberKind::Method { run: run.clone(), signature: None, quick: false }));
}

/// The common members of both kinds of stream.
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

/// Input from the application that was not requested yet.
#[derive(Default)]
struct Buffer {
    text: String,
    /// The bytes of a character that is not whole.
    tail: Vec<u8>,
    ended: bool,
}

impl Buffer {
    fn fill(&mut self, input: &Input) {
        let mut chunk = [0; 4096];
        let got = input(&mut chunk).min(chunk.len());
        self.ended = got == 0;
        self.tail.extend(chunk.iter().take(got));
        let whole = match std::str::from_utf8(&self.tail) {
            Err(error) if error.error_len().is_none() && !self.ended => error.valid_up_to(),
            Err(error) if !self.ended => self.whole_after(error.valid_up_to()),
            _ => self.tail.len(),
        };
        let rest = self.tail.split_off(whole);
        self.text.push_str(&String::from_utf8_lossy(&self.tail));
        self.tail = rest;
    }

    /// Up to where the tail has whole characters, some of which are none.
    fn whole_after(&self, mut at: usize) -> usize {
        while let Some(Err(error)) = self.tail.get(at..).map(std::str::from_utf8) {
            at += error.valid_up_to();
            match error.error_len() {
                Some(length) => at += length,
                None => return at,
            }
        }
        self.tail.len()
    }

    /// Up to and with the end of a line, or `most` characters, or everything (`line` is false).
    fn take(&mut self, input: &Input, line: bool, most: Option<usize>) -> String {
        self.ended = false;
        // The position to continue the search, so that nothing is searched twice, and the number of characters before
        // it.
        let (mut at, mut before) = (0, 0);
        loop {
            let new = self.text.get(at..).unwrap_or("");
            let line_end = new.find('\n').filter(|_| line).map(|end| end + 1);
            let most_end = most.and_then(|most| {
                new.char_indices().map(|(at, _)| at).chain([new.len()]).nth(most.saturating_sub(before))
            });
            let end = match (line_end, most_end) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            match end {
                Some(end) => {
                    let rest = self.text.split_off(at + end);
                    return std::mem::replace(&mut self.text, rest);
                }
                None if self.ended => return std::mem::take(&mut self.text),
                None => {
                    before += most.map_or(0, |_| new.chars().count());
                    at = self.text.len();
                    self.fill(input);
                }
            }
        }
    }
}

std::thread_local! {
    /// Its address distinguishes live threads; std's own id would cost an allocation in threads of the application.
    static HERE: u8 = const { 0 };
}

/// One reads at a time, and the application's callback runs without a lock.
struct Reader {
    input: Input,
    state: Mutex<Reading>,
    free: Condvar,
}

#[derive(Default)]
struct Reading {
    buffer: Buffer,
    by: Option<usize>,
}

/// A thread's turn to read, with the buffer.
struct Turn<'a> {
    reader: &'a Reader,
    buffer: Buffer,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.reader.state) = Reading { buffer: std::mem::take(&mut self.buffer), by: None };
        self.reader.free.notify_one();
    }
}

impl Reader {
    fn turn(&self) -> Result<Turn<'_>, Exception> {
        let this = HERE.with(|here| std::ptr::from_ref(here).addr());
        let mut state = lock(&self.state);
        while let Some(by) = state.by {
            if by == this {
                return Err(Exception::builtin(
                    "RuntimeError",
                    "reentrant read: the application's callback caused another read",
                ));
            }
            state = wait(&self.free, state);
        }
        state.by = Some(this);
        Ok(Turn { reader: self, buffer: std::mem::take(&mut state.buffer) })
    }

    fn take(&self, line: bool, most: Option<usize>) -> Result<String, Exception> {
        let mut turn = self.turn()?;
        Ok(turn.buffer.take(&self.input, line, most))
    }
}

/// The number of characters requested; None for all.
fn most(call: &Call) -> Option<usize> {
    call.args().first().and_then(Value::to_i64).and_then(|n| usize::try_from(n).ok())
}

fn reader(input: Input) -> Result<Arc<Class>> {
    let reader = Arc::new(Reader { input, state: Mutex::default(), free: Condvar::new() });
    let mut members = stream("<stdin>", true);
    let on = |line: bool| {
        let reader = reader.clone();
        move |most: Option<usize>| reader.take(line, most)
    };
    let (read, line, lines, next) = (on(false), on(true), on(true), on(true));
    method(&mut members, "read", move |call| read(most(call)).map(Value::from));
    method(&mut members, "readline", move |call| line(most(call)).map(Value::from));
    method(&mut members, "readlines", move |_| {
        let all = std::iter::from_fn(|| Some(lines(None)).filter(|line| !matches!(line, Ok(line) if line.is_empty())));
        Ok(Value::List(all.map(|line| line.map(Value::from)).collect::<Result<_, _>>()?))
    });
    method(&mut members, "__next__", move |_| match next(None)? {
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
        let reader = Reader { input, state: Mutex::default(), free: Condvar::new() };
        let take = |line, most| reader.take(line, most).unwrap();
        assert_eq!(take(true, None), "eins\n");
        assert_eq!(take(true, Some(3)), "zw\u{f6}");
        assert_eq!(take(true, Some(30)), "lf\n");
        assert_eq!(take(false, Some(0)), "");
        assert_eq!(take(false, Some(1)), "l");
        assert_eq!(take(false, None), "ast");
        assert_eq!(take(true, None), "");
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        for step in 1..9 {
            let source = Mutex::new(b"a\xff\xc3\xb6\xe2\x82\n\xf0\x9f\x98\x80\xe2\x82".to_vec());
            let input: Input = Arc::new(move |into| {
                let mut source = lock(&source);
                let n = source.len().min(step);
                into[..n].copy_from_slice(&source[..n]);
                source.drain(..n);
                n
            });
            let mut buffer = Buffer::default();
            assert_eq!(buffer.take(&input, true, None), "a\u{fffd}\u{f6}\u{fffd}\n");
            assert_eq!(buffer.take(&input, false, None), "\u{1f600}\u{fffd}");
            assert_eq!(buffer.take(&input, false, None), "");
        }
    }

    #[test]
    fn a_read_inside_of_the_callback_is_refused() {
        let reader = Arc::new_cyclic(|weak: &std::sync::Weak<Reader>| {
            let weak = weak.clone();
            let input: Input = Arc::new(move |into| {
                let refused = weak.upgrade().unwrap().take(true, None).unwrap_err();
                assert!(refused.is_builtin("RuntimeError"));
                into[..2].copy_from_slice(b"x\n");
                2
            });
            Reader { input, state: Mutex::default(), free: Condvar::new() }
        });
        assert_eq!(reader.take(true, None).unwrap(), "x\n");
        assert_eq!(reader.take(true, None).unwrap(), "x\n");
    }

    #[test]
    fn other_threads_take_turns() {
        let input: Input = Arc::new(|into| {
            into[..5].copy_from_slice(b"line\n");
            5
        });
        let reader = Reader { input, state: Mutex::default(), free: Condvar::new() };
        std::thread::scope(|scope| {
            let read = || (0..200).all(|_| reader.take(true, None).unwrap() == "line\n");
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(read)).collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
        });
    }
}
