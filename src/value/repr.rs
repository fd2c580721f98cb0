//! Values as Python prints them.

use super::Value;
use super::flat::Rest;
use std::fmt::Write;

impl Value {
    /// Python's `repr()`.
    pub fn repr(&self) -> String {
        let mut out = String::new();
        write_value(&mut out, self);
        out
    }

    /// `repr()`. Calls `room` with the size in bytes before each allocation. None if there is no memory.
    pub fn repr_with(&self, room: &mut dyn FnMut(usize) -> bool) -> Option<String> {
        let mut out = Growing { text: String::new(), room, failed: false };
        write_value(&mut out, self);
        (!out.failed).then_some(out.text)
    }

    /// Returns the first `width` characters of `repr()`, and its length.
    pub fn repr_within(&self, width: usize) -> (String, usize) {
        let mut out = Cut { text: String::new(), room: width, count: 0 };
        write_value(&mut out, self);
        (out.text, out.count)
    }
}

/// Keeps a number of characters, and counts the others.
struct Cut {
    text: String,
    room: usize,
    count: usize,
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let length = text.chars().count();
        self.count += length;
        if length <= self.room {
            self.room -= length;
            self.text.push_str(text);
        } else {
            self.text.extend(text.chars().take(std::mem::take(&mut self.room)));
        }
        Ok(())
    }
}

/// Grows as far as there is memory.
struct Growing<'a> {
    text: String,
    room: &'a mut dyn FnMut(usize) -> bool,
    failed: bool,
}

impl Write for Growing<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let (size, needed) = (self.text.capacity(), self.text.len() + text.len());
        if needed > size && !self.failed {
            let more = needed.max(2 * size) - size;
            self.failed = !(self.room)(more) || self.text.try_reserve_exact(size + more - self.text.len()).is_err();
        }
        if !self.failed {
            self.text.push_str(text);
        }
        Ok(())
    }
}

trait Out: Write {
    fn push(&mut self, c: char) {
        let _ = self.write_char(c);
    }

    fn push_str(&mut self, text: &str) {
        let _ = self.write_str(text);
    }
}

impl<W: Write> Out for W {}

/// A container whose beginning has been written.
struct Open<'v> {
    rest: Rest<'v>,
    written: usize,
    pairs: bool,
    end: &'static str,
}

impl<'v> Open<'v> {
    /// Begins a container. None: it is none.
    fn begin(out: &mut impl Write, value: &'v Value) -> Option<Open<'v>> {
        let rest = Rest::of(value)?;
        let (begin, end) = match value {
            Value::Tuple(items) if items.len() == 1 => ("(", ",)"),
            Value::Tuple(_) => ("(", ")"),
            Value::Slice(_) => ("slice(", ")"),
            Value::FrozenSet(items) if items.is_empty() => ("frozenset(", ")"),
            Value::FrozenSet(_) => ("frozenset({", "})"),
            Value::List(_) => ("[", "]"),
            _ => ("{", "}"),
        };
        out.push_str(begin);
        Some(Open { rest, written: 0, pairs: matches!(value, Value::Dict(_)), end })
    }
}

/// Works without recursion, however deep the value is nested.
fn write_value<W: Write>(out: &mut W, value: &Value) {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut next = value;
    loop {
        match Open::begin(out, next) {
            Some(container) => open.push(container),
            None => write_leaf(out, next),
        }
        next = loop {
            let Some(container) = open.last_mut() else { return };
            match container.rest.next() {
                Some(item) => {
                    out.push_str(match container.written {
                        0 => "",
                        n if container.pairs && n % 2 == 1 => ": ",
                        _ => ", ",
                    });
                    container.written += 1;
                    break item;
                }
                None => out.push_str(container.end),
            }
            open.pop();
        };
    }
}

fn write_leaf<W: Write>(out: &mut W, value: &Value) {
    match value {
        Value::None => out.push_str("None"),
        Value::NotImplemented => out.push_str("NotImplemented"),
        Value::Ellipsis => out.push_str("Ellipsis"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(n) => out.push_str(itoa::Buffer::new().format(*n)),
        Value::BigInt(n) => out.push_str(n.text().as_str()),
        Value::Float(x) => write_float(out, *x, ".0"),
        Value::Complex(re, im) => write_complex(out, *re, *im),
        Value::Str(text) => write_str(out, text.as_str()),
        Value::Bytes(bytes) => write_bytes(out, bytes),
        Value::Array(array) => {
            push(out, format_args!("array('{}'", array.element().code()));
            for (at, item) in array.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { ", [" });
                write_leaf(out, &item);
            }
            out.push_str(if array.is_empty() { ")" } else { "])" });
        }
        Value::Temporal(time) => out.push_str(&time.repr()),
        Value::Ref(reference) => push(out, format_args!("{reference:?}")),
        Value::Tuple(_) | Value::Slice(_) | Value::FrozenSet(_) | Value::List(_) | Value::Dict(_) => {}
    }
}

