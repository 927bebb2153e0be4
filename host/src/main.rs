//! The command line of Weir: arguments in, exit code out.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use weir::{
    cli,
    config::{self, Cli},
};

/// The system's allocator gives memory back to the kernel between two events and asks for it again;
/// docs/bench.md has what that costs.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(config::read::<Cli>().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("weir: {}", cli::explain(&error));
            ExitCode::FAILURE
        }
    }
}
