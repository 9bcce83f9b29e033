//! What stands where nothing is yet, and teaches how to get something.

use crate::erased::Erase;
use leptos::prelude::*;

use super::code::Snippet;

/// A heading, a sentence, and what to do next.
#[component]
pub fn Empty(
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    #[prop(optional)] children: Option<Children>,
) -> AnyView {
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| children())}
        </div>
    }
    .erased()
}

const INSERT: &str = "INSERT INTO outbox (type, aggregate_type, aggregate_id, payload)
VALUES ('CampaignActivated', 'campaign', 'c-1', '{\"campaign_id\": \"c-1\"}');";

const CURL: &str = "curl -X POST http://127.0.0.1:4400/api/v1/messages \\
  -H \"Authorization: Bearer $BATON_ADMIN_TOKEN\" -H 'Content-Type: application/json' \\
  -d '{\"type\": \"CampaignActivated\", \"aggregate_type\": \"campaign\", \"aggregate_id\": \"c-1\", \"payload\": {\"campaign_id\": \"c-1\"}}'";

/// How the first message gets in: in one's own transaction, or over HTTP.
#[component]
pub fn FirstMessage() -> AnyView {
    view! {
        <Empty
            title="Insert your first message"
            text="Any program writes to the outbox in the transaction that changes its own data; Baton takes it from there. On PostgreSQL the table is baton.outbox."
        >
            <Snippet label="SQL" text=INSERT/>
            <p>"Programs without database access post it. For a world that is already in motion, run "<code>"baton demo"</code>"."</p>
            <Snippet label="curl" text=CURL/>
        </Empty>
    }
    .erased()
}