/// None of them fails.
fn push(out: &mut impl Write, args: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(args);
}

/// The shortest digits that parse to the same number, scientific below 1e-4 and from 1e16 on.
fn write_float<W: Write>(out: &mut W, x: f64, whole: &str) {
    if x.is_nan() {
        return out.push_str("nan");
    }
    if x.is_infinite() {
        return out.push_str(if x < 0.0 { "-inf" } else { "inf" });
    }
    let scientific = format!("{x:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = x.to_string();
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(whole);
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        push(out, format_args!("{digits}e{sign}{:02}", exponent.unsigned_abs()));
    }
}

fn write_complex<W: Write>(out: &mut W, re: f64, im: f64) {
    if re == 0.0 && re.is_sign_positive() {
        write_float(out, im, "");
        return out.push('j');
    }
    out.push('(');
    write_float(out, re, "");
    if im.is_nan() || im.is_sign_positive() {
        out.push('+');
    }
    write_float(out, im, "");
    out.push_str("j)");
}

fn write_str<W: Write>(out: &mut W, text: &str) {
    let quote = quote_for(text.as_bytes());
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c if printable(c) => out.push(c),
            c => match u32::from(c) {
                n @ ..=0xff => push(out, format_args!("\\x{n:02x}")),
                n @ ..=0xffff => push(out, format_args!("\\u{n:04x}")),
                n => push(out, format_args!("\\U{n:08x}")),
            },
        }
    }
    out.push(quote);
}

fn write_bytes<W: Write>(out: &mut W, bytes: &[u8]) {
    let quote = quote_for(bytes);
    out.push('b');
    out.push(quote);
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b if char::from(b) == quote => {
                out.push('\\');
                out.push(quote);
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => push(out, format_args!("\\x{byte:02x}")),
        }
    }
    out.push(quote);
}

fn quote_for(bytes: &[u8]) -> char {
    if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' }
}

