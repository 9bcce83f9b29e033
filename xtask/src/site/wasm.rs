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
}

const BUNDLES: [Bundle; 2] =
    [Bundle { program: "baton_app", name: "baton" }, Bundle { program: "baton_lab", name: "lab" }];

/// Builds `pkg/baton.js`, `pkg/baton_bg.wasm`, the same of `lab`, and the snippets of JavaScript that crates bring along.
pub fn bundle(purpose: Purpose) -> Result<Vec<Asset>> {
    let built = build(purpose)?;
    let mut assets = Vec::new();
    for Bundle { program, name } in BUNDLES {
        let folder = target().join("wasm-bindgen").join(name);
        bind(&built.join(format!("{program}.wasm")), &folder, name, purpose)?;
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
    run(&mut cargo_with([
        "build",
        "--package=baton-app",
        "--package=baton-lab",
        "--lib",
        "--no-default-features",
        "--features=baton-app/hydrate",
        "--target=wasm32-unknown-unknown",
        &format!("--profile={profile}"),
    ]))?;
    Ok(target().join("wasm32-unknown-unknown").join(folder))
}

/// Writes the bundle into `folder`, unless it was made of the same input by the same steps before.
fn bind(built: &Path, folder: &Path, name: &str, purpose: Purpose) -> Result<()> {
    let wasm = fs::read(built).with_context(|| format!("read {}", built.display()))?;
    let optimiser = tools::wasm_opt().filter(|_| purpose == Purpose::Dist);
    if purpose == Purpose::Dist && optimiser.is_none() {
        eprintln!("xtask: no wasm-opt found; with binaryen installed the bundle may become smaller");
    }
    let made_of = format!("{} {:?}", fingerprint(&wasm), optimiser);
    let stamp = folder.with_extension("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|at_last_time| at_last_time == made_of) {
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    let _ = fs::remove_dir_all(folder);
    Bindgen::new()
        .input_bytes(name, wasm)
        .web(true)?
        .typescript(false)
        // The program lies beside its JavaScript, and `lab` is loaded without saying so.
        .omit_default_module_path(false)
        .keep_debug(false)
        .remove_name_section(purpose != Purpose::Dev)
        .remove_producers_section(true)
        .generate(folder)
        .context("write the JavaScript for the wasm bundle")?;
    if let Some(program) = optimiser {
        optimise(&program, &folder.join(format!("{name}_bg.wasm")))?;
    }
    fs::write(&stamp, made_of).with_context(|| format!("write {}", stamp.display()))
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
