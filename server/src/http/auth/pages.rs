//! Signing in and out: plain forms that work without scripts.
//!
//! A one-time link opens a page with a button, and only the button uses the link up: programs that fetch links ahead
//! (mail scanners, browsers) do not burn it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Form,
    extract::{
        ConnectInfo, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use baton_app::port::Actor;
use serde::Deserialize;

use super::session_secret;
use crate::http::{
    Api,
    html::{escape, page},
    problem::Error,
};

/// The most characters of an account's name.
const NAME_CHARS_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    link: String,
    next: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SignIn {
    link: String,
    token: String,
    name: String,
    next: String,
}

/// Where a stranger who wanted `path` is sent.
pub fn sign_in_path(path: &str) -> String {
    if path == "/" {
        return "/sign-in".to_owned();
    }
    let query = serde_urlencoded::to_string([("next", path)]).unwrap_or_default();
    format!("/sign-in?{query}")
}

pub async fn show(
    State(api): State<Api>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    extensions: Extensions,
) -> Response {
    let wanted = wanted.map(|Query(wanted)| wanted).unwrap_or_default();
    if extensions.get::<Actor>().is_some() && wanted.link.is_empty() {
        return Redirect::to(local(&wanted.next)).into_response();
    }
    let form = SignIn { link: wanted.link, next: wanted.next, ..SignIn::default() };
    Html(sign_in_page(&form, api.settings.admin_token.is_some(), None)).into_response()
}

pub async fn sign_in(
    State(api): State<Api>,
    headers: HeaderMap,
    extensions: Extensions,
    form: Result<Form<SignIn>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        return Error::malformed("malformed-form", "The form could not be read; open the sign-in page again.")
            .into_response();
    };
    let address = extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    let now = std::time::Instant::now();
    let has_admin_token = api.settings.admin_token.is_some();
    if let Some(wait) = api.attempts.wait(address, now) {
        let text = format!("Too many wrong attempts. Try again in {} seconds.", wait.as_secs() + 1);
        let mut response =
            (StatusCode::TOO_MANY_REQUESTS, Html(sign_in_page(&form, has_admin_token, Some(&text)))).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, (wait.as_secs() + 1).into());
        return response;
    }
    match enter(&api, &form).await {
        Ok(Ok(secret)) => {
            if let Some(old) = session_secret(&headers)
                && let Err(error) = api.access.end(&old).await
            {
                return error.into_response();
            }
            let cookie = api.access.cookie(&secret);
            ([(header::SET_COOKIE, cookie)], Redirect::to(local(&form.next))).into_response()
        }
        Ok(Err(Refused { text, counts })) => {
            if counts {
                api.attempts.failed(address, now);
            }
            let form = if form.token.is_empty() && counts { SignIn { link: String::new(), ..form } } else { form };
            (StatusCode::UNAUTHORIZED, Html(sign_in_page(&form, has_admin_token, Some(text)))).into_response()
        }
        Err(error) => error.into_response(),
    }
}

pub async fn sign_out(State(api): State<Api>, headers: HeaderMap) -> Response {
    if let Some(secret) = session_secret(&headers)
        && let Err(error) = api.access.end(&secret).await
    {
        return error.into_response();
    }
    let clear = HeaderValue::from_static("\"cache\"");
    let headers =
        [(header::SET_COOKIE, api.access.no_cookie()), (header::HeaderName::from_static("clear-site-data"), clear)];
    (headers, Redirect::to("/sign-in")).into_response()
}

struct Refused {
    text: &'static str,
    /// Whether it counts as a wrong attempt.
    counts: bool,
}

/// Checks what was typed; the secret of a new session when it is right.
async fn enter(api: &Api, form: &SignIn) -> Result<Result<String, Refused>, Error> {
    let name = form.name.trim();
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Ok(Err(Refused { text: "A name has at most 64 characters, on one line.", counts: false }));
    }
    let account = if !form.token.is_empty() {
        match api.access.by_token(form.token.trim()).await? {
            Some(actor) => actor.name,
            None => return Ok(Err(Refused { text: "This token is not known here.", counts: true })),
        }
    } else if form.link.is_empty() {
        return Ok(Err(Refused { text: "Enter a token.", counts: false }));
    } else if api.access.take_link(&form.link).await? {
        super::admin().name
    } else {
        let text = "This link was used already or is too old. Run `baton token link` for a new one.";
        return Ok(Err(Refused { text, counts: true }));
    };
    let account = if name.is_empty() { account } else { name.to_owned() };
    api.access.begin(&account).await.map(Ok)
}

/// `next` when it is a path on this server, else the first page. `//host` and `/\host` lead elsewhere.
fn local(next: &str) -> &str {
    let is_local = next.starts_with('/')
        && !next[1..].starts_with(['/', '\\'])
        && !next.chars().any(|character| character.is_control() || character == '\\')
        && next.is_ascii();
    if is_local { next } else { "/" }
}

fn sign_in_page(form: &SignIn, has_admin_token: bool, error: Option<&str>) -> String {
    let error = error.map(|text| format!("<p class=\"error\" role=\"alert\">{}</p>", escape(text))).unwrap_or_default();
    let next = escape(&form.next);
    let name = escape(if form.name.is_empty() { "admin" } else { &form.name });
    let (way, hint) = if form.link.is_empty() {
        let setting =
            if has_admin_token { "The admin token is the setting <code>BATON_ADMIN_TOKEN</code>; o" } else { "O" };
        (
            "<label>Token\n<input type=\"password\" name=\"token\" required autofocus autocomplete=\"current-password\" \
             spellcheck=\"false\"></label>"
                .to_owned(),
            format!(
                "<p class=\"hint\">{setting}thers come from <code>baton token create</code>. No token at all? \
                 <code>baton token link</code> prints a link that signs you in once.</p>"
            ),
        )
    } else {
        (
            format!("<input type=\"hidden\" name=\"link\" value=\"{}\">", escape(&form.link)),
            "<p class=\"hint\">This link works once. Nothing happens before you press the button.</p>".to_owned(),
        )
    };
    let body = format!(
        "<h1>Sign in</h1>\n{error}\n<form method=\"post\" action=\"/sign-in\">\n\
         <input type=\"hidden\" name=\"next\" value=\"{next}\">\n{way}\n\
         <label>Your name\n<input name=\"name\" value=\"{name}\" maxlength=\"64\" required autocomplete=\"username\" \
         aria-describedby=\"name-hint\">\n\
         <small id=\"name-hint\">Stands in the history beside what you do, and decides which tasks are yours.</small></label>\n\
         <button type=\"submit\">Sign in</button>\n</form>\n{hint}"
    );
    page("Sign in", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_followed_after_signing_in() {
        for good in ["/", "/messages?state=dead", "/instances/1"] {
            assert_eq!(local(good), good);
        }
        for bad in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "javascript:alert(1)"] {
            assert_eq!(local(bad), "/", "{bad}");
        }
    }

    #[test]
    fn what_was_typed_is_shown_as_text() {
        let form = SignIn { name: "<script>\"'".to_owned(), next: "/\"><script>".to_owned(), ..SignIn::default() };
        let html = sign_in_page(&form, false, None);
        assert!(!html.contains("<script>"), "{html}");
    }
}
