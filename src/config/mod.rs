//! Settings of a connection, by RPyC's names.

mod application;
mod options;
pub mod tls;

pub use crate::value::Limits;
pub use application::{Application, BeforeClosed};
pub use options::{Kind, SETTINGS, Setting};

use crate::budget::Budget;
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
    /// After the next message, or at another flush point (docs/internals/architecture.md, "Flush points").
    #[default]
    Lazy,
    /// At once, as far as the transport accepts it without blocking.
    Now,
}

/// Which peers the limits are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Profile {
    /// Servers on tcp expect strangers, all else peers that are trusted.
    #[default]
    Auto,
    /// Limits as wide as the protocol needs.
    Trusted,
    /// Limits that leave room for others.
    Untrusted,
}

/// The limits for peers that are not trusted, by their options.
const UNTRUSTED: [(&str, &str); 5] = [
    ("max_frame", "67108864"),
    ("max_inflated", "67108864"),
    ("max_memory", "268435456"),
    ("max_exports", "65536"),
    ("max_total_memory", "1073741824"),
];

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
    /// Types of exceptions that the application has registered are told apart; builtins always are.
    pub instantiate_custom_exceptions: bool,
    /// The application is asked about types that it has not registered.
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
    pub application: Application,
    pub sync_request_timeout: Option<Duration>,
    /// How long close waits for the peer to end the stream (rpyc 6 peers do).
    pub close_timeout: Duration,
    pub connect_timeout: Option<Duration>,
    /// The total time for which a failed connect is repeated.
    pub connect_retry: Option<Duration>,
    /// After so long a silence a PING is sent, whose reply must come within `heartbeat_timeout`.
    pub heartbeat: Option<Duration>,
    pub heartbeat_timeout: Duration,
    /// Of addresses with TLS.
    pub tls: tls::Tls,
    /// After so long a silence the kernel asks whether the peer is still there (TCP).
    pub tcp_keepalive: Option<Duration>,
    /// How long a message that has begun may fail to go on, also one beyond a limit, which is passed over.
    pub frame_timeout: Option<Duration>,
    /// The same for the peer's first message.
    pub handshake_timeout: Option<Duration>,
    /// How long the peer may take to send its first message.
    pub first_message_timeout: Option<Duration>,
    /// How long nothing may be said in either direction.
    pub idle_timeout: Option<Duration>,
    /// The most connections at a time; 0: no limit. Of a server.
    pub max_connections: usize,
    /// The most connections at a time from one address; 0: no limit. Of a server.
    pub max_connections_per_address: usize,
    /// With all connections taken, the oldest of which no message has come makes room for a new one. Of a server.
    pub make_room: bool,
    /// Of a server: several sockets can listen at its TCP address.
    pub reuse_port: bool,
    /// The threads that serve all connections; 0: each has one. Of a server.
    pub pool_threads: usize,
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
    pub remote_version: Option<Arc<str>>,
    pub interruptible: bool,
    pub connid: Option<Arc<str>>,
    pub limits: Limits,
    pub profile: Profile,
    /// Of `limits.total`; shared by all that is made with this configuration.
    pub budget: Option<Arc<Budget>>,
    /// The options that have been set by name, whatever to.
    pub chosen: BTreeSet<&'static str>,
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
            application: Application::default(),
            sync_request_timeout: Some(Duration::from_secs(30)),
            close_timeout: Duration::from_secs(5),
            connect_timeout: Some(Duration::from_secs(10)),
            connect_retry: None,
            heartbeat: None,
            heartbeat_timeout: Duration::from_secs(10),
            tcp_keepalive: None,
            frame_timeout: Some(Duration::from_secs(30)),
            handshake_timeout: Some(Duration::from_secs(10)),
            tls: tls::Tls::default(),
            first_message_timeout: None,
            idle_timeout: None,
            max_connections: 0,
            max_connections_per_address: 0,
            make_room: true,
            reuse_port: false,
            pool_threads: 0,
            bind_threads: false,
            release: Release::Lazy,
            dialect: Dialect::Auto,
            native: Native::Accept,
            compress: true,
            compression_threshold: 3000,
            compression_level: 1,
            spin: Duration::ZERO,
            remote_version: None,
            interruptible: false,
            connid: None,
            limits: Limits::default(),
            profile: Profile::Auto,
            budget: None,
            chosen: BTreeSet::new(),
        }
    }
}

impl Config {
    /// For a server on which anybody can call, unless the profile says that these are trusted.
    pub fn expect_strangers(&mut self) {
        if self.profile == Profile::Auto {
            self.apply(Profile::Untrusted);
        }
    }

    /// Sets the limits of a profile, but for those that have been set by name.
    fn apply(&mut self, profile: Profile) {
        for (name, text) in UNTRUSTED {
            let wide = Setting::named(name).map_or(text, |setting| setting.default);
            if !self.chosen.contains(name) {
                let _ = self.put(name, if profile == Profile::Untrusted { text } else { wide });
            }
        }
    }
}

const SAFE_ATTRS_6: &str = "__abs__ __add__ __and__ __bool__ __cmp__ __contains__ __delitem__ __delslice__ __div__ __divmod__ __doc__ \
    __enter__ __eq__ __exit__ __float__ __floordiv__ __format__ __ge__ __getitem__ __getslice__ __gt__ __hash__ \
    __hex__ __iadd__ __iand__ __idiv__ __ifloordiv__ __ilshift__ __imod__ __imul__ __index__ __int__ __invert__ \
    __ior__ __ipow__ __irshift__ __isub__ __iter__ __itruediv__ __ixor__ __le__ __len__ __length_hint__ __long__ \
    __lshift__ __lt__ __mod__ __mul__ __ne__ __neg__ __new__ __next__ __nonzero__ __oct__ __or__ __pos__ __pow__ \
    __radd__ __rand__ __rdiv__ __rdivmod__ __repr__ __rfloordiv__ __rlshift__ __rmod__ __rmul__ __ror__ __rpow__ \
    __rrshift__ __rshift__ __rsub__ __rtruediv__ __rxor__ __setitem__ __setslice__ __str__ __sub__ __truediv__ \
    __xor__ next";
