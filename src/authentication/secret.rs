//! Authenticates both sides by a shared secret: challenge and response with HMAC-SHA-256
//! (docs/guide/authentication.md has the bytes).
//!
//! Both hellos have the form of a frame that no version of RPyC understands, so that a peer without authentication ends
//! the stream instead of waiting for the rest of a long frame.

use super::{Authenticator, Opening};
use crate::error::{Error, Result};
use crate::transport::sys;
use crate::value::Value;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::Arc;

/// The header of a frame with 40 bytes.
const HEADER: [u8; 5] = [0, 0, 0, 40, 0];
/// The last character is the version.
const MAGIC: [u8; 8] = *b"RPYCSEC1";
/// The end of a frame.
const FLUSH: u8 = b'\n';
const NONCE: usize = 32;
const PROOF: usize = 32;
/// The minimum length of a secret: a peer can test guesses offline.
pub const SHORTEST: usize = 16;

type Nonce = [u8; NONCE];

/// Makes an authenticator that accepts peers with the same secret, and proves it to them.
pub fn authenticator(secret: &[u8]) -> Result<Authenticator> {
    if secret.len() < SHORTEST {
        let text = format!("secret: expected at least {SHORTEST} bytes, got {}", secret.len());
        return Err(Error::Argument(text));
    }
    let unusable = |_| Error::Argument("secret: not usable as a key".into());
    let key = Hmac::<Sha256>::new_from_slice(secret).map_err(unusable)?;
    Ok(Arc::new(move |opening: &Arc<dyn Opening>| {
        match opening.is_server() {
            true => serve(&**opening, &key),
            false => connect(&**opening, &key),
        }?;
        Ok(Value::Dict([(Value::str("authentication"), Value::str("secret"))].into()))
    }))
}

fn serve(opening: &dyn Opening, key: &Hmac<Sha256>) -> Result<()> {
    let client = read_hello(opening)?;
    let server = nonce()?;
    opening.write(&hello(&server))?;
    check(opening, proof(key, Side::Client, &client, &server), "the client has another secret")?;
    let own = proof(key, Side::Server, &client, &server).finalize().into_bytes();
    opening.write(&own)
}

fn connect(opening: &dyn Opening, key: &Hmac<Sha256>) -> Result<()> {
    let client = nonce()?;
    opening.write(&hello(&client))?;
    let server = read_hello(opening).map_err(|error| match error {
        Error::Authentication(why) => Error::Authentication(format!("{why}; does the server expect a secret?")),
        other => other,
    })?;
    if server == client {
        return Err(Error::Authentication("the peer sent back the challenge that it was sent".into()));
    }
    let own = proof(key, Side::Client, &client, &server).finalize().into_bytes();
    opening.write(&own)?;
    check(opening, proof(key, Side::Server, &client, &server), "the server has another secret").map_err(|error| {
        match error {
            Error::Authentication(why) => Error::Authentication(format!("{why}; is the secret that of the server?")),
            other => other,
        }
    })
}

#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

/// Begins the proof of one side. Its name is part of it, so that no proof can be sent back as that of the other side.
fn proof(key: &Hmac<Sha256>, side: Side, client: &Nonce, server: &Nonce) -> Hmac<Sha256> {
    let label: &[u8] = match side {
        Side::Client => b" client",
        Side::Server => b" server",
    };
    let mut proof = key.clone();
    [&MAGIC, label, client, server].into_iter().for_each(|part: &[u8]| proof.update(part));
    proof
}

/// Reads the proof of the peer and compares it in constant time.
fn check(opening: &dyn Opening, expected: Hmac<Sha256>, reason: &str) -> Result<()> {
    let mut received = [0; PROOF];
    opening.read(&mut received)?;
    expected.verify_slice(&received).map_err(|_| Error::Authentication(reason.to_owned()))
}

fn hello(nonce: &Nonce) -> Vec<u8> {
    [&HEADER, &MAGIC[..], nonce, &[FLUSH]].concat()
}

/// Reads the hello of the peer, in parts, so that anything else is refused as soon as it differs.
fn read_hello(opening: &dyn Opening) -> Result<Nonce> {
    let foreign = || Error::Authentication("the peer does not begin with the authentication by a secret".into());
    let mut header = [0; HEADER.len()];
    opening.read(&mut header)?;
    if header != HEADER {
        return Err(foreign());
    }
    let mut magic = [0; MAGIC.len()];
    opening.read(&mut magic)?;
    if magic != MAGIC {
        return Err(match magic.strip_prefix(b"RPYCSEC") {
            Some([version]) => Error::Authentication(format!(
                "the peer has version '{}' of the authentication by a secret; supported: 1",
                version.escape_ascii()
            )),
            _ => foreign(),
        });
    }
    let mut nonce = [0; NONCE];
    opening.read(&mut nonce)?;
    let mut flush = [0];
    opening.read(&mut flush)?;
    if flush == [FLUSH] { Ok(nonce) } else { Err(foreign()) }
}

fn nonce() -> Result<Nonce> {
    let mut nonce = [0; NONCE];
    sys::random(&mut nonce).map_err(|e| Error::io("no random numbers for the authentication", e))?;
    Ok(nonce)
}
