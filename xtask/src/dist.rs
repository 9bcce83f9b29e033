//! `cargo xtask dist`: the release, one file with the site inside.

use std::{
    env, fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use baton_testkit::free_port;

use crate::{
    command::{cargo_with, run as run_command, target, terminate},
    site::{self, Purpose},
};

/// What the program must serve by itself.
const SHOWN: [&str; 3] = ["pkg/baton.js", "pkg/baton_bg.wasm", "pkg/baton.css"];
const TOKEN: &str = "dist-dist-dist-dist-dist-dist-dist";
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Builds `target/dist/baton`, and looks whether it serves the site.
pub fn run() -> Result<()> {
    let (built, site) = build()?;
    let folder = target().join("dist");
    let program = folder.join("baton");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let size_bytes = fs::copy(&built, &program).with_context(|| format!("copy {}", built.display()))?;
    check(&program, &site)?;
    println!("{} ({:.1} MB)", program.display(), size_bytes as f64 / 1e6);
    Ok(())
}

/// Builds the site, and the release with it inside; returns where both lie.
pub fn build() -> Result<(PathBuf, PathBuf)> {
    let site = site::build(Purpose::Dist)?;
    run_command(
        cargo_with(["build", "--release", "--package=baton-server", "--bin=baton", "--features=embed,kafka,mongodb"])
            .env("BATON_SITE_FINGERPRINT", site::fingerprint()?),
    )?;
    Ok((target().join("release/baton"), site))
}

/// Starts the program where there is nothing but itself, and compares what it serves with the site.
fn check(program: &Path, site: &Path) -> Result<()> {
    let folder = env::temp_dir().join(format!("baton-dist-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
    let port = free_port()?;
    let mut server = Command::new(program)
        .arg("serve")
        .current_dir(&folder)
        .env_remove("BATON_SITE_DIR")
        .env("BATON_DATABASE_URL", "sqlite://baton.db")
        .env("BATON_LISTEN", format!("127.0.0.1:{port}"))
        .env("BATON_ADMIN_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    let served = SHOWN.iter().try_for_each(|asset| {
        let expected = fs::read(site.join(asset)).with_context(|| format!("read {asset} of the site"))?;
        let body = fetch(port, asset).with_context(|| format!("ask the program for {asset}"))?;
        ensure!(body == expected, "{} serves another {asset} than the site's", program.display());
        Ok(())
    });
    terminate(&mut server)?;
    fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    served
}

/// The body of a 200, uncompressed; waits until somebody answers.
fn fetch(port: u16, path: &str) -> Result<Vec<u8>> {
    let deadline = Instant::now() + READY_WITHIN;
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) if Instant::now() > deadline => return Err(error).context("connect"),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    };
    stream.set_read_timeout(Some(READY_WITHIN)).context("set a time-out")?;
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).context("ask")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("read the answer")?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..answer.len().min(200)]));
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("the answer has a head")?;
    Ok(answer.split_off(end + 4))
}
