//! Single values: what each accepts, and how it is shown.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use url::Url;

use super::{BusUrl, MASK};
use crate::{bus::BusTarget, retention::INBOX_DAYS_MIN};

pub fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "expected an address and a port such as 127.0.0.1:4400, 0.0.0.0:4400 or [::1]:4400".into())
}

pub fn database_url(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("sqlite" | "postgres" | "postgresql", _)) => Ok(text.to_owned()),
        _ => Err("expected sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME".to_owned()),
    }
}

pub fn bus_url(text: &str) -> Result<BusUrl, String> {
    match BusTarget::parse(text) {
        Err(error) if !text.contains('@') => Err(error),
        parsed => Ok(parsed),
    }
}

/// 0, or long enough for what brokers keep and may hand over again.
pub fn inbox_days(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(days) if days == 0 || (INBOX_DAYS_MIN..=36_500).contains(&days) => Ok(days),
        _ => Err(format!(
            "expected 0 (for ever), or {INBOX_DAYS_MIN} to 36500: brokers may hand over again what is a week old"
        )),
    }
}

/// Words of letters, digits, `-` and `_`, joined by dots: what every broker takes as a name.
pub fn bus_prefix(text: &str) -> Result<String, String> {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match text.len() <= 60 && text.split('.').all(is_word) {
        true => Ok(text.to_owned()),
        false => Err("expected at most 60 letters, digits, - and _, such as baton or shop.baton".to_owned()),
    }
}

/// What PostgreSQL takes as the name of a replication slot.
pub fn slot(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match (1..=63).contains(&text.len()) && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("expected at most 63 small letters, digits and _".to_owned()),
    }
}

pub fn public_url(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|error| format!("{error}; expected something like https://baton.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("expected http:// or https:// and a host".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("Baton cannot live under a path: expected nothing after the host and port".to_owned());
    }
    Ok(url)
}

/// 0.05 s to an hour.
pub fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.05..=3_600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected seconds from 0.05 to 3600".to_owned()),
    }
}

pub fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
        _ => Err("expected a fraction from 0 to 1, such as 0.1".to_owned()),
    }
}

/// The URL with its password masked. One that cannot be parsed is masked whole when it may hold one.
pub fn without_password(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            // Cannot fail: a URL that has a password can have another one.
            let _ = url.set_password(Some("MASK"));
            url.as_str().replacen(":MASK@", &format!(":{MASK}@"), 1)
        }
        Err(_) if text.contains('@') => MASK.to_owned(),
        _ => text.to_owned(),
    }
}
