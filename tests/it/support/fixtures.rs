//! The components of `guests/fixtures`, built at their first use.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

const TARGET: &str = "wasm32-wasip2";

/// The component of this fixture: `examples/<name>.rs`, or `<name>.wat`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let text = folder().join(format!("{name}.wat"));
    let path = if text.exists() { text } else { built().join(format!("{}.wasm", name.replace('-', "_"))) };
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("fixture {name}: {}: {error}", path.display()));
    wat::parse_bytes(&bytes).unwrap_or_else(|error| panic!("fixture {name}: {error}")).into_owned()
}

/// The names of all fixtures.
pub(crate) fn fixtures() -> Vec<String> {
    let mut names = Vec::new();
    for (folder, extension) in [(folder().join("examples"), "rs"), (folder(), "wat")] {
        let files =
            fs::read_dir(&folder).expect("the fixtures have a folder").map(|file| file.expect("readable").path());
        let ours = files.filter(|path| path.extension().is_some_and(|found| found == extension));
        names.extend(ours.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())));
    }
    names
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the host has a parent folder")
}

fn folder() -> PathBuf {
    root().join("guests/fixtures")
}

/// Where the Rust fixtures are, after compiling those that changed.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target_dir = root().join("target/fixtures");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root().join("guests")).arg("build").args(["--package", "weir-fixtures", "--examples"]);
        cargo.args(["--locked", "--quiet", "--target", TARGET]).arg("--target-dir").arg(&target_dir);
        // Flags for the host, such as those that measure coverage, do not fit the guests.
        for inherited in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            cargo.env_remove(inherited);
        }
        let status = cargo.status().expect("cargo runs");
        assert!(status.success(), "the fixtures do not compile; `rustup target add {TARGET}` may be missing");
        target_dir.join(TARGET).join("debug/examples")
    })
}
