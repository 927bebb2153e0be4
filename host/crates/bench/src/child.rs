//! The processes that are measured: started from this very binary, looked at through `/proc`, and
//! ended whatever happens.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::process::Command;

use super::machine::Scratch;
use crate::{
    clock::Randomness,
    db::Location,
    domain::vault::RootKey,
    error::{Error, Result},
    fail,
};

/// How long a child may take until it serves: the first start compiles the built-in components.
const START_MAX: Duration = Duration::from_mins(1);
/// How often is looked whether it does.
const START_POLL: Duration = Duration::from_millis(20);
/// How long is waited for the end of a killed child, a hundredth at a time.
const END_POLL: Duration = Duration::from_millis(10);
/// Clock ticks a second in `/proc/<pid>/stat`: a constant of Linux towards programs.
const TICKS_PER_SECOND: u32 = 100;

/// What a host is given, and given again when it is started again.
pub(super) struct Keys {
    root_key: RootKey,
    pub(super) admin_token: String,
}

impl Keys {
    pub(super) fn new() -> Self {
        let randomness = Randomness::system();
        Self { root_key: RootKey::new(randomness.bytes()), admin_token: hex::encode(randomness.bytes::<24>()) }
    }
}

/// A running child. Dropped, it is killed: it has nothing to finish.
pub(super) struct Child {
    process: tokio::process::Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Child {
    /// Starts a host that is not stopped by its own limits.
    pub(super) async fn start_host(database: &Location, scratch: &Scratch, keys: &Keys) -> Result<Self> {
        let ready = scratch.path().join("host.json");
        // One that was there before left it.
        let _ = fs::remove_file(&ready);
        let unlimited = u32::MAX.to_string();
        let mut command = this_binary()?;
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-private-targets", "--log", "warn"])
            .args(["--requests-per-hour", &unlimited, "--emits-per-hour", &unlimited])
            .args(["--housekeeping-seconds", "1"])
            .arg("--code-cache")
            .arg(scratch.path().join("code-cache"))
            .arg("--ready-file")
            .arg(&ready)
            // Arguments can be seen by every user of the machine.
            .env("WEIR_DATABASE", as_text(database))
            .env("WEIR_ROOT_KEY", keys.root_key.reveal())
            .env("WEIR_ADMIN_TOKEN", &keys.admin_token);
        Self::start(command, &ready).await
    }

    /// Starts the yardstick.
    pub(super) async fn start_yardstick(scratch: &Scratch) -> Result<Self> {
        let ready = scratch.path().join("yardstick.json");
        let mut command = this_binary()?;
        command.arg("bench-yardstick").arg("--ready-file").arg(&ready);
        Self::start(command, &ready).await
    }

    async fn start(mut command: Command, ready: &Path) -> Result<Self> {
        let mut process = command.stdin(Stdio::null()).kill_on_drop(true).spawn().map_err(Error::internal)?;
        let deadline = Instant::now() + START_MAX;
        while Instant::now() < deadline {
            if let Some(address) = read_address(ready) {
                return Ok(Self { process, address });
            }
            if let Some(status) = process.try_wait().map_err(Error::internal)? {
                return Err(fail!(Unavailable, "a process of the bench ended before it served: {status}"));
            }
            tokio::time::sleep(START_POLL).await;
        }
        Err(fail!(Unavailable, "a process of the bench did not serve within {START_MAX:?}"))
    }

    /// CPU time so far; zero where there is no `/proc`.
    pub(super) fn cpu(&self) -> Duration {
        self.process.id().map_or(Duration::ZERO, |pid| cpu_of(&pid.to_string()))
    }

    /// Memory in use.
    pub(super) fn rss_bytes(&self) -> Option<u64> {
        self.memory("VmRSS:")
    }

    /// The most memory that was ever in use.
    pub(super) fn rss_peak_bytes(&self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1_024)
    }
}

impl Drop for Child {
    /// Kills the child by its own id and waits a moment, so that nothing writes any more when the
    /// folder is removed.
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.start_kill();
        for _ in 0..100 {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(END_POLL);
        }
    }
}

/// CPU time of this process so far: load and receiver.
pub(super) fn own_cpu() -> Duration {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses, which may have anything in it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
    let ticks: u32 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Duration::from_secs(1) * ticks / TICKS_PER_SECOND
}

/// This binary, without settings that were meant for another host.
fn this_binary() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().map_err(Error::internal)?);
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

/// The address in a ready file, once that is there.
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
