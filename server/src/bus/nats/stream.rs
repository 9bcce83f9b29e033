//! The stream that takes what Baton publishes: made when it is not there, else looked at.

use std::time::Duration;

use async_nats::jetstream::{
    Context, ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};

use crate::{
    bus::{naming::overlap, unavailable},
    store::rows::Failure,
};

/// How long a stream that we make keeps messages.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);
/// In how much time a stream that we make stores a repeat only once.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// `baton.shop` → `BATON_SHOP`: dots are none of a stream's name.
pub fn name(prefix: &str) -> String {
    prefix.to_ascii_uppercase().replace('.', "_")
}

/// Makes sure that what is published under `prefix` is stored. A stream that is there is never changed: the failure says
/// what to change.
pub async fn ensure(jetstream: &Context, prefix: &str) -> Result<(), Failure> {
    let name = name(prefix);
    match jetstream.get_stream(&name).await {
        Ok(stream) => check(&stream.cached_info().config, prefix).map_err(unavailable),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                create(jetstream, &name, format!("{prefix}.>"), "What Baton publishes").await
            }
            _ => Err(unavailable(format!(
                "The stream {name} cannot be looked at ({error}). Is JetStream enabled (-js), and may this user publish to \
                 `$JS.API.>`?"
            ))),
        },
    }
}

/// Makes a stream for one subject, on disk.
pub async fn create(jetstream: &Context, name: &str, subject: String, description: &str) -> Result<(), Failure> {
    let config = Config {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        subjects: vec![subject.clone()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_age: KEPT_FOR,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    };
    match jetstream.create_stream(config).await {
        Ok(_) => {
            tracing::info!(stream = name, subject, "made a stream on NATS");
            Ok(())
        }
        Err(error) => Err(unavailable(match error.kind() {
            CreateStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_SUBJECT_OVERLAP => {
                format!(
                    "The stream {name} cannot be made: another stream takes subjects of `{subject}`. Remove them from that \
                 one, or set another BATON_BUS_PREFIX."
                )
            }
            _ => format!(
                "The stream {name} for `{subject}` cannot be made ({error}). Make it yourself, or let this user publish to \
                 `$JS.API.STREAM.CREATE.{name}`."
            ),
        })),
    }
}

/// What would lose messages, or not take them at all.
fn check(config: &Config, prefix: &str) -> Result<(), String> {
    let (name, own) = (&config.name, format!("{prefix}.>"));
    let covers = |subject: &String| *subject == own || subject == ">" || covers_by_wildcard(subject, prefix);
    if !config.subjects.iter().any(covers) {
        return Err(format!(
            "The stream {name} takes the subjects {:?}, not `{own}`. Add that (`nats stream edit {name} --subjects='{own}'`), \
             or set another BATON_BUS_PREFIX.",
            config.subjects
        ));
    }
    if config.no_ack {
        return Err(format!("The stream {name} does not acknowledge (no_ack). Edit it to acknowledge."));
    }
    if config.sealed {
        return Err(format!("The stream {name} is sealed. Set another BATON_BUS_PREFIX, or make it anew."));
    }
    if config.storage == StorageType::Memory {
        return Err(format!(
            "The stream {name} is kept in memory and is lost when NATS restarts. Make it anew with file storage."
        ));
    }
    Ok(())
}

/// `shop.>` covers `shop.baton.>`.
fn covers_by_wildcard(subject: &str, prefix: &str) -> bool {
    subject.strip_suffix(".>").is_some_and(|head| {
        head.split('.').count() <= prefix.split('.').count() && overlap(subject, &format!("{prefix}.>"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(change: impl FnOnce(&mut Config)) -> Result<(), String> {
        let mut config = Config {
            name: "BATON".into(),
            subjects: vec!["baton.>".into()],
            storage: StorageType::File,
            ..Config::default()
        };
        change(&mut config);
        check(&config, "baton")
    }

    #[test]
    fn streams_that_lose_or_miss_messages_are_refused() {
        assert_eq!(checked(|_| ()), Ok(()));
        assert_eq!(checked(|config| config.subjects = vec!["*.>".into()]), Ok(()));
        assert!(checked(|config| config.subjects = vec!["baton.event.>".into()]).unwrap_err().contains("baton.>"));
        assert!(checked(|config| config.no_ack = true).unwrap_err().contains("no_ack"));
        assert!(checked(|config| config.storage = StorageType::Memory).unwrap_err().contains("file storage"));
    }
}
