//! From text to JSON. YAML is read within bounds, since a few of its lines can stand for gigabytes.

use serde_json::Value;

use crate::{designer::desk::TEXT_BYTES_MAX, diagnostic::Diagnostic, fields::shorten};

/// The most bytes of a definition's text.
pub const SOURCE_BYTES_MAX: usize = TEXT_BYTES_MAX;

/// Reads JSON when it begins like JSON, else YAML.
pub(super) fn read(text: &str, found: &mut Vec<Diagnostic>) -> Option<Value> {
    if text.len() > SOURCE_BYTES_MAX {
        let message = format!("A definition has at most {SOURCE_BYTES_MAX} bytes; this one has {}.", text.len());
        found.push(Diagnostic::error("too-large", "", message));
        return None;
    }
    if text.trim_start().starts_with('{') {
        // YAML contains JSON, so what is no JSON may still be YAML in flow style.
        if let Ok(value) = serde_json::from_str(text) {
            return Some(value);
        }
    }
    match serde_saphyr::from_str_with_options(text, options()) {
        Ok(value) => Some(value),
        Err(error) => {
            let place = error
                .location()
                .map(|location| format!(" (line {}, column {})", location.line(), location.column()))
                .unwrap_or_default();
            let reason = error.without_snippet().to_string();
            let message = format!("This is neither YAML nor JSON{place}: {}", shorten(&reason, 300));
            found.push(Diagnostic::error("syntax", "", message));
            None
        }
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_events: 200_000,
            max_nodes: 100_000,
            max_depth: 100,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_documents: 1,
            max_total_scalar_bytes: 4 << 20,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 1_000,
        },
    }
}
