//! `weir serve` and `weir dev` as child processes.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Client, client::text, database::TestDatabase};

/// The root key of all hosts here, as the variable gives it.
pub(super) const ROOT_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// The operator's token.
pub(super) const ADMIN_TOKEN: &str = "operator-token-of-the-tests";
/// How long a start or a stop may take: a start may have to compile the built-in components, a stop waits
/// for the attempts under way.
const PATIENCE: Duration = Duration::from_mins(1);

/// A host that runs as a process of its own, and is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    pub(super) ready: Value,
}

/// `weir` with these arguments, and nothing of the tests' own environment.
pub(super) fn weir(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A folder of a test's own, below the target folder.
pub(super) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// `weir serve` on a database of the tests.
pub(super) fn serve(database: &Arc<TestDatabase>) -> Command {
    let mut command = weir(&["serve", "--listen", "127.0.0.1:0", "--allow-private-targets"]);
    command
        .env("WEIR_LOG", "warn")
        .env("WEIR_DATABASE", database.text())
        .env("WEIR_ROOT_KEY", ROOT_KEY)
        .env("WEIR_ADMIN_TOKEN", ADMIN_TOKEN)
        .env("WEIR_REQUESTS_PER_HOUR", "1000000")
        .env("WEIR_RETRY_SCHEDULE", "1,1,1,1,1,1,1,1")
        .env("WEIR_CODE_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/code"));
    command
}

impl Process {
    /// Starts the command and waits until it says that it serves.
    pub(super) fn start(command: Command) -> Self {
        Self::start_with_log(command, Stdio::inherit())
    }

    /// The same, with its log going elsewhere.
    pub(super) fn start_with_log(command: Command, log: Stdio) -> Self {
        Self::start_with(command, Stdio::null(), log)
    }

    /// The same, with its output going elsewhere as well.
    pub(super) fn start_with(mut command: Command, output: Stdio, log: Stdio) -> Self {
        let ready_file = folder_file();
        command.arg("--ready-file").arg(&ready_file).stdout(output).stderr(log);
        let mut child = command.spawn().expect("the binary starts");
        let deadline = Instant::now() + PATIENCE;
        let ready = loop {
            if let Ok(text) = fs::read_to_string(&ready_file) {
                break serde_json::from_str(&text).expect("the ready file is JSON");
            }
            let ended = child.try_wait().expect("the child can be asked");
            assert!(ended.is_none(), "the host ended before it served: {ended:?}");
            assert!(Instant::now() < deadline, "the host does not serve");
            std::thread::sleep(Duration::from_millis(10));
        };
        drop(fs::remove_file(&ready_file));
        Self { child, ready }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(super) fn address(&self) -> SocketAddr {
        let url = self.ready["url"].as_str().expect("a URL");
        url.strip_prefix("http://").expect("plain http").parse().expect("an address")
    }

    /// A client without any key.
    pub(super) fn anonymous(&self) -> Client {
        Client::new(self.address())
    }

    /// The operator.
    pub(super) fn admin(&self) -> Client {
        self.anonymous().with_header("authorization", &format!("Bearer {ADMIN_TOKEN}"))
    }

    /// A new ENTERPRISE organization: its key.
    pub(super) async fn organization_key(&self) -> String {
        self.organization("Acme").await.key().to_owned()
    }

    /// A new ENTERPRISE organization of this name.
    pub(super) async fn organization(&self, name: &str) -> Client {
        let body = json!({ "name": name, "plan": "ENTERPRISE" });
        let data = self.admin().post("/api/admin/v1/organizations", body).await.created();
        let (id, slug) = (text(&data["organization"]["id"]), text(&data["organization"]["slug"]));
        self.client(&text(&data["apiKey"])).of(&id, &slug)
    }

    /// The organization with this key.
    pub(super) fn client(&self, key: &str) -> Client {
        self.anonymous().with_header("x-api-key", key)
    }

    /// Lifts the limit on the size of the host's files, as if the disk had room again.
    pub(super) fn lift_file_size_limit(&self) {
        let pid = self.child.id().to_string();
        let lifted = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
        assert!(lifted.expect("prlimit is there").success());
    }

    /// Kills the host without a warning.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Asks it to stop, and waits for its exit code.
    pub(super) async fn terminate(mut self) -> ExitStatus {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(asked.expect("kill is there").success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                return status;
            }
            assert!(Instant::now() < deadline, "the host does not stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn folder_file() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("ready-{}-{}.json", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}
