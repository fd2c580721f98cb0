//! Settings of a connection, by RPyC's names.

mod application;

pub use crate::value::Limits;
pub use application::{BeforeClosed, Host};

use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Which messages are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Found out from the peer.
    #[default]
    Auto,
    /// rpyc 4.1 to 5.3: the whole message in one brine tuple.
    V5,
    /// rpyc 6: a kind byte, then brine.
    V6,
}

/// Lists, dicts and arrays by value between two librpyc peers (docs/reference/native.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Native {
    /// Never.
    Off,
    /// If the peer asks for it.
    #[default]
    Accept,
    /// The peer is asked, in front of the first request.
    On,
}

/// When a peer is told that its objects are no longer held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Release {
    /// Behind the next message, or when something else says so (docs/internals/architecture.md, "When bytes leave").
    #[default]
    Lazy,
    /// At once, as far as the transport takes it.
    Now,
}

/// All settings of a connection. Defaults are those of RPyC 6.0.2.
#[derive(Clone, Debug)]
pub struct Config {
    pub allow_safe_attrs: bool,
    pub allow_exposed_attrs: bool,
    pub allow_public_attrs: bool,
    pub allow_all_attrs: bool,
    pub safe_attrs: Arc<BTreeSet<String>>,
    pub exposed_prefix: Arc<str>,
    pub allow_getattr: bool,
    pub allow_setattr: bool,
    pub allow_delattr: bool,
    /// Objects of ours that are plain data answer PICKLE.
    pub allow_pickle: bool,
    pub include_local_traceback: bool,
    pub include_local_version: bool,
    /// Types of exceptions that the host has registered are told apart; builtins always are.
    pub instantiate_custom_exceptions: bool,
    /// The host is asked about types that it has not registered.
    pub import_custom_exceptions: bool,
    /// Has no meaning, as with Python 3.
    pub instantiate_oldstyle_exceptions: bool,
    /// A SystemExit of a callback ends the connection here, and is not sent.
    pub propagate_system_exit_locally: bool,
    pub propagate_keyboard_interrupt_locally: bool,
    pub log_exceptions: bool,
    /// Each message is logged.
    pub debug: bool,
    /// Closing reports no failure of before_closed.
    pub close_catchall: bool,
    pub host: Host,
    pub sync_request_timeout: Option<Duration>,
    /// How long close waits for the peer to end the stream (rpyc 6 peers do).
    pub close_timeout: Duration,
    pub connect_timeout: Option<Duration>,
    /// After so long a silence the kernel asks whether the peer is still there (TCP).
    pub tcp_keepalive: Option<Duration>,
    pub bind_threads: bool,
    pub release: Release,
    pub dialect: Dialect,
    pub native: Native,
    pub compress: bool,
    /// Payloads above this many bytes are compressed.
    pub compression_threshold: usize,
    pub compression_level: u32,
    /// How long a thread looks for input again and again before it sleeps.
    pub spin: Duration,
    pub connid: Option<Arc<str>>,
    pub limits: Limits,
}

static SAFE_ATTRS: LazyLock<Arc<BTreeSet<String>>> =
    LazyLock::new(|| Arc::new(SAFE_ATTRS_6.split_ascii_whitespace().map(str::to_owned).collect()));

