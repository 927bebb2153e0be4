//! The processes that are measured: this very binary with another command, looked at through
//! `/proc`, and killed when they are dropped.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::{Child, Command};
use weir::{clock::Randomness, db::Location};

/// How long a process may take until it serves: the first start compiles the built-in components.
const START_MAX: Duration = Duration::from_mins(1);
/// How often [`Process::start`] looks whether it does.
const START_POLL: Duration = Duration::from_millis(20);
/// How often the end of a killed process is looked for, and how many times.
const END_POLL: Duration = Duration::from_millis(10);
const END_POLLS: u32 = 100;
/// Clock ticks a second in `/proc/<pid>/stat`: a constant of Linux towards programs.
const TICKS_PER_SECOND: u32 = 100;

/// What a host is started with, and started again.
pub(crate) struct HostSettings {
    pub(crate) database: Location,
    /// The folder for its files.
    pub(crate) folder: PathBuf,
    pub(crate) admin_token: String,
    root_key: String,
}

impl HostSettings {
    /// Settings with a root key and a token of their own.
    pub(crate) fn new(database: Location, folder: &Path) -> Self {
        let randomness = Randomness::system();
        Self {
            database,
            folder: folder.to_owned(),
            admin_token: hex::encode(randomness.bytes::<24>()),
            root_key: hex::encode(randomness.bytes::<32>()),
        }
    }

    /// Starts a host that is not stopped by its own limits.
    pub(crate) async fn start(&self) -> Result<Process> {
        let ready = self.folder.join("host.json");
        // One that is there is of the host before.
        let _ = fs::remove_file(&ready);
        let unlimited = u32::MAX.to_string();
        let mut command = this_binary()?;
        command
            .args(["host", "--listen", "127.0.0.1:0", "--allow-private-targets", "--log", "warn"])
            .args(["--requests-per-hour", &unlimited, "--emits-per-hour", &unlimited])
            .args(["--housekeeping-seconds", "1"])
            .arg("--code-cache")
            .arg(self.folder.join("code-cache"))
            .arg("--ready-file")
            .arg(&ready)
            // Arguments can be seen by every user of the machine.
            .env("WEIR_DATABASE", as_text(&self.database))
            .env("WEIR_ROOT_KEY", &self.root_key)
            .env("WEIR_ADMIN_TOKEN", &self.admin_token);
        Process::start(command, &ready).await
    }
}

/// A running process. Dropped, it is killed: it has nothing to finish.
pub(crate) struct Process {
    child: Child,
    /// The address that it listens at.
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts the bare server.
    pub(crate) async fn start_bare_server(folder: &Path) -> Result<Self> {
        let ready = folder.join("bare-server.json");
        let mut command = this_binary()?;
        command.arg("bare").arg("--ready-file").arg(&ready);
        Self::start(command, &ready).await
    }

    async fn start(mut command: Command, ready: &Path) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).kill_on_drop(true).spawn()?;
        let deadline = Instant::now() + START_MAX;
        while Instant::now() < deadline {
            if let Some(address) = read_address(ready) {
                return Ok(Self { child, address });
            }
            if let Some(status) = child.try_wait()? {
                bail!("a process of the bench ended before it served: {status}");
            }
            tokio::time::sleep(START_POLL).await;
        }
        bail!("a process of the bench did not serve within {START_MAX:?}")
    }

    /// Kills the process and waits a moment for its end, so that it writes neither into its database
    /// nor into its folder any more.
    pub(crate) fn end(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.start_kill();
        for _ in 0..END_POLLS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(END_POLL);
        }
    }

    /// CPU time so far; zero where there is no `/proc`.
    pub(crate) fn cpu(&self) -> Duration {
        self.child.id().map_or(Duration::ZERO, |pid| cpu_of(&pid.to_string()))
    }

    /// Bytes of memory in use.
    pub(crate) fn rss_bytes(&self) -> Option<u64> {
        self.memory("VmRSS:")
    }

    /// The most bytes of memory that were ever in use.
    pub(crate) fn rss_peak_bytes(&self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1_024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// CPU time of load and receiver, this process, so far.
pub(crate) fn own_cpu() -> Duration {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses, which may have anything in it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
    let ticks: u32 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Duration::from_secs(1) * ticks / TICKS_PER_SECOND
}

/// A command that runs this binary without settings that were meant for another host.
fn this_binary() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program does not find its own file")?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WEIR_")) {
        command.env_remove(name);
    }
    Ok(command)
}

fn as_text(database: &Location) -> String {
    match database {
        Location::Sqlite(path) => format!("sqlite:{}", path.display()),
        Location::Postgres(url) => url.to_string(),
    }
}

/// The address in a ready file; `None` until the file is there and whole.
fn read_address(ready: &Path) -> Option<SocketAddr> {
    let ready: Value = serde_json::from_str(&fs::read_to_string(ready).ok()?).ok()?;
    ready["url"].as_str()?.strip_prefix("http://")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn cpu_time_is_read_and_grows() {
        let before = own_cpu();
        let begun = Instant::now();
        while own_cpu() <= before {
            assert!(begun.elapsed() < Duration::from_secs(10), "ten seconds of work took no time");
        }
    }
}
