//! The web assets: the app's bundle and style under `/pkg`, the icon, and the style of the sign-in page.
//!
//! They come from inside the program (feature `embed`) or from a folder. A file that lies beside its name with `.br`
//! is sent compressed. The ETag is made of the content (or of time and length, in a folder), so a browser asks each
//! time and gets 304; an address with `?v=…` is kept for good.

use std::{
    borrow::Cow,
    collections::HashMap,
    path::{Component, Path, PathBuf},
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Api, html, problem::Error};
use crate::settings::Settings;

/// The site, put in by the compiler in a release build; a debug build reads the folder when asked. The folder may be
/// missing (lint and tests come before the site is made): `cargo xtask dist` looks whether the program serves it.
#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[cfg_attr(not(test), folder = "../target/site")]
#[cfg_attr(test, folder = "../style")]
#[allow_missing = true]
struct Embedded;

/// Set by `cargo xtask dist` to a fingerprint of the site: another site, another program.
#[cfg(feature = "embed")]
const _: Option<&str> = option_env!("BATON_SITE_FINGERPRINT");

/// A name for all that a page may load: all of it has to be of one build.
const BUILD: &str = "pkg/build.txt";
const PARTS: &str = "pkg/__wasm_split_manifest.json";
const ICON: &str = "pkg/icons/baton.svg";

/// Where the assets are read from.
#[derive(Debug, Clone)]
pub enum Assets {
    Folder(PathBuf),
    #[cfg(feature = "embed")]
    Embedded,
}

struct Asset {
    bytes: Cow<'static, [u8]>,
    etag: String,
}

impl Assets {
    pub fn new(settings: &Settings) -> Self {
        if let Some(folder) = &settings.site_dir {
            return Self::Folder(folder.clone());
        }
        #[cfg(feature = "embed")]
        return Self::Embedded;
        #[cfg(not(feature = "embed"))]
        return Self::Folder(PathBuf::from("target/site"));
    }

    /// Changes with every build of the bundle; the stream tells it to pages, which reload when it changed.
    pub async fn build_id(&self) -> String {
        match self.read(BUILD).await {
            Some(asset) => asset.etag.trim_matches('"').to_owned(),
            None => env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Which parts of the bundle each lazy page needs, by the name that leptos has for it. Without it they are loaded all
    /// the same, one after the other.
    pub fn parts(&self) -> HashMap<String, Vec<String>> {
        let text = match self {
            Self::Folder(folder) => std::fs::read(folder.join(PARTS)).ok(),
            #[cfg(feature = "embed")]
            Self::Embedded => Embedded::get(PARTS).map(|file| file.data.into_owned()),
        };
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    async fn read(&self, path: &str) -> Option<Asset> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(path);
                let metadata = tokio::fs::metadata(&path).await.ok().filter(std::fs::Metadata::is_file)?;
                let changed = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
                let bytes = tokio::fs::read(&path).await.ok()?;
                let etag = format!("\"{:x}-{:x}\"", changed.as_nanos(), metadata.len());
                Some(Asset { bytes: bytes.into(), etag })
            }
            #[cfg(feature = "embed")]
            Self::Embedded => {
                use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
                let file = Embedded::get(path)?;
                let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&file.metadata.sha256_hash()[..16]));
                Some(Asset { bytes: file.data, etag })
            }
        }
    }
}

/// `GET /favicon.ico`, which browsers ask for unasked.
pub async fn icon(State(api): State<Api>, headers: HeaderMap) -> Response {
    match api.assets.read(ICON).await {
        Some(icon) => answer(&headers, icon, "image/svg+xml", false),
        None => Error::not_found("There is no icon.").into_response(),
    }
}

/// `GET /pkg/…`.
pub async fn serve(State(api): State<Api>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if !is_plain(path) {
        return Error::not_found("There is no such asset.").into_response();
    }
    let takes_brotli =
        request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value.split(',').any(|coding| coding.split(';').next().is_some_and(|c| c.trim() == "br"))
        });
    let compressed = if takes_brotli { api.assets.read(&format!("{path}.br")).await } else { None };
    let encoding = compressed.as_ref().map(|_| HeaderValue::from_static("br"));
    let asset = match compressed {
        Some(asset) => asset,
        None => match api.assets.read(path).await {
            Some(asset) => asset,
            None => {
                return Error::not_found(format!("There is no asset `{path}`. Was the web bundle built?"))
                    .into_response();
            }
        },
    };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let is_versioned = request.uri().query().is_some_and(|query| query.starts_with("v="));
    let mut response = answer(request.headers(), asset, kind.as_ref(), is_versioned);
    if let Some(encoding) = encoding
        && response.status() == StatusCode::OK
    {
        response.headers_mut().insert(header::CONTENT_ENCODING, encoding);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// The style of the sign-in page.
pub async fn door_style(headers: HeaderMap) -> Response {
    let etag = concat!("\"", env!("CARGO_PKG_VERSION"), "\"").to_owned();
    answer(&headers, Asset { bytes: html::STYLE.as_bytes().into(), etag }, "text/css", false)
}

fn answer(asked: &HeaderMap, asset: Asset, content_type: &str, is_versioned: bool) -> Response {
    let known = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag));
    let mut response =
        if known { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(asset.bytes).into_response() };
    let headers = response.headers_mut();
    let cache = if is_versioned { "private, max-age=31536000, immutable" } else { "private, no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    let content_type = if content_type.starts_with("text/") {
        format!("{content_type}; charset=utf-8")
    } else {
        content_type.to_owned()
    };
    for (name, value) in [(header::ETAG, asset.etag), (header::CONTENT_TYPE, content_type)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// Whether `path` stays below the folder and names no hidden file.
fn is_plain(path: &str) -> bool {
    !path.contains(['\\', '%', '\0'])
        && Path::new(path).components().all(|part| match part {
            Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests' program has the folder `style` inside, which is always there.
    #[cfg(feature = "embed")]
    #[tokio::test]
    async fn what_is_inside_the_program_is_served_with_a_name_for_its_content() {
        let style = Assets::Embedded.read("main.css").await.unwrap();
        assert_eq!(style.bytes, std::fs::read("../style/main.css").unwrap());
        assert!(Assets::Embedded.read("main.css.br").await.is_none());

        let etag = style.etag.clone();
        let response = answer(&HeaderMap::new(), style, "text/css", false);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::ETAG], etag);

        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::try_from(&etag).unwrap())]);
        let again = Assets::Embedded.read("main.css").await.unwrap();
        assert_eq!(answer(&known, again, "text/css", false).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn only_plain_paths_below_the_folder_are_served() {
        assert!(is_plain("pkg/baton.js") && is_plain("pkg/fonts/inter.woff2"));
        for bad in ["pkg/../../secret", "/etc/passwd", "pkg/.git", "pkg/%2e%2e/x", "pkg\\x"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
