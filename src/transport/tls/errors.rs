//! Messages of TLS errors, with the remedy.

use crate::config::tls::Tls;
use crate::error::Error;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, PeerIncompatible, Side};
use std::io::{self, ErrorKind};

pub(super) fn config(what: &str, error: &rustls::Error) -> Error {
    Error::Argument(format!("{what} cannot be set up: {error}"))
}

/// The error for a certificate or key of this side that cannot be used.
pub(super) fn identity(options: &Tls, error: &rustls::Error) -> Error {
    let (cert, key) = (options.cert.as_deref().unwrap_or_default(), options.key.as_deref().unwrap_or_default());
    let why = match error {
        rustls::Error::InconsistentKeys(_) => "the key is not that of the certificate".to_owned(),
        rustls::Error::InvalidCertificate(why) => format!("the certificate {}", certificate(why)),
        other => other.to_string(),
    };
    Error::Argument(format!("tls_cert '{}' and tls_key '{}': {why}", cert.escape_debug(), key.escape_debug()))
}

/// An error that ends a stream.
pub(super) fn broken(error: &rustls::Error, side: Side) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text(error, side))
}

fn text(error: &rustls::Error, side: Side) -> String {
    let peer = if side == Side::Client { "server" } else { "client" };
    match error {
        rustls::Error::InvalidCertificate(why) => format!("TLS: the certificate of the {peer} {}", certificate(why)),
        rustls::Error::InvalidMessage(_) => {
            format!("TLS: the {peer} does not speak TLS: it sent something else ({error})")
        }
        rustls::Error::AlertReceived(alert) => format!("TLS: {}", alert_text(*alert, peer)),
        rustls::Error::NoCertificatesPresented => {
            format!("TLS: the {peer} has sent no certificate (tls_client_certs=required)")
        }
        rustls::Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic) => format!("TLS: {error}"),
        rustls::Error::PeerIncompatible(_) => {
            format!("TLS: the {peer} has no version or cipher in common with this side (tls_min_version): {error}")
        }
        other => format!("TLS: {other}"),
    }
}

fn alert_text(alert: AlertDescription, peer: &str) -> String {
    let why = match alert {
        AlertDescription::UnknownCA => "the authority of this side's certificate is unknown there",
        AlertDescription::CertificateRequired => "it demands a certificate of this side; set tls_cert and tls_key",
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => "it does not accept this side's certificate",
        AlertDescription::CertificateExpired => "this side's certificate has expired",
        AlertDescription::ProtocolVersion => "it speaks no version of TLS that this side speaks (tls_min_version)",
        AlertDescription::HandshakeFailure => {
            "it has no version or cipher in common with this side, or demands a certificate (tls_cert)"
        }
        other => return format!("the {peer} rejected the connection: {other:?}"),
    };
    format!("the {peer} rejected the connection: {why}")
}

/// The predicate of a sentence that begins with "the certificate of the server".
pub(super) fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; check the clock".into()
        }
        CertificateError::NotValidForNameContext { expected: ServerName::IpAddress(ip), presented } => {
            format!(
                "is not for the IP address {}: {}; connect by name, or set tls_server_name",
                std::net::IpAddr::from(*ip),
                names(presented)
            )
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("is not for the name '{}': {}; see tls_server_name", expected.to_str(), names(presented))
        }
        CertificateError::NotValidForName => "is for another name; see tls_server_name".into(),
        CertificateError::UnknownIssuer => {
            "is issued by an unknown authority; see tls_ca, tls_ca_pem and tls_system_roots".into()
        }
        CertificateError::BadSignature => "has an invalid signature".into(),
        // What webpki says of version 1, which OpenSSL makes of requests without extensions.
        CertificateError::Other(text) if text.to_string() == "UnsupportedCertVersion" => {
            "has version 1, and must have version 3; make it with an extension, such as subjectAltName".into()
        }
        CertificateError::Other(text) => text.to_string(),
        other => format!("cannot be used: {other}"),
    }
}

fn names(presented: &[String]) -> String {
    match presented {
        [] => "it has no names (subjectAltName)".into(),
        some => format!("it is for {}", some.join(", ")),
    }
}
