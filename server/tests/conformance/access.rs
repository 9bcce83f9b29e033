//! Credentials and the audit.

use std::sync::Arc;

use baton_server::store::rows::{CredentialKind, CredentialRow};

use crate::support::*;

on_both!(
    a_credential_is_found_by_its_hash_until_it_expires,
    a_sign_in_link_works_once,
    a_sign_in_link_alone_is_no_credential,
    the_audit_is_listed_newest_first_and_by_subject,
);

pub fn credential(kind: CredentialKind, secret: u8) -> CredentialRow {
    CredentialRow {
        kind,
        secret_hash: vec![secret; 32],
        account: "ann".to_owned(),
        created_at: now(),
        expires_at: Some(in_seconds(60)),
    }
}

async fn a_credential_is_found_by_its_hash_until_it_expires(fixture: Fixture) {
    let session = credential(CredentialKind::Session, 1);
    let token = CredentialRow { expires_at: None, ..credential(CredentialKind::ApiToken, 2) };
    for row in [&session, &token] {
        fixture.store.put_credential(row).await.unwrap();
    }

    let find = async |kind, secret: u8, at| fixture.store.find_credential(kind, &[secret; 32], at).await.unwrap();
    assert_eq!(find(CredentialKind::Session, 1, now()).await, Some(session.clone()));
    assert_eq!(find(CredentialKind::Session, 1, in_seconds(61)).await, None);
    assert_eq!(find(CredentialKind::ApiToken, 1, now()).await, None, "kinds are apart");
    assert_eq!(find(CredentialKind::ApiToken, 2, in_seconds(1_000_000)).await, Some(token));
    assert_eq!(find(CredentialKind::Session, 9, now()).await, None);
    let later = CredentialRow { expires_at: Some(in_seconds(600)), ..session };
    fixture.store.put_credential(&later).await.unwrap();
    assert_eq!(find(CredentialKind::Session, 1, in_seconds(61)).await, Some(later), "renewed");
}

async fn a_sign_in_link_works_once(fixture: Fixture) {
    fixture.store.put_credential(&credential(CredentialKind::SignInLink, 1)).await.unwrap();
    let take = async |at| fixture.store.take_credential(CredentialKind::SignInLink, &[1; 32], at).await.unwrap();
    assert_eq!(take(in_seconds(61)).await, None, "expired");
    let store = Arc::clone(&fixture.store);
    let clicks: Vec<_> = (0..5)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(
                async move { store.take_credential(CredentialKind::SignInLink, &[1; 32], now()).await.unwrap() },
            )
        })
        .collect();
    let mut let_in = 0;
    for click in clicks {
        let_in += usize::from(click.await.unwrap().is_some());
    }

    assert_eq!(let_in, 1);
    assert_eq!(take(now()).await, None);
}

async fn a_sign_in_link_alone_is_no_credential(fixture: Fixture) {
    assert!(!fixture.store.has_credentials().await.unwrap());
    fixture.store.put_credential(&credential(CredentialKind::SignInLink, 1)).await.unwrap();
    assert!(!fixture.store.has_credentials().await.unwrap(), "or a lost link would lock everybody out");
    let expired = CredentialRow { expires_at: Some(in_seconds(-1)), ..credential(CredentialKind::Session, 1) };
    fixture.store.put_credential(&expired).await.unwrap();
    assert!(!fixture.store.has_credentials().await.unwrap());
    fixture.store.put_credential(&credential(CredentialKind::ApiToken, 2)).await.unwrap();
    assert!(fixture.store.has_credentials().await.unwrap());
}

async fn the_audit_is_listed_newest_first_and_by_subject(fixture: Fixture) {
    for (action, subject) in [("one", "a"), ("two", "b"), ("three", "a")] {
        fixture.store.append(&[], Some(audit(action, subject))).await.unwrap();
    }

    let all = fixture.store.list_audit(None, 2).await.unwrap();
    let of_a = fixture.store.list_audit(Some("a"), 10).await.unwrap();

    assert_eq!(all.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["three", "two"]);
    assert_eq!(of_a.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["three", "one"]);
    assert_eq!(of_a[1].reason.as_deref(), Some("because"));
    assert_eq!(of_a[1].detail, serde_json::json!({"by": "a test"}));
}
