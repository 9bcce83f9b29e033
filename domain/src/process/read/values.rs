//! Templates, expressions and moments among the fields of a node.

use chrono::TimeDelta;

use super::super::definition::{Moment, read_moment};
use crate::{
    diagnostic::Diagnostic,
    expression::{Expression, Template, compile_expression},
    fields::{Fields, shorten},
};

pub(super) fn read_template(
    fields: &mut Fields<'_>,
    field: &'static str,
    found: &mut Vec<Diagnostic>,
) -> Option<Template> {
    let value = fields.optional(field)?;
    Some(Template::compile(value, &fields.at(field), found))
}

/// A text that has to be an expression.
pub(crate) fn read_expression(
    fields: &mut Fields<'_>,
    field: &'static str,
    found: &mut Vec<Diagnostic>,
) -> Option<Expression> {
    let text = fields.required_text(field, crate::expression::SOURCE_BYTES_MAX + 1, found)?;
    let pointer = fields.at(field);
    match text.strip_prefix('=') {
        Some(source) => compile_expression(source, &pointer, found),
        None => {
            let message = format!("An expression is expected here; write `={}`.", shorten(text, 60));
            found.push(Diagnostic::error("expression", pointer, message));
            None
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    Length,
    Instant,
    Either,
}

pub(super) fn read_moment_field(
    fields: &mut Fields<'_>,
    field: &'static str,
    required: bool,
    form: Form,
    found: &mut Vec<Diagnostic>,
) -> Option<Moment> {
    let chars_max = crate::expression::SOURCE_BYTES_MAX + 1;
    let text = match required {
        true => fields.required_text(field, chars_max, found)?,
        false => fields.text(field, chars_max, found)?,
    };
    let pointer = fields.at(field);
    if let Some(source) = text.strip_prefix('=') {
        return compile_expression(source, &pointer, found).map(Moment::Computed);
    }
    match read_moment(text) {
        Some(Moment::After(length)) if form != Form::Instant => {
            if length < TimeDelta::milliseconds(1) {
                found.push(Diagnostic::error("duration", pointer, "Must be longer than nothing."));
                return None;
            }
            Some(Moment::After(length))
        }
        Some(Moment::At(instant)) if form != Form::Length => Some(Moment::At(instant)),
        _ => {
            let expected = match form {
                Form::Length => "a duration such as PT5M, PT12H or P2D",
                Form::Instant => "an instant such as 2026-11-23T09:00:00Z",
                Form::Either => "a duration such as P2D or an instant such as 2026-11-23T09:00:00Z",
            };
            let message = format!("`{}` is not {expected}, nor an expression.", shorten(text, 60));
            found.push(Diagnostic::error("duration", pointer, message));
            None
        }
    }
}

/// A length of time that no expression computes.
pub(super) fn read_length(
    fields: &mut Fields<'_>,
    field: &'static str,
    required: bool,
    found: &mut Vec<Diagnostic>,
) -> Option<TimeDelta> {
    match read_moment_field(fields, field, required, Form::Length, found)? {
        Moment::After(length) => Some(length),
        Moment::At(_) | Moment::Computed(_) => {
            let message = "Write a duration such as PT5S; it cannot be computed here.";
            found.push(Diagnostic::error("duration", fields.at(field), message));
            None
        }
    }
}