impl Default for Config {
    fn default() -> Config {
        Config {
            allow_safe_attrs: true,
            allow_exposed_attrs: true,
            allow_public_attrs: false,
            allow_all_attrs: false,
            safe_attrs: SAFE_ATTRS.clone(),
            exposed_prefix: "exposed_".into(),
            allow_getattr: true,
            allow_setattr: false,
            allow_delattr: false,
            allow_pickle: false,
            include_local_traceback: true,
            include_local_version: true,
            instantiate_custom_exceptions: false,
            import_custom_exceptions: false,
            instantiate_oldstyle_exceptions: false,
            propagate_system_exit_locally: false,
            propagate_keyboard_interrupt_locally: true,
            log_exceptions: true,
            debug: false,
            close_catchall: false,
            host: Host::default(),
            sync_request_timeout: Some(Duration::from_secs(30)),
            close_timeout: Duration::from_secs(5),
            connect_timeout: Some(Duration::from_secs(10)),
            tcp_keepalive: None,
            bind_threads: false,
            release: Release::Lazy,
            dialect: Dialect::Auto,
            native: Native::Accept,
            compress: true,
            compression_threshold: 3000,
            compression_level: 1,
            spin: Duration::ZERO,
            connid: None,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Sets one option from its name and text, as a binding or a settings file has it.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        match name {
            "allow_safe_attrs" => self.allow_safe_attrs = flag(name, text)?,
            "allow_exposed_attrs" => self.allow_exposed_attrs = flag(name, text)?,
            "allow_public_attrs" => self.allow_public_attrs = flag(name, text)?,
            "allow_all_attrs" => self.allow_all_attrs = flag(name, text)?,
            "safe_attrs" => self.safe_attrs = Arc::new(names(text)),
            "exposed_prefix" => self.exposed_prefix = text.into(),
            "allow_getattr" => self.allow_getattr = flag(name, text)?,
            "allow_setattr" => self.allow_setattr = flag(name, text)?,
            "allow_delattr" => self.allow_delattr = flag(name, text)?,
            "allow_pickle" => self.allow_pickle = flag(name, text)?,
            "include_local_traceback" => self.include_local_traceback = flag(name, text)?,
            "include_local_version" => self.include_local_version = flag(name, text)?,
            "instantiate_custom_exceptions" => self.instantiate_custom_exceptions = flag(name, text)?,
            "import_custom_exceptions" => self.import_custom_exceptions = flag(name, text)?,
            "instantiate_oldstyle_exceptions" => self.instantiate_oldstyle_exceptions = flag(name, text)?,
            "propagate_SystemExit_locally" => self.propagate_system_exit_locally = flag(name, text)?,
            // The older API says the opposite.
            "propagate_SystemExit" => self.propagate_system_exit_locally = !flag(name, text)?,
            "propagate_KeyboardInterrupt_locally" => self.propagate_keyboard_interrupt_locally = flag(name, text)?,
            "log_exceptions" => self.log_exceptions = flag(name, text)?,
            "debug" => self.debug = flag(name, text)?,
            "close_catchall" => self.close_catchall = flag(name, text)?,
            "sync_request_timeout" => self.sync_request_timeout = seconds(name, text)?,
            "close_timeout" => {
                self.close_timeout = seconds(name, text)?.ok_or_else(|| bad(name, text, "a number of seconds"))?
            }
            "connect_timeout" => self.connect_timeout = seconds(name, text)?,
            "tcp_keepalive" => match seconds(name, text)? {
                // The kernel counts whole seconds, up to 32767.
                Some(idle) if idle.as_secs() == 0 || idle.as_secs() > 32767 => {
                    return Err(bad(name, text, "1 to 32767 seconds, or 'none'"));
                }
                idle => self.tcp_keepalive = idle,
            },
            "bind_threads" => self.bind_threads = flag(name, text)?,
            "release" => {
                self.release = match text.trim() {
                    "lazy" => Release::Lazy,
                    "now" => Release::Now,
                    other => {
                        return Err(Error::Argument(format!("option 'release': expected lazy or now, got '{other}'")));
                    }
                }
            }
            "dialect" => {
                self.dialect = match text.trim() {
                    "auto" => Dialect::Auto,
                    "5" => Dialect::V5,
                    "6" => Dialect::V6,
                    _ => return Err(bad(name, text, "auto, 5 (rpyc 4.1 to 5.3) or 6")),
                }
            }
            "native" => {
                self.native = match text.trim() {
                    "off" => Native::Off,
                    "accept" => Native::Accept,
                    "on" => Native::On,
                    _ => return Err(bad(name, text, "off, accept or on")),
                }
            }
            "compress" => self.compress = flag(name, text)?,
            "compression_threshold" => self.compression_threshold = count(name, text)?,
            "compression_level" => {
                let level = count(name, text)?;
                if level > 9 {
                    return Err(bad(name, text, "a level from 0 to 9"));
                }
                self.compression_level = level as u32;
            }
            "spin_us" => self.spin = Duration::from_micros(count(name, text)? as u64),
            "connid" => self.connid = Some(text.into()),
            "max_depth" => self.limits.depth = count(name, text)?,
            "max_digits" => self.limits.digits = count(name, text)?,
            "max_items" => self.limits.items = count(name, text)?,
            "max_memory" => self.limits.memory = count(name, text)?,
            "max_bytes" => self.limits.bytes = count(name, text)?,
            "max_frame" => self.limits.frame = count(name, text)?,
            "max_inflated" => self.limits.inflated = count(name, text)?,
            "max_exports" => self.limits.exports = count(name, text)?,
            "max_imports" => self.limits.imports = count(name, text)?,
            "max_pending" => self.limits.pending = count(name, text)?,
            "max_serving" => self.limits.serving = count(name, text)?,
            "max_buffered" => self.limits.buffered = count(name, text)?,
            "logger" | "credentials" | "endpoints" | "before_closed" => {
                return Err(Error::Argument(format!("option '{name}' is no text; rpyc_config_set_{name} sets it")));
            }
            "max_queued" => self.limits.queued = count(name, text)?,
            _ => return Err(Error::Argument(format!("there is no option named '{name}'"))),
        }
        Ok(())
    }

    /// Is it an option whose value is a text, and not a flag or a number?
    pub fn is_text(name: &str) -> bool {
        matches!(name, "safe_attrs" | "exposed_prefix" | "connid")
    }

    /// The text that `set` would take for the present value; None for an unknown name.
    pub fn get(&self, name: &str) -> Option<String> {
        let secs = |d: Option<Duration>| d.map_or("none".to_owned(), |d| d.as_secs_f64().to_string());
        Some(match name {
            "allow_safe_attrs" => self.allow_safe_attrs.to_string(),
            "allow_exposed_attrs" => self.allow_exposed_attrs.to_string(),
            "allow_public_attrs" => self.allow_public_attrs.to_string(),
            "allow_all_attrs" => self.allow_all_attrs.to_string(),
            "safe_attrs" => self.safe_attrs.iter().cloned().collect::<Vec<_>>().join(" "),
            "exposed_prefix" => self.exposed_prefix.to_string(),
            "allow_getattr" => self.allow_getattr.to_string(),
            "allow_setattr" => self.allow_setattr.to_string(),
            "allow_delattr" => self.allow_delattr.to_string(),
            "allow_pickle" => self.allow_pickle.to_string(),
            "include_local_traceback" => self.include_local_traceback.to_string(),
            "include_local_version" => self.include_local_version.to_string(),
            "instantiate_custom_exceptions" => self.instantiate_custom_exceptions.to_string(),
            "import_custom_exceptions" => self.import_custom_exceptions.to_string(),
            "instantiate_oldstyle_exceptions" => self.instantiate_oldstyle_exceptions.to_string(),
            "propagate_SystemExit_locally" => self.propagate_system_exit_locally.to_string(),
            "propagate_SystemExit" => (!self.propagate_system_exit_locally).to_string(),
            "propagate_KeyboardInterrupt_locally" => self.propagate_keyboard_interrupt_locally.to_string(),
            "log_exceptions" => self.log_exceptions.to_string(),
            "debug" => self.debug.to_string(),
            "close_catchall" => self.close_catchall.to_string(),
            "sync_request_timeout" => secs(self.sync_request_timeout),
            "close_timeout" => secs(Some(self.close_timeout)),
            "connect_timeout" => secs(self.connect_timeout),
            "tcp_keepalive" => secs(self.tcp_keepalive),
            "bind_threads" => self.bind_threads.to_string(),
            "release" => match self.release {
                Release::Lazy => "lazy".to_owned(),
                Release::Now => "now".to_owned(),
            },
            "dialect" => match self.dialect {
                Dialect::Auto => "auto".to_owned(),
                Dialect::V5 => "5".to_owned(),
                Dialect::V6 => "6".to_owned(),
            },
            "native" => match self.native {
                Native::Off => "off".to_owned(),
                Native::Accept => "accept".to_owned(),
                Native::On => "on".to_owned(),
            },
            "compress" => self.compress.to_string(),
            "compression_threshold" => self.compression_threshold.to_string(),
            "compression_level" => self.compression_level.to_string(),
            "spin_us" => self.spin.as_micros().to_string(),
            "connid" => self.connid.as_deref().unwrap_or("").to_owned(),
            "max_depth" => self.limits.depth.to_string(),
            "max_digits" => self.limits.digits.to_string(),
            "max_items" => self.limits.items.to_string(),
            "max_memory" => self.limits.memory.to_string(),
            "max_bytes" => self.limits.bytes.to_string(),
            "max_frame" => self.limits.frame.to_string(),
            "max_inflated" => self.limits.inflated.to_string(),
            "max_exports" => self.limits.exports.to_string(),
            "max_imports" => self.limits.imports.to_string(),
            "max_pending" => self.limits.pending.to_string(),
            "max_serving" => self.limits.serving.to_string(),
            "max_buffered" => self.limits.buffered.to_string(),
            "max_queued" => self.limits.queued.to_string(),
            _ => return None,
        })
    }
}

fn bad(name: &str, text: &str, want: &str) -> Error {
    Error::Argument(format!("option '{name}' wants {want}, not '{text}'"))
}

fn flag(name: &str, text: &str) -> Result<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(bad(name, text, "true or false")),
    }
}

