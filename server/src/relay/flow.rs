//! Lines of the live flow: what pages show while messages move.

use baton_app::model::FlowItem;
use baton_domain::message::Message;
use chrono::{DateTime, Utc};

/// A line about `message`: it is in `state` now, on its way `to`.
pub fn flow_item(message: &Message, to: Vec<String>, state: &str, at: DateTime<Utc>) -> FlowItem {
    FlowItem {
        id: message.id.0,
        at,
        kind: message.kind.as_str().to_owned(),
        message_type: message.message_type.clone(),
        aggregate_type: message.key.aggregate_type.clone(),
        aggregate_id: message.key.aggregate_id.clone(),
        source: message.source.clone(),
        to,
        state: state.to_owned(),
        took_ms: (state == "published").then(|| (at - message.created_at).num_milliseconds().max(0)),
        correlation_id: message.correlation_id.clone(),
    }
}
