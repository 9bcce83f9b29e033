//! Where a source is: Baton's own database, or one whose address stands in a variable or a file of the server.
//!
//! The address itself is a secret (it holds a password) and never stands in settings, errors or logs. Whoever may edit
//! sources can name any variable or file, so what is not the address of a database is never repeated either, and private
//! addresses are refused as for destinations.

use std::{net::IpAddr, path::PathBuf, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::SourceError;
use crate::destination::address::{AddressError, refuse, resolve_host};

const ENV: &str = "env:";
const FILE: &str = "file:";
/// An address is not longer.
const ADDRESS_BYTES_MAX: u64 = 4_096;

/// What the addresses of sources are seen from.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The address of Baton's own database.
    pub own_url: String,
    /// Whether the databases of sources may have private addresses.
    pub allow_private: bool,
}

impl Surroundings {
    /// What tells this Baton from others: its database, without user and password.
    pub fn owner(&self) -> String {
        match url::Url::parse(&self.own_url) {
            Ok(url) => format!("{}{}", url.host_str().unwrap_or_default(), url.path()),
            Err(_) => self.own_url.clone(),
        }
    }
}

/// A database that was found.
#[derive(Debug, Clone)]
pub enum Place {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

impl Place {
    /// Follows `reference` (`env:NAME` or `file:PATH`; `None`: Baton's own database). Read anew each time, so that a changed
    /// file counts at once.
    pub async fn find(reference: Option<&str>, surroundings: &Surroundings) -> Result<Self, SourceError> {
        let Some(reference) = reference else {
            return Self::parse(&surroundings.own_url, "BATON_DATABASE_URL");
        };
        let place = Self::parse(resolve(reference).await?.trim(), reference)?;
        if surroundings.allow_private { Ok(place) } else { place.public().await }
    }

    fn parse(url: &str, reference: &str) -> Result<Self, SourceError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(url).map_err(|_| {
                    SourceError::Address(format!(
                        "What stands in {reference} is not an address of PostgreSQL: it looks like \
                         postgres://USER:PASSWORD@HOST/DATABASE, with what is special in the password percent-encoded."
                    ))
                })?;
                Ok(Self::Postgres(Box::new(options.application_name("baton-source"))))
            }
            "sqlite" => {
                let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or_default();
                if path.is_empty() || path.contains('?') {
                    return Err(SourceError::Address(format!(
                        "What stands in {reference} names no file: it looks like sqlite:///PATH."
                    )));
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            _ => Err(SourceError::Address(format!(
                "What stands in {reference} is not the address of a database: it begins with postgres:// or sqlite://."
            ))),
        }
    }

    /// The same place, if it is one that may be called; a name is resolved here and not again.
    async fn public(self) -> Result<Self, SourceError> {
        let options = match self {
            Self::Sqlite(_) => {
                return Err(SourceError::Address(format!("The address leads to a file of this machine. {ADVICE}")));
            }
            Self::Postgres(options) => options,
        };
        let host = options.get_host().to_owned();
        if options.get_socket().is_some() || host.starts_with('/') {
            return Err(SourceError::Address(format!("The address leads to a socket of this machine. {ADVICE}")));
        }
        let address = public_host(&host).await?;
        // Where the certificate must be for the name, TLS itself sees to it that nobody else answers.
        if matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
            return Ok(Self::Postgres(options));
        }
        Ok(Self::Postgres(Box::new(options.host(&address.to_string()))))
    }
}

/// What to do about an address that is refused.
pub(super) const ADVICE: &str =
    "Private addresses are refused; set BATON_ALLOW_PRIVATE_DESTINATIONS=true to allow them.";

/// The address of a host that may be called.
pub(super) async fn public_host(host: &str) -> Result<IpAddr, SourceError> {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse::<IpAddr>() {
        return match refuse(address) {
            None => Ok(address),
            Some(what) => Err(SourceError::Address(format!("The host is {address}, which is {what}. {ADVICE}"))),
        };
    }
    let found = resolve_host(host, false).await.map_err(|error| match error {
        AddressError::Private { .. } => SourceError::Address(format!("{error}.")),
        AddressError::Unresolved { host, reason } => SourceError::Unreachable(format!(
            "The name `{host}` cannot be resolved ({reason}). Check the address and the name server."
        )),
    })?;
    let first = found.first().ok_or_else(|| SourceError::Unreachable(format!("`{host}` has no address.")))?;
    Ok(first.ip())
}

