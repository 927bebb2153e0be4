//! API keys by the hash of their text, each with its organization.

use std::sync::Arc;

use super::{Memory, view::OrganizationView};
use crate::{
    db,
    domain::organization::ApiKey,
    error::{Error, Result},
};

impl Memory {
    /// The key behind the hash of a secret text, with its organization, from memory if possible: for emits
    /// only, because the ledger alone notices when memory is out of date.
    pub async fn key(&self, key_hash: &str) -> Result<Option<(Arc<ApiKey>, Arc<OrganizationView>)>> {
        match self.remembered_key(key_hash) {
            Some(remembered) => Ok(Some(remembered)),
            None => self.stored_key(key_hash).await,
        }
    }

    /// The key, if it is remembered under the revision that is remembered of its organization.
    fn remembered_key(&self, key_hash: &str) -> Option<(Arc<ApiKey>, Arc<OrganizationView>)> {
        let (key, revision) = self.keys.get(key_hash)?;
        let view = self.organizations.get(&key.organization_id)?;
        (view.organization.revision == revision).then_some((key, view))
    }

    /// The key as the table has it now.
    pub async fn stored_key(&self, key_hash: &str) -> Result<Option<(Arc<ApiKey>, Arc<OrganizationView>)>> {
        let mut tx = self.db.read().await?;
        let Some(key) = db::api_key::find_by_hash(&mut tx, key_hash).await? else { return Ok(None) };
        let organization = db::organization::find(&mut tx, &key.organization_id)
            .await?
            .ok_or_else(|| Error::gone(&key.organization_id))?;
        drop(tx);
        let (key, view) = (Arc::new(key), self.remember(organization));
        self.keys.insert(key_hash.to_owned(), (key.clone(), view.organization.revision));
        Ok(Some((key, view)))
    }
}
