//! Taking in what came from elsewhere, so that one thing that the database refuses holds up nobody.

use baton_domain::{ids::MessageId, message::Message};

use crate::store::{Store, StoreError};

/// Takes `groups` in in the name of `consumer`: all at once, or, where the database refuses something in it, one by one;
/// `instead` then makes what stands for a refused group, with the reason. Returns what was new.
pub async fn take_in(
    store: &dyn Store,
    consumer: &str,
    groups: &[Vec<Message>],
    instead: impl Fn(usize, &str) -> Message + Send + Sync,
) -> Result<Vec<MessageId>, StoreError> {
    match store.take_in(consumer, &groups.concat()).await {
        Err(StoreError::Refused { .. }) => {}
        other => return other,
    }
    let mut fresh = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        fresh.extend(match store.take_in(consumer, group).await {
            Err(error @ StoreError::Refused { .. }) => {
                store.take_in(consumer, &[instead(index, &error.to_string())]).await?
            }
            other => other?,
        });
    }
    Ok(fresh)
}
