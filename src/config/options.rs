//! The one table of options: what each is called, what it is at first, what it does. Everything that knows options by name reads it.

use super::tls::{ClientCerts, MinVersion};
use super::{Config, Dialect, Native, Profile, Release};
use crate::budget::Budget;
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What the text of an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Flag,
    Number,
    Seconds,
    /// One of a few words.
    Choice,
    Text,
}

/// An option whose value can be said as a text.
pub struct Setting {
    pub name: &'static str,
    /// Its text at first; of `safe_attrs`, which are many, and of options that are empty at first, none.
    pub default: &'static str,
    /// For the C header, word for word.
    pub doc: &'static str,
    pub kind: Kind,
    /// Also while the connection lives.
    pub changeable: bool,
    wants: &'static str,
    get: fn(&Config) -> String,
    set: fn(&mut Config, &str) -> Option<()>,
}

/// How a value is written.
trait Form<T> {
    const KIND: Kind;
    const WANTS: &'static str;

    fn read(text: &str) -> Option<T>;
    fn write(value: &T) -> String;
}

macro_rules! option {
    ($name:literal, $default:literal, $changeable:ident, $form:ident, $type:ty, $($place:ident).+, $doc:literal) => {
        Setting {
            name: $name,
            default: $default,
            doc: $doc,
            kind: <$form as Form<$type>>::KIND,
            changeable: $changeable,
            wants: <$form as Form<$type>>::WANTS,
            get: |config| <$form as Form<$type>>::write(&config.$($place).+),
            set: |config, text| {
                config.$($place).+ = <$form as Form<$type>>::read(text)?;
                Some(())
            },
        }
    };
}

const CHANGEABLE: bool = true;
/// Said once, before there is a connection.
const FIXED: bool = false;

