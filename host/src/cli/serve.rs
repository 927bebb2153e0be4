//! `weir serve`: the host in production.

use serde_json::json;

use super::{stop_signal, write_private};
use crate::{app::App, config::ServeArgs, error::Result, fail, telemetry};

/// Serves until a signal asks to stop.
pub(super) async fn run(args: ServeArgs) -> Result<()> {
    telemetry::start(&args.tuning.log, args.tuning.log_format).map_err(|why| fail!(BadRequest, "{why}"))?;
    let app = App::start(args.settings()?).await?;
    tracing::info!(url = app.url(), "serving on {}", app.url());
    if let Some(path) = &args.ready_file {
        write_private(path, &json!({ "url": app.url() }))?;
    }
    stop_signal().await?;
    tracing::info!("stopping");
    app.stop().await;
    Ok(())
}
