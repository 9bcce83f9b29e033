//! The wasm bundles: cargo builds `app` and `lab` for the browser, wasm-bindgen (as a library) writes the JavaScript beside
//! each. `app` is what every page loads; `lab` is loaded by whoever tries a definition out.
//!
//! The library has to be of exactly the version of the `wasm-bindgen` that they are linked with; all are pinned with `=` in the
//! manifests, and wasm-bindgen itself refuses a bundle of another version.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::{
    Purpose,
    publish::{Asset, QUALITY_MAX, compress, fingerprint},
};
use crate::{
    command::{cargo_with, run, target},
    tools,
};

/// What rustc emits for wasm by default; binaryen has to be told what it may meet.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// A bundle: the crate's program, and what its files are called.
struct Bundle {
    program: &'static str,
    name: &'static str,
    /// Whether parts of it are loaded when they are needed ([`split`]).
    is_split: bool,
}

const BUNDLES: [Bundle; 2] = [
    Bundle { program: "baton_app", name: "baton", is_split: true },
    Bundle { program: "baton_lab", name: "lab", is_split: false },
];

/// Goes up when the steps change that make the files of a program.
const STEPS: u32 = 1;
/// The file that loads the parts; leptos expects this name.
const SPLIT_LINK: &str = "./__wasm_split.______________________.js";
/// Which parts a page needs; leptos reads it to have them loaded along with the program.
const SPLIT_MANIFEST: &str = "__wasm_split_manifest.json";

/// Builds `pkg/baton.js`, `pkg/baton_bg.wasm`, the same of `lab`, and the snippets of JavaScript that crates bring along.
pub fn bundle(purpose: Purpose) -> Result<Vec<Asset>> {
    let built = build(purpose)?;
    let mut assets = Vec::new();
    for bundle in BUNDLES {
        let folder = target().join("wasm-bindgen").join(bundle.name);
        bind(&built.join(format!("{}.wasm", bundle.program)), &folder, &bundle, purpose)?;
        collect(&folder, &PathBuf::from("pkg"), &mut assets)?;
    }
    Ok(assets)
}

/// The folder of both programs. They are built together, so that what both are made of is compiled once.
fn build(purpose: Purpose) -> Result<PathBuf> {
    tools::ensure_wasm_target()?;
    let (profile, folder) = match purpose {
        Purpose::Dev => ("dev", "debug"),
        Purpose::Run | Purpose::Dist => ("wasm-release", "wasm-release"),
    };
    let mut command = cargo_with([
        "build",
        "--package=baton-app",
        "--package=baton-lab",
        "--lib",
        "--no-default-features",
        "--features=baton-app/hydrate",
        "--target=wasm32-unknown-unknown",
        &format!("--profile={profile}"),
    ]);
    // What refers to what, for whoever takes the program apart.
    run(command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Clink-args=--emit-relocs"))?;
    Ok(target().join("wasm32-unknown-unknown").join(folder))
}

/// Writes the bundle into `folder`, unless it was made of the same input by the same steps before.
fn bind(built: &Path, folder: &Path, bundle: &Bundle, purpose: Purpose) -> Result<()> {
    let name = bundle.name;
    let mut wasm = fs::read(built).with_context(|| format!("read {}", built.display()))?;
    let optimiser = tools::wasm_opt().filter(|_| purpose == Purpose::Dist);
    if purpose == Purpose::Dist && optimiser.is_none() {
        eprintln!("xtask: no wasm-opt found; with binaryen installed the bundle may become smaller");
    }
    let made_of = format!("{} {STEPS} {:?}", fingerprint(&wasm), optimiser);
    let stamp = folder.with_extension("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|at_last_time| at_last_time == made_of) {
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    let _ = fs::remove_dir_all(folder);
    if bundle.is_split {
        wasm = split(&wasm, folder, name)?;
    }
    Bindgen::new()
        .input_bytes(name, wasm)
        // The parts use what the linker exports.
        .keep_lld_exports(bundle.is_split)
        .web(true)?
        .typescript(false)
        // The program lies beside its JavaScript, and `lab` is loaded without saying so.
        .omit_default_module_path(false)
        .keep_debug(false)
        .remove_name_section(purpose != Purpose::Dev)
        .remove_producers_section(true)
        .generate(folder)
        .context("write the JavaScript for the wasm bundle")?;
    if purpose != Purpose::Dev {
        for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
            let file = entry.with_context(|| format!("list {}", folder.display()))?.path();
            if file.extension().is_some_and(|extension| extension == "wasm") {
                let whole = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
                fs::write(&file, stripped(&whole)?).with_context(|| format!("write {}", file.display()))?;
            }
        }
    }
    if let Some(program) = optimiser {
        optimise(&program, &folder.join(format!("{name}_bg.wasm")))?;
    }
    fs::write(&stamp, made_of).with_context(|| format!("write {}", stamp.display()))
}

/// Takes the code of lazy pages out of a program, into parts that lie beside it, and returns what is left. The program loads a
/// part when a page of it is opened.
fn split(wasm: &[u8], folder: &Path, name: &str) -> Result<Vec<u8>> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let left = folder.with_extension("left.wasm");
    let main_module = format!("./{name}.js");
    let mut options = wasm_split_cli_support::Options::new(wasm);
    options.output_dir = folder;
    options.main_out_path = &left;
    options.link_name = SPLIT_LINK;
    options.main_module = &main_module;
    let split = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow::anyhow!("take the wasm bundle apart: {error:#}"))?;
    let manifest = serde_json::to_vec(&split.prefetch_map)?;
    fs::write(folder.join(SPLIT_MANIFEST), manifest).context("write which page needs which part")?;
    fs::read(&left).with_context(|| format!("read {}", left.display()))
}