/// In the order of the C header: those of RPyC, then ours.
#[rustfmt::skip]
pub static SETTINGS: [Setting; 73] = [
    option!("allow_safe_attrs", "true", CHANGEABLE, Plain, bool, allow_safe_attrs,
        "peers may access the names in safe_attrs"),
    option!("allow_exposed_attrs", "true", CHANGEABLE, Plain, bool, allow_exposed_attrs,
        "peers may access names that begin with exposed_prefix"),
    option!("allow_public_attrs", "false", CHANGEABLE, Plain, bool, allow_public_attrs,
        "peers may access names that do not begin with \"_\""),
    option!("allow_all_attrs", "false", CHANGEABLE, Plain, bool, allow_all_attrs,
        "peers may access every name"),
    option!("safe_attrs", "", CHANGEABLE, Plain, Arc<BTreeSet<String>>, safe_attrs,
        "names of special methods, 80 by default"),
    option!("exposed_prefix", "exposed_", CHANGEABLE, Plain, Arc<str>, exposed_prefix,
        "prefix that is put before a name that a peer requests"),
    option!("allow_getattr", "true", CHANGEABLE, Plain, bool, allow_getattr,
        "peers may read attributes"),
    option!("allow_setattr", "false", CHANGEABLE, Plain, bool, allow_setattr,
        "peers may set attributes"),
    option!("allow_delattr", "false", CHANGEABLE, Plain, bool, allow_delattr,
        "peers may delete attributes"),
    option!("allow_pickle", "false", CHANGEABLE, Plain, bool, allow_pickle,
        "objects that are plain data (lists, dicts) reply to a peer's obtain() with a pickle. No pickle is ever run"),
    option!("include_local_traceback", "true", CHANGEABLE, Plain, bool, include_local_traceback,
        "exceptions are sent with a traceback"),
    option!("include_local_version", "true", CHANGEABLE, Plain, bool, include_local_version,
        "exceptions are sent with the version"),
    option!("sync_request_timeout", "30", CHANGEABLE, Plain, Option<Duration>, sync_request_timeout,
        "time limit for the reply to a request"),
    option!("instantiate_custom_exceptions", "false", CHANGEABLE, Plain, bool, instantiate_custom_exceptions,
        "exceptions of registered types have their code, see rpyc_config_register_exception"),
    option!("import_custom_exceptions", "false", CHANGEABLE, Plain, bool, import_custom_exceptions,
        "the resolver is called for other types, see rpyc_config_set_exception_resolver"),
    option!("instantiate_oldstyle_exceptions", "false", CHANGEABLE, Plain, bool, instantiate_oldstyle_exceptions,
        "accepted and ignored, as with Python 3"),
    option!("propagate_SystemExit_locally", "false", CHANGEABLE, Plain, bool, propagate_system_exit_locally,
        "a callback's SystemExit ends the connection with RPYC_ERR_EXIT and is not sent"),
    option!("propagate_SystemExit", "true", CHANGEABLE, Opposite, bool, propagate_system_exit_locally,
        "the older name, with the opposite meaning"),
    option!("propagate_KeyboardInterrupt_locally", "true", CHANGEABLE, Plain, bool, propagate_keyboard_interrupt_locally,
        "a callback's KeyboardInterrupt ends the connection with RPYC_ERR_INTERRUPTED and is not sent"),
    option!("log_exceptions", "true", CHANGEABLE, Plain, bool, log_exceptions,
        "exceptions that are sent to a peer are logged at RPYC_LOG_DEBUG"),
    option!("debug", "false", CHANGEABLE, Plain, bool, debug,
        "each message is logged at RPYC_LOG_DEBUG"),
    option!("close_catchall", "false", CHANGEABLE, Plain, bool, close_catchall,
        "closing a connection does not report a failure of before_closed"),
    option!("bind_threads", "false", FIXED, Plain, bool, bind_threads,
        "requests of a peer's thread are served by the thread that waits for that thread"),
    option!("compress", "true", CHANGEABLE, Plain, bool, compress,
        "frames above compression_threshold are compressed"),
    option!("remote_version", "", CHANGEABLE, Plain, Option<Arc<str>>, remote_version,
        "version that is sent with exceptions, as _remote_version. Empty: that of the dialect and of librpyc. Stock RPyC compares the part before the first dot with its own version, and warns"),
    option!("connid", "", CHANGEABLE, Plain, Option<Arc<str>>, connid,
        "name of the connection"),
    option!("close_timeout", "5", CHANGEABLE, Plain, Duration, close_timeout,
        "time limit for the peer when a connection is closed; not \"none\""),
    option!("connect_timeout", "10", FIXED, Plain, Option<Duration>, connect_timeout,
        "time limit for connecting"),
    option!("connect_retry", "none", FIXED, Plain, Option<Duration>, connect_retry,
        "total time for which rpyc_connect repeats an attempt that failed because the server is not there or does not reply, with pauses from 0.05 to 5 seconds. connect_timeout limits each attempt"),
    option!("tls_ca", "", FIXED, Plain, Option<Arc<str>>, tls.ca,
        "a PEM file of certificate authorities for tls://. Clients verify servers with it, servers verify clients"),
    option!("tls_ca_pem", "", FIXED, Plain, Option<Arc<str>>, tls.ca_pem,
        "the same as a string"),
    option!("tls_system_roots", "false", FIXED, Plain, bool, tls.system_roots,
        "the authorities of the system are trusted too, from /etc/ssl/certs/ca-certificates.crt and the places of other systems"),
    option!("tls_pin", "", FIXED, Plain, Option<Arc<str>>, tls.pin,
        "the SHA-256 of the server's certificate in hexadecimal, or several. Such a certificate is trusted whatever its names, times and signer are, and no other is. For self-signed certificates"),
    option!("tls_server_name", "", FIXED, Plain, Option<Arc<str>>, tls.server_name,
        "the name that the server's certificate must have; empty for the host of the address"),
    option!("tls_cert", "", FIXED, Plain, Option<Arc<str>>, tls.cert,
        "a PEM file with this side's certificate, followed by those between it and the authority; required for servers"),
    option!("tls_key", "", FIXED, Plain, Option<Arc<str>>, tls.key,
        "a PEM file with its private key: PKCS#8, PKCS#1 or SEC1, not encrypted"),
    option!("tls_client_certs", "none", FIXED, Plain, ClientCerts, tls.client_certs,
        "for servers. optional: a certificate that a client sends is verified; required: clients that send none are rejected"),
    option!("tls_min_version", "1.2", FIXED, Plain, MinVersion, tls.min_version,
        "1.2 or 1.3"),
    option!("tls_insecure_no_verification", "false", FIXED, Plain, bool, tls.insecure_no_verification,
        "every server is accepted: whoever is between the peers can read and change everything"),
    option!("tcp_keepalive", "none", FIXED, WholeSeconds, Option<Duration>, tcp_keepalive,
        "after this time without input, in whole seconds, the kernel probes the peer. The connection ends after five such times without a reply"),
    option!("frame_timeout", "30", CHANGEABLE, Plain, Option<Duration>, frame_timeout,
        "time limit for progress of a message that has begun, to its end or by 16384 bytes, after which the connection ends. It includes a message larger than max_frame, which is discarded"),
    option!("handshake_timeout", "10", CHANGEABLE, Plain, Option<Duration>, handshake_timeout,
        "the same until the first message of the peer has arrived"),
    option!("first_message_timeout", "none", CHANGEABLE, Plain, Option<Duration>, first_message_timeout,
        "time limit for the first complete message of the peer, after which the connection ends. Stock clients send nothing until they are used"),
    option!("idle_timeout", "none", CHANGEABLE, Plain, Option<Duration>, idle_timeout,
        "time without input from the peer after which the connection ends, while no request waits for its reply in either direction, or while the peer does not accept output"),
    option!("heartbeat", "none", CHANGEABLE, Plain, Option<Duration>, heartbeat,
        "time without input from the peer after which a PING is sent, while no request waits for its reply in either direction, by the thread that serves the connection or by its event loop. Only for peers that serve: others do not reply"),
    option!("heartbeat_timeout", "10", CHANGEABLE, Plain, Duration, heartbeat_timeout,
        "time without input after the PING of heartbeat, after which the connection ends; not \"none\""),
    option!("max_connections", "0", FIXED, Plain, usize, max_connections,
        "of a server: as rpyc_server_set_max_connections"),
    option!("max_connections_per_address", "0", FIXED, Plain, usize, max_connections_per_address,
        "of a server: limit of connections from one IPv4 address or one /64 of IPv6; more are closed at once. 0: no limit. Unix sockets have no addresses"),
    option!("make_room", "true", FIXED, Plain, bool, make_room,
        "of a server: at the limit of rpyc_server_set_max_connections the oldest connection that has sent no message is closed for a new one. If there is none, or with \"false\", the new one is closed"),
    option!("reuse_port", "false", FIXED, Plain, bool, reuse_port,
        "of a server on tcp: other sockets of the same user can listen at the address too, and the kernel divides new connections among them (SO_REUSEPORT). When one of them is closed, connections that it has not accepted are reset; pass on a socket to restart without that"),
    option!("pool_threads", "0", FIXED, Threads, usize, pool_threads,
        "of a server: threads that serve all connections together; \"auto\" is one for each processor, at least 4. 0: each connection has a thread of its own. Not with bind_threads"),
    option!("release", "lazy", CHANGEABLE, Plain, Release, release,
        "the peer is told of freed objects after the next message, within 100 ms if a thread serves or an event loop runs, or by rpyc_connection_flush. now: at once, as far as the transport accepts it without blocking"),
    option!("dialect", "auto", FIXED, Plain, Dialect, dialect,
        "\"5\": rpyc 4.1 to 5.3. \"6\": rpyc 6. auto: that of the peer (see rpyc_connect)"),
    option!("native", "accept", FIXED, Plain, Native, native,
        "lists, dicts and arrays are passed by value between two librpyc peers. \"on\": the peer is asked before the first request. accept: if the peer asks. \"off\": never. A Python peer notices nothing"),
    option!("compression_threshold", "3000", CHANGEABLE, Plain, usize, compression_threshold,
        "size of a frame in bytes"),
    option!("compression_level", "1", CHANGEABLE, Level, u32, compression_level,
        "0 to 9"),
    option!("spin_us", "0", CHANGEABLE, Microseconds, Duration, spin,
        "time in microseconds for which a thread polls for input before it sleeps"),
    option!("interruptible", "false", FIXED, Plain, bool, interruptible,
        "rpyc_connection_interrupt ends waits at once, whichever thread calls it. This costs a system call for each receive"),
    option!("max_depth", "128", CHANGEABLE, Plain, usize, limits.depth,
        "levels of nesting in a value"),
    option!("max_digits", "4300", CHANGEABLE, Plain, usize, limits.digits,
        "digits of an int"),
    option!("max_items", "16777216", CHANGEABLE, Plain, usize, limits.items,
        "items of all tuples and sets in one message"),
    option!("max_memory", "536870912", CHANGEABLE, Plain, usize, limits.memory,
        "bytes of memory for the values of one message"),
    option!("max_bytes", "268435456", CHANGEABLE, Plain, usize, limits.bytes,
        "bytes of one str or bytes value"),
    option!("max_frame", "268435456", FIXED, Plain, usize, limits.frame,
        "bytes of one message as it is received"),
    option!("max_inflated", "268435456", FIXED, Plain, usize, limits.inflated,
        "bytes of one message after decompression"),
    option!("max_exports", "16777216", CHANGEABLE, Plain, usize, limits.exports,
        "objects of this process that the peer references"),
    option!("max_imports", "16777216", CHANGEABLE, Plain, usize, limits.imports,
        "objects of the peer that this process references"),
    option!("max_pending", "1048576", CHANGEABLE, Plain, usize, limits.pending,
        "requests of this side that wait for a reply"),
    option!("max_serving", "256", CHANGEABLE, Plain, usize, limits.serving,
        "requests of the peer that are being served"),
    option!("max_buffered", "67108864", CHANGEABLE, Plain, usize, limits.buffered,
        "bytes that wait to be decoded or sent"),
    option!("max_queued", "1048576", CHANGEABLE, Plain, usize, limits.queued,
        "bytes that wait to be sent on a connection of an event loop before it accepts no more"),
    option!("max_total_memory", "0", FIXED, Plain, usize, limits.total,
        "bytes of memory for all connections of a server, or for all connections that are made with one configuration: what is received, decompressed, waiting to be sent, and held for peers. A single connection uses at most half of it. 0: no limit"),
    option!("profile", "auto", FIXED, Plain, Profile, profile,
        "limits that are not set individually. trusted: as above. untrusted: max_frame and max_inflated 67108864, max_memory 268435456, max_exports 65536, max_total_memory 1073741824. auto: untrusted for servers on tcp, otherwise trusted"),
];

