//! Expressions tried with a sample, for whoever writes them.

use baton_app::port::{Answer, AppError};
use baton_domain::{
    definition::SOURCE_BYTES_MAX,
    expression::{Root, Scope, Template},
};
use chrono::Utc;
use serde_json::Value;

use super::invalid;

/// The most bytes of a value that is shown.
const VALUE_BYTES_MAX: usize = 2_000;

/// What `text` (an expression after `=`, or JSON with such in it) yields for a sample: an object of the roots that
/// expressions see. Compiling and evaluating are bounded, and have a thread that may block.
pub async fn evaluate(text: String, sample: String) -> Answer<String> {
    if text.len() + sample.len() > SOURCE_BYTES_MAX {
        return Err(invalid("too-large", "", "text and sample are too large together to be tried"));
    }
    let tried = tokio::task::spawn_blocking(move || try_out(&text, &sample));
    tried.await.map_err(|panic| {
        tracing::error!(%panic, "trying an expression panicked");
        AppError::Internal
    })?
}

fn try_out(text: &str, sample: &str) -> Answer<String> {
    let sample: Value = serde_json::from_str(sample)
        .map_err(|error| invalid("not-json", "", format!("the sample is no JSON: {error}")))?;
    let text = text.trim();
    let source = match text.starts_with(['{', '[']) {
        true => {
            serde_json::from_str(text).map_err(|error| invalid("not-json", "", format!("this is no JSON: {error}")))?
        }
        false => Value::from(text),
    };
    let mut found = Vec::new();
    let template = Template::compile(&source, "", &mut found);
    if !found.is_empty() {
        return Err(AppError::Invalid(found));
    }
    let mut scope = Scope::new().with("now", Root::Instant(Utc::now()));
    for root in ["input", "vars", "event", "form", "instance"] {
        if let Some(value) = sample.get(root) {
            scope = scope.with(root, Root::Json(value));
        }
    }
    let value = template.evaluate(&scope).map_err(|failure| invalid("failed", "", failure.to_string()))?;
    let mut shown = value.to_string();
    if shown.len() > VALUE_BYTES_MAX {
        let end = (0..=VALUE_BYTES_MAX).rev().find(|at| shown.is_char_boundary(*at)).unwrap_or(0);
        shown.truncate(end);
        shown.push('…');
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"{"input": {"n": 3}, "vars": {"list": [{"p": 2}, {"p": 1}]}}"#;

    fn tried(text: &str) -> Result<String, String> {
        try_out(text, SAMPLE).map_err(|error| error.to_string())
    }

    #[test]
    fn an_expression_yields_its_value_for_the_sample() {
        assert_eq!(tried("=input.n + 1"), Ok("4".to_owned()));
        assert_eq!(tried("=vars.list.min_by('p')"), Ok(r#"{"p":1}"#.to_owned()));
        assert_eq!(tried(r#"{"a": "=input.n > 2", "b": "plain"}"#), Ok(r#"{"a":true,"b":"plain"}"#.to_owned()));
        assert_eq!(tried("plain"), Ok("\"plain\"".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, says) in [("=input.", "column"), ("=input.m", "m"), ("{\"a\": ", "no JSON"), ("=form.x", "form")] {
            let why = tried(text).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
        assert!(try_out("=1", "{").unwrap_err().to_string().contains("the sample is no JSON"));
        assert!(tried("='x'.matches('y')").is_ok());
    }
}