/// Takes what binaryen makes of `bundle`, if that is smaller to send: fewer bytes may well compress worse.
fn optimise(program: &Path, bundle: &Path) -> Result<()> {
    let optimised = bundle.with_extension("optimised");
    run(Command::new(program).args(["-Oz", "-o"]).arg(&optimised).arg(bundle).args(WASM_FEATURES))?;
    let sent = |file: &Path| {
        let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
        compress(&bytes, QUALITY_MAX).map(|compressed| compressed.len())
    };
    let (plain, smaller) = (sent(bundle)?, sent(&optimised)?);
    eprintln!("xtask: the bundle is {plain} bytes to send, {smaller} after wasm-opt");
    if smaller < plain { fs::rename(&optimised, bundle) } else { fs::remove_file(&optimised) }
        .with_context(|| format!("choose between {} and its optimised form", bundle.display()))
}

/// A program without what browsers have no use for: names, and what refers to what.
fn stripped(wasm: &[u8]) -> Result<Vec<u8>> {
    const HEADER: usize = 8;
    const CUSTOM: u8 = 0;
    let (header, mut rest) = wasm.split_at_checked(HEADER).context("a wasm program has a header")?;
    let mut kept = header.to_vec();
    while let [section, length @ ..] = rest {
        let (size, bytes) = length_of(length).context("a section of a wasm program has a length")?;
        let end = 1 + bytes + size;
        let whole = rest.get(..end).context("a section of a wasm program is as long as it says")?;
        if *section != CUSTOM {
            kept.extend_from_slice(whole);
        }
        rest = &rest[end..];
    }
    Ok(kept)
}

/// An unsigned number in LEB128, and how many bytes it takes.
fn length_of(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, index + 1));
        }
    }
    None
}

fn collect(folder: &Path, as_folder: &Path, assets: &mut Vec<Asset>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("list {}", folder.display()))?;
        let (file, path) = (entry.path(), as_folder.join(entry.file_name()));
        if file.is_dir() {
            collect(&file, &path, assets)?;
        } else {
            let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
            assets.push(Asset { path, bytes });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_runs_is_left_of_a_program() {
        let header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
        let types = [1, 4, 1, 0x60, 0, 0];
        // A custom section of 130 bytes, whose length takes two.
        let custom: Vec<u8> = [0, 0x82, 0x01].into_iter().chain([7; 130]).collect();
        let whole = [&header[..], &custom, &types, &custom].concat();
        assert_eq!(stripped(&whole).unwrap(), [&header[..], &types].concat());
        assert!(stripped(&whole[..whole.len() - 1]).is_err(), "it was cut off");
        assert!(stripped(&header[..7]).is_err());
    }
}
