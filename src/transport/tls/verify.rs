//! Verification of servers: by authorities, by a pinned certificate, or, on demand, not at all.

use super::{errors, files};
use crate::config::tls::{Tls, given};
use crate::error::{Error, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use std::fmt;
use std::sync::Arc;

type Fingerprint = [u8; 32];

pub(super) fn server_verifier(options: &Tls, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    let trust = if options.insecure_no_verification {
        Trust::Anyone
    } else if let Some(text) = given(&options.pin) {
        Trust::Pinned(pins(text)?)
    } else {
        let roots = files::roots(options)?;
        if roots.is_empty() {
            return Err(Error::Argument(
                "tls:// cannot verify the server: set tls_ca, tls_ca_pem, tls_system_roots or tls_pin".into(),
            ));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        Trust::Authorities(verifier.map_err(|e| Error::Argument(format!("tls_ca: {e}")))?)
    };
    Ok(Arc::new(Verifier { trust, provider: provider.clone() }))
}

#[derive(Debug)]
enum Trust {
    Authorities(Arc<WebPkiServerVerifier>),
    Pinned(Vec<Fingerprint>),
    Anyone,
}

/// In every case the peer proves that it has the key of its certificate.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verifier = match &self.trust {
            Trust::Anyone => return Ok(ServerCertVerified::assertion()),
            Trust::Pinned(pins) => {
                let found = fingerprint(end_entity);
                return match pins.contains(&found) {
                    true => Ok(ServerCertVerified::assertion()),
                    false => Err(refused(format!("is not the one of tls_pin: its SHA-256 is {}", in_hex(&found)))),
                };
            }
            Trust::Authorities(verifier) => verifier,
        };
        let verified = verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(rustls::Error::InvalidCertificate(why)) if is_self_signed(end_entity) && !is_of_itself(&why) => {
                Err(refused(format!(
                    "is self-signed ({}); after comparing it with the server's, set tls_pin to its SHA-256, {}",
                    errors::certificate(&why),
                    in_hex(&fingerprint(end_entity))
                )))
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns whether the fault is independent of the issuer.
fn is_of_itself(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
            | CertificateError::NotValidForName
            | CertificateError::NotValidForNameContext { .. }
    )
}

/// Makes an error from a text that continues "the certificate of the server".
fn refused(text: String) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(Refused(text)))).into()
}

#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Returns the SHA-256 of a certificate. ring's cipher suites always have that hash.
fn fingerprint(certificate: &[u8]) -> Fingerprint {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
    let hash = suite.map(|suite| suite.common.hash_provider.hash(certificate));
    hash.and_then(|hash| hash.as_ref().try_into().ok()).unwrap_or_default()
}

fn in_hex(fingerprint: &Fingerprint) -> String {
    fingerprint.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Fingerprints in hexadecimal, with or without colons, separated by commas or spaces.
fn pins(text: &str) -> Result<Vec<Fingerprint>> {
    let bad =
        || Error::Argument("tls_pin: expected a SHA-256 in hexadecimal (64 digits, colons allowed), or several".into());
    let one = |word: &str| -> Option<Fingerprint> {
        let digits: Vec<u32> = word.chars().filter(|c| *c != ':').map(|c| c.to_digit(16)).collect::<Option<_>>()?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect();
        (digits.len() == 64).then_some(bytes)?.try_into().ok()
    };
    let words = text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
    let found = words.map(|word| one(word).ok_or_else(bad)).collect::<Result<Vec<_>>>()?;
    if found.is_empty() { Err(bad()) } else { Ok(found) }
}

/// Returns whether issuer and subject of a certificate are equal.
fn is_self_signed(der: &[u8]) -> bool {
    issuer_and_subject(der).is_some_and(|(issuer, subject)| issuer == subject)
}

fn issuer_and_subject(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const VERSION: u8 = 0xa0;
    let certificate = element(der)?.1;
    let mut rest = element(certificate)?.1;
    if let Some((VERSION, _, after)) = element(rest) {
        rest = after;
    }
    // The serial number and the algorithm.
    rest = element(element(rest)?.2)?.2;
    let (_, issuer, after) = element(rest)?;
    // The times.
    let (_, subject, _) = element(element(after)?.2)?;
    Some((issuer, subject))
}

/// Splits off the first element of DER: its tag, its contents, the rest.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (first as usize, rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked((first & 0x7f) as usize)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | *byte as usize), rest)
        }
        _ => return None,
    };
    let (content, behind) = rest.split_at_checked(length)?;
    Some((tag, content, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_in_every_usual_form() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(pins(&plain).unwrap(), [[0xab; 32]]);
        assert_eq!(pins(&format!(" {colons}, {plain}")).unwrap(), [[0xab; 32]; 2]);
        for bad in ["", " ", "ab", &plain[1..], &format!("{plain}a"), &plain.replace('a', "g")] {
            assert!(pins(bad).is_err(), "{bad}");
        }
        assert_eq!(in_hex(&[0xab; 32]), colons);
    }

    #[test]
    fn der_that_is_cut_is_no_certificate() {
        let name = |c: u8| [0x30, 1, c];
        let certificate = |issuer: [u8; 3], subject: [u8; 3]| {
            let inside = [&[0xa0, 1, 2, 2, 1, 7, 0x30, 0][..], &issuer, &[0x30, 0], &subject].concat();
            let inner = [&[0x30, inside.len() as u8], &inside[..]].concat();
            [&[0x30, inner.len() as u8], &inner[..]].concat()
        };
        let own = certificate(name(1), name(1));
        assert!(is_self_signed(&own) && !is_self_signed(&certificate(name(1), name(2))));
        for cut in 0..own.len() {
            assert!(!is_self_signed(&own[..cut]));
        }
        assert!(element(&[0x30, 0x84, 0, 0, 0, 0]).is_none() && element(&[0x30, 0x82, 1]).is_none());
    }
}
