//! Two versions of a definition beside each other.

use std::fmt;

use baton_domain::designer::compare::{Comparison, Drawing, FieldChange};
use serde::{Deserialize, Serialize};

use super::{DefinitionSummary, VersionSummary};

/// What is compared: a published version, or the draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    Version(u32),
    Draft,
}

impl Side {
    /// As addresses write it: a number, or `draft`.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "draft" => Some(Self::Draft),
            number => number.parse().ok().map(Self::Version),
        }
    }

    pub fn parameter(self) -> String {
        match self {
            Self::Version(number) => number.to_string(),
            Self::Draft => "draft".to_owned(),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(number) => write!(formatter, "version {number}"),
            Self::Draft => formatter.write_str("the draft"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonView {
    pub summary: DefinitionSummary,
    /// The newest first.
    pub versions: Vec<VersionSummary>,
    pub from: Side,
    pub to: Side,
    pub outcome: Compared,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Compared {
    /// There is nothing else to compare it with.
    Only,
    /// Both sides are the same one.
    Same,
    /// It is neither JSON nor YAML.
    Unreadable(Side),
    Processes {
        comparison: Box<Comparison>,
        /// `None` where there is too much to draw.
        drawing: Option<Drawing>,
    },
    Sagas(Vec<FieldChange>),
}
