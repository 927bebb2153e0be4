//! Compiles the built-in components to WebAssembly, so that one `cargo build` of the host makes a
//! binary that contains them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const TARGET: &str = "wasm32-wasip2";
/// Each built-in component: its package in the workspace `guests/`, and the name under which
/// `builtin.rs` includes it.
const BUILTINS: [(&str, &str); 3] = [("weir-router", "router"), ("weir-webhook", "webhook"), ("weir-relay", "relay")];

/// The files and folders that the built-in components are made of, below the root of the repository.
const WATCHED: [&str; 7] = [
    "guests/Cargo.toml",
    "guests/Cargo.lock",
    "guests/adapter",
    "guests/router",
    "guests/webhook",
    "guests/relay",
    "wit/0.1",
];

/// Variables that the outer cargo sets for its own compilation. Inherited, they would compile the
/// guests with the host's flags, or check them with clippy instead of compiling them.
const NOT_INHERITED: [&str; 4] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error={reason}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../..");
    let out = PathBuf::from(variable("OUT_DIR")?);
    for watched in WATCHED {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    check_target()?;
    let target_dir = out.join("guests");
    compile(&root.join("guests"), &target_dir)?;
    for (package, name) in BUILTINS {
        let file = format!("{TARGET}/release/{}.wasm", package.replace('-', "_"));
        let wasm = target_dir.join(file);
        fs::copy(&wasm, out.join(format!("{name}.wasm"))).map_err(|error| format!("{}: {error}", wasm.display()))?;
    }
    Ok(())
}

/// Fails with one line when the target is not installed. Compiling without it would fail with a
/// page of errors about a missing `core`.
fn check_target() -> Result<(), String> {
    let rustc = variable("RUSTC")?;
    let output = Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let output = output.map_err(|error| format!("{rustc} does not run: {error}"))?;
    let libraries = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    Err(format!("the built-in components need the target {TARGET}: run `rustup target add {TARGET}`"))
}

fn compile(guests: &Path, target_dir: &Path) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.current_dir(guests).args(["build", "--release", "--locked", "--target", TARGET]);
    cargo.arg("--target-dir").arg(target_dir);
    for (package, _) in BUILTINS {
        cargo.args(["--package", package]);
    }
    for variable in NOT_INHERITED {
        cargo.env_remove(variable);
    }
    let output = cargo.output().map_err(|error| format!("cargo does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    // Cargo shows a build script's error output only when it fails, which is now.
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    Err("the built-in components do not compile; their errors are above".to_owned())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
