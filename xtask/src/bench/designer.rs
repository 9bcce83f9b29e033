//! How smooth the canvas of the designer is, in a real browser: measured by `end2end/speed`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::Figures;
use crate::{
    command::run,
    tools::{chromium, end2end, npm_install},
};

/// `designer.frames_per_s_500`: the slowest of panning, zooming and dragging, with 500 nodes and 800 edges.
pub fn measure(program: &Path, site: &Path, folder: &Path) -> Result<Figures> {
    npm_install()?;
    let file = folder.join("designer.json");
    let mut command = Command::new("npx");
    command
        .current_dir(end2end())
        .args(["--no-install", "playwright", "test", "--config", "speed.config.ts"])
        .env("BATON_BIN", program)
        .env("BATON_SITE_DIR", site)
        .env("BATON_FIGURES", &file);
    if let Some(browser) = chromium()? {
        command.env("BATON_CHROMIUM", browser);
    }
    run(&mut command)?;
    let text = fs::read_to_string(&file).context("read the figures of the canvas")?;
    serde_json::from_str(&text).context("read the figures of the canvas")
}
