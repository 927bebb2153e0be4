//! Organizations: remembered at a revision, or read from the table.

use std::sync::Arc;

use super::{Memory, view::OrganizationView};
use crate::{
    db,
    domain::{id::OrganizationId, organization::Organization},
    error::{Error, Result},
    keyring::OrganizationKey,
};

impl Memory {
    /// The organization at `revision` or later.
    pub async fn organization(&self, id: &OrganizationId, revision: i64) -> Result<Arc<OrganizationView>> {
        let remembered = self.organizations.get(id);
        if let Some(view) = remembered.filter(|view| view.organization.revision >= revision) {
            return Ok(view);
        }
        self.stored_organization(id).await
    }

    /// The organization as the table has it now.
    pub async fn stored_organization(&self, id: &OrganizationId) -> Result<Arc<OrganizationView>> {
        let mut tx = self.db.read().await?;
        let organization = db::organization::find(&mut tx, id).await?.ok_or_else(|| Error::gone(id))?;
        drop(tx);
        Ok(self.remember(organization))
    }

    /// The view of an organization that was just read. A view that is remembered at the same revision
    /// stays, with everything that it has collected. One at another revision does not, not even a later
    /// one: the database may have fallen back to a replica that had missed the last changes.
    pub(super) fn remember(&self, organization: Organization) -> Arc<OrganizationView> {
        let known = self.organizations.get(&organization.id);
        if let Some(known) = known.filter(|known| known.organization.revision == organization.revision) {
            return known;
        }
        let view = Arc::new(OrganizationView::new(organization, self.endpoints_bytes.clone()));
        // Two tasks may both come here, and the older view may be the one that stays. The ledger
        // notices that, as it does after a change on another host.
        self.organizations.insert(view.organization.id.clone(), view.clone());
        view
    }

    /// The key that seals the secrets of an organization.
    pub async fn key_of(&self, id: &OrganizationId) -> Result<OrganizationKey> {
        let view = self.organization(id, 0).await?;
        self.organization_key(&view).await.cloned()
    }

    /// The key that seals the organization's secrets, opened once for each view.
    pub(super) async fn organization_key<'view>(
        &self,
        view: &'view OrganizationView,
    ) -> Result<&'view OrganizationKey> {
        let read = async || {
            let mut tx = self.db.read().await?;
            self.keyring.open(&mut tx, &view.organization.id).await
        };
        view.key.get_or_try_init(read).await
    }
}
