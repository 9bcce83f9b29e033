//! What a destination's settings must look like before they are stored. Names are resolved only when something is sent,
//! so a name that leads to a private address is refused then.

use std::ops::RangeInclusive;

use baton_app::model::DestinationSettings;
use baton_domain::diagnostic::Diagnostic;
use url::Url;

use super::{address::refuse_literal, signature::is_well_formed};

const URL_BYTES_MAX: usize = 2_000;

/// Everything that is wrong; pointers lead into the settings.
pub fn check(settings: &DestinationSettings, allow_private: bool) -> Vec<Diagnostic> {
    let DestinationSettings::Http { url, mode: _, secret, timeout_ms, attempts_max, backoff_base_ms, concurrency } =
        settings;
    let mut found = Vec::new();
    if let Err(why) = check_url(url, allow_private) {
        found.push(Diagnostic::error("url", "/url", why));
    }
    if let Some(secret) = secret
        && !is_well_formed(secret)
    {
        let message = "a secret is `whsec_` and base64, or `env:NAME`, or `file:PATH`";
        found.push(Diagnostic::error("secret", "/secret", message));
    }
    let mut within = |name: &str, value: u32, range: RangeInclusive<u32>| {
        if !range.contains(&value) {
            let message = format!("{name} is {value}; it goes from {} to {}", range.start(), range.end());
            found.push(Diagnostic::error("range", format!("/{name}"), message));
        }
    };
    within("timeout_ms", *timeout_ms, 1_000..=60_000);
    within("attempts_max", *attempts_max, 1..=50);
    within("backoff_base_ms", *backoff_base_ms, 10..=60_000);
    within("concurrency", *concurrency, 1..=64);
    found
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

    use super::check;

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
        let settings = json!({"kind": "http", "url": "ftp://example.org", "secret": "hush", "timeout_ms": 5,
            "attempts_max": 0, "backoff_base_ms": 1, "concurrency": 1000});
        let all = ["/url", "/secret", "/timeout_ms", "/attempts_max", "/backoff_base_ms", "/concurrency"];
        assert_eq!(codes(settings, false), all);
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
