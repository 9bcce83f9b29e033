//! Repairs: retrying or discarding all failed deliveries that match.
//!
//! In this version a repair runs to its end within the request, in one transaction. What it did is remembered in
//! memory, so that `GET /repairs/{id}` answers until the server restarts; the audit keeps it for good.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use baton_app::model::{FailureGroup, Page, RepairAction, RepairFilter};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{optional_reason, whole};
use crate::http::{
    Api,
    extract::{Caller, Id, Json, Result},
    problem::Error,
};

/// Repairs remembered at a time.
const REMEMBERED_MAX: usize = 1_000;

/// What to do to which failed deliveries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRepair {
    action: RepairAction,
    /// Empty means every failed delivery.
    filter: RepairFilter,
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// A repair and how far it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Repair {
    pub id: Uuid,
    pub action: RepairAction,
    pub filter: RepairFilter,
    /// `done`; later versions also know `running` and `paused`.
    #[schema(example = "done")]
    pub state: &'static str,
    /// Deliveries put back or given up so far.
    pub touched: u64,
    pub by: String,
    pub reason: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: chrono::DateTime<Utc>,
}

/// The repairs of this process, newest last.
#[derive(Debug, Default)]
pub struct Repairs(Mutex<VecDeque<Repair>>);

impl Repairs {
    fn remember(&self, repair: Repair) {
        let mut repairs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if repairs.len() == REMEMBERED_MAX {
            repairs.pop_front();
        }
        repairs.push_back(repair);
    }

    fn find(&self, id: Uuid) -> Option<Repair> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|repair| repair.id == id).cloned()
    }
}

/// Retry or discard all failed deliveries that match
#[utoipa::path(
    post,
    path = "/repairs",
    tag = "repairs",
    operation_id = "start_repair",
    request_body = NewRepair,
    responses((status = 202, description = "The repair; `Location` says where to follow it", body = Repair))
)]
pub async fn post(
    State(api): State<Api>,
    Caller(actor): Caller,
    Json(body): Json<NewRepair>,
) -> Result<impl IntoResponse> {
    let NewRepair { action, filter, reason } = body;
    let reason = optional_reason(reason)?;
    let by = actor.name.clone();
    let report = api.backend.repair(actor, action, filter.clone(), reason.clone()).await?;
    let id = Uuid::now_v7();
    let touched = report.touched;
    let repair = Repair { id, action, filter, state: "done", touched, by, reason, created_at: Utc::now() };
    api.repairs.remember(repair.clone());
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/repairs/{id}"))], Json(repair)))
}

/// How far a repair is
#[utoipa::path(
    get,
    path = "/repairs/{id}",
    tag = "repairs",
    operation_id = "read_repair",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The repair", body = Repair))
)]
pub async fn read(State(api): State<Api>, _: Caller, Id(id): Id) -> Result<Json<Repair>> {
    api.repairs.find(id).map(Json).ok_or_else(|| {
        Error::not_found(format!("There is no repair {id} in memory; the audit keeps what older ones did."))
    })
}

/// Failed deliveries, grouped by destination, class, type and state
#[utoipa::path(
    get,
    path = "/failures",
    tag = "repairs",
    operation_id = "list_failures",
    responses((status = 200, description = "The groups", body = Page<FailureGroup>))
)]
pub async fn failures(State(api): State<Api>, _: Caller) -> Result<Json<Page<FailureGroup>>> {
    Ok(Json(whole(api.backend.failures().await?)))
}
