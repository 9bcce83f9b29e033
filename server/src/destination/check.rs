//! What is accepted as the settings of a destination: pure.

use baton_app::model::DestinationSettings;
use baton_domain::diagnostic::Diagnostic;
use url::Url;

use super::{address::refuse_literal, signature};

/// Every mistake in the settings, each with a pointer to its field. `allow_private`: see
/// [`super::address`].
pub fn check(settings: &DestinationSettings, allow_private: bool) -> Result<(), Vec<Diagnostic>> {
    let DestinationSettings::Http { url, mode: _, secret, timeout_ms, attempts_max, backoff_base_ms, concurrency } =
        settings;
    let mut found = Vec::new();
    if let Err(text) = check_url(url, allow_private) {
        found.push(Diagnostic::error("wrong-url", "/url", text));
    }
    if secret.as_deref().is_some_and(|secret| !signature::is_well_formed(secret)) {
        found.push(Diagnostic::error(
            "wrong-secret",
            "/secret",
            "Give `env:NAME`, `file:PATH`, or the secret itself: `whsec_` and 24 to 64 random bytes in base64.",
        ));
    }
    for (name, value, min, max) in [
        ("timeout_ms", *timeout_ms, 1_000, 60_000),
        ("attempts_max", *attempts_max, 1, 50),
        ("backoff_base_ms", *backoff_base_ms, 10, 60_000),
        ("concurrency", *concurrency, 1, 64),
    ] {
        if !(min..=max).contains(&value) {
            let text = format!("`{name}` must be from {min} to {max}.");
            found.push(Diagnostic::error("out-of-range", format!("/{name}"), text));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn check_url(text: &str, allow_private: bool) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| format!("This is not a URL ({error}): write https://host/path."))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("Only http and https are supported, not `{}`.", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("Do not put a password into the URL: it is shown. Sign messages with a secret instead.".to_owned());
    }
    if url.fragment().is_some() {
        return Err("A URL to post to has no fragment (`#…`).".to_owned());
    }
    if text.len() > 2_000 {
        return Err("The URL has more than 2,000 characters.".to_owned());
    }
    match refuse_literal(&url) {
        Err(error) if !allow_private => Err(format!("{error}.")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pointers(changes: Value, allow_private: bool) -> Vec<String> {
        let mut settings = json!({"kind": "http", "url": "https://example.com/events"});
        settings.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let found = check(&serde_json::from_value(settings).unwrap(), allow_private).err().unwrap_or_default();
        found.into_iter().map(|diagnostic| diagnostic.pointer).collect()
    }

    #[test]
    fn every_mistake_is_found() {
        assert_eq!(pointers(json!({}), false), [""; 0]);
        for url in ["ftp://example.com", "example.com", "http://user:secret@example.com/", "https://example.com/#a", ""]
        {
            assert_eq!(pointers(json!({"url": url}), true), ["/url"], "{url}");
        }
        assert_eq!(pointers(json!({"url": "http://127.1:8080/"}), false), ["/url"]);
        assert_eq!(pointers(json!({"url": "http://127.1:8080/"}), true), [""; 0]);
        let all_wrong =
            json!({"secret": "x", "timeout_ms": 10, "attempts_max": 0, "backoff_base_ms": 1, "concurrency": 65});
        assert_eq!(
            pointers(all_wrong, false),
            ["/secret", "/timeout_ms", "/attempts_max", "/backoff_base_ms", "/concurrency"]
        );
    }
}
