//! Operations on many instances at once.

use leptos::{prelude::*, server_fn::codec::Json};
use uuid::Uuid;

#[cfg(feature = "ssr")]
use super::context::signed_in;
#[cfg(feature = "ssr")]
use crate::model::BatchRequest;
use crate::{
    model::{BatchControl, BatchFilter, BatchOperate, BatchView},
    port::Answer,
    read::Encoded,
};

#[server(prefix = "/sfn", endpoint = "batches", input = Json)]
pub async fn list_batches() -> Answer<Encoded<Vec<BatchView>>> {
    signed_in()?.0.batches().await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "start-batch")]
pub async fn start_batch(
    operation: BatchOperate,
    reason: String,
    #[server(default)] filter: BatchFilter,
) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.start_batch(actor, BatchRequest { operation, filter, reason }).await.map(drop)
}

#[server(prefix = "/sfn", endpoint = "control-batch")]
pub async fn control_batch(id: Uuid, control: BatchControl) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.control_batch(actor, id, control).await.map(drop)
}