fn seconds(name: &str, text: &str) -> Result<Option<Duration>> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    text.parse::<f64>()
        .ok()
        .and_then(|s| Duration::try_from_secs_f64(s).ok())
        .map(Some)
        .ok_or_else(|| bad(name, text, "a number of seconds or 'none'"))
}

fn count(name: &str, text: &str) -> Result<usize> {
    text.trim().parse().map_err(|_| bad(name, text, "a whole number"))
}

fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

const SAFE_ATTRS_6: &str = "__abs__ __add__ __and__ __bool__ __cmp__ __contains__ __delitem__ __delslice__ __div__ __divmod__ __doc__ \
    __enter__ __eq__ __exit__ __float__ __floordiv__ __format__ __ge__ __getitem__ __getslice__ __gt__ __hash__ \
    __hex__ __iadd__ __iand__ __idiv__ __ifloordiv__ __ilshift__ __imod__ __imul__ __index__ __int__ __invert__ \
    __ior__ __ipow__ __irshift__ __isub__ __iter__ __itruediv__ __ixor__ __le__ __len__ __length_hint__ __long__ \
    __lshift__ __lt__ __mod__ __mul__ __ne__ __neg__ __new__ __next__ __nonzero__ __oct__ __or__ __pos__ __pow__ \
    __radd__ __rand__ __rdiv__ __rdivmod__ __repr__ __rfloordiv__ __rlshift__ __rmod__ __rmul__ __ror__ __rpow__ \
    __rrshift__ __rshift__ __rsub__ __rtruediv__ __rxor__ __setitem__ __setslice__ __str__ __sub__ __truediv__ \
    __xor__ next";
