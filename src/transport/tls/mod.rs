//! TLS by rustls: a transport over another one.
//!
//! The provider (ring) is passed to each configuration; none is installed for the process. Not supported: session tickets
//! (a stock client of RPyC hangs after them), resumption, early data, lists of revoked certificates.

mod errors;
mod files;
mod reload;
mod stream;
mod verify;

use super::{Adapter, Base, Ready, Transport};
use crate::config::tls::{ClientCerts, MinVersion, Tls, given};
use crate::error::{Error, Result};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{IpAddr, ServerName};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion, version};
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;
use stream::{Carrier, TlsStream};

pub(super) use reload::Acceptor;

static FROM_12: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
static FROM_13: [&SupportedProtocolVersion; 1] = [&version::TLS13];

/// Returns the versions of TLS that this side accepts.
fn versions(options: &Tls) -> &'static [&'static SupportedProtocolVersion] {
    match options.min_version {
        MinVersion::V12 => &FROM_12,
        MinVersion::V13 => &FROM_13,
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Settings of a client for one address.
pub(super) struct Connector {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    verified: bool,
}

impl Connector {
    pub(super) fn new(options: &Tls, host: &str) -> Result<Connector> {
        let provider = provider();
        let verifier = verify::server_verifier(options, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(options))
            .map_err(|e| errors::config("the versions of TLS", &e))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match files::identity(options)? {
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain, key).map_err(|e| errors::identity(options, &e))?
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        let host = given(&options.server_name).unwrap_or(if host.is_empty() { "127.0.0.1" } else { host });
        // A scope of IPv6 does not belong to a name.
        let host = host.split_once('%').map_or(host, |(number, _)| number);
        let name = match IpAddr::try_from(host) {
            Ok(ip) => ServerName::IpAddress(ip),
            Err(_) => ServerName::try_from(host.to_owned()).map_err(|_| {
                Error::Address(format!("'{}' is not a name that a certificate can have", host.escape_debug()))
            })?,
        };
        Ok(Connector { config: Arc::new(config), name, verified: !options.insecure_no_verification })
    }

    /// Makes a transport over a connected one; `open` or `open_now` do its handshake.
    pub(super) fn begin(&self, below: Arc<dyn Transport>) -> Result<Arc<dyn Transport>> {
        let connection = ClientConnection::new(self.config.clone(), self.name.clone())
            .map_err(|e| errors::config("a TLS connection", &e))?;
        Ok(over(below, connection.into(), self.verified))
    }

    /// Does the handshake over a connected transport, within `timeout`.
    pub(super) fn connect(&self, below: Arc<dyn Transport>, timeout: Option<Duration>) -> Result<Arc<dyn Transport>> {
        let peer = below.peer_name();
        let stream = self.begin(below)?;
        match stream.open(timeout) {
            Ok(()) => Ok(stream),
            Err(e) if e.kind() == io::ErrorKind::TimedOut => {
                Err(Error::Timeout(format!("cannot connect to {peer}: {e}")))
            }
            Err(e) => Err(Error::connect(format!("cannot connect to {peer}"), e)),
        }
    }
}

fn server_config(options: &Tls) -> Result<Arc<ServerConfig>> {
    let provider = provider();
    let Some((chain, key)) = files::identity(options)? else {
        return Err(Error::Argument(
            "a tls:// server needs a certificate and its key: set tls_cert and tls_key".into(),
        ));
    };
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions(options))
        .map_err(|e| errors::config("the versions of TLS", &e))?;
    let builder = match options.client_certs {
        ClientCerts::None => builder.with_no_client_auth(),
        asked => {
            let roots = Arc::new(files::roots(options)?);
            if roots.is_empty() {
                let text =
                    "tls_client_certs: clients are verified by tls_ca, tls_ca_pem or tls_system_roots, and none is set";
                return Err(Error::Argument(text.into()));
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = if asked == ClientCerts::Optional { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|e| Error::Argument(format!("tls_ca: {e}")))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|e| errors::identity(options, &e))?;
    // A stock client takes a ticket for the beginning of a message, and blocks for the rest of it.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

impl Acceptor {
    /// Makes a transport; `Transport::open` does its handshake.
    pub(super) fn accept(&self, below: Arc<dyn Transport>) -> io::Result<Arc<dyn Transport>> {
        let connection = ServerConnection::new(self.config()).map_err(io::Error::other)?;
        Ok(over(below, connection.into(), true))
    }
}

fn over(below: Arc<dyn Transport>, connection: rustls::Connection, verified: bool) -> Arc<dyn Transport> {
    let stream = TlsStream::new(connection, Box::new(Below(below.clone())), verified);
    Arc::new(Adapter::new(stream, Below(below)))
}

/// The transport that carries the records.
struct Below(Arc<dyn Transport>);

impl Carrier for Below {
    fn recv(&self, buf: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        self.0.recv(buf, max, false)
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send(bufs)
    }
}

impl Base for Below {
    fn wait(&self, read: bool, write: bool, timeout: Duration) -> io::Result<Ready> {
        self.0.poll(read, write, Some(timeout))
    }

    fn await_input(&self, timeout: Duration) {
        self.0.await_input(timeout);
    }

    fn interrupt(&self) {
        self.0.interrupt();
    }

    fn hang_bell(&self) {
        self.0.hang_bell();
    }

    fn ring(&self) {
        self.0.ring();
    }

    fn shutdown(&self) {
        self.0.shutdown();
    }

    fn is_under_way(&self) -> bool {
        self.0.is_under_way()
    }

    fn fileno(&self) -> Option<RawFd> {
        self.0.fileno()
    }

    fn write_fileno(&self) -> Option<RawFd> {
        self.0.write_fileno()
    }

    fn peer_name(&self) -> String {
        in_tls(self.0.peer_name())
    }

    fn local_name(&self) -> String {
        in_tls(self.0.local_name())
    }

    fn quick_ack(&self) {
        self.0.quick_ack();
    }

    fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        self.0.set_keepalive(idle)
    }
}

fn in_tls(name: String) -> String {
    name.strip_prefix("tcp://").map(|rest| format!("tls://{rest}")).unwrap_or(name)
}
