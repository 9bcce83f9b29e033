//! Operations on many instances at once.

use leptos::{prelude::*, server_fn::codec::Json};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "ssr")]
use super::{
    context::{given, signed_in},
    operate::{incomplete, object},
};
#[cfg(feature = "ssr")]
use crate::model::{BatchMove, BatchOperate, BatchRequest, BatchRestart, BatchSkip, BatchVariables};
use crate::{
    model::{BatchControl, BatchFilter, BatchView, OperationName},
    port::Answer,
    read::Encoded,
};

#[server(prefix = "/sfn", endpoint = "batches", input = Json)]
pub async fn list_batches() -> Answer<Encoded<Vec<BatchView>>> {
    signed_in()?.0.batches().await.and_then(Encoded::of)
}

/// The fields of the dialog; each operation reads those that it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchForm {
    pub operation: OperationName,
    pub reason: String,
    #[serde(default)]
    pub filter: BatchFilter,
    /// Skip and move: where the token stands. Restart: the step to begin at.
    pub node: Option<String>,
    pub port: Option<String>,
    /// Move: the node that it enters.
    pub to: Option<String>,
    /// Variables, as JSON.
    pub set: Option<String>,
}

#[server(prefix = "/sfn", endpoint = "start-batch")]
pub async fn start_batch(request: BatchForm) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let (filter, reason) = (request.filter.clone(), request.reason.clone());
    let operation = understood(request)?;
    backend.start_batch(actor, BatchRequest { operation, filter, reason }).await.map(drop)
}

#[cfg(feature = "ssr")]
fn understood(form: BatchForm) -> Answer<BatchOperate> {
    let BatchForm { operation, node, port, to, set, .. } = form;
    let node = || given(node).ok_or_else(|| incomplete("node", "Name the node."));
    let set = || given(set).map_or_else(|| Ok(Default::default()), |text| object(&text));
    Ok(match operation {
        OperationName::Retry => BatchOperate::Retry,
        OperationName::Suspend => BatchOperate::Suspend,
        OperationName::Resume => BatchOperate::Resume,
        OperationName::Cancel => BatchOperate::Cancel,
        OperationName::Compensate => BatchOperate::Compensate,
        OperationName::Abandon => BatchOperate::Abandon,
        OperationName::Skip => BatchOperate::Skip(BatchSkip { node: node()?, port: given(port), set: set()? }),
        OperationName::Move => {
            let to = given(to).ok_or_else(|| incomplete("to", "Name the node that it enters."))?;
            BatchOperate::Move(BatchMove { node: node()?, to })
        }
        OperationName::SetVariables => BatchOperate::SetVariables(BatchVariables { set: set()? }),
        OperationName::Restart => BatchOperate::Restart(BatchRestart { node: node()?, variables: set()? }),
        // Migrations are begun on the page of their definition; a command is settled one by one.
        OperationName::Migrate | OperationName::Settle => {
            return Err(incomplete("operation", "This is not done to many at once."));
        }
    })
}

#[server(prefix = "/sfn", endpoint = "control-batch")]
pub async fn control_batch(id: Uuid, control: BatchControl) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.control_batch(actor, id, control).await.map(drop)
}
