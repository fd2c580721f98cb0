//! Python's exceptions whose constructors make attributes of their arguments. A Python peer rebuilds an exception without its
//! constructor, from the attributes that come with it.

use super::Exception;
use crate::value::{Text, Value};

/// Of an OSError with this number Python makes one of a more telling type.
fn name_of_errno(number: i64) -> Option<&'static str> {
    Some(match i32::try_from(number).ok()? {
        libc::EAGAIN | libc::EALREADY | libc::EINPROGRESS => "BlockingIOError",
        libc::EPIPE | libc::ESHUTDOWN => "BrokenPipeError",
        libc::ECHILD => "ChildProcessError",
        libc::ECONNABORTED => "ConnectionAbortedError",
        libc::ECONNREFUSED => "ConnectionRefusedError",
        libc::ECONNRESET => "ConnectionResetError",
        libc::EEXIST => "FileExistsError",
        libc::ENOENT => "FileNotFoundError",
        libc::EISDIR => "IsADirectoryError",
        libc::ENOTDIR => "NotADirectoryError",
        libc::EINTR => "InterruptedError",
        libc::EACCES | libc::EPERM => "PermissionError",
        libc::ESRCH => "ProcessLookupError",
        libc::ETIMEDOUT => "TimeoutError",
        _ => return None,
    })
}

const OF_THE_SYSTEM: [&str; 18] = [
    "BlockingIOError",
    "BrokenPipeError",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "EnvironmentError",
    "FileExistsError",
    "FileNotFoundError",
    "IOError",
    "InterruptedError",
    "IsADirectoryError",
    "NotADirectoryError",
    "OSError",
    "PermissionError",
    "ProcessLookupError",
    "TimeoutError",
];

impl Exception {
    /// What `bytes.decode()` raises for bytes that are no UTF-8.
    pub fn not_utf8(bytes: &[u8]) -> Exception {
        let (start, length) = match std::str::from_utf8(bytes) {
            Ok(_) => (bytes.len(), None),
            Err(error) => (error.valid_up_to(), error.error_len()),
        };
        let (length, reason) = match (bytes.get(start), length) {
            (Some(0x80..=0xc1 | 0xf5..), _) => (1, "invalid start byte"),
            (_, Some(length)) => (length, "invalid continuation byte"),
            (_, None) => (bytes.len() - start, "unexpected end of data"),
        };
        let places = [start, start + length].map(|at| Value::Int(at as i64));
        let [start, end] = places;
        let args = vec![Value::str("utf-8"), Value::Bytes(bytes.to_vec().into()), start, end, Value::str(reason)];
        let mut exception = Exception::with_args("builtins", "UnicodeDecodeError", args);
        exception.construct();
        exception
    }

    /// What Python's constructor would do with the arguments of one of these types. Attributes that it has stay as they are.
    pub fn construct(&mut self) {
        if self.module.as_bytes() == b"io" && self.name.as_bytes() == b"UnsupportedOperation" && self.args.len() < 2 {
            return ["errno", "strerror", "filename", "filename2"]
                .into_iter()
                .for_each(|name| self.complete(name, Value::None));
        }
        if self.module.as_bytes() != b"builtins" {
            return;
        }
        match self.name.as_str() {
            "SystemExit" => {
                let code = match self.args.as_slice() {
                    [] => Value::None,
                    [code] => code.clone(),
                    args => Value::tuple(args.to_vec()),
                };
                self.complete("code", code);
            }
            "UnicodeDecodeError" | "UnicodeEncodeError" if self.args.len() == 5 => {
                self.complete_all(&["encoding", "object", "start", "end", "reason"]);
            }
            "UnicodeTranslateError" if self.args.len() == 4 => {
                self.complete_all(&["object", "start", "end", "reason"]);
            }
            "SyntaxError" | "IndentationError" | "TabError" => self.construct_syntax_error(),
            "ImportError" | "ModuleNotFoundError" => {
                if let [message] = self.args.as_slice() {
                    let message = message.clone();
                    self.complete("msg", message);
                }
            }
            // Where they do not come along, CPython fills in what the caller looked up last.
            "AttributeError" => {
                self.complete("name", Value::None);
                self.complete("obj", Value::None);
            }
            name if OF_THE_SYSTEM.contains(&name) => self.construct_system_error(),
            _ => {}
        }
    }

    fn complete(&mut self, name: &str, value: Value) {
        if !self.attributes.iter().any(|(known, _)| known.as_bytes() == name.as_bytes()) {
            self.attributes.push((Text::new(name), value));
        }
    }

    fn complete_all(&mut self, names: &[&str]) {
        for (name, value) in names.iter().zip(self.args.clone()) {
            self.complete(name, value);
        }
    }

    /// `OSError(errno, strerror, filename, winerror, filename2)`: of more than two arguments only two stay arguments.
    fn construct_system_error(&mut self) {
        if !matches!(self.args.len(), 2..=5) || self.attributes.iter().any(|(name, _)| name.as_bytes() == b"errno") {
            return;
        }
        if let (Value::Int(number), "OSError" | "IOError" | "EnvironmentError") = (&self.args[0], self.name.as_str()) {
            self.name = name_of_errno(*number).map_or_else(|| self.name.clone(), Text::new);
        }
        self.complete_all(&["errno", "strerror"]);
        match self.args.get(2).cloned() {
            Some(written @ Value::Int(_)) if self.name.as_bytes() == b"BlockingIOError" => {
                self.complete("characters_written", written);
            }
            file => {
                // Python prints a file that has been set, also if it is None.
                for (name, file) in [("filename", file), ("filename2", self.args.get(4).cloned())] {
                    if let Some(file) = file.filter(|file| !matches!(file, Value::None)) {
                        self.complete(name, file);
                    }
                }
                self.args.truncate(2);
            }
        }
    }

    /// `SyntaxError(msg, (filename, lineno, offset, text, end_lineno, end_offset))`.
    fn construct_syntax_error(&mut self) {
        let mut args = self.args.clone().into_iter();
        let Some(message) = args.next() else { return };
        self.complete("msg", message);
        if let (Some(Value::Tuple(place)), None) = (args.next(), args.next()) {
            let names = ["filename", "lineno", "offset", "text", "end_lineno", "end_offset"];
            if matches!(place.len(), 4 | 6) {
                for (name, value) in names.iter().zip(place.iter()) {
                    self.complete(name, value.clone());
                }
            }
        }
    }
}