/// Python's `str.isprintable` for one character that is not ASCII. Rust's own escaping uses the same categories, and
/// keeps combining characters that are not the first.
fn printable(c: char) -> bool {
    let mut text = [b'x'; 5];
    let len = match text.get_mut(1..) {
        Some(room) => c.encode_utf8(room).len(),
        None => return false,
    };
    let text = text.get(..=len).unwrap_or(&[]);
    std::str::from_utf8(text).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Blob;

    #[test]
    fn floats() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (9999999999999998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (1e22, "1e+22"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (0.00001, "1e-05"),
            (1.234e-7, "1.234e-07"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (123456789.125, "123456789.125"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
        ];
        for (x, text) in cases {
            assert_eq!(Value::Float(x).repr(), text);
        }
    }

    #[test]
    fn complex() {
        let cases = [
            (0.0, 0.0, "0j"),
            (0.0, 1.0, "1j"),
            (0.0, -1.0, "-1j"),
            (1.0, 2.0, "(1+2j)"),
            (-1.5, 2.25, "(-1.5+2.25j)"),
            (0.0, -0.0, "-0j"),
            (-0.0, 0.0, "(-0+0j)"),
            (f64::INFINITY, -1.0, "(inf-1j)"),
            (f64::NAN, f64::NAN, "(nan+nanj)"),
            (1e308, -5e-324, "(1e+308-5e-324j)"),
            (0.0, 1e16, "1e+16j"),
        ];
        for (re, im, text) in cases {
            assert_eq!(Value::Complex(re, im).repr(), text);
        }
    }

    #[test]
    fn text() {
        let cases = [
            ("", "''"),
            ("it's", "\"it's\""),
            ("say \"hi\"", "'say \"hi\"'"),
            ("both ' and \"", "'both \\' and \"'"),
            ("a\\b\n\r\t\0\x7f", "'a\\\\b\\n\\r\\t\\x00\\x7f'"),
            ("caf\u{e9} \u{20ac} \u{1f600}", "'caf\u{e9} \u{20ac} \u{1f600}'"),
            ("\u{a0}\u{ad}\u{200f}\u{feff}\u{2028}", "'\\xa0\\xad\\u200f\\ufeff\\u2028'"),
            ("\u{e000}\u{10ffff}\u{ffff}", "'\\ue000\\U0010ffff\\uffff'"),
            ("\u{301}e\u{301}", "'\u{301}e\u{301}'"),
        ];
        for (text, repr) in cases {
            assert_eq!(Value::str(text).repr(), repr);
        }
    }

    #[test]
    fn bytes() {
        assert_eq!(Value::bytes(b"").repr(), "b''");
        assert_eq!(Value::bytes(b"a'b\x00\xff\n").repr(), "b\"a'b\\x00\\xff\\n\"");
        assert_eq!(Value::bytes(b"'\"\\").repr(), "b'\\'\"\\\\'");
    }

    #[test]
    fn the_beginning_and_the_count() {
        let values = [
            Value::bytes(&[0; 1000]),
            Value::str("caf\u{e9}\u{301}\n'".repeat(50).as_str()),
            Value::tuple(vec![Value::Float(1.5), Value::Complex(1.0, 2.0), Value::Int(-7), Value::str("x")]),
        ];
        for value in values {
            let whole = value.repr();
            let count = whole.chars().count();
            for width in [0, 1, 5, 20, count - 1, count, count + 1, usize::MAX] {
                let (text, all) = value.repr_within(width);
                assert_eq!((text, all), (whole.chars().take(width).collect(), count), "{width}");
                assert!(value.repr_within(5).0.capacity() < 64);
            }
        }
    }

    #[test]
    fn containers() {
        let one = Value::Int(1);
        let empty = crate::value::Items::default();
        assert_eq!(Value::Tuple(empty.clone()).repr(), "()");
        assert_eq!(Value::tuple(vec![one.clone()]).repr(), "(1,)");
        assert_eq!(Value::tuple(vec![one.clone(), Value::None]).repr(), "(1, None)");
        assert_eq!(Value::slice(one.clone(), Value::None, Value::str("x")).repr(), "slice(1, None, 'x')");
        assert_eq!(Value::FrozenSet(empty.clone()).repr(), "frozenset()");
        assert_eq!(Value::frozenset(vec![one.clone(), one.clone()]).unwrap().repr(), "frozenset({1})");
        assert_eq!(Value::List(empty).repr(), "[]");
        let pairs = [(one.clone(), Value::Bool(true)), (Value::str("k"), Value::Ellipsis)];
        assert_eq!(Value::Dict(pairs.into()).repr(), "{1: True, 'k': Ellipsis}");
        assert_eq!(Value::Bytes(Blob::default()).repr(), "b''");
    }
}
