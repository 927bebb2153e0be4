//! `weir dev`: the host for trying it out, with all that is needed to see an event arrive.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    receiver::{self, Sender},
    stop_signal, write_private,
};
use crate::{
    app::{App, Settings},
    clock::Randomness,
    config::DevArgs,
    db::Location,
    domain::{
        organization::{Environment, Organization},
        plan::Plan,
        vault::RootKey,
    },
    error::Result,
    fail,
    service::{
        Host, account,
        account::{NewKey, NewOrganization},
    },
    telemetry,
};

/// The organization that the first start creates.
const ORGANIZATION: &str = "acme";
/// Lets the system choose.
const ANY_PORT: u16 = 0;

/// What the first start draws and later ones find again, in a file that only its owner can read.
struct Credentials {
    path: PathBuf,
    root_key: RootKey,
    admin_token: String,
    organizations: Vec<Value>,
    /// The receiver's, so that subscriptions of an earlier start still lead to it.
    receiver_port: u16,
}

/// Serves until told to stop.
pub(super) async fn run(args: DevArgs) -> Result<()> {
    telemetry::start(&args.tuning.log, args.tuning.log_format).map_err(|why| fail!(BadRequest, "{why}"))?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&args.data)
        .map_err(|cause| fail!(Unavailable, "cannot make the folder {}: {cause}", args.data.display()))?;
    let mut credentials = Credentials::open(&args.data)?;
    let app = App::start(settings(&args, &credentials)).await?;
    credentials.complete(&app.host).await?;
    let sender = Sender::default();
    let (receiver_url, receiver_port) = receiver::start(sender.clone(), credentials.receiver_port).await?;
    if receiver_port != credentials.receiver_port {
        credentials.receiver_port = receiver_port;
        credentials.store()?;
    }
    if let Some(organization) = account::find_by_slug(&app.host, ORGANIZATION).await? {
        let _ = sender.set((app.host.clone(), organization.id));
    }
    greet(&app.url(), &receiver_url, &credentials);
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
    // The receiver is on loopback, and speaks plain http.
    args.tuning.apply(&mut settings, true);
    settings
}

impl Credentials {
    /// Finds the credentials of an earlier start, or draws new ones.
    fn open(data: &Path) -> Result<Self> {
        let path = data.join("credentials.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Self::draw(path),
            Err(cause) => return Err(fail!(Unavailable, "cannot read {}: {cause}", path.display())),
        };
        let broken = || fail!(BadRequest, "{} is broken; mend it, or remove the folder to start anew", path.display());
        let stored: Value = serde_json::from_str(&text).map_err(|cause| broken().caused_by(cause))?;
        let root_key = stored["rootKey"].as_str().and_then(|text| RootKey::parse(text).ok());
        let admin_token = stored["adminToken"].as_str().map(str::to_owned);
        let organizations = stored["organizations"].as_array().cloned();
        match (root_key, admin_token, organizations) {
            (Some(root_key), Some(admin_token), Some(organizations)) => {
                let port = stored["receiverPort"].as_u64().and_then(|port| u16::try_from(port).ok());
                let receiver_port = port.unwrap_or(ANY_PORT);
                Ok(Self { root_key, admin_token, organizations, receiver_port, path: path.clone() })
            }
            _ => Err(broken()),
        }
    }

    /// Draws new ones and keeps them before anything is encrypted with them.
    fn draw(path: PathBuf) -> Result<Self> {
        let randomness = Randomness::system();
        let credentials = Self {
            path,
            root_key: RootKey::new(randomness.bytes()),
            admin_token: hex::encode(randomness.bytes::<24>()),
            organizations: Vec::new(),
            receiver_port: ANY_PORT,
        };
        credentials.store()?;
        Ok(credentials)
    }

    fn store(&self) -> Result<()> {
        let value = json!({
            "rootKey": self.root_key.reveal(),
            "adminToken": self.admin_token,
            "organizations": self.organizations,
            "receiverPort": self.receiver_port,
        });
        write_private(&self.path, &value)
    }

    /// Creates the organization, if its key is not known.
    async fn complete(&mut self, host: &Arc<Host>) -> Result<()> {
        if self.organizations.iter().any(|organization| organization["slug"] == ORGANIZATION) {
            return Ok(());
        }
        let (organization, key) = acme(host).await?;
        self.organizations.push(json!({
            "id": organization.id,
            "slug": organization.slug,
            "plan": organization.plan.as_str(),
            "apiKey": key,
        }));
        self.store()
    }

    fn key(&self) -> &str {
        let acme = self.organizations.iter().find(|organization| organization["slug"] == ORGANIZATION);
        acme.and_then(|organization| organization["apiKey"].as_str()).unwrap_or_default()
    }
}

/// The organization with a key of it: created, or found with a new key when a start ended between
/// creating it and keeping its key.
async fn acme(host: &Arc<Host>) -> Result<(Organization, String)> {
    if let Some(organization) = account::find_by_slug(host, ORGANIZATION).await? {
        let new = NewKey {
            caller_service: "dev",
            label: None,
            scopes: None,
            environment: Environment::Dev,
            expires_at: None,
        };
        let (_, key) = account::create_key(host, organization.id.as_str(), new).await?;
        return Ok((organization, key));
    }
    let new = NewOrganization {
        name: "Acme",
        slug: Some(ORGANIZATION),
        plan: Plan::Enterprise,
        region: None,
        billing_email: None,
        environment: Environment::Dev,
    };
    account::create(host, new).await
}

/// Shows what there is and what to try, as lines to copy into a shell.
fn greet(url: &str, receiver_url: &str, credentials: &Credentials) {
    let key = credentials.key();
    println!(
        r#"
Weir serves on {url} and keeps its data and credentials in {data}.
Organization acme (ENTERPRISE), key {key}
A receiver on {receiver_url} verifies and shows what arrives.

Try it:

# 1. Register an event
curl -s {url}/api/v1/events/custom -H 'x-api-key: {key}' -d '{{
  "namespace": "acme", "name": "order.placed", "version": "1.0.0", "status": "published",
  "payloadSchema": {{ "type": "object", "required": ["orderId"], "properties": {{ "orderId": {{ "type": "string" }} }} }}
}}'

# 2. Subscribe the receiver to all its versions
curl -s {url}/api/v1/events/custom/subscribe -H 'x-api-key: {key}' -d '{{
  "name": "acme.order.placed", "webhookUrl": "{receiver_url}"
}}'

# 3. Emit one
curl -s {url}/api/v1/events/custom/emit -H 'x-api-key: {key}' -d '{{
  "name": "acme.order.placed", "payload": {{ "orderId": "o_1" }}
}}'

# 4. Look at its delivery
curl -s '{url}/api/v1/deliveries?limit=1' -H 'x-api-key: {key}'

Stop with Ctrl-C."#,
        data = credentials.path.parent().unwrap_or(Path::new(".")).display(),
    );
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::error::Error;

    #[test]
    fn credentials_are_found_again_and_private() -> std::result::Result<(), Error> {
        let folder = std::env::temp_dir().join(format!("weir-dev-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(Error::internal)?;
        let drawn = Credentials::open(&folder)?;
        let found = Credentials::open(&folder)?;
        assert_eq!(drawn.admin_token, found.admin_token);
        assert_eq!(drawn.root_key.reveal(), found.root_key.reveal());
        let mode = fs::metadata(&drawn.path).map_err(Error::internal)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&drawn.path, "{}").map_err(Error::internal)?;
        assert!(Credentials::open(&folder).is_err());
        fs::remove_dir_all(&folder).map_err(Error::internal)
    }
}
