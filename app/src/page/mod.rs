//! One file per page. A page reads its parameters from the URL, reads what it shows through server functions that
//! depend on what changed ([`crate::live`]), and hands it to components.

mod compare;
mod conversation;
mod definition;
mod definitions;
mod destinations;
mod failures;
mod flow;
mod import;
mod instance;
mod instances;
mod message;
mod messages;
mod not_found;
mod overview;
mod settings;
mod sources;
mod start;
mod task;
mod tasks;

pub use compare::compare_page;
pub use conversation::ConversationPage;
pub use definition::definition_page;
pub use definitions::definitions_page;
pub use destinations::DestinationsPage;
pub use failures::FailuresPage;
pub use flow::FlowPage;
pub use instance::InstancePage;
pub use instances::InstancesPage;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
pub use message::MessagePage;
pub use messages::MessagesPage;
pub use not_found::NotFound;
pub use overview::OverviewPage;
pub use settings::SettingsPage;
pub use sources::{NewSourcePage, SourcesPage};
pub use start::StartPage;
pub use task::TaskPage;
pub use tasks::TasksPage;
use uuid::Uuid;

use crate::port::{Answer, AppError};

/// A segment of the path.
fn segment(name: &'static str) -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get(name).unwrap_or_default()))
}

/// A parameter of the query; empty when it is absent.
fn parameter(name: &'static str) -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get(name).unwrap_or_default()))
}

/// What was typed, unless nothing was.
fn some(text: String) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The id in the path.
fn id_of(text: &str, what: &str) -> Answer<Uuid> {
    text.parse().map_err(|_| AppError::NotFound(format!("There is no {what} with the id “{text}”.")))
}

/// A button's reason not to work, and words for what an action did.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", crate::clock::grouped(number)) }
}
