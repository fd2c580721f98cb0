//! Certificates and keys from files and strings.

use crate::config::tls::{Tls, given};
use crate::error::{Error, Result};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Files in which systems keep the authorities that they trust. The first that exists is used.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn read(option: &str, path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io(format!("{option}: cannot read '{}'", path.escape_debug()), e))
}

fn certificates(option: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let bad = |e| Error::Argument(format!("{option}: not certificates in PEM: {e}"));
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(bad)?;
    if found.is_empty() {
        return Err(Error::Argument(format!(
            "{option}: expected certificates in PEM (-----BEGIN CERTIFICATE-----), got none"
        )));
    }
    Ok(found)
}

/// Returns the authorities that the application trusts; perhaps none.
pub(super) fn roots(options: &Tls) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let mut strict = |option: &str, pem: &[u8]| -> Result<()> {
        for one in certificates(option, pem)? {
            roots.add(one).map_err(|e| Error::Argument(format!("{option}: a certificate cannot be used: {e}")))?;
        }
        Ok(())
    };
    if let Some(path) = given(&options.ca) {
        strict("tls_ca", &read("tls_ca", path)?)?;
    }
    if let Some(pem) = given(&options.ca_pem) {
        strict("tls_ca_pem", pem.as_bytes())?;
    }
    if options.system_roots {
        let Some(pem) = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read(path).ok()) else {
            return Err(Error::Argument(format!("tls_system_roots: none of {} exists", SYSTEM_ROOTS.join(", "))));
        };
        // Systems list certificates that webpki rejects.
        roots.add_parsable_certificates(certificates("tls_system_roots", &pem)?);
    }
    Ok(roots)
}

/// Returns this side's own certificate chain and key, if set.
pub(super) fn identity(options: &Tls) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>> {
    let (cert, key) = match (given(&options.cert), given(&options.key)) {
        (None, None) => return Ok(None),
        (Some(cert), Some(key)) => (cert, key),
        (Some(_), None) => return Err(Error::Argument("tls_cert is set and tls_key is not".into())),
        (None, Some(_)) => return Err(Error::Argument("tls_key is set and tls_cert is not".into())),
    };
    let chain = certificates("tls_cert", &read("tls_cert", cert)?)?;
    Ok(Some((chain, private_key(key, &read("tls_key", key)?)?)))
}

fn private_key(path: &str, pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    let text = String::from_utf8_lossy(pem);
    let shown = path.escape_debug();
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
        let text =
            format!("tls_key: the key in '{shown}' is encrypted, which is not supported; decrypt it (openssl pkey)");
        return Err(Error::Argument(text));
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        Error::Argument(format!(
            "tls_key: expected a private key in PEM (PKCS#8, PKCS#1 or SEC1) in '{shown}', found none"
        ))
    })
}
