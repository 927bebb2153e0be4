//! What the first start draws and later ones find again, in a file that only its owner can read.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::write_private;
use crate::{
    clock::Randomness,
    domain::{
        id::OrganizationId,
        limits::DEV_ORGANIZATIONS_MAX,
        organization::{Environment, Organization, first_namespace},
        plan::Plan,
        vault::RootKey,
    },
    error::Result,
    fail,
    service::{
        Host,
        organization::{
            self, NewOrganization,
            keys::{self, NewKey},
        },
    },
};

/// Slugs and names of the organizations, in the order in which they are created.
const ORGANIZATIONS: [(&str, &str); DEV_ORGANIZATIONS_MAX as usize] =
    [("acme", "Acme"), ("globex", "Globex"), ("initech", "Initech"), ("umbrella", "Umbrella")];
/// Lets the system choose.
const ANY_PORT: u16 = 0;

pub(super) struct Credentials {
    path: PathBuf,
    pub(super) root_key: RootKey,
    pub(super) admin_token: String,
    /// All that were ever asked for, in the order of [`ORGANIZATIONS`] as they were created.
    pub(super) organizations: Vec<Known>,
    /// The receiver's, so that subscriptions of an earlier start still lead to it.
    pub(super) receiver_port: u16,
}

/// An organization with a key of it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) plan: String,
    pub(super) api_key: String,
}

impl Credentials {
    /// Finds the credentials of an earlier start, or draws new ones.
    pub(super) fn open(data: &Path) -> Result<Self> {
        let path = data.join("credentials.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Self::draw(path),
            Err(cause) => return Err(fail!(Unavailable, "cannot read {}: {cause}", path.display())),
        };
        let broken = || fail!(BadRequest, "{} is broken; mend it, or remove the folder to start anew", path.display());
        let mut stored: Value = serde_json::from_str(&text).map_err(|cause| broken().caused_by(cause))?;
        let root_key = stored["rootKey"].as_str().and_then(|text| RootKey::parse(text).ok());
        let admin_token = stored["adminToken"].as_str().map(str::to_owned);
        let port = stored["receiverPort"].as_u64().and_then(|port| u16::try_from(port).ok());
        let organizations = serde_json::from_value(stored["organizations"].take()).ok();
        match (root_key, admin_token, organizations) {
            (Some(root_key), Some(admin_token), Some(organizations)) => {
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

    /// Creates those of the first organizations whose keys are not known.
    pub(super) async fn complete(&mut self, host: &Arc<Host>, count: u32) -> Result<()> {
        for (slug, name) in ORGANIZATIONS.into_iter().take(count as usize) {
            if self.organizations.iter().any(|known| known.slug == slug) {
                continue;
            }
            let (organization, api_key) = create(host, slug, name).await?;
            self.organizations.push(Known {
                id: organization.id.to_string(),
                slug: organization.slug,
                plan: organization.plan.as_str().to_owned(),
                api_key,
            });
            self.store()?;
        }
        Ok(())
    }

    /// Keeps the port for the next start.
    pub(super) fn keep_receiver_port(&mut self, port: u16) -> Result<()> {
        if self.receiver_port == port {
            return Ok(());
        }
        self.receiver_port = port;
        self.store()
    }

    /// The organizations, by slug and id.
    pub(super) fn senders(&self) -> Result<Vec<(String, OrganizationId)>> {
        let sender = |known: &Known| {
            let id = OrganizationId::parse(&known.id);
            let id = id.ok_or_else(|| fail!(BadRequest, "{:?} in {} is no id", known.id, self.path.display()))?;
            Ok((known.slug.clone(), id))
        };
        self.organizations.iter().map(sender).collect()
    }
}

impl Known {
    /// The namespace that it may register events under.
    pub(super) fn namespace(&self) -> String {
        first_namespace(&self.slug)
    }
}

/// An organization with a key of it: created, or found with a new key when a start ended between
/// creating it and keeping its key.
async fn create(host: &Arc<Host>, slug: &str, name: &str) -> Result<(Organization, String)> {
    if let Some(organization) = organization::find_by_slug(host, slug).await? {
        let new = NewKey {
            caller_service: "dev",
            label: None,
            scopes: None,
            environment: Environment::Dev,
            expires_at: None,
        };
        let (_, key) = keys::create(host, organization.id.as_str(), new).await?;
        return Ok((organization, key));
    }
    let new = NewOrganization {
        name,
        slug: Some(slug),
        plan: Plan::Enterprise,
        region: None,
        billing_email: None,
        environment: Environment::Dev,
    };
    organization::create(host, new).await
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
