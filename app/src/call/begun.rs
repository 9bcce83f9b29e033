//! The first text of a new definition.

use std::sync::Arc;

use baton_domain::definition::DefinitionKind;

use crate::{
    model::{DefinitionDetail, DefinitionSummary},
    port::{Answer, Backend},
};

const NEW_PROCESS: &str = "baton: process/1
name: {name}
input:
  type: object
  required: [customer]
  properties:
    customer: {type: string, title: Customer}
nodes:
  start: {kind: start, next: approve}
  approve:
    kind: approval
    title: =\"Approve \" + input.customer
    outcomes:
      approve: {next: done}
      refuse: {next: refused}
  done: {kind: end}
  refused: {kind: end, outcome: failed, reason: It was refused.}
";

const NEW_SAGA: &str = "baton: saga/1
name: {name}
on:
  SomethingHappened:
    send: DoTheNextThing
    to: other-context
    key: =event.aggregate_id
    payload: {id: =event.aggregate_id}
";

/// A definition that is only begun: nothing of it is stored yet.
pub async fn begun(backend: Arc<dyn Backend>, kind: DefinitionKind, name: String) -> Answer<DefinitionDetail> {
    let source = if kind == DefinitionKind::Process { NEW_PROCESS } else { NEW_SAGA }.replace("{name}", &name);
    let check = backend.check(kind, source.clone()).await?;
    let summary = DefinitionSummary {
        kind,
        name,
        version: None,
        has_draft: false,
        published_at: None,
        published_by: None,
        live: 0,
        stuck: 0,
        ended: 0,
    };
    Ok(DefinitionDetail { summary, shown: None, versions: Vec::new(), source, check, input_schema: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_definition_begins_without_an_error() {
        for text in [NEW_PROCESS, NEW_SAGA] {
            let checked = baton_domain::definition::check(&text.replace("{name}", "a-new-one"));
            let errors: Vec<_> = checked.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
            assert!(checked.definition.is_some() && errors.is_empty(), "{errors:?}");
        }
    }
}
