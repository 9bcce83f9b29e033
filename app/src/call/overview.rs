//! The first page, the numbers beside the navigation, and the settings page.

use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::context::signed_in;
use crate::{
    model::{About, AuditEntry, Badges, FlowItem, Overview},
    port::{Actor, Answer},
};

/// Who is signed in.
#[server(prefix = "/sfn", endpoint = "whoami", input = Json)]
pub async fn whoami() -> Answer<Actor> {
    signed_in().map(|(_, actor)| actor)
}

#[server(prefix = "/sfn", endpoint = "overview", input = Json)]
pub async fn get_overview() -> Answer<Overview> {
    signed_in()?.0.overview().await
}

#[server(prefix = "/sfn", endpoint = "badges", input = Json)]
pub async fn get_badges() -> Answer<Badges> {
    signed_in()?.0.badges().await
}

/// The newest lines of the live flow, oldest first.
#[server(prefix = "/sfn", endpoint = "flow", input = Json)]
pub async fn get_flow() -> Answer<Vec<FlowItem>> {
    signed_in()?.0.flow().await
}

#[server(prefix = "/sfn", endpoint = "about", input = Json)]
pub async fn get_about() -> Answer<About> {
    signed_in()?.0.about().await
}

#[server(prefix = "/sfn", endpoint = "audit", input = Json)]
pub async fn get_audit(subject: Option<String>) -> Answer<Vec<AuditEntry>> {
    signed_in()?.0.audit(subject).await
}
