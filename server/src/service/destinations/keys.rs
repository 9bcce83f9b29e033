//! Signing keys of a destination: what an edit means for them, and replacing one by another without a gap.

use baton_app::{
    model::{DestinationSettings, Instant, KeyRotation, OldSecret},
    port::{Answer, AppError},
};
use baton_domain::diagnostic::Diagnostic;
use chrono::TimeDelta;

use super::invalid;
use crate::destination::check::{OLD_FOR_S_MAX, OLD_SECRETS_MAX, check_secret};

/// The settings that are stored when somebody gives `settings` and `stored` are there, and what is wrong with the keys that
/// were given. Keys are never shown, so an edit that leaves them out keeps them; those that were kept are not checked again,
/// or nobody could change anything else while a variable is missing.
pub async fn merge(
    mut settings: DestinationSettings,
    stored: Option<DestinationSettings>,
    now: Instant,
) -> (DestinationSettings, Vec<Diagnostic>) {
    let (kept, kept_old) = stored.map_or((None, None), |stored| (stored.secret, stored.old_secrets));
    let mut found = Vec::new();
    let unsigned = settings.secret.as_deref() == Some("");
    match settings.secret.as_deref() {
        None => settings.secret = kept,
        Some("") => settings.secret = None,
        Some(given) => found.extend(check_secret(given, "/secret").await),
    }
    match settings.old_secrets.as_deref() {
        None if unsigned => {}
        None => settings.old_secrets = kept_old,
        Some(given) => {
            for (index, old) in given.iter().enumerate() {
                found.extend(check_secret(&old.secret, &format!("/old_secrets/{index}/secret")).await);
            }
        }
    }
    forget_expired(&mut settings, now);
    (settings, found)
}

/// The settings with another key; the one before signs along for a while.
pub async fn rotate(
    mut settings: DestinationSettings,
    rotation: &KeyRotation,
    now: Instant,
) -> Answer<DestinationSettings> {
    let mut found: Vec<Diagnostic> = check_secret(&rotation.secret, "/secret").await.into_iter().collect();
    if found.is_empty() && settings.secret.as_deref() == Some(rotation.secret.as_str()) {
        let message =
            "this is the present key already; for a file or a variable with a new content nothing has to be done";
        found.push(Diagnostic::error("same", "/secret", message));
    }
    if rotation.old_for_s > OLD_FOR_S_MAX {
        let message = format!("old_for_s is {}; it goes from 0 to {OLD_FOR_S_MAX} (30 days)", rotation.old_for_s);
        found.push(Diagnostic::error("range", "/old_for_s", message));
    }
    if !found.is_empty() {
        return Err(AppError::Invalid(found));
    }
    forget_expired(&mut settings, now);
    let before = settings.secret.replace(rotation.secret.clone());
    let mut old = settings.old_secrets.take().unwrap_or_default();
    // One that comes back is no old one any more.
    old.retain(|old| old.secret != rotation.secret);
    if let Some(secret) = before.filter(|_| rotation.old_for_s > 0) {
        old.push(OldSecret { secret, expires_at: now + TimeDelta::seconds(i64::from(rotation.old_for_s)) });
    }
    if old.len() > OLD_SECRETS_MAX {
        let message = format!("{OLD_SECRETS_MAX} keys from before sign along already; remove the old keys first");
        return Err(invalid("too-many", "/secret", message));
    }
    settings.old_secrets = (!old.is_empty()).then_some(old);
    Ok(settings)
}

fn forget_expired(settings: &mut DestinationSettings, now: Instant) {
    if let Some(old) = &mut settings.old_secrets {
        old.retain(|old| old.expires_at > now);
        if old.is_empty() {
            settings.old_secrets = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    const KEYS: [&str; 3] = ["whsec_Zmlyc3Q=", "whsec_c2Vjb25k", "whsec_dGhpcmQ="];

    fn at(second: i64) -> Instant {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn signed() -> DestinationSettings {
        DestinationSettings { secret: Some(KEYS[0].into()), ..DestinationSettings::http("https://example.org/".into()) }
    }

    fn rotation(secret: &str, old_for_s: u32) -> KeyRotation {
        KeyRotation { secret: secret.into(), old_for_s, reason: None }
    }

    fn old(settings: &DestinationSettings) -> Vec<(&str, i64)> {
        let old = settings.old_secrets.iter().flatten();
        old.map(|old| (old.secret.as_str(), old.expires_at.timestamp())).collect()
    }

    #[tokio::test]
    async fn the_key_before_signs_along_until_its_time() {
        let second = rotate(signed(), &rotation(KEYS[1], 60), at(0)).await.unwrap();
        assert_eq!((second.secret.as_deref(), old(&second)), (Some(KEYS[1]), vec![(KEYS[0], 60)]));
        let third = rotate(second.clone(), &rotation(KEYS[2], 60), at(30)).await.unwrap();
        assert_eq!(old(&third), [(KEYS[0], 60), (KEYS[1], 90)]);
        let later = rotate(second.clone(), &rotation(KEYS[2], 0), at(60)).await.unwrap();
        assert_eq!(old(&later), []);
        let back = rotate(second, &rotation(KEYS[0], 60), at(30)).await.unwrap();
        assert_eq!((back.secret.as_deref(), old(&back)), (Some(KEYS[0]), vec![(KEYS[1], 90)]));
    }

    #[tokio::test]
    async fn what_cannot_be_rotated_to_is_refused_where_it_stands() {
        for (rotation, pointer) in [
            (rotation("hush", 60), "/secret"),
            (rotation("env:BATON_TEST_NO_SUCH_VARIABLE", 60), "/secret"),
            (rotation(KEYS[0], 60), "/secret"),
            (rotation(KEYS[1], OLD_FOR_S_MAX + 1), "/old_for_s"),
        ] {
            let Err(AppError::Invalid(found)) = super::rotate(signed(), &rotation, at(0)).await else { panic!() };
            assert_eq!(found[0].pointer, pointer, "{found:?}");
        }
    }

    #[tokio::test]
    async fn an_edit_keeps_what_it_leaves_out_and_an_empty_secret_ends_signing() {
        let stored = rotate(signed(), &rotation(KEYS[1], 60), at(0)).await.unwrap();
        let given = |secret: Option<&str>| DestinationSettings {
            secret: secret.map(Into::into),
            ..DestinationSettings::http("https://example.org/other".into())
        };
        let (kept, found) = merge(given(None), Some(stored.clone()), at(1)).await;
        assert_eq!((kept.secret.as_deref(), old(&kept), found.len()), (Some(KEYS[1]), vec![(KEYS[0], 60)], 0));
        let (unsigned, _) = merge(given(Some("")), Some(stored.clone()), at(1)).await;
        assert_eq!((unsigned.secret, unsigned.old_secrets), (None, None));
        let missing = DestinationSettings { secret: Some("env:BATON_TEST_NO_SUCH_VARIABLE".into()), ..stored };
        let (_, found) = merge(given(None), Some(missing.clone()), at(1)).await;
        assert_eq!(found, [], "it was there before");
        let (_, found) = merge(missing, None, at(1)).await;
        assert_eq!(found[0].pointer, "/secret");
    }
}