impl Setting {
    pub fn named(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

impl Config {
    /// Sets one option from its name and text, as a binding or a settings file has it.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        if let "logger" | "credentials" | "endpoints" | "before_closed" = name {
            return Err(Error::Argument(format!(
                "option '{name}' is not a string; set it with rpyc_config_set_{name}()"
            )));
        }
        let unknown = || Error::Argument(format!("unknown option '{name}'"));
        let setting = Setting::named(name).ok_or_else(unknown)?;
        let bad = || Error::Argument(format!("option '{name}': expected {}, got '{text}'", setting.wants));
        self.put(setting.name, text).ok_or_else(bad)?;
        self.chosen.insert(setting.name);
        Ok(())
    }

    /// Sets one option and what depends on it. None: that is no text for it.
    pub(super) fn put(&mut self, name: &str, text: &str) -> Option<()> {
        (Setting::named(name)?.set)(self, text)?;
        match name {
            "max_total_memory" => self.budget = (self.limits.total > 0).then(|| Budget::new(self.limits.total)),
            "profile" if self.profile != Profile::Auto => self.apply(self.profile),
            _ => {}
        }
        Some(())
    }

    /// The same where nobody has set it yet.
    pub fn set_default(&mut self, name: &str, text: &str) -> Result<()> {
        match self.chosen.contains(name) {
            true => Ok(()),
            false => self.set(name, text),
        }
    }

