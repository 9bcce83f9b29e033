//! What operators do to instances, as the dialogs send it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "ssr")]
use super::context::{given, json, signed_in};
use crate::{model::OperationName, port::Answer};
#[cfg(feature = "ssr")]
use crate::{
    model::{Operate, OperateRequest, RestartRequest},
    port::{AppError, Backend},
};

/// The fields of all dialogs; each sends those that it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperateForm {
    pub id: Uuid,
    pub operation: OperationName,
    pub reason: String,
    pub expected: Option<u64>,
    /// Skip: `token/port`, no port for an undo. Move: `token/node`. Settle: the command's id. Migrate: the version.
    /// Restart: the point.
    pub choice: Option<String>,
    /// Retry: where; everywhere when empty. Variables: whose; the instance's when empty.
    pub token: Option<String>,
    /// Variables, as JSON.
    pub set: Option<String>,
    pub succeeded: Option<bool>,
    /// A reply's payload, as JSON.
    pub payload: Option<String>,
    /// The input, as JSON.
    pub input: Option<String>,
    /// Nodes that are called otherwise, a line each: `old=new`.
    pub mapping: Option<String>,
    #[serde(default)]
    pub compensate: bool,
}

#[server(prefix = "/sfn", endpoint = "operate")]
pub async fn operate_instance(request: OperateForm) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let (id, reason, expected) = (request.id, request.reason.clone(), request.expected);
    if request.operation == OperationName::Restart {
        let asked = restart(backend.as_ref(), request).await?;
        return backend.restart(actor, id, asked).await.map(drop);
    }
    let operate = understood(backend.as_ref(), request).await?;
    backend.operate(actor, id, OperateRequest { operate, reason, expected }).await.map(drop)
}

#[cfg(feature = "ssr")]
async fn restart(backend: &dyn Backend, form: OperateForm) -> Answer<RestartRequest> {
    let OperateForm { id, choice, set, input, reason, expected, .. } = form;
    let at = choice.and_then(|it| it.parse().ok()).ok_or_else(|| incomplete("choice", "Choose a point."))?;
    let variables = given(set).map_or_else(|| Ok(Default::default()), |text| object(&text))?;
    let input = given(input).map(|text| json("input", &text)).transpose()?;
    // What was left as it stood there is not changed.
    let before = backend.instance(id).await?.input;
    let input = input.filter(|input| *input != before);
    Ok(RestartRequest { at, variables, input, reason, expected, idempotency_key: None })
}

#[cfg(feature = "ssr")]
async fn understood(backend: &dyn Backend, form: OperateForm) -> Answer<Operate> {
    let OperateForm { id, operation, expected, choice, token, set, succeeded, payload, mapping, compensate, .. } = form;
    let token = given(token).map(|text| text.parse().map_err(|_| incomplete("token", "Choose one."))).transpose()?;
    let choice = || choice.clone().ok_or_else(|| incomplete("choice", "Choose one."));
    Ok(match operation {
        OperationName::Suspend => Operate::Suspend,
        OperationName::Resume => Operate::Resume,
        OperationName::Abandon => Operate::Abandon,
        OperationName::Restart => return Err(AppError::Internal),
        OperationName::Migrate => {
            let to_version = choice()?.parse().map_err(|_| incomplete("choice", "This is no version."))?;
            Operate::Migrate { to_version, mapping: renames(&mapping.unwrap_or_default())? }
        }
        OperationName::Retry => Operate::Retry { token },
        OperationName::Cancel => Operate::Cancel { compensate },
        OperationName::Compensate => Operate::Cancel { compensate: true },
        OperationName::Skip => {
            let (token, port) = token_and(&choice()?)?;
            let set = given(set).map_or_else(|| Ok(Default::default()), |text| object(&text))?;
            Operate::Skip { token: Some(token), node: None, port: given(Some(port)), set }
        }
        OperationName::Move => {
            let (token, to) = token_and(&choice()?)?;
            Operate::Move { token: Some(token), node: None, to }
        }
        OperationName::SetVariables => {
            let mut set = object(&given(set).unwrap_or_default())?;
            let instance = backend.instance(id).await?;
            if expected.is_some_and(|expected| expected != instance.recorded) {
                // What they changed is told by what they saw, which is no more: it is refused for that.
                return Ok(Operate::SetVariables { token, set });
            }
            let own = instance.tokens.into_iter().find(|it| token == Some(it.token)).map(|it| it.own);
            let before = own.map_or(instance.variables, serde_json::Value::Object);
            if let Some(name) = before.as_object().and_then(|it| it.keys().find(|name| !set.contains_key(*name))) {
                let message = format!("A variable cannot be taken away; set `{name}` to null instead.");
                return Err(incomplete("set", &message));
            }
            set.retain(|name, value| before.get(name) != Some(value));
            if set.is_empty() {
                return Err(incomplete("set", "Nothing is changed yet."));
            }
            Operate::SetVariables { token, set }
        }
        OperationName::Settle => {
            let command = choice()?.parse().map_err(|_| incomplete("choice", "This is no id of a command."))?;
            let succeeded = succeeded.ok_or_else(|| incomplete("succeeded", "Say what became of it."))?;
            let payload = given(payload).map_or_else(|| Ok(serde_json::Value::Null), |text| json("payload", &text))?;
            Operate::Settle { command, succeeded, payload }
        }
    })
}

/// Reads lines such as `old=new`; empty ones say nothing.
#[cfg(feature = "ssr")]
pub(super) fn renames(text: &str) -> Answer<std::collections::BTreeMap<String, String>> {
    let mut mapping = std::collections::BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let names = line.split_once('=').map(|(old, new)| (old.trim().to_owned(), new.trim().to_owned()));
        let Some((old, new)) = names.filter(|(old, new)| !old.is_empty() && !new.is_empty()) else {
            return Err(incomplete("mapping", &format!("`{line}` is not of the form `old=new`.")));
        };
        if let Some(other) = mapping.insert(old.clone(), new.clone()).filter(|other| *other != new) {
            return Err(incomplete("mapping", &format!("`{old}` cannot become both `{other}` and `{new}`.")));
        }
    }
    Ok(mapping)
}

#[cfg(feature = "ssr")]
fn token_and(choice: &str) -> Answer<(u32, String)> {
    let parts = choice.split_once('/').and_then(|(token, rest)| Some((token.parse().ok()?, rest.to_owned())));
    parts.ok_or_else(|| incomplete("choice", "Choose one."))
}

#[cfg(feature = "ssr")]
pub(super) fn object(text: &str) -> Answer<serde_json::Map<String, serde_json::Value>> {
    match json("set", text)? {
        serde_json::Value::Object(fields) => Ok(fields),
        _ => Err(incomplete("set", "Give names with their values, such as {\"amount\": 3}.")),
    }
}

#[cfg(feature = "ssr")]
pub(super) fn incomplete(field: &str, message: &str) -> AppError {
    AppError::Invalid(vec![baton_domain::diagnostic::Diagnostic::error("form", format!("/{field}"), message)])
}
