//! A PostgreSQL server of a test's own, which the test may crash. PostgreSQL refuses to run as root, so
//! under root it runs as the user `postgres`.

use std::{
    env,
    ffi::OsStr,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// How a server stops before it starts again.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// At once, as in a crash: what was not synced is lost.
    Immediate,
    /// After ending all connections.
    Fast,
}

/// A running server, which is stopped and removed when this is dropped.
pub(crate) struct Server {
    folder: PathBuf,
    binaries: PathBuf,
    port: u16,
}

impl Server {
    /// A new one, with everything that makes a commit durable.
    pub(crate) fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("weir-server-{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // Not in the target folder: the user that it runs as may not be allowed there.
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for the server can be made");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let server = Self { folder, binaries: binaries(), port: free_port() };
        let data = server.data();
        run(server.command("initdb").arg("--pgdata").arg(&data).args([
            "--username=weir",
            "--auth=trust",
            "--no-locale",
        ]));
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={}",
            server.port,
            server.folder.display()
        );
        run(server.control("start").arg("--options").arg(options));
        server
    }

    /// Its own database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://weir@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it, starts it again, and waits until it serves.
    pub(crate) fn restart(&self, stop: Stop) {
        let mode = match stop {
            Stop::Immediate => "immediate",
            Stop::Fast => "fast",
        };
        run(self.control("restart").args(["--mode", mode]));
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn control(&self, what: &str) -> Command {
        let mut command = self.command("pg_ctl");
        command.arg(what).arg("--pgdata").arg(self.data()).arg("--log").arg(self.folder.join("log"));
        command.args(["--wait", "--silent"]);
        command
    }

    fn command(&self, program: &str) -> Command {
        let program = self.binaries.join(program);
        let mut command = Command::new(&program);
        if is_root() {
            command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(&program);
        }
        // The user `postgres` may not be allowed into the folder of the tests.
        command.current_dir("/");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The test has its result; data that cannot be removed stays in the temporary folder.
        drop(quiet(self.control("stop").args(["--mode", "immediate"])).status());
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    // A server inherits the outputs of `pg_ctl`: a pipe would stay open for as long as it runs.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn run(command: &mut Command) {
    let status = quiet(command).status().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(status.success(), "{command:?} failed: {status}");
}

fn is_root() -> bool {
    let told = Command::new("id").arg("-u").output().expect("there is `id`");
    told.stdout.trim_ascii() == b"0"
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

/// Where the server's programs are: on the path, or where Debian has them, the newest version.
fn binaries() -> PathBuf {
    let paths = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&paths).collect();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    versions.sort_by_key(|path| path.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok()));
    folders.extend(versions.iter().rev().map(|version| version.join("bin")));
    let has_server = |folder: &&PathBuf| Path::is_file(&folder.join("initdb"));
    folders.iter().find(has_server).expect("tests on PostgreSQL need its server's programs").clone()
}