    /// Is it an option whose value is a text, and not a flag or a number?
    pub fn is_text(name: &str) -> bool {
        Setting::named(name).is_some_and(|setting| setting.kind == Kind::Text)
    }

    /// The text that `set` would take for the present value; None for an unknown name.
    pub fn get(&self, name: &str) -> Option<String> {
        Setting::named(name).map(|setting| (setting.get)(self))
    }
}

/// As the type suggests.
struct Plain;
/// A flag that says the opposite of what is kept.
struct Opposite;
/// What the kernel counts in whole seconds.
struct WholeSeconds;
/// Of compression.
struct Level;
struct Microseconds;
/// Of a pool.
struct Threads;

impl Form<bool> for Plain {
    const KIND: Kind = Kind::Flag;
    const WANTS: &'static str = "true or false";

    fn read(text: &str) -> Option<bool> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn write(value: &bool) -> String {
        value.to_string()
    }
}

impl Form<bool> for Opposite {
    const KIND: Kind = Kind::Flag;
    const WANTS: &'static str = <Plain as Form<bool>>::WANTS;

    fn read(text: &str) -> Option<bool> {
        <Plain as Form<bool>>::read(text).map(|flag| !flag)
    }

    fn write(value: &bool) -> String {
        (!value).to_string()
    }
}

