//! The canvas, by what a person expects of it.

use serde_json::{Value, json};

use super::*;

mod documents;
