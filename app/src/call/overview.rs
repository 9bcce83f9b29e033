//! The first page, the numbers beside the navigation, and the settings page.

use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::context::signed_in;
use crate::{
    model::{About, AuditEntry, Badges, FlowItem, Housekeeping, NodeView, Overview},
    port::{Actor, Answer},
    read::Encoded,
};

/// Who is signed in.
#[server(prefix = "/sfn", endpoint = "whoami", input = Json)]
pub async fn whoami() -> Answer<Encoded<Actor>> {
    Encoded::of(signed_in()?.1)
}

#[server(prefix = "/sfn", endpoint = "overview", input = Json)]
pub async fn get_overview() -> Answer<Encoded<Overview>> {
    signed_in()?.0.overview().await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "badges", input = Json)]
pub async fn get_badges() -> Answer<Encoded<Badges>> {
    signed_in()?.0.badges().await.and_then(Encoded::of)
}

/// The newest lines of the live flow, oldest first.
#[server(prefix = "/sfn", endpoint = "flow", input = Json)]
pub async fn get_flow() -> Answer<Encoded<Vec<FlowItem>>> {
    signed_in()?.0.flow().await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "about", input = Json)]
pub async fn get_about() -> Answer<Encoded<About>> {
    signed_in()?.0.about().await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "nodes", input = Json)]
pub async fn get_nodes() -> Answer<Encoded<Vec<NodeView>>> {
    signed_in()?.0.nodes().await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "housekeeping", input = Json)]
pub async fn get_housekeeping() -> Answer<Encoded<Housekeeping>> {
    signed_in()?.0.housekeeping().await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "audit", input = Json)]
pub async fn get_audit(subject: Option<String>) -> Answer<Encoded<Vec<AuditEntry>>> {
    signed_in()?.0.audit(subject).await.and_then(Encoded::of)
}
