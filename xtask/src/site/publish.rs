//! Puts the assets into the site's folder: only what changed, each with its brotli form, and nothing from before.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;
use serde::{Deserialize, Serialize};

use super::Purpose;

/// The smallest that brotli can do, and the slowest.
pub const QUALITY_MAX: u32 = 11;

/// A file of the site.
pub struct Asset {
    /// Where it lies in the site's folder, such as `pkg/baton.css`.
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// What was written for one asset at the last time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Written {
    fingerprint: String,
    /// The brotli quality (0 to 11) of the file with `.br` beside it; `None` when there is no such file.
    quality: Option<u32>,
}

/// A short name for a content. It only tells changes apart on one machine; nobody may rely on its value.
pub fn fingerprint(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}-{}", hasher.finish(), bytes.len())
}

/// Makes `folder` hold exactly `assets`, and their brotli forms where `purpose` asks for them.
pub fn publish(folder: &Path, assets: Vec<Asset>, purpose: Purpose) -> Result<()> {
    let record = folder.with_extension("json");
    let before: BTreeMap<PathBuf, Written> =
        fs::read(&record).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let mut now = BTreeMap::new();
    for asset in assets {
        let file = folder.join(&asset.path);
        let print = fingerprint(&asset.bytes);
        let same = before.get(&asset.path).filter(|written| written.fingerprint == print && file.is_file());
        if same.is_none() {
            fs::create_dir_all(file.parent().context("an asset lies in a folder")?)
                .and_then(|()| fs::write(&file, &asset.bytes))
                .with_context(|| format!("write {}", file.display()))?;
        }
        let quality = quality_for(&asset.path, purpose);
        let compressed = compressed_path(&file);
        let written = match (same.and_then(|written| written.quality), quality) {
            (Some(had), Some(wanted)) if had >= wanted && compressed.is_file() => Some(had),
            (_, Some(wanted)) => {
                let bytes = compress(&asset.bytes, wanted)?;
                if asset.path.extension().is_some_and(|extension| extension == "wasm") {
                    let (sent, path) = (bytes.len(), asset.path.display());
                    eprintln!("xtask: {path} is {sent} bytes to send (brotli {wanted})");
                }
                fs::write(&compressed, bytes).with_context(|| format!("write {}", compressed.display()))?;
                Some(wanted)
            }
            (_, None) => None,
        };
        now.insert(asset.path, Written { fingerprint: print, quality: written });
    }
    remove_others(folder, folder, &now)?;
    fs::write(&record, serde_json::to_vec_pretty(&now)?).with_context(|| format!("write {}", record.display()))
}

/// The brotli form's file: `baton.css.br` for `baton.css`.
pub fn compressed_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    PathBuf::from(name)
}

/// Fonts are compressed already; in development nothing is worth the wait.
fn quality_for(path: &Path, purpose: Purpose) -> Option<u32> {
    let compressible = ["css", "js", "json", "svg", "wasm", "txt"];
    path.extension().and_then(|extension| extension.to_str()).filter(|extension| compressible.contains(extension))?;
    match purpose {
        Purpose::Dev => None,
        Purpose::Run => Some(5),
        Purpose::Dist => Some(QUALITY_MAX),
    }
}

/// The brotli form of `bytes`; `quality` is 0 to [`QUALITY_MAX`].
pub fn compress(bytes: &[u8], quality: u32) -> Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: i32::try_from(quality).context("a brotli quality is a small number")?,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &parameters).context("compress with brotli")?;
    Ok(compressed)
}

fn remove_others(site: &Path, folder: &Path, keep: &BTreeMap<PathBuf, Written>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
        if path.is_dir() {
            remove_others(site, &path, keep)?;
            continue;
        }
        let relative = path.strip_prefix(site).context("an asset lies in the site")?;
        let kept = keep.iter().any(|(asset, written)| {
            relative == asset || written.quality.is_some() && relative == compressed_path(asset)
        });
        if !kept {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn an_asset(path: &str, text: &str) -> Asset {
        Asset { path: path.into(), bytes: text.repeat(100).into_bytes() }
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_folder_holds_the_assets_with_their_brotli_forms_and_nothing_from_before() {
        // given a site that was made for a person
        let folder = std::env::temp_dir().join(format!("xtask-publish-{}", std::process::id()));
        let site = folder.join("site");
        publish(&site, vec![an_asset("pkg/a.css", "a"), an_asset("pkg/b.woff2", "b")], Purpose::Run).unwrap();
        assert_eq!(files(&site.join("pkg")), ["a.css", "a.css.br", "b.woff2"]);
        // when it is made for development with other assets
        publish(&site, vec![an_asset("pkg/a.css", "other"), an_asset("pkg/c.js", "c")], Purpose::Dev).unwrap();
        // then nothing is left that a server could take for the new content's brotli form
        assert_eq!(files(&site.join("pkg")), ["a.css", "c.js"]);
        assert_eq!(fs::read_to_string(site.join("pkg/a.css")).unwrap(), "other".repeat(100));
        // and a release compresses again what a quick build had compressed less
        publish(&site, vec![an_asset("pkg/a.css", "other")], Purpose::Dist).unwrap();
        let mut plain = Vec::new();
        let compressed = fs::read(site.join("pkg/a.css.br")).unwrap();
        brotli::BrotliDecompress(&mut &compressed[..], &mut plain).unwrap();
        assert_eq!(plain, "other".repeat(100).into_bytes());
        fs::remove_dir_all(folder).unwrap();
    }
}
