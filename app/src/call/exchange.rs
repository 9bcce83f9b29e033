//! Definitions from files.

use baton_domain::definition::DefinitionKind;
use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::context::{go_on_at, signed_in};
#[cfg(feature = "ssr")]
use crate::{link, model::Seen, port::AppError};
use crate::{model::Imported, port::Answer, read::Encoded};

/// What a file means as a definition of that kind, called `name` when given; stores nothing.
#[server(prefix = "/sfn", endpoint = "import", input = Json)]
pub async fn import_file(kind: DefinitionKind, text: String, name: Option<String>) -> Answer<Encoded<Imported>> {
    let imported = signed_in()?.0.import(text, name).await?;
    if imported.kind != kind {
        let (is, page) = match imported.kind {
            DefinitionKind::Process => ("process", "Processes"),
            DefinitionKind::Saga => ("saga", "Sagas"),
        };
        let message = format!("this is a {is}: import it on the page {page}");
        return Err(AppError::Invalid(vec![baton_domain::diagnostic::Diagnostic::error("wrong-kind", "", message)]));
    }
    Encoded::of(imported)
}

/// Saves what a file meant as the draft of a new definition. Goes on there.
#[server(prefix = "/sfn", endpoint = "save-imported")]
pub async fn save_imported(kind: DefinitionKind, name: String, source: String) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    for draft in [false, true] {
        if backend.definition(kind, name.clone(), None, draft).await.is_ok() {
            let message = format!(
                "there is a {} {name} already: give it another name, or open that one and import the file there",
                kind.as_str()
            );
            return Err(AppError::Conflict { code: "exists".into(), message });
        }
    }
    let source = backend.import(source, Some(name.clone())).await?.source;
    let seen = Seen { draft: Some(None), version: Some(0), failures: false };
    backend.save_draft(actor, kind, name.clone(), source, seen).await?;
    go_on_at(respond, &format!("{}?draft=1", link::definition(kind, &name)));
    Ok(())
}
