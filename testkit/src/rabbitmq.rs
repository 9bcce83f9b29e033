//! A throw-away RabbitMQ on a free port of loopback, with a user `guest`.
//!
//! The scripts of Debian's package are used as they lie in `/usr/lib/rabbitmq` (or in the folder `BATON_RABBITMQ_HOME`); as root
//! on Debian the package is unpacked, not installed, since installing it would start a server for everybody. A missing
//! RabbitMQ is an error, never a reason to skip a test.

use std::{
    env, fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    free_port, install,
    server::{Server, fresh_folder},
};

const READY_WITHIN: Duration = Duration::from_secs(90);
const START_ATTEMPTS_MAX: u32 = 3;
const SCRIPT: &str = "lib/rabbitmq/bin/rabbitmq-server";
/// What Erlang's packages are called that RabbitMQ's depends on.
const ERLANG: [&str; 12] = [
    "erlang-base",
    "erlang-crypto",
    "erlang-eldap",
    "erlang-inets",
    "erlang-mnesia",
    "erlang-os-mon",
    "erlang-parsetools",
    "erlang-public-key",
    "erlang-ssl",
    "erlang-syntax-tools",
    "erlang-tools",
    "erlang-xmerl",
];

/// A running RabbitMQ. Dropping it kills the server and removes its data.
pub struct RabbitMq {
    folder: PathBuf,
    port: u16,
    server: Option<Server>,
    /// Erlang's port mapper, of this server alone.
    epmd: Option<Server>,
    epmd_port: u16,
}

impl RabbitMq {
    /// Starts a server; `settings` go into `rabbitmq.conf` as they are (`max_message_size = …`).
    pub fn start(settings: &str) -> Result<Self> {
        let mut rabbit = Self { folder: fresh_folder("rabbitmq")?, port: 0, server: None, epmd: None, epmd_port: 0 };
        for attempt in 1.. {
            (rabbit.port, rabbit.epmd_port) = (free_port()?, free_port()?);
            let own = format!("listeners.tcp.1 = 127.0.0.1:{}\nlog.console = true\nlog.file = false\n", rabbit.port);
            fs::write(rabbit.folder.join("rabbitmq.conf"), own + settings).context("write rabbitmq.conf")?;
            fs::write(rabbit.folder.join("enabled_plugins"), "[].\n").context("write enabled_plugins")?;
            match rabbit.resume() {
                Ok(()) => break,
                // Most likely somebody else took a port between our look at it and the start.
                Err(_) if attempt < START_ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
        Ok(rabbit)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address for clients.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.port)
    }

    /// Kills the server (SIGKILL); its data stays.
    pub fn kill(&mut self) {
        self.server = None;
        self.epmd = None;
    }

    /// Starts it again on the same port with the same data; returns when it answers.
    pub fn resume(&mut self) -> Result<()> {
        self.kill();
        let (script, log) = (script()?, self.folder.join("server.log"));
        let epmd = install::on_path("epmd").context("Erlang is installed, but there is no epmd in PATH")?;
        let mut mapper = Command::new(epmd);
        mapper.args(["-address", "127.0.0.1", "-port", &self.epmd_port.to_string()]);
        self.epmd = Some(Server::start(&mapper, &log)?);
        let mut command = Command::new(&script);
        command
            .env("HOME", &self.folder)
            .env("RABBITMQ_HOME", script.parent().and_then(Path::parent).unwrap_or(&self.folder))
            .env("RABBITMQ_NODENAME", format!("baton{}@localhost", self.port))
            .env("RABBITMQ_MNESIA_BASE", self.folder.join("data"))
            .env("RABBITMQ_LOG_BASE", self.folder.join("log"))
            .env("RABBITMQ_CONFIG_FILE", self.folder.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", self.folder.join("none"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.folder.join("enabled_plugins"))
            .env("RABBITMQ_DIST_PORT", free_port()?.to_string())
            // The script then becomes the server, instead of starting one and waiting for it.
            .env("RABBITMQ_ALLOW_INPUT", "1")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-noinput -kernel inet_dist_use_interface {127,0,0,1}")
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1");
        let server = Server::start(&command, &log)?;
        let deadline = Instant::now() + READY_WITHIN;
        while !answers(self.port) {
            let said = || fs::read_to_string(&log).unwrap_or_default();
            ensure!(server.runs(), "RabbitMQ ended; it says:\n{}", said());
            ensure!(Instant::now() < deadline, "RabbitMQ was not ready in time; it says:\n{}", said());
            thread::sleep(Duration::from_millis(50));
        }
        self.server = Some(server);
        Ok(())
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// It answers the header of AMQP with a frame of its own.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut first = [0; 1];
    stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
        && stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok()
        && stream.read_exact(&mut first).is_ok()
        && first == [1]
}

/// The script that starts the server; it is fetched when there is none.
pub fn script() -> Result<PathBuf> {
    let unpacked = install::tools_folder().join("rabbitmq");
    let find = || {
        let homes = [
            env::var_os("BATON_RABBITMQ_HOME").map(|home| PathBuf::from(home).join("bin/rabbitmq-server")),
            Some(Path::new("/usr").join(SCRIPT)),
            Some(unpacked.join("usr").join(SCRIPT)),
        ];
        homes.into_iter().flatten().find(|script| script.is_file())
    };
    if find().is_none() && install::can_apt_get() {
        unpack(&unpacked)?;
    }
    if install::on_path("erl").is_none() && install::can_apt_get() {
        ERLANG.iter().try_for_each(|package| install::apt_get_install(package))?;
    }
    ensure!(
        install::on_path("erl").is_some(),
        "RabbitMQ needs Erlang; on Debian and Ubuntu: apt-get install erlang-base"
    );
    find().context(
        "RabbitMQ was not found (looked at BATON_RABBITMQ_HOME and in /usr/lib/rabbitmq). Install it, on Debian and Ubuntu: \
         apt-get install rabbitmq-server",
    )
}

/// Several processes may do this at the same time: each in a folder of its own, and the first one wins.
fn unpack(folder: &Path) -> Result<()> {
    eprintln!("testkit: downloading the Debian package rabbitmq-server");
    let own = fresh_folder("rabbitmq-download")?;
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["download", "-qq", "-o", "APT::Sandbox::User=root", "rabbitmq-server"])
        .current_dir(&own))?;
    let package = fs::read_dir(&own)?.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some());
    let contents = own.join("contents");
    run(Command::new("dpkg").arg("-x").arg(package.context("apt-get downloaded nothing")?).arg(&contents))?;
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }
    run(Command::new("cp").arg("-rT").arg(&contents).arg(folder))?;
    let _ = fs::remove_dir_all(&own);
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("run {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{} failed: {}", command.get_program().display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
