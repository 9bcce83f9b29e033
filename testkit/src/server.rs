//! A server of another project as a child of this process: ends when this process does, however that happens.
//!
//! Between it and us stands a small shell that waits for the end of its standard input, a pipe from here. It ends the
//! server the hard way (SIGKILL), as a crash would: servers of tests have nothing to say goodbye to.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::SystemTime,
};

use anyhow::{Context, Result};

const SUPERVISOR: &str = r#"trap : INT TERM HUP
log=$1; shift
"$@" >>"$log" 2>&1 </dev/null &
server=$!
echo "$server"
read -r word
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
"#;

/// A running server. Dropping it kills the server.
pub struct Server {
    supervisor: Child,
    pid: u32,
}

impl Server {
    /// Starts `command`; what it prints goes to the end of `log`.
    pub fn start(command: &Command, log: &Path) -> Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SUPERVISOR, "supervisor"]).arg(log).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        // In a group of its own: an interrupt from the keyboard is ours to handle.
        shell.process_group(0).current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
        let mut supervisor = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        let mut line = String::new();
        let output = supervisor.stdout.take().context("the supervisor has an output")?;
        BufReader::new(output).read_line(&mut line).context("read the server's process id")?;
        let pid = line.trim().parse().context("the supervisor says the server's process id")?;
        Ok(Self { supervisor, pid })
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // One that ended and was not waited for yet is a `Z`.
        status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut input) = self.supervisor.stdin.take() {
            // It may be gone already; then there is nobody to tell.
            let _ = input.write_all(b"end\n");
        }
        let _ = self.supervisor.wait();
    }
}

/// A new, empty folder in the folder for temporary files.
pub fn fresh_folder(of: &str) -> Result<PathBuf> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!("baton-{of}-{:x}-{:x}-{number}", std::process::id(), since_epoch.as_nanos());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
    Ok(folder)
}
