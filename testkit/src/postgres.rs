//! A throw-away PostgreSQL of one's own: fresh data in a temporary folder, a free port on loopback, no password.
//!
//! Tests call [`fresh_database`]: a new, empty database in the cluster that `BATON_TEST_DATABASE_URL` points to
//! (`cargo xtask test` starts one cluster for the whole run), else in a cluster that this process starts for itself.
//! A missing PostgreSQL is an error, never a reason to skip a test.
//!
//! **How it ends.** The server is the child of a small shell that waits for the end of its standard input, which is
//! a pipe from this process. However this process ends (a return, a panic, kill -9), the pipe closes, and the shell
//! stops PostgreSQL and removes the folder. That is also why a cluster may sit in a `static`, which is never dropped.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::Write,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, bail};

use crate::{free_port, install, user};

/// The variable with the address of a cluster to make test databases in; its user must be allowed to create them.
pub const URL_VARIABLE: &str = "BATON_TEST_DATABASE_URL";

/// What the names of test databases begin with; then come the maker's process id and what makes them unique.
const DATABASE_PREFIX: &str = "baton_";
const READY_WITHIN: Duration = Duration::from_secs(30);
const START_ATTEMPTS_MAX: u32 = 5;

/// Stops the server when standard input ends; a line `keep` before that keeps the data for another start.
const SUPERVISOR: &str = r#"trap : INT TERM HUP
data=$1; shift
"$@" &
server=$!
word=; read -r word
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
[ "$word" = keep ] || rm -rf "$data"
"#;

/// Whether a commit reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// PostgreSQL's defaults: a commit is on disk. For figures.
    Durable,
    /// No fsync at all: much faster, and gone with the machine. For tests.
    Throwaway,
}

/// A running PostgreSQL. Dropping it stops the server and removes its data.
pub struct Postgres {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    durability: Durability,
    supervisor: Option<Child>,
}

