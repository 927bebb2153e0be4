//! `weir dev`: a host to try out, with organizations, keys and a receiver that shows what arrives.

use std::{fs, os::unix::fs::DirBuilderExt};

use serde_json::json;

use super::{stop_signal, write_private};
use crate::{
    app::{App, Settings},
    config::DevArgs,
    db::Location,
    error::Result,
    fail, telemetry,
};

mod credentials;
mod greeting;
mod receiver;

use credentials::Credentials;
use receiver::Senders;

/// Serves until a signal asks to stop.
pub(super) async fn run(args: DevArgs) -> Result<()> {
    telemetry::start(&args.tuning.log, args.tuning.log_format).map_err(|why| fail!(BadRequest, "{why}"))?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&args.data)
        .map_err(|cause| fail!(Unavailable, "cannot make the folder {}: {cause}", args.data.display()))?;
    let mut credentials = Credentials::open(&args.data)?;
    let app = App::start(settings(&args, &credentials)).await?;
    credentials.complete(&app.host, args.organizations).await?;
    let senders = Senders::new(app.host.clone(), credentials.senders()?);
    let (receiver_url, receiver_port) = receiver::start(senders, credentials.receiver_port).await?;
    credentials.keep_receiver_port(receiver_port)?;
    println!("{}", greeting::text(&app.url(), &receiver_url, &args.data, &credentials.organizations));
    if let Some(path) = &args.ready_file {
        let ready = json!({
            "url": app.url(),
            "adminToken": credentials.admin_token,
            "organizations": credentials.organizations,
            "receiverUrl": receiver_url,
        });
        write_private(path, &ready)?;
    }
    stop_signal().await?;
    println!("\nstopping");
    app.stop().await;
    Ok(())
}

fn settings(args: &DevArgs, credentials: &Credentials) -> Settings {
    let database = Location::Sqlite(args.data.join("weir.db"));
    let mut settings = Settings::new(database, credentials.root_key.clone());
    settings.listen = args.listen;
    settings.admin_token = Some(credentials.admin_token.clone());
    settings.code_cache = Some(args.data.join("code-cache"));
    // Allow private targets: the receiver is on loopback and speaks plain http.
    args.tuning.apply(&mut settings, true);
    settings
}
