//! A throw-away server that speaks MongoDB's protocol, on a free port of loopback.
//!
//! The program is looked for in `BATON_SECANTUSD` and `PATH`, else taken from the PyPI package `secantusdb`: a server with
//! updates of arrays, partial indexes, change streams with resume tokens, and users. (MongoDB itself comes in no package that one
//! may pass on.) A missing server is an error, never a reason to skip a test.

use std::{
    env, fs,
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

const PACKAGE: &str = "secantusdb==0.7.0b3";
const PROGRAM: &str = "secantusd-py";
const READY_WITHIN: Duration = Duration::from_secs(60);
const ENDED_WITHIN: Duration = Duration::from_secs(20);
const START_ATTEMPTS_MAX: u32 = 5;

/// A running server. Dropping it kills the server and removes its data.
pub struct MongoDb {
    folder: PathBuf,
    port: u16,
    arguments: Vec<String>,
    server: Option<Server>,
}

impl MongoDb {
    /// Starts a server, as a replica set of one member; `arguments` are handed to the program (`--standalone`, …).
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut mongodb = Self { folder: fresh_folder("mongodb")?, port: 0, arguments, server: None };
        for attempt in 1.. {
            mongodb.port = free_port()?;
            match mongodb.resume() {
                Ok(()) => break,
                // Most likely somebody else took the port between our look at it and the start.
                Err(_) if attempt < START_ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
        Ok(mongodb)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address for clients, without a user.
    pub fn url(&self) -> String {
        self.url_of("")
    }

    /// The address for a user, as `name:password`.
    pub fn url_for(&self, user: &str) -> String {
        self.url_of(&format!("{user}@"))
    }

    fn url_of(&self, user: &str) -> String {
        format!("mongodb://{user}127.0.0.1:{}/?directConnection=true", self.port)
    }

    /// Kills the server (SIGKILL); what it had not written to the disk is lost.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Ends the server in order; its data stays.
    pub fn stop(&mut self) -> Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        run(Command::new("kill").arg("-TERM").arg(server.pid().to_string()))?;
        let deadline = Instant::now() + ENDED_WITHIN;
        while server.runs() {
            ensure!(Instant::now() < deadline, "{PROGRAM} did not end in time");
            thread::sleep(Duration::from_millis(10));
        }
        self.server = None;
        Ok(())
    }

    /// Starts it again on the same port with the same data, and asks for user and password from now on.
    pub fn resume_with_users(&mut self) -> Result<()> {
        self.arguments.push("--auth".to_owned());
        self.resume()
    }

    /// Starts it again on the same port with the same data; returns when it answers.
    pub fn resume(&mut self) -> Result<()> {
        self.kill();
        let mut command = program()?;
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--log-level", "WARNING"]);
        command.arg("--storage-path").arg(self.folder.join("data")).args(&self.arguments).current_dir(&self.folder);
        let log = self.folder.join("server.log");
        let server = Server::start(&command, &log)?;
        let deadline = Instant::now() + READY_WITHIN;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let said = || fs::read_to_string(&log).unwrap_or_default();
            ensure!(server.runs(), "{PROGRAM} ended; it says:\n{}", said());
            ensure!(Instant::now() < deadline, "{PROGRAM} was not ready in time; it says:\n{}", said());
            thread::sleep(Duration::from_millis(20));
        }
        self.server = Some(server);
        Ok(())
    }
}

impl Drop for MongoDb {
    fn drop(&mut self) {
        self.server = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The server's program; it is installed when there is none.
fn program() -> Result<Command> {
    if let Some(given) = env::var_os("BATON_SECANTUSD") {
        return Ok(Command::new(given));
    }
    if let Some(found) = install::on_path(PROGRAM) {
        return Ok(Command::new(found));
    }
    let folder = install::tools_folder().join(PACKAGE.replace("==", "-"));
    let script = folder.join("bin").join(PROGRAM);
    if !script.is_file() {
        download(&folder).with_context(|| {
            format!(
                "{PROGRAM} was not found (looked at BATON_SECANTUSD and in PATH), and the PyPI package {PACKAGE} could not be \
                 installed. Install it: pip install {PACKAGE}"
            )
        })?;
    }
    let mut command = Command::new(python()?);
    command.arg(fs::canonicalize(script).context("find the program")?);
    command.env("PYTHONPATH", fs::canonicalize(&folder).context("find the package")?);
    Ok(command)
}

/// Several processes may do this at the same time: each in a folder of its own, and the first one wins.
fn download(folder: &Path) -> Result<()> {
    eprintln!("testkit: installing the PyPI package {PACKAGE}");
    let own = folder.with_extension(std::process::id().to_string());
    fs::create_dir_all(&own).with_context(|| format!("create {}", own.display()))?;
    let options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--no-warn-script-location"];
    let mut pip = Command::new(python()?);
    pip.args(["-m", "pip", "install"]).args(options).arg("--target").arg(&own).arg(PACKAGE);
    run(&mut pip)?;
    if fs::rename(&own, folder).is_err() {
        let _ = fs::remove_dir_all(&own);
        ensure!(folder.is_dir(), "put the package into {}", folder.display());
    }
    Ok(())
}
