//! Settings for TLS: trusted authorities, own certificates.

use std::sync::Arc;

/// Settings for `tls://` addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// A file of certificates of authorities, and the same as a string.
    pub ca: Option<Arc<str>>,
    pub ca_pem: Option<Arc<str>>,
    pub system_roots: bool,
    /// SHA-256 of certificates that are trusted by themselves.
    pub pin: Option<Arc<str>>,
    pub server_name: Option<Arc<str>>,
    /// Files of this side's own certificate chain and key.
    pub cert: Option<Arc<str>>,
    pub key: Option<Arc<str>>,
    pub client_certs: ClientCerts,
    pub min_version: MinVersion,
    pub insecure_no_verification: bool,
}

/// Whether a server asks its clients for certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCerts {
    #[default]
    None,
    Optional,
    Required,
}

/// The oldest version of TLS that is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    #[default]
    V12,
    V13,
}

/// Returns a string that was set and is not empty.
pub fn given(text: &Option<Arc<str>>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