impl Postgres {
    /// Makes a new cluster and starts it; returns when it accepts connections.
    ///
    /// Fails when PostgreSQL is not installed and cannot be installed here, saying what to install.
    pub fn start(durability: Durability) -> Result<Self> {
        let binaries = binaries()?;
        let folder = fresh_folder()?;
        let mut postgres = Self { binaries, folder, port: 0, durability, supervisor: None };
        postgres.init()?;
        for attempt in 1.. {
            postgres.port = free_port()?;
            match postgres.resume() {
                Ok(()) => break,
                // Most likely somebody else took the port between our look at it and the start.
                Err(_) if attempt < START_ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
        Ok(postgres)
    }

    /// The address of the database `postgres`, as its superuser.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Makes a new, empty database and returns its address. See [`fresh_database`] for tests.
    pub fn fresh_database(&self) -> Result<String> {
        create_database(&self.url())
    }

    /// The process id of the postmaster; its children do the work.
    pub fn pid(&self) -> Result<u32> {
        let file = self.data().join("postmaster.pid");
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        text.lines().next().and_then(|line| line.trim().parse().ok()).context("postmaster.pid begins with a process id")
    }

    /// Stops the server at once, as a crash would, and keeps its data: every connection breaks and new ones are
    /// refused until [`Postgres::resume`].
    pub fn interrupt(&mut self) -> Result<()> {
        self.end_supervisor("keep\n")
    }

    /// Starts the server again on the same port with the same data; returns when it accepts connections.
    pub fn resume(&mut self) -> Result<()> {
        self.interrupt()?;
        let log = self.folder.join("server.log");
        let output = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let mut supervisor = as_unprivileged("/bin/sh");
        supervisor.args(["-c", SUPERVISOR, "supervisor"]).arg(&self.folder).arg(self.binaries.join("postgres"));
        supervisor.arg("-D").arg(self.data()).arg("-k").arg(&self.folder).args(["-p", &self.port.to_string()]);
        for setting in settings(self.durability) {
            supervisor.args(["-c", setting]);
        }
        let child = supervisor
            .stdin(Stdio::piped())
            .stdout(output.try_clone().context("share the log of PostgreSQL")?)
            .stderr(output)
            .spawn()
            .context("start PostgreSQL")?;
        self.supervisor = Some(child);
        self.wait_until_ready(&log).with_context(|| {
            format!("PostgreSQL says:\n{}", fs::read_to_string(&log).unwrap_or_else(|error| error.to_string()))
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn init(&self) -> Result<()> {
        let output = as_unprivileged(self.binaries.join("initdb"))
            .arg("-D")
            .arg(self.data())
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"])
            .output()
            .context("run initdb")?;
        if !output.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// A connection is accepted, and by our own server: `postmaster.pid` says `ready` (another server may sit on the
    /// port, and would answer just as well).
    fn wait_until_ready(&self, log: &Path) -> Result<()> {
        let status = self.data().join("postmaster.pid");
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            if fs::read_to_string(&status)
                .is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
            {
                return Ok(());
            }
            // Clients that come too early are turned away with FATAL as well ("the database system is starting up").
            let fatal = |line: &str| line.contains("FATAL:") && !line.contains("the database system is");
            if fs::read_to_string(log).is_ok_and(|text| text.lines().any(fatal)) {
                bail!("PostgreSQL did not start");
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("PostgreSQL was not ready within {} s", READY_WITHIN.as_secs())
    }

    fn end_supervisor(&mut self, last_word: &str) -> Result<()> {
        let Some(mut supervisor) = self.supervisor.take() else { return Ok(()) };
        if let Some(mut input) = supervisor.stdin.take() {
            // It may be gone already; then there is nobody to tell.
            let _ = input.write_all(last_word.as_bytes());
        }
        supervisor.wait().context("wait for PostgreSQL to stop")?;
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.end_supervisor("remove\n") {
            eprintln!("testkit: {error:#}");
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A new, empty database for one test, and its address. It goes with the cluster, or before by [`drop_abandoned`].
pub fn fresh_database() -> Result<String> {
    match env::var(URL_VARIABLE) {
        Ok(url) => create_database(&url),
        Err(_) => {
            static OWN: Mutex<Option<Postgres>> = Mutex::new(None);
            let mut own = OWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            match &mut *own {
                Some(postgres) => postgres.fresh_database(),
                none => none.insert(Postgres::start(Durability::Throwaway)?).fresh_database(),
            }
        }
    }
}

/// Makes a database with a name that nobody else uses in the cluster at `admin_url`, and returns its address.
pub fn create_database(admin_url: &str) -> Result<String> {
    let name = format!("{DATABASE_PREFIX}{}", unique_suffix());
    psql(admin_url, &format!("CREATE DATABASE {name}"))?;
    let (server, _database) = admin_url.rsplit_once('/').context("the address of PostgreSQL ends in /database")?;
    Ok(format!("{server}/{name}"))
}

/// Drops the databases whose makers have ended, so that a run of many tests needs the space of a few; returns how many.
/// What somebody still uses is left for the next time, and where `/proc` does not tell who runs, everything.
pub fn drop_abandoned(admin_url: &str) -> Result<usize> {
    let names = psql(admin_url, "SELECT datname FROM pg_database")?;
    let abandoned = names.lines().filter(|name| maker(name).is_some_and(has_ended));
    Ok(abandoned.filter(|name| psql(admin_url, &format!("DROP DATABASE IF EXISTS {name}")).is_ok()).count())
}

/// The process that made a database, by its name.
fn maker(database: &str) -> Option<u32> {
    let (process, _) = database.strip_prefix(DATABASE_PREFIX)?.split_once('_')?;
    u32::from_str_radix(process, 16).ok()
}

fn has_ended(process: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
}

/// Runs SQL with the program `psql`, as any other program would; returns what it printed (unaligned, rows only).
pub fn psql(url: &str, sql: &str) -> Result<String> {
    let output = Command::new(binaries()?.join("psql"))
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
        .stdin(Stdio::null())
        .output()
        .context("run psql")?;
    if !output.status.success() {
        bail!("psql failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// The folder with `initdb`, `postgres` and `psql`, installing Debian's package when there is none.
pub fn binaries() -> Result<PathBuf> {
    if let Some(folder) = find_binaries() {
        return Ok(folder);
    }
    if install::can_apt_get() {
        install::apt_get_install("postgresql")?;
    }
    find_binaries().context(
        "PostgreSQL was not found (looked in /usr/lib/postgresql/*/bin, beside pg_config and in PATH). \
         Install it, on Debian and Ubuntu: apt-get install postgresql",
    )
}

/// Debian keeps each major version in a folder of its own, out of `PATH`; the newest wins.
fn find_binaries() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    let major = |folder: &Path| folder.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok());
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((major(&entry.path())?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    let beside_pg_config = || {
        let output = Command::new("pg_config").arg("--bindir").output().ok()?;
        Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
    };
    let from_path = || Some(install::on_path("initdb")?.parent()?.to_owned());
    (versions.into_iter().rev().map(|(_, folder)| folder).find(complete))
        .or_else(|| beside_pg_config().filter(complete))
        .or_else(|| from_path().filter(complete))
}

fn settings(durability: Durability) -> &'static [&'static str] {
    match durability {
        Durability::Durable => &["listen_addresses=127.0.0.1", "max_connections=200", "wal_level=logical"],
        Durability::Throwaway => &[
            "listen_addresses=127.0.0.1",
            "max_connections=200",
            "wal_level=logical",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ],
    }
}

fn as_unprivileged(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user::unprivileged() {
        command.uid(user.uid).gid(user.gid);
    }
    // Whatever folder we stand in, another user may not be allowed to look at it.
    command.current_dir("/");
    command
}

/// A new folder that belongs to the user who runs the server.
fn fresh_folder() -> Result<PathBuf> {
    let folder = env::temp_dir().join(format!("baton-pg-{}", unique_suffix()));
    fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
    if let Some(user) = user::unprivileged() {
        chown(&folder, Some(user.uid), Some(user.gid)).with_context(|| format!("give {} away", folder.display()))?;
    }
    Ok(folder)
}

/// Unique over the processes and threads of this machine; made of letters, digits and `_`. Begins with the process id.
fn unique_suffix() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{:x}_{:x}_{number}", std::process::id(), since_epoch.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_go_when_their_maker_has_ended() {
        let postgres = Postgres::start(Durability::Throwaway).unwrap();
        let admin = postgres.url();
        let own = postgres.fresh_database().unwrap();
        let mut other = Command::new("sleep").arg("600").spawn().unwrap();
        let of_other = format!("{DATABASE_PREFIX}{:x}_1_0", other.id());
        for name in [of_other.as_str(), "somebodys", "baton_production"] {
            psql(&admin, &format!("CREATE DATABASE {name}")).unwrap();
        }
        assert_eq!(drop_abandoned(&admin).unwrap(), 0, "all makers run");
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(drop_abandoned(&admin).unwrap(), 1);
        let left = psql(&admin, "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname").unwrap();
        let mut expected = vec!["baton_production", "postgres", "somebodys", own.rsplit('/').next().unwrap()];
        expected.sort_unstable();
        assert_eq!(left.lines().collect::<Vec<_>>(), expected);
    }
}
