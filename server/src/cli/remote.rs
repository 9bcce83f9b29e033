//! A running server, as the small commands call it.

use std::io::Write as _;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use reqwest::{Method, RequestBuilder, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use url::Url;

use crate::http::problem::{self, Problem};

/// Which server to talk to, and as whom.
#[derive(Debug, Clone, Args)]
pub struct Server {
    /// Where Baton runs
    #[arg(long, env = "BATON_URL", default_value = "http://127.0.0.1:4400", value_name = "URL")]
    pub url: Url,
    /// A token for it
    #[arg(long, env = "BATON_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

impl Server {
    /// One call with a JSON body under `/api/v1`. `segments` are path segments, encoded here. What is not a success is an error that
    /// says everything the server said.
    pub async fn call(
        &self,
        method: Method,
        segments: &[&str],
        headers: &[(&'static str, &str)],
        body: &Value,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut request = self.request(method, segments, &[])?;
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (status, text) = self.answer(request.json(body)).await?;
        let value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).context("an answer that is not JSON")?
        };
        Ok((status, value))
    }

    /// The items of a list. `query` is an object; what is null in it is not asked for.
    pub async fn list(&self, segments: &[&str], query: &Value) -> anyhow::Result<Value> {
        let asked = query.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let asked: Vec<(String, String)> = asked
            .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        let asked: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (_, text) = self.answer(self.request(Method::GET, segments, &asked)?).await?;
        serde_json::from_str(&text).context("an answer that is not JSON")
    }

    /// What a call answers that yields a file.
    pub async fn file(&self, segments: &[&str], query: &[(&str, &str)]) -> anyhow::Result<String> {
        let request = self.request(Method::GET, segments, query)?;
        Ok(self.answer(request).await?.1)
    }

    /// Sends a file as it is.
    pub async fn send(&self, segments: &[&str], query: &[(&str, &str)], file: String) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, segments, query)?;
        let (_, text) = self.answer(request.header(CONTENT_TYPE, "application/octet-stream").body(file)).await?;
        serde_json::from_str(&text).context("an answer that is not JSON")
    }

    fn request(&self, method: Method, segments: &[&str], query: &[(&str, &str)]) -> anyhow::Result<RequestBuilder> {
        let Some(token) = &self.token else {
            bail!("no token: set BATON_TOKEN or give --token (`baton token create --name NAME` makes one)");
        };
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow!("{} is not the address of a server", self.url))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(60)).build()?;
        Ok(client.request(method, url).bearer_auth(token))
    }

    /// The body of a success.
    async fn answer(&self, request: RequestBuilder) -> anyhow::Result<(StatusCode, String)> {
        let answer = request.send().await.with_context(|| {
            format!("cannot reach {}: is `baton serve` running there? Set BATON_URL to where it is", self.url)
        })?;
        let status = answer.status();
        let is_problem = answer
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(problem::CONTENT_TYPE.as_bytes()));
        let text = answer.text().await.context("the answer broke off")?;
        if status.is_success() {
            return Ok((status, text));
        }
        if status == StatusCode::UNAUTHORIZED {
            bail!(
                "{} does not know this token (BATON_TOKEN or --token), or it has expired: `baton token create --name \
                 NAME`, run where that server runs, makes another",
                self.url
            );
        }
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) if is_problem => Err(anyhow!(readable(&problem))),
            _ => Err(anyhow!("{} answered {status}: {}", self.url, text.chars().take(300).collect::<String>())),
        }
    }
}

/// Prints a line for each item of a page, and how to see more.
pub fn lines(page: &Value, columns: impl Fn(&Value) -> Vec<String>) {
    let mut out = std::io::stdout().lock();
    for item in page["items"].as_array().into_iter().flatten() {
        // A reader that has seen enough, such as `head`, is no failure.
        let _ = writeln!(out, "{}", columns(item).join("\t").trim_end());
    }
    if page["next"].is_string() {
        eprintln!("There are more: narrow it down, or raise --limit.");
    }
}

/// A problem as a person reads it: the sentence, then a line for each finding.
pub fn readable(problem: &Problem) -> String {
    let mut lines = vec![match problem.errors.as_slice() {
        [] => problem.detail.clone(),
        _ => problem.title.clone(),
    }];
    for finding in &problem.errors {
        let place = if finding.pointer.is_empty() { String::new() } else { format!("{}: ", finding.pointer) };
        lines.push(format!("  {place}{} [{}]", finding.message, finding.code));
    }
    if problem.status >= 500
        && let Some(instance) = &problem.instance
    {
        lines.push(format!("  ({instance})"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_readable() {
        let problem: Problem = serde_json::from_value(serde_json::json!({
            "type": "/problems/invalid", "title": "The request is not valid", "status": 422, "detail": "long",
            "code": "invalid", "instance": "urn:uuid:1",
            "errors": [{"pointer": "/input/from", "code": "schema", "message": "\"from\" is a required property"}],
        }))
        .unwrap();
        assert_eq!(
            readable(&problem),
            "The request is not valid\n  /input/from: \"from\" is a required property [schema]"
        );
    }
}
