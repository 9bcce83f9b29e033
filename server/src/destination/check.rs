//! What a destination's settings must look like before they are stored. Names are resolved only when something is sent,
//! so a name that leads to a private address is refused then.

use std::ops::RangeInclusive;

use baton_app::model::DestinationSettings;
use baton_domain::diagnostic::Diagnostic;
use url::Url;

use super::{
    address::refuse_literal,
    signature::{is_well_formed, resolve},
};

const URL_BYTES_MAX: usize = 2_000;

/// So many keys from before may sign at a time.
pub const OLD_SECRETS_MAX: usize = 4;
/// 30 days.
pub const OLD_FOR_S_MAX: u32 = 30 * 24 * 60 * 60;

/// Everything that is wrong; pointers lead into the settings. Whether the signing keys can be read is another question:
/// [`check_secret`].
pub fn check(settings: &DestinationSettings, allow_private: bool) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Err(why) = check_url(&settings.url, allow_private) {
        found.push(Diagnostic::error("url", "/url", why));
    }
    let mut within = |name: &str, value: u32, range: RangeInclusive<u32>| {
        if !range.contains(&value) {
            let message = format!("{name} is {value}; it goes from {} to {}", range.start(), range.end());
            found.push(Diagnostic::error("range", format!("/{name}"), message));
        }
    };
    within("timeout_ms", settings.timeout_ms, 1_000..=60_000);
    within("attempts_max", settings.attempts_max, 1..=50);
    within("backoff_base_ms", settings.backoff_base_ms, 10..=60_000);
    within("concurrency", settings.concurrency, 1..=64);
    if let Some(failures) = settings.breaker_failures {
        within("breaker_failures", failures, 1..=1_000);
    }
    within("breaker_pause_ms", settings.breaker_pause_ms, 100..=900_000);
    if let Some(rate) = settings.rate_per_s
        && !(0.01..=10_000.0).contains(&rate)
    {
        let message =
            format!("rate_per_s is {rate}; it goes from 0.01 to 10000. Leave it out for no limit, or pause it");
        found.push(Diagnostic::error("range", "/rate_per_s", message));
    }
    let old = settings.old_secrets.as_deref().unwrap_or_default();
    if old.len() > OLD_SECRETS_MAX {
        let message = format!("{} old keys are given; at most {OLD_SECRETS_MAX} sign along", old.len());
        found.push(Diagnostic::error("too-many", "/old_secrets", message));
    }
    if !old.is_empty() && settings.secret.is_none() {
        let message = "old keys sign along with a present one, and there is none; give `secret`, or no old keys";
        found.push(Diagnostic::error("secret", "/old_secrets", message));
    }
    found
}

/// Whether a signing key has the right form and can be read here and now.
pub async fn check_secret(secret: &str, pointer: &str) -> Option<Diagnostic> {
    let message = match is_well_formed(secret) {
        false => "a secret is `whsec_` and base64, or `env:NAME`, or `file:PATH`".to_owned(),
        true => resolve(secret).await.err()?.to_string(),
    };
    Some(Diagnostic::error("secret", pointer, message))
}

fn check_url(text: &str, allow_private: bool) -> Result<(), String> {
    if text.len() > URL_BYTES_MAX {
        return Err(format!("the address has more than {URL_BYTES_MAX} bytes"));
    }
    let url = Url::parse(text)
        .map_err(|error| format!("{text:?} is no address: {error}. It looks like https://host/path"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{} is not supported; use http or https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address holds no user and password; sign messages with a secret instead".to_owned());
    }
    if allow_private {
        return Ok(());
    }
    refuse_literal(&url).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{check, check_secret};

    fn codes(settings: serde_json::Value, allow_private: bool) -> Vec<String> {
        let settings = serde_json::from_value(settings).expect("settings of the right form");
        check(&settings, allow_private).into_iter().map(|one| one.pointer).collect()
    }

    #[test]
    fn an_ordinary_endpoint_is_fine() {
        assert_eq!(codes(json!({"kind": "http", "url": "https://example.org/hook"}), false), [""; 0]);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let settings = json!({"kind": "http", "url": "ftp://example.org", "timeout_ms": 5, "attempts_max": 0,
            "backoff_base_ms": 1, "concurrency": 1000, "rate_per_s": 0, "breaker_failures": 0, "breaker_pause_ms": 1,
            "old_secrets": [{"secret": "env:A", "expires_at": "2026-12-01T00:00:00Z"}]});
        let all = [
            "/url",
            "/timeout_ms",
            "/attempts_max",
            "/backoff_base_ms",
            "/concurrency",
            "/breaker_failures",
            "/breaker_pause_ms",
            "/rate_per_s",
            "/old_secrets",
        ];
        assert_eq!(codes(settings, false), all);
    }

    #[test]
    fn limits_have_bounds() {
        let with = |field: &str, value: serde_json::Value| {
            let mut settings = json!({"kind": "http", "url": "https://example.org/"});
            settings[field] = value;
            codes(settings, false)
        };
        for (field, fine, wrong) in [
            ("concurrency", json!([1, 64]), json!([0, 65])),
            ("rate_per_s", json!([0.01, 0.5, 100, 10_000, null]), json!([0, -1, 0.001, 10_001])),
            ("breaker_failures", json!([1, 1_000, null]), json!([0, 1_001])),
            ("breaker_pause_ms", json!([100, 900_000]), json!([99, 900_001])),
        ] {
            for value in fine.as_array().unwrap() {
                assert_eq!(with(field, value.clone()), [""; 0], "{field} {value}");
            }
            for value in wrong.as_array().unwrap() {
                assert_eq!(with(field, value.clone()), [format!("/{field}")], "{field} {value}");
            }
        }
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_is_refused_where_it_stands() {
        let said = async |secret: &str| check_secret(secret, "/secret").await.map(|found| found.message);
        assert_eq!(said("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await, None);
        for (secret, says) in [
            ("hush", "`env:NAME`"),
            ("env:BATON_TEST_NO_SUCH_VARIABLE", "BATON_TEST_NO_SUCH_VARIABLE, which is not set"),
            ("env:A=B", "not set"),
            ("file:/nowhere/at/all", "/nowhere/at/all"),
        ] {
            let message = said(secret).await.expect(secret);
            assert!(message.contains(says), "{secret}: {message}");
        }
    }

    #[test]
    fn private_addresses_are_refused_unless_allowed() {
        for url in ["http://127.0.0.1/", "http://[::1]/", "http://10.1.2.3/", "http://169.254.169.254/latest"] {
            assert_eq!(codes(json!({"kind": "http", "url": url}), false), ["/url"], "{url}");
            assert_eq!(codes(json!({"kind": "http", "url": url}), true), [""; 0], "{url}");
        }
    }

    #[test]
    fn what_to_do_about_a_private_address_is_said_once() {
        let settings = serde_json::from_value(json!({"kind": "http", "url": "http://10.1.2.3/"})).unwrap();
        let found = check(&settings, false).remove(0).message;
        assert_eq!(found.matches("BATON_ALLOW_PRIVATE_DESTINATIONS").count(), 1, "{found}");
    }

    #[test]
    fn an_address_with_a_password_is_refused() {
        assert_eq!(codes(json!({"kind": "http", "url": "https://me:hush@example.org/"}), true), ["/url"]);
    }
}
