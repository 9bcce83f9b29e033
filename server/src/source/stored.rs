//! Settings of sources as they are stored: with the version of their form.

use baton_app::model::SourceSettings;
use baton_domain::source::Mode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored<S> {
    version: u32,
    settings: S,
}

/// `Err` says why the settings of a source cannot be read.
pub fn parse(stored: &Value) -> Result<SourceSettings, String> {
    let stored = Stored::<SourceSettings>::deserialize(stored).map_err(|error| error.to_string())?;
    if stored.version == VERSION {
        Ok(stored.settings)
    } else {
        Err(format!("they have the form {}, and this version knows {VERSION}", stored.version))
    }
}

pub fn to_value(settings: &SourceSettings) -> Value {
    serde_json::to_value(Stored { version: VERSION, settings }).expect("settings have a JSON form")
}

/// Whether what was remembered of `before` says nothing about `after`, which is another place or is read in another order.
pub fn begins_anew(before: &SourceSettings, after: &SourceSettings) -> bool {
    match (before, after) {
        (SourceSettings::Table(before), SourceSettings::Table(after)) => {
            let place = |it: &baton_domain::source::TableSource| {
                (it.database.clone(), it.schema.clone(), it.table.clone(), it.mode, it.transaction.clone())
            };
            let order = |it: &baton_domain::source::TableSource| (it.mapping.key.clone(), it.mapping.order.clone());
            place(before) != place(after) || order(before) != order(after)
        }
        // What is remembered is only how far changes were told of, and it says itself of which collection.
        (SourceSettings::Documents(before), SourceSettings::Documents(after)) => {
            (&before.server, &before.events, before.mode) != (&after.server, &after.events, after.mode)
        }
        (SourceSettings::Table(_), SourceSettings::Documents(_))
        | (SourceSettings::Documents(_), SourceSettings::Table(_)) => true,
    }
}

/// Whether reading by `before` made something over there, a place in a log, that nobody reads from any more. Where `after`
/// reads the log of the same database, its reader makes the same place anew by itself.
pub fn leaves_a_log(before: &SourceSettings, after: Option<&SourceSettings>) -> bool {
    let log_of = |settings: &SourceSettings| match settings {
        SourceSettings::Table(table) if table.mode == Mode::Log => Some(table.database.clone()),
        SourceSettings::Table(_) | SourceSettings::Documents(_) => None,
    };
    log_of(before).is_some_and(|database| after.and_then(log_of) != Some(database))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(changes: Value) -> SourceSettings {
        let mapping = json!({"key": "id", "type": "t", "aggregate_type": "a", "aggregate_id": "i", "payload": "p"});
        let mut settings = json!({"kind": "table", "table": "outbox", "mode": "read_only", "mapping": mapping});
        for (name, value) in changes.as_object().unwrap() {
            settings[name] = value.clone();
        }
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn settings_come_back_as_they_were_stored() {
        let plain = settings(json!({}));
        assert_eq!(parse(&to_value(&plain)), Ok(plain.clone()));
        let mut newer = to_value(&plain);
        newer["version"] = 2.into();
        assert!(parse(&newer).unwrap_err().contains("form 2"));
    }

    #[test]
    fn only_a_log_that_nobody_reads_any_more_is_left() {
        let log = settings(json!({"mode": "log"}));
        assert!(leaves_a_log(&log, None));
        assert!(leaves_a_log(&log, Some(&settings(json!({"mode": "delete"})))));
        assert!(leaves_a_log(&log, Some(&settings(json!({"mode": "log", "database": "env:OTHER"})))));
        // Dropping it would take it from the reader that has just made it.
        assert!(!leaves_a_log(&log, Some(&settings(json!({"mode": "log", "table": "other"})))));
        for mode in ["mark", "delete", "read_only"] {
            assert!(!leaves_a_log(&settings(json!({"mode": mode})), None), "{mode}");
        }
    }

    #[test]
    fn a_position_holds_for_the_same_table_in_the_same_order() {
        let plain = settings(json!({}));
        assert!(!begins_anew(&plain, &settings(json!({"poll_ms": 50}))));
        for other in [
            json!({"table": "other"}),
            json!({"schema": "shop"}),
            json!({"mode": "delete"}),
            json!({"database": "env:A"}),
        ] {
            assert!(begins_anew(&plain, &settings(other.clone())), "{other}");
        }
    }
}
