//! What it costs to do nothing: the processor time of the server and of its PostgreSQL while the outbox is empty.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use baton_testkit::{Postgres, free_port};
use serde_json::json;

use super::Figures;
use crate::command::terminate;

/// Start-up work (migrations, warming up, the back-off to the longest pause between looks) has to be over first.
const SETTLE: Duration = Duration::from_secs(5);
const MEASURE: Duration = Duration::from_secs(20);

/// `idle.cpu_percent`: percent of one core, over [`MEASURE`].
pub fn measure(program: &Path, site: &Path, postgres: &Postgres, folder: &Path) -> Result<Figures> {
    let port = free_port()?;
    let log = folder.join("idle.log");
    let mut server = Command::new(program)
        .arg("serve")
        .current_dir(folder)
        .env("BATON_DATABASE_URL", postgres.fresh_database()?)
        .env("BATON_LISTEN", format!("127.0.0.1:{port}"))
        .env("BATON_ADMIN_TOKEN", "bench-bench-bench-bench-bench-bench")
        .env("BATON_SITE_DIR", site)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).context("create the log of the idle server")?)
        .spawn()
        .context("start the idle server")?;
    let measured = wait_until_ready(port).and_then(|()| while_idle(&server, postgres));
    terminate(&mut server)?;
    let (server, database) =
        measured.with_context(|| format!("the server says:\n{}", fs::read_to_string(&log).unwrap_or_default()))?;
    Ok([
        ("idle.cpu_percent".to_owned(), json!(server + database)),
        ("idle.cpu_percent_server".to_owned(), json!(server)),
        ("idle.cpu_percent_postgres".to_owned(), json!(database)),
        ("setting.idle_seconds".to_owned(), json!(MEASURE.as_secs())),
    ]
    .into())
}

fn while_idle(server: &Child, postgres: &Postgres) -> Result<(f64, f64)> {
    thread::sleep(SETTLE);
    let started = Instant::now();
    let before = (cpu_of(&[server.id()])?, cpu_of(&with_children(postgres.pid()?)?)?);
    thread::sleep(MEASURE);
    let after = (cpu_of(&[server.id()])?, cpu_of(&with_children(postgres.pid()?)?)?);
    let elapsed = started.elapsed();
    Ok((percent(&before.0, &after.0, elapsed), percent(&before.1, &after.1, elapsed)))
}

fn wait_until_ready(port: u16) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if is_ready(port).unwrap_or(false) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("the server was not ready within 30 s")
}

fn is_ready(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(
        b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer bench-bench-bench-bench-bench-bench\r\nConnection: close\r\n\r\n",
    )?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"HTTP/1.1 200")
}

/// Nanoseconds on a processor, by thread.
type Cpu = BTreeMap<u32, u64>;

/// A thread that came counts from its start; one that went in between (a worker of a pool) is lost, and cheap.
fn percent(before: &Cpu, after: &Cpu, elapsed: Duration) -> f64 {
    let used: u64 = after.iter().map(|(thread, ns)| ns.saturating_sub(before.get(thread).copied().unwrap_or(0))).sum();
    used as f64 / elapsed.as_nanos() as f64 * 100.0
}

/// The kernel's clock ticks of `/proc/<pid>/stat` are 10 ms long, which is as much as an idle server uses in all; the
/// scheduler's own account has nanoseconds.
fn cpu_of(processes: &[u32]) -> Result<Cpu> {
    let mut cpu = Cpu::new();
    for process in processes {
        let threads = format!("/proc/{process}/task");
        for entry in fs::read_dir(&threads).with_context(|| format!("list {threads}"))?.flatten() {
            // A thread may end between the two looks.
            let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let thread = entry.file_name().to_string_lossy().parse().context("a thread has a number")?;
            let ns = text.split(' ').next().and_then(|ns| ns.parse().ok()).context("schedstat begins with a time")?;
            cpu.insert(thread, ns);
        }
    }
    Ok(cpu)
}

/// The process and those that it started: a PostgreSQL is its postmaster and one process for each connection.
fn with_children(parent: u32) -> Result<Vec<u32>> {
    let mut processes = vec![parent];
    for entry in fs::read_dir("/proc").context("list /proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
        let parent_of = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<u32>().ok());
        if parent_of == Some(parent) {
            processes.push(process);
        }
    }
    Ok(processes)
}
