//! A change of what an organization has: one transaction that raises the organization's revision.

use super::{
    Host,
    announce::{Announcements, revision_of},
    idempotency,
};
use crate::{
    db::{
        Tx,
        organization::{self, Touches},
    },
    domain::{id::OrganizationId, lifecycle::Lifecycle, organization::Organization, time::Time},
    error::Result,
    fail,
};

/// A change of one organization that is under way. Dropping it undoes it.
pub struct Change<'host> {
    /// The transaction.
    pub tx: Tx,
    /// The organization, locked, at its new revision.
    pub organization: Organization,
    /// The present time, the same for the whole change.
    pub now: Time,
    pub(super) host: &'host Host,
    announcements: Announcements,
}

impl Host {
    /// Begins a change of what an organization has. Changes of one organization come one after
    /// the other; committing one makes [`Memory`](crate::memory::Memory) forget the organization.
    pub async fn change(&self, id: &OrganizationId) -> Result<Change<'_>> {
        self.begin_change(id, Touches::Rules).await
    }

    /// Begins a change that leaves alone what the check of an emit depends on, such as one of subscriptions
    /// or of texts: an emit that was checked before it is accepted after it, so no storm of such changes
    /// keeps the organization from emitting.
    pub async fn change_beside_rules(&self, id: &OrganizationId) -> Result<Change<'_>> {
        self.begin_change(id, Touches::NoRules).await
    }

    async fn begin_change(&self, id: &OrganizationId, touches: Touches) -> Result<Change<'_>> {
        let mut tx = self.db.begin().await?;
        let now = self.now();
        let organization = organization::touch(&mut tx, id, touches, now)
            .await?
            .ok_or_else(|| fail!(NotFound, "there is no organization {id}"))?;
        let announcements = Announcements::new(self, now);
        Ok(Change { tx, organization, now, host: self, announcements })
    }
}

impl Change<'_> {
    /// Announces a lifecycle event to the organization's subscriptions. It is written with the
    /// change or not at all, and events keep the order in which they were announced.
    pub fn announce(&mut self, event: Lifecycle) {
        let Organization { id, revision, .. } = &self.organization;
        self.announcements.add(id, *revision, event);
    }

    /// Announces a lifecycle event to another organization that takes part in the change.
    pub async fn announce_to(&mut self, organization: &OrganizationId, event: Lifecycle) -> Result<()> {
        let revision = revision_of(&mut self.tx, organization).await?;
        self.announce_at(organization, revision, event);
        Ok(())
    }

    /// Announces a lifecycle event to another organization, whose revision is known.
    pub(super) fn announce_at(&mut self, organization: &OrganizationId, revision: i64, event: Lifecycle) {
        self.announcements.add(organization, revision, event);
    }

    /// Makes the change permanent; everything accepted from here on obeys it.
    pub async fn commit(mut self) -> Result<()> {
        self.announcements.write(&mut self.tx).await?;
        idempotency::take_effect(&mut self.tx, self.now).await?;
        let committed = self.tx.commit().await;
        // Even a commit that failed may have taken effect: its answer may have been lost.
        self.host.memory.forget(&self.organization.id);
        if !self.announcements.is_empty() {
            self.host.bells.emits_due.notify_one();
        }
        committed
    }
}
