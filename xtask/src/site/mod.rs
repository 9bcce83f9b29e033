//! Makes `target/site/`, all that the browser loads: the wasm bundle, the styles, the fonts and the icons.
//!
//! `pkg/baton.js` and `pkg/baton_bg.wasm` come from `app` ([`wasm`]), `pkg/baton.css` from `style/*.css`
//! ([`styles`]), and every folder of `style/` is copied to a folder of `pkg/` of the same name. Beside each file stands
//! its brotli form, so that the server never compresses while somebody waits ([`publish`]). Work whose inputs did not
//! change is not done again. Everything lies flat under `pkg/`: the server serves that folder as it is.

mod publish;
mod styles;
mod wasm;

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context, Result};

use crate::command::{root, target};
use publish::Asset;

/// What the site is for; it decides how long may be spent on making it small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Development: a debug build of the wasm, nothing compressed.
    Dev,
    /// A person or a test runs it on this machine: small wasm, quick compression.
    Run,
    /// A release: as small as we know how.
    Dist,
}

/// A name for all of the site: pages that are open tell another build by it.
pub const BUILD: &str = "pkg/build.txt";

/// Where the site lies.
pub fn folder() -> PathBuf {
    target().join("site")
}

/// A name for what the site is made of, to tell one from another.
pub fn fingerprint() -> Result<String> {
    let record = folder().with_extension("json");
    let text = fs::read(&record).with_context(|| format!("read {}", record.display()))?;
    Ok(publish::fingerprint(&text))
}

/// Makes the site, or what changed of it, and returns its folder.
pub fn build(purpose: Purpose) -> Result<PathBuf> {
    let started = Instant::now();
    let mut assets = wasm::bundle(purpose)?;
    let style = root().join("style");
    assets.push(Asset { path: "pkg/baton.css".into(), bytes: styles::bundle(&style)?.into_bytes() });
    for entry in fs::read_dir(&style).with_context(|| format!("list {}", style.display()))? {
        let folder = entry.context("list the folder style")?.path();
        if folder.is_dir() {
            assets.extend(copied(&folder)?);
        }
    }
    let prints: Vec<String> = assets.iter().map(|asset| publish::fingerprint(&asset.bytes)).collect();
    let build = publish::fingerprint(prints.join(" ").as_bytes());
    assets.push(Asset { path: BUILD.into(), bytes: build.into_bytes() });
    publish::publish(&folder(), assets, purpose)?;
    eprintln!("xtask: {} is ready ({:.1} s)", folder().display(), started.elapsed().as_secs_f64());
    Ok(folder())
}

/// The files of one folder of `style/`, under the folder's name.
fn copied(folder: &std::path::Path) -> Result<Vec<Asset>> {
    let name = folder.file_name().context("a folder of style has a name")?;
    let mut assets = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let file = entry.with_context(|| format!("list {}", folder.display()))?.path();
        let path = PathBuf::from("pkg").join(name).join(file.file_name().context("a file has a name")?);
        let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        assets.push(Asset { path, bytes });
    }
    Ok(assets)
}
