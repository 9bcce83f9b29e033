//! Versions of a definition beside each other, and an old one published again.

use baton_domain::definition::DefinitionKind;
use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::{
    compared,
    context::{given, go_on_at, signed_in},
};
#[cfg(feature = "ssr")]
use crate::{link, model::Seen};
use crate::{model::ComparisonView, port::Answer, read::Encoded};

/// `from` and `to` are numbers of versions or `draft`; empty ones are chosen.
#[server(prefix = "/sfn", endpoint = "compare", input = Json)]
pub async fn compare_versions(
    kind: DefinitionKind,
    name: String,
    from: String,
    to: String,
) -> Answer<Encoded<ComparisonView>> {
    let (backend, _) = signed_in()?;
    compared::view(backend.as_ref(), kind, name, (&from, &to)).await.and_then(Encoded::of)
}

/// Publishes the text of an old version as the next one. The draft stays as it is.
#[server(prefix = "/sfn", endpoint = "publish-again")]
pub async fn publish_again(kind: DefinitionKind, name: String, version: u32, note: Option<String>) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    let old = backend.definition(kind, name.clone(), Some(version), false).await?;
    // Its scenarios were run when it was published first; going back must not wait for them.
    let seen = Seen { draft: Some(None), version: None, failures: true };
    backend.publish(actor, kind, name.clone(), Some(old.source), given(note), seen).await?;
    go_on_at(respond, &link::definition(kind, &name));
    Ok(())
}
