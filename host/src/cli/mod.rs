//! The commands of the binary, a module each.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, process::ExitCode};

use serde_json::Value;

use crate::{config::Command, error::Result, fail};

mod admin;
mod dev;
mod schema;
mod serve;

/// Runs a command to its end. `Ok` may hold an exit code other than 0: `schema check` answers with
/// it.
pub async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Schema { command } => return Ok(schema::run(&command)),
        Command::Serve(args) => serve::run(args).await,
        Command::Dev(args) => dev::run(args).await,
        Command::Admin(args) => admin::run(args).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Waits for SIGTERM or Ctrl-C.
pub async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(crate::error::Error::internal)?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupt = tokio::signal::ctrl_c() => interrupt.map_err(crate::error::Error::internal)?,
    }
    Ok(())
}

/// Writes a JSON file with mode 0600. A crash leaves the old file or the new one.
fn write_private(path: &Path, value: &Value) -> Result<()> {
    let failed = |cause: std::io::Error| fail!(Unavailable, "cannot write {}: {cause}", path.display());
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = Path::new(&name);
    // `create_new` fails on the temporary file of a run that crashed.
    let _ = fs::remove_file(temporary);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary).map_err(failed)?;
    file.write_all(format!("{value:#}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(temporary, path).map_err(failed)
}

/// The message of an error for a terminal: with its cause, and without the code of the API.
pub fn explain(error: &crate::error::Error) -> String {
    let message = error.message();
    let sentence = message.split_once(": ").map_or(message.as_str(), |(_, sentence)| sentence);
    match error.cause() {
        Some(cause) => format!("{sentence}\n  because: {cause}"),
        None => sentence.to_owned(),
    }
}
