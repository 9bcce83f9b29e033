//! Secrets: how they are made, kept (only their SHA-256) and recognised.
//!
//! A secret has 32 random bytes, so a fast hash is enough to keep it: there is nothing to guess. The admin token is a
//! setting, may be short, and is compared in constant time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::HeaderValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use baton_app::port::Actor;
use chrono::{TimeDelta, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{COOKIE, admin};
use crate::{
    http::{extract::Result, problem::Error},
    settings::Settings,
    store::{
        Store, StoreError,
        rows::{CredentialKind, CredentialRow},
    },
};

/// How long a session lasts after it was last renewed.
pub const SESSION_DAYS: i64 = 7;
/// How long a sign-in link works.
pub const LINK_HOURS: i64 = 24;
/// The mark of Baton's API tokens, so that a leaked one can be recognised.
pub const TOKEN_PREFIX: &str = "baton_";

/// Who visits by a session.
pub struct Visit {
    pub actor: Actor,
    /// The session was prolonged, so its cookie has to be set again.
    pub renewed: bool,
}

pub struct Access {
    store: Arc<dyn Store>,
    admin_token: Option<String>,
    /// Tokens of this process by their hash.
    lent: Mutex<HashMap<Vec<u8>, Actor>>,
    secure: bool,
}

impl Access {
    pub fn new(store: Arc<dyn Store>, settings: &Settings) -> Self {
        let admin_token = settings.admin_token.clone().filter(|token| !token.is_empty());
        Self { store, admin_token, lent: Mutex::default(), secure: settings.cookie_is_secure() }
    }

    /// The account of a bearer token: the admin token, or one made by `baton token create`.
    pub async fn by_token(&self, token: &str) -> Result<Option<Actor>> {
        if token.is_empty() {
            return Ok(None);
        }
        if let Some(expected) = &self.admin_token
            && bool::from(hash(expected).ct_eq(&hash(token)))
        {
            return Ok(Some(admin()));
        }
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let hash = hash(token);
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        if lent.is_some() {
            return Ok(lent);
        }
        let found = self.store.find_credential(CredentialKind::ApiToken, &hash, Utc::now()).await?;
        Ok(found.map(|row| Actor { name: row.account }))
    }

    /// The account of a session. One that is more than a day old is prolonged.
    pub async fn by_session(&self, secret: &str) -> Result<Option<Visit>> {
        let now = Utc::now();
        let Some(row) = self.store.find_credential(CredentialKind::Session, &hash(secret), now).await? else {
            return Ok(None);
        };
        let actor = Actor { name: row.account.clone() };
        let renewed = row.expires_at.is_some_and(|at| at - now < TimeDelta::days(SESSION_DAYS - 1));
        if renewed {
            let expires_at = Some(now + TimeDelta::days(SESSION_DAYS));
            self.store.put_credential(&CredentialRow { expires_at, ..row }).await?;
        }
        Ok(Some(Visit { actor, renewed }))
    }

    /// Begins a session and returns its secret.
    pub async fn begin(&self, account: &str) -> Result<String> {
        let secret = random()?;
        self.put(CredentialKind::Session, &secret, account, Some(TimeDelta::days(SESSION_DAYS))).await?;
        Ok(secret)
    }

    pub async fn end(&self, secret: &str) -> Result<()> {
        self.store.take_credential(CredentialKind::Session, &hash(secret), Utc::now()).await?;
        Ok(())
    }

    /// Uses up a sign-in link: `true` once.
    pub async fn take_link(&self, link: &str) -> Result<bool> {
        let taken = self.store.take_credential(CredentialKind::SignInLink, &hash(link), Utc::now()).await?;
        Ok(taken.is_some())
    }

    /// Makes a sign-in link's secret; it works once and for [`LINK_HOURS`].
    pub async fn make_link(&self) -> Result<String> {
        let secret = random()?;
        let account = admin().name;
        self.put(CredentialKind::SignInLink, &secret, &account, Some(TimeDelta::hours(LINK_HOURS))).await?;
        Ok(secret)
    }

    /// Makes an API token. This is the only time it can be read.
    pub async fn make_token(&self, account: &str) -> Result<String> {
        let token = format!("{TOKEN_PREFIX}{}", random()?);
        self.put(CredentialKind::ApiToken, &token, account, None).await?;
        Ok(token)
    }

    /// Makes a token that works until the process ends, for what runs inside it. It is not kept anywhere.
    pub fn lend_token(&self, account: &str) -> Result<String> {
        let token = format!("{TOKEN_PREFIX}{}", random()?);
        let mut lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        lent.insert(hash(&token), Actor { name: account.to_owned() });
        Ok(token)
    }

    /// Whether there is any way in: an admin token, or somebody who signed in or has a token.
    pub async fn has_way_in(&self) -> Result<bool> {
        Ok(self.admin_token.is_some() || self.store.has_credentials().await?)
    }

    async fn put(
        &self,
        kind: CredentialKind,
        secret: &str,
        account: &str,
        lasts: Option<TimeDelta>,
    ) -> std::result::Result<(), StoreError> {
        let created_at = Utc::now();
        let row = CredentialRow {
            kind,
            secret_hash: hash(secret),
            account: account.to_owned(),
            created_at,
            expires_at: lasts.map(|lasts| created_at + lasts),
        };
        self.store.put_credential(&row).await
    }

    /// The cookie that carries a session.
    pub fn cookie(&self, secret: &str) -> HeaderValue {
        self.set_cookie(secret, TimeDelta::days(SESSION_DAYS).num_seconds())
    }

    /// The cookie that removes it.
    pub fn no_cookie(&self) -> HeaderValue {
        self.set_cookie("", 0)
    }

    fn set_cookie(&self, value: &str, max_age_seconds: i64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={max_age_seconds}{secure}");
        // The value is base64url that came from here or was found in the store, so this holds.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("baton_session=; Path=/; Max-Age=0"))
    }
}

/// What is kept of a secret.
pub fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// 32 random bytes from the operating system, as base64url.
fn random() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(&error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
