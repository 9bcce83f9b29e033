//! Signatures of what we send, by the Standard Webhooks specification, scheme `v1` (HMAC-SHA256).
//!
//! The signature covers `id.timestamp.body`, so that a receiver can refuse what was changed and what is old. While a key
//! is replaced there are several of them in the header, and a receiver takes any that it knows.

use base64::{Engine, prelude::BASE64_STANDARD};
use baton_app::model::{DestinationSettings, OldSecret, SigningKey};
use chrono::{DateTime, Utc};
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

/// The value of `webhook-signature` for a body, by every key that signs at `timestamp`; `None` where nothing is signed.
///
/// An old key that cannot be read any more is left out: whoever knows the present one is served, and the destination
/// shows what is missing. Without the present one nothing is sent.
pub async fn signatures(
    settings: &DestinationSettings,
    id: &str,
    timestamp: DateTime<Utc>,
    body: &[u8],
) -> Result<Option<String>, SecretError> {
    let Some(present) = settings.secret.as_deref() else { return Ok(None) };
    let timestamp_s = timestamp.timestamp();
    let mut all = sign(&resolve(present).await?, id, timestamp_s, body);
    for old in valid(settings, timestamp) {
        match resolve(&old.secret).await {
            Ok(key) => {
                all.push(' ');
                all.push_str(&sign(&key, id, timestamp_s, body));
            }
            Err(error) => tracing::warn!(%error, "an old signing key is left out"),
        }
    }
    Ok(Some(all))
}

/// The keys from before that sign at `now`.
pub fn valid(settings: &DestinationSettings, now: DateTime<Utc>) -> impl Iterator<Item = &OldSecret> {
    settings.old_secrets.iter().flatten().filter(move |old| old.expires_at > now)
}

/// What messages are signed with at `now`, for people: where each key comes from, and what is wrong with it.
pub async fn keys(settings: &DestinationSettings, now: DateTime<Utc>) -> Vec<SigningKey> {
    let Some(present) = settings.secret.as_deref() else { return Vec::new() };
    let mut keys = vec![key(present, None).await];
    for old in valid(settings, now) {
        keys.push(key(&old.secret, Some(old.expires_at)).await);
    }
    keys
}

async fn key(reference: &str, expires_at: Option<DateTime<Utc>>) -> SigningKey {
    let is_reference = reference.starts_with(ENV) || reference.starts_with(FILE);
    let source = if is_reference { reference } else { "stored" };
    let problem = resolve(reference).await.err().map(|error| error.to_string());
    SigningKey { source: source.to_owned(), expires_at, problem }
}

/// The key that `reference` (`env:NAME`, `file:PATH` or `whsec_…`) stands for. Read anew for every request, so that
/// a rotated file counts at once.
pub async fn resolve(reference: &str) -> Result<Vec<u8>, SecretError> {
    let text = if let Some(name) = reference.strip_prefix(ENV) {
        variable(name).ok_or_else(|| SecretError::NoVariable(name.to_owned()))?
    } else if let Some(path) = reference.strip_prefix(FILE) {
        let read = tokio::fs::read_to_string(path).await;
        read.map_err(|source| SecretError::NoFile { path: path.to_owned(), source })?
    } else {
        reference.to_owned()
    };
    decode(text.trim())
}

/// Reading a variable of a name that no variable can have panics.
fn variable(name: &str) -> Option<String> {
    if name.contains(['=', '\0']) { None } else { std::env::var(name).ok() }
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

    #[tokio::test]
    async fn every_key_that_has_not_expired_signs() {
        const SECRETS: [&str; 3] = ["whsec_Zmlyc3Q=", "whsec_c2Vjb25k", "whsec_dGhpcmQ="];
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let mut settings = DestinationSettings::http("https://example.org/".into());
        assert_eq!(signatures(&settings, "id", now, b"{}").await.unwrap(), None);
        settings.secret = Some(SECRETS[0].into());
        let old = |secret: &str, second| OldSecret {
            secret: secret.into(),
            expires_at: DateTime::from_timestamp(second, 0).unwrap(),
        };
        settings.old_secrets =
            Some(vec![old(SECRETS[1], 1_001), old(SECRETS[2], 1_000), old("env:BATON_TEST_NO_SUCH_VARIABLE", 2_000)]);

        let all = signatures(&settings, "id", now, b"{}").await.unwrap().unwrap();

        let by = |secret: &str| sign(&decode(secret).unwrap(), "id", 1_000, b"{}");
        assert_eq!(all, format!("{} {}", by(SECRETS[0]), by(SECRETS[1])));
        let keys = keys(&settings, now).await;
        let shown: Vec<_> = keys.iter().map(|key| (key.source.as_str(), key.problem.is_some())).collect();
        assert_eq!(shown, [("stored", false), ("stored", false), ("env:BATON_TEST_NO_SUCH_VARIABLE", true)]);
        settings.secret = Some("file:/nowhere/at/all".into());
        assert!(signatures(&settings, "id", now, b"{}").await.is_err(), "not without the present one");
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
