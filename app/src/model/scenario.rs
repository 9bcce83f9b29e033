//! Scenarios: what a definition is tried out with.

use baton_domain::definition::DefinitionKind;
pub use baton_domain::simulation::{Coverage, Report as ScenarioReport, Verdict};
use serde::{Deserialize, Serialize};

/// A scenario was made of what an instance went through, and put into the draft of its definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ScenarioMade {
    pub kind: DefinitionKind,
    pub definition: String,
    pub name: String,
    /// The values that were not masked, because the instance would go another way without them.
    pub kept: Vec<String>,
}
