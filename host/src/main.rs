//! The command line of Weir: arguments in, exit code out.

use std::process::ExitCode;

use weir::{cli, config::Cli};

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(Cli::read().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("weir: {}", cli::explain(&error));
            ExitCode::FAILURE
        }
    }
}