/// Whether a reference has a form that can be followed; for checks at the door.
pub fn is_well_formed(reference: &str) -> bool {
    let name = reference.strip_prefix(ENV).or_else(|| reference.strip_prefix(FILE));
    name.is_some_and(|name| !name.is_empty() && name.len() <= 1_000 && !name.contains('\0'))
}

pub(super) async fn resolve(reference: &str) -> Result<String, SourceError> {
    if let Some(name) = reference.strip_prefix(ENV) {
        // Reading a variable of a name that no variable can have panics.
        let found = if name.contains(['=', '\0']) { None } else { std::env::var(name).ok() };
        return found.ok_or_else(|| {
            SourceError::Address(format!(
                "The address should be in the environment variable {name}, which is not set. Set it and restart."
            ))
        });
    }
    let Some(path) = reference.strip_prefix(FILE) else {
        return Err(SourceError::Address(
            "Say where the address stands: `env:NAME` for a variable of the server, or `file:PATH`. An address itself is not \
             taken: it holds a password."
                .to_owned(),
        ));
    };
    let failed = |error: std::io::Error| {
        SourceError::Address(format!("The address should be in the file {path}, which cannot be read: {error}."))
    };
    let length = tokio::fs::metadata(path).await.map_err(failed)?.len();
    if length > ADDRESS_BYTES_MAX {
        return Err(SourceError::Address(format!("The file {path} is too large to hold an address and nothing else.")));
    }
    tokio::fs::read_to_string(path).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(allow_private: bool) -> Surroundings {
        Surroundings { own_url: "postgres://baton:hush@127.0.0.1/baton".into(), allow_private }
    }

    async fn said(content: &str, allow_private: bool) -> Result<Place, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("address");
        std::fs::write(&path, content).unwrap();
        let reference = format!("file:{}", path.display());
        let found = Place::find(Some(&reference), &surroundings(allow_private)).await;
        found.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn our_own_database_may_be_anywhere() {
        assert!(matches!(Place::find(None, &surroundings(false)).await, Ok(Place::Postgres(_))));
    }

    #[tokio::test]
    async fn private_addresses_are_refused_unless_allowed() {
        for (address, says) in [
            ("postgres://me:hush@127.0.0.1/shop", "loopback"),
            ("postgres://me:hush@10.1.2.3:5433/shop", "private"),
            ("postgres://me:hush@[::1]/shop", "loopback"),
            ("postgres://me:hush@localhost/shop", "loopback"),
            ("postgres://me:hush@%2Fvar%2Frun%2Fpostgresql/shop", "socket"),
            ("sqlite:///tmp/shop.db", "file"),
        ] {
            let refused = said(address, false).await.unwrap_err();
            assert!(
                refused.contains(says) && refused.contains("BATON_ALLOW_PRIVATE_DESTINATIONS"),
                "{address}: {refused}"
            );
            assert!(said(address, true).await.is_ok(), "{address}");
        }
        assert!(said("postgres://me:hush@8.8.8.8/shop", false).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_no_address_is_never_repeated() {
        for content in
            ["a secret of somebody else", "http://me:hush@example.org/", "postgres://me:hu sh@exa mple:x/", ""]
        {
            let refused = said(content, true).await.unwrap_err();
            assert!(!refused.contains("hu") && !refused.contains("somebody"), "{refused}");
            assert!(refused.contains("address"), "{refused}");
        }
        for (reference, says) in [
            ("env:BATON_TEST_NO_SUCH_VARIABLE", "not set"),
            ("env:A=B", "not set"),
            ("file:/nowhere/at/all", "cannot be read"),
            ("postgres://me:hush@example.org/", "env:NAME"),
        ] {
            let refused = Place::find(Some(reference), &surroundings(true)).await.unwrap_err().to_string();
            assert!(refused.contains(says) && !refused.contains("hush"), "{refused}");
        }
    }
}
