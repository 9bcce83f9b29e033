//! The first text of a new definition.

use std::sync::Arc;

use baton_domain::definition::{self, DefinitionKind};

use crate::{
    model::{DefinitionDetail, DefinitionSummary, EXAMPLES},
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

/// Whether it has steps or reactions is the first decision, and is made on the empty canvas.
const NEW_SAGA: &str = "baton: saga/1
name: {name}
";

/// The example of that name, else the least that makes sense.
fn first_text(kind: DefinitionKind, name: &str) -> String {
    let example = definition::shipped().into_iter().find(|(shipped, _)| *shipped == name);
    match (example.filter(|_| EXAMPLES.contains(&(kind, name))), kind) {
        (Some((_, text)), _) => text.to_owned(),
        (None, DefinitionKind::Process) => NEW_PROCESS.replace("{name}", name),
        (None, DefinitionKind::Saga) => NEW_SAGA.replace("{name}", name),
    }
}

/// A definition that is only begun: nothing of it is stored yet.
pub async fn begun(backend: Arc<dyn Backend>, kind: DefinitionKind, name: String) -> Answer<DefinitionDetail> {
    let source = first_text(kind, &name);
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
    Ok(DefinitionDetail { summary, shown: None, draft: None, versions: Vec::new(), source, check, input_schema: None })
}

#[cfg(test)]
mod tests {
    use baton_domain::designer::Document;

    use super::*;

    #[test]
    fn every_example_is_offered() {
        let offered: Vec<_> = EXAMPLES.iter().map(|(_, name)| *name).collect();
        assert_eq!(offered, definition::shipped().map(|(name, _)| name));
    }

    #[test]
    fn a_new_definition_begins_without_an_error() {
        let names = EXAMPLES.iter().map(|(kind, name)| (*kind, *name));
        for (kind, name) in names.chain([(DefinitionKind::Process, "a-new-one")]) {
            let checked = definition::check(&first_text(kind, name));
            assert_eq!(checked.definition.as_ref().map(|it| (it.kind(), it.name())), Some((kind, name)));
            let errors: Vec<_> = checked.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
            assert!(checked.definition.is_some() && errors.is_empty(), "{errors:?}");
        }
    }

    #[test]
    fn a_new_saga_is_empty_and_lacks_nothing_but_a_beginning() {
        let checked = definition::check(&first_text(DefinitionKind::Saga, "a-new-one"));
        let codes: Vec<_> = checked.diagnostics.iter().map(|diagnostic| diagnostic.code.to_string()).collect();
        assert_eq!(codes, ["empty-saga"]);
        assert!(checked.value.is_some_and(|document| Document::new(document).is_saga()));
    }
}
