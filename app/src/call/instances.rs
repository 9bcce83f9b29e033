//! Instances: start and watch.

use leptos::{prelude::*, server_fn::codec::Json};
use uuid::Uuid;

#[cfg(feature = "ssr")]
use super::context::{given, go_on_at, signed_in, texts_to_value};
use crate::{
    form::Texts,
    model::{InstanceDetail, InstanceQuery, InstanceSummary, Page, StartForm},
    port::Answer,
    read::Encoded,
};
#[cfg(feature = "ssr")]
use crate::{link, model::StartRequest};

/// What the start form needs, with a fresh idempotency key: one form starts one instance, however often it is sent.
#[server(prefix = "/sfn", endpoint = "start-form", input = Json)]
pub async fn get_start_form(name: String, version: Option<u32>) -> Answer<Encoded<StartForm>> {
    let (backend, _) = signed_in()?;
    let definition =
        backend.definition(baton_domain::definition::DefinitionKind::Process, name, version, false).await?;
    Encoded::of(StartForm { definition, idempotency_key: Uuid::new_v4().to_string() })
}

/// Starts an instance with the input that the form's texts mean. Goes on at the instance's page.
#[server(prefix = "/sfn", endpoint = "start")]
pub async fn start_process(
    definition: String,
    version: Option<u32>,
    #[server(default)] fields: Texts,
    business_key: Option<String>,
    idempotency_key: Option<String>,
) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    let detail = backend
        .definition(baton_domain::definition::DefinitionKind::Process, definition.clone(), version, false)
        .await?;
    let input = texts_to_value(detail.input_schema.as_ref(), &fields)?;
    let (business_key, idempotency_key) = (given(business_key), given(idempotency_key));
    let request = StartRequest { definition, version: detail.shown, input, business_key, idempotency_key };
    let started = backend.start(actor, request).await?;
    go_on_at(respond, &link::instance(started.id));
    Ok(())
}

#[server(prefix = "/sfn", endpoint = "instances", input = Json)]
pub async fn list_instances(query: InstanceQuery) -> Answer<Encoded<Page<InstanceSummary>>> {
    signed_in()?.0.instances(query).await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "instance", input = Json)]
pub async fn get_instance(id: Uuid, at: Option<u64>) -> Answer<Encoded<InstanceDetail>> {
    let backend = signed_in()?.0;
    let instance = match at {
        None => backend.instance(id).await?,
        Some(at) => backend.instance_at(id, at).await?,
    };
    Encoded::of(instance)
}
