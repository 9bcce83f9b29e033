//! Signatures of what we send, by the Standard Webhooks specification, scheme `v1` (HMAC-SHA256).
//!
//! The signature covers `id.timestamp.body`, so that a receiver can refuse what was changed and what is old.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a secret begins with when it stands in the settings itself.
pub const PREFIX: &str = "whsec_";
const ENV: &str = "env:";
const FILE: &str = "file:";

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the signing secret should be in the environment variable {0}, which is not set. Set it and restart")]
    NoVariable(String),
    #[error("the signing secret should be in the file {path}, which cannot be read: {source}")]
    NoFile { path: String, source: std::io::Error },
    #[error("the signing secret is not base64 (`whsec_` and 24 to 64 bytes in base64). Correct the destination")]
    NotBase64,
}

/// The value of `webhook-signature` for a body.
pub fn sign(key: &[u8], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(id.as_bytes());
    mac.update(format!(".{timestamp_s}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

/// The key that `reference` (`env:NAME`, `file:PATH` or `whsec_…`) stands for. Read anew for every request, so that
/// a rotated file counts at once.
pub async fn resolve(reference: &str) -> Result<Vec<u8>, SecretError> {
    let text = if let Some(name) = reference.strip_prefix(ENV) {
        std::env::var(name).map_err(|_| SecretError::NoVariable(name.to_owned()))?
    } else if let Some(path) = reference.strip_prefix(FILE) {
        let read = tokio::fs::read_to_string(path).await;
        read.map_err(|source| SecretError::NoFile { path: path.to_owned(), source })?
    } else {
        reference.to_owned()
    };
    decode(text.trim())
}

/// Whether `reference` has one of the three forms, and a secret given directly is base64. For checks at the door.
pub fn is_well_formed(reference: &str) -> bool {
    match reference.strip_prefix(ENV).or_else(|| reference.strip_prefix(FILE)) {
        Some(name) => !name.is_empty(),
        None => reference.starts_with(PREFIX) && decode(reference).is_ok(),
    }
}

fn decode(secret: &str) -> Result<Vec<u8>, SecretError> {
    let encoded = secret.strip_prefix(PREFIX).unwrap_or(secret);
    let key = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::NotBase64)?;
    if key.is_empty() { Err(SecretError::NotBase64) } else { Ok(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn agrees_with_the_example_of_the_specification() {
        let key = resolve("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await.unwrap();
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[tokio::test]
    async fn a_secret_comes_from_a_file_or_says_why_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let reference = format!("file:{}", file.path().display());
        assert_eq!(resolve(&reference).await.unwrap().len(), 24);
        assert!(matches!(resolve("file:/nowhere/at/all").await, Err(SecretError::NoFile { .. })));
        assert!(matches!(resolve("env:BATON_TEST_NO_SUCH_VARIABLE").await, Err(SecretError::NoVariable(_))));
        assert!(matches!(resolve("whsec_?").await, Err(SecretError::NotBase64)));
    }

    #[test]
    fn references_are_checked_at_the_door() {
        for (reference, expected) in [
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true),
            ("env:FLIGHTS_SECRET", true),
            ("file:/run/secrets/flights", true),
            ("env:", false),
            ("whsec_", false),
            ("plain text", false),
        ] {
            assert_eq!(is_well_formed(reference), expected, "{reference}");
        }
    }
}