impl Form<usize> for Plain {
    const KIND: Kind = Kind::Number;
    const WANTS: &'static str = "a whole number";

    fn read(text: &str) -> Option<usize> {
        text.trim().parse().ok()
    }

    fn write(value: &usize) -> String {
        value.to_string()
    }
}

impl Form<u32> for Level {
    const KIND: Kind = Kind::Number;
    const WANTS: &'static str = "a level from 0 to 9";

    fn read(text: &str) -> Option<u32> {
        text.trim().parse().ok().filter(|level| *level <= 9)
    }

    fn write(value: &u32) -> String {
        value.to_string()
    }
}

impl Form<usize> for Threads {
    const KIND: Kind = Kind::Number;
    const WANTS: &'static str = "a number of threads up to 1024, or auto";

    fn read(text: &str) -> Option<usize> {
        match text.trim() {
            "auto" => Some(std::thread::available_parallelism().map_or(4, usize::from).clamp(4, 1024)),
            number => number.parse().ok().filter(|threads| *threads <= 1024),
        }
    }

    fn write(value: &usize) -> String {
        value.to_string()
    }
}

impl Form<Duration> for Microseconds {
    const KIND: Kind = Kind::Number;
    const WANTS: &'static str = "a whole number";

    fn read(text: &str) -> Option<Duration> {
        text.trim().parse().ok().map(Duration::from_micros)
    }

    fn write(value: &Duration) -> String {
        value.as_micros().to_string()
    }
}

impl Form<Duration> for Plain {
    const KIND: Kind = Kind::Seconds;
    const WANTS: &'static str = "a number of seconds";

    fn read(text: &str) -> Option<Duration> {
        text.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    fn write(value: &Duration) -> String {
        value.as_secs_f64().to_string()
    }
}

impl Form<Option<Duration>> for Plain {
    const KIND: Kind = Kind::Seconds;
    const WANTS: &'static str = "a number of seconds or 'none'";

    fn read(text: &str) -> Option<Option<Duration>> {
        match text.trim().eq_ignore_ascii_case("none") {
            true => Some(None),
            false => <Plain as Form<Duration>>::read(text).map(Some),
        }
    }

    fn write(value: &Option<Duration>) -> String {
        value.as_ref().map_or_else(|| "none".to_owned(), <Plain as Form<Duration>>::write)
    }
}

impl Form<Option<Duration>> for WholeSeconds {
    const KIND: Kind = Kind::Seconds;
    const WANTS: &'static str = "1 to 32767 seconds, or 'none'";

    fn read(text: &str) -> Option<Option<Duration>> {
        let time = <Plain as Form<Option<Duration>>>::read(text)?;
        time.is_none_or(|time| (1..=32767).contains(&time.as_secs())).then_some(time)
    }

    fn write(value: &Option<Duration>) -> String {
        <Plain as Form<Option<Duration>>>::write(value)
    }
}

impl Form<Arc<str>> for Plain {
    const KIND: Kind = Kind::Text;
    const WANTS: &'static str = "a text";

    fn read(text: &str) -> Option<Arc<str>> {
        Some(text.into())
    }

    fn write(value: &Arc<str>) -> String {
        value.to_string()
    }
}

impl Form<Option<Arc<str>>> for Plain {
    const KIND: Kind = Kind::Text;
    const WANTS: &'static str = "a text";

    fn read(text: &str) -> Option<Option<Arc<str>>> {
        Some(Some(text.into()))
    }

    fn write(value: &Option<Arc<str>>) -> String {
        value.as_deref().unwrap_or_default().to_owned()
    }
}

impl Form<Arc<BTreeSet<String>>> for Plain {
    const KIND: Kind = Kind::Text;
    const WANTS: &'static str = "names";

