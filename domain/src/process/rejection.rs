//! Why an input is refused: the checks that several inputs share.

use super::{Context, Operator, Rejection, walk::Walk};
use crate::diagnostic::Diagnostic;

pub(super) fn rejection(code: &'static str, pointer: &str, message: impl Into<String>) -> Rejection {
    Rejection { code, pointer: pointer.to_owned(), message: message.into(), findings: Vec::new() }
}

/// A rejection that carries all findings, if there are any. `prefix` is the pointer of what was looked at; the findings
/// go by the name `code` from here on.
pub(super) fn invalid(code: &'static str, prefix: &str, found: &[Diagnostic]) -> Result<(), Rejection> {
    let Some(first) = found.first() else { return Ok(()) };
    let findings = found.iter().map(|it| Diagnostic { code: code.to_owned(), ..it.clone().under(prefix) }).collect();
    let sentences: Vec<String> = found
        .iter()
        .take(10)
        .map(|it| if it.pointer.is_empty() { it.message.clone() } else { format!("{}: {}", it.pointer, it.message) })
        .collect();
    Err(Rejection { findings, ..rejection(code, &format!("{prefix}{}", first.pointer), sentences.join("; ")) })
}

pub(super) fn live(walk: &Walk<'_>) -> Result<(), Rejection> {
    match &walk.state.ended {
        None => Ok(()),
        Some(ending) => {
            let message = format!("This instance has ended as {}; that is final.", ending.status.as_str());
            Err(rejection("instance-ended", "", message))
        }
    }
}

pub(super) fn refuse_suspended(walk: &Walk<'_>) -> Result<(), Rejection> {
    if walk.state.suspended {
        return Err(rejection("suspended", "", "This instance is suspended; resume it first."));
    }
    Ok(())
}

/// The instance is live, and is as the operator saw it.
pub(super) fn in_time(walk: &Walk<'_>, operator: &Operator) -> Result<(), Rejection> {
    live(walk)?;
    as_seen(walk.context, operator)
}

/// The instance is as the operator saw it.
pub(super) fn as_seen(context: &Context, operator: &Operator) -> Result<(), Rejection> {
    match operator.expected {
        Some(expected) if expected != context.recorded => {
            let message = format!(
                "Something happened to this instance since you looked: its history has {} events, not {expected}.",
                context.recorded
            );
            Err(rejection("changed-meanwhile", "", message))
        }
        _ => Ok(()),
    }
}
