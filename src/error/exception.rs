//! Exceptions: those that a peer raised, and those to be raised at a peer.

use super::Meaning;
use crate::value::{Text, Value};

/// How a refusal by RPyC's connection begins.
const REFUSAL: &str = "cannot access ";

/// An exception: one that a peer raised, or one to be raised at a peer. Small to move, as results hold it.
#[derive(Clone, Debug, Default)]
pub struct Exception(Box<Raised>);

/// What an exception is made of.
#[derive(Clone, Debug, Default)]
pub struct Raised {
    /// The module of its type, `builtins` for Python's own.
    pub module: Text,
    /// The name of its type.
    pub name: Text,
    /// Its arguments, of which the message is mostly the first.
    pub args: Vec<Value>,
    /// Its attributes by name.
    pub attributes: Vec<(Text, Value)>,
    /// The remote traceback; for one of ours the text to send, or empty.
    pub traceback: Text,
    /// Of one that came from a peer: what the application may know of its type.
    #[doc(hidden)]
    pub meaning: Option<Meaning>,
}

impl std::ops::Deref for Exception {
    type Target = Raised;

    fn deref(&self) -> &Raised {
        &self.0
    }
}

impl std::ops::DerefMut for Exception {
    fn deref_mut(&mut self) -> &mut Raised {
        &mut self.0
    }
}

impl From<Raised> for Exception {
    fn from(raised: Raised) -> Exception {
        Exception(Box::new(raised))
    }
}

impl Exception {
    /// An exception of Python's `builtins`.
    pub fn builtin(name: &str, message: impl AsRef<str>) -> Exception {
        Exception::with_args("builtins", name, vec![Value::Str(Text::new(message.as_ref()))])
    }

    /// An exception of any type.
    pub fn with_args(module: &str, name: &str, args: Vec<Value>) -> Exception {
        Raised { module: Text::new(module), name: Text::new(name), args, ..Raised::default() }.into()
    }

    /// Of a type as people write it: `ValueError` is a builtin, `bank.Closed` has a module.
    pub fn named(type_name: &str, args: Vec<Value>) -> Exception {
        let (module, name) = type_name.rsplit_once('.').unwrap_or(("builtins", type_name));
        Exception::with_args(module, name, args)
    }

    /// The end of an iteration.
    pub fn stop_iteration() -> Exception {
        Exception::with_args("builtins", "StopIteration", Vec::new())
    }

    /// Is it this exception of Python's `builtins`?
    pub fn is_builtin(&self, name: &str) -> bool {
        self.module.as_bytes() == b"builtins" && self.name.as_bytes() == name.as_bytes()
    }

    /// The code that the application has registered for its type, if it may be told apart.
    pub fn code(&self) -> Option<i32> {
        self.meaning.as_ref()?.code(self.module.as_str(), self.name.as_str())
    }

    /// What a program that ends with it gives its parent, as Python has it.
    pub fn exit_code(&self) -> i32 {
        if self.is_builtin("KeyboardInterrupt") {
            return 130;
        }
        match self.args.as_slice() {
            [] | [Value::None] => 0,
            [Value::Int(code)] => *code as i32,
            [Value::Bool(code)] => (*code).into(),
            _ => 1,
        }
    }

    /// Has it to do with the end of the program in which it was raised?
    #[inline]
    pub fn ends_program(&self) -> bool {
        self.is_builtin("SystemExit") || self.is_builtin("KeyboardInterrupt")
    }

    /// The attribute rules of a peer keep the name back: in the words of RPyC's connection, or of its services. Not where
    /// the peer says that there is no such name.
    pub fn is_refusal(&self) -> bool {
        let refusal = |text: &str| text.starts_with(REFUSAL) || text == "access denied";
        self.is_builtin("AttributeError")
            && self.attribute("missing_from").is_none()
            && (self.attribute("refused_by").is_some()
                || matches!(self.args.as_slice(), [Value::Str(text)] if refusal(text.as_str())))
    }

    /// A service refuses to be written to, whatever the name.
    pub fn is_denied_by_service(&self) -> bool {
        matches!(self.args.as_slice(), [Value::Str(text)] if text.as_str() == "access denied")
    }

    /// What Python says of a name that an object does not have, where a librpyc peer refused it in RPyC's words for that.
    pub fn absence(&self) -> Option<String> {
        match (self.args.as_slice(), self.attribute("missing_from")) {
            ([Value::Str(text)], Some(Value::Str(class))) if self.is_builtin("AttributeError") => {
                let name = text.as_str().strip_prefix(REFUSAL)?;
                Some(format!("'{class}' object has no attribute {name}"))
            }
            _ => None,
        }
    }

    /// Which rule it was, if it tells.
    pub fn refused_by(&self) -> Option<&str> {
        match self.attribute("refused_by") {
            Some(Value::Str(rule)) => Some(rule.as_str()),
            _ => None,
        }
    }

    fn attribute(&self, name: &str) -> Option<&Value> {
        let named = self.attributes.iter().find(|(known, _)| known.as_bytes() == name.as_bytes());
        named.map(|(_, value)| value).filter(|value| !matches!(value, Value::None))
    }

    /// Is it an OSError or one of its kind?
    fn is_of_the_system(&self) -> bool {
        self.attribute("errno").is_some() && self.attribute("strerror").is_some()
    }

    /// As OSError prints itself: with number and files, of which only the attributes know.
    fn system_text(&self, strerror: &Value) -> String {
        let plain = |value: &Value| match value {
            Value::Str(text) => text.to_string(),
            other => other.repr(),
        };
        let mut text =
            format!("[Errno {}] {}", self.attribute("errno").map_or_else(String::new, plain), plain(strerror));
        if let Some(file) = self.attribute("filename") {
            text += &format!(": {}", file.repr());
            if let Some(second) = self.attribute("filename2") {
                text += &format!(" -> {}", second.repr());
            }
        }
        text
    }

    /// `Name: text`, as Python prints it.
    pub fn summary(&self) -> String {
        let name = match self.module.as_bytes() {
            _ if self.name.as_bytes().is_empty() => "an exception without a name".to_owned(),
            b"builtins" | b"" => self.name.to_string(),
            _ => format!("{}.{}", self.module, self.name),
        };
        let text = match self.args.as_slice() {
            [] => String::new(),
            [_, strerror] if self.is_of_the_system() => self.system_text(strerror),
            [Value::Str(text)] if !self.is_builtin("KeyError") => text.to_string(),
            [one] => one.repr(),
            many => Value::Tuple(many.into()).repr(),
        };
        if text.is_empty() { name } else { format!("{name}: {text}") }
    }
}