    fn read(text: &str) -> Option<Arc<BTreeSet<String>>> {
        let names = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty());
        Some(Arc::new(names.map(str::to_owned).collect()))
    }

    fn write(value: &Arc<BTreeSet<String>>) -> String {
        value.iter().cloned().collect::<Vec<_>>().join(" ")
    }
}

/// A form of words: what is wanted, and which word stands for what.
macro_rules! choice {
    ($type:ident, $wants:literal, $($word:literal = $variant:ident),+) => {
        impl Form<$type> for Plain {
            const KIND: Kind = Kind::Choice;
            const WANTS: &'static str = $wants;

            fn read(text: &str) -> Option<$type> {
                match text.trim() {
                    $($word => Some($type::$variant),)+
                    _ => None,
                }
            }

            fn write(value: &$type) -> String {
                match value {
                    $($type::$variant => $word,)+
                }
                .to_owned()
            }
        }
    };
}

choice!(ClientCerts, "none, optional or required", "none" = None, "optional" = Optional, "required" = Required);
choice!(MinVersion, "1.2 or 1.3", "1.2" = V12, "1.3" = V13);
choice!(Release, "lazy or now", "lazy" = Lazy, "now" = Now);
choice!(Dialect, "auto, 5 (rpyc 4.1 to 5.3) or 6", "auto" = Auto, "5" = V5, "6" = V6);
choice!(Profile, "auto, trusted or untrusted", "auto" = Auto, "trusted" = Trusted, "untrusted" = Untrusted);
choice!(Native, "off, accept or on", "off" = Off, "accept" = Accept, "on" = On);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_the_defaults() {
        let config = Config::default();
        for setting in &SETTINGS {
            let text = config.get(setting.name).unwrap();
            match setting.name {
                "safe_attrs" => assert_eq!(text.split(' ').count(), 80),
                name => assert_eq!(text, setting.default, "{name}"),
            }
            let mut changed = Config::default();
            changed.set(setting.name, &text).unwrap();
            assert_eq!(changed.get(setting.name).unwrap(), text, "{}", setting.name);
        }
    }

    #[test]
    fn profiles_leave_what_was_chosen() {
        let mut config = Config::default();
        config.set("max_frame", "1000").unwrap();
        config.expect_strangers();
        let seen =
            |config: &Config| (config.limits.frame, config.limits.exports, config.budget.as_ref().map(|b| b.limit()));
        assert_eq!(seen(&config), (1000, 65536, Some(1 << 30)));
        config.set("profile", "trusted").unwrap();
        assert_eq!(seen(&config), (1000, 1 << 24, None));
        config.expect_strangers();
        assert_eq!(seen(&config), (1000, 1 << 24, None));
        config.set("profile", "untrusted").unwrap();
        config.set("max_exports", "5").unwrap();
        config.set("max_total_memory", "0").unwrap();
        assert_eq!(seen(&config), (1000, 5, None));
        let mut shared = Config::default();
        shared.set("max_total_memory", "9").unwrap();
        assert!(Arc::ptr_eq(shared.clone().budget.as_ref().unwrap(), shared.budget.as_ref().unwrap()));
    }

    #[test]
    fn each_option_has_a_place_of_its_own() {
        for setting in &SETTINGS {
            let other = match (setting.kind, setting.name) {
                (Kind::Flag, _) if setting.default == "true" => "false",
                (Kind::Flag, _) => "true",
                (Kind::Number | Kind::Seconds, _) => "7",
                (Kind::Text, _) => "other",
                (Kind::Choice, "release") => "now",
                (Kind::Choice, "dialect") => "5",
                (Kind::Choice, "profile") => "untrusted",
                (Kind::Choice, "tls_client_certs") => "required",
                (Kind::Choice, "tls_min_version") => "1.3",
                (Kind::Choice, _) => "off",
            };
            let mut config = Config::default();
            config.set(setting.name, other).unwrap();
            let changed = SETTINGS.iter().filter(|each| config.get(each.name) != Config::default().get(each.name));
            let changed: Vec<&str> = changed.map(|each| each.name).collect();
            match setting.name {
                "propagate_SystemExit" | "propagate_SystemExit_locally" => assert_eq!(changed.len(), 2),
                "profile" => assert_eq!(changed.len(), 6),
                name => assert_eq!(changed, [name]),
            }
        }
    }
}
