//! Endpoints of receivers, with their secrets decrypted and the program of their deliveries.

use std::sync::Arc;

use super::{Memory, view::OrganizationView};
use crate::{
    db::{self, subscription::StoredEndpoint},
    domain::{
        emit::{Emit, Subject},
        id::{MemberId, OrganizationId, SubscriptionId},
        receiver::ReceiverId,
        signature::Secrets,
        subscription::{Endpoint, EventType, Terms},
    },
    error::Result,
};

impl Memory {
    /// The endpoints that an emit is offered to, as of its revision or later: those of active
    /// subscriptions, each once.
    pub async fn endpoints_for(&self, emit: &Emit) -> Result<Arc<[Arc<Endpoint>]>> {
        let view = self.organization(&emit.organization_id, emit.revision).await?;
        self.endpoints(&view, &emit.subject).await
    }

    /// The active subscriptions that an event is offered to, each once.
    pub async fn endpoints(&self, view: &OrganizationView, subject: &Subject) -> Result<Arc<[Arc<Endpoint>]>> {
        let name = subject.event_type(&view.organization.id);
        if let Some(remembered) = view.endpoints.get(&name) {
            return Ok(remembered);
        }
        let rows = self.matching(&view.organization.id, subject, &name).await?;
        let mut endpoints = Vec::with_capacity(rows.len());
        for row in rows {
            endpoints.push(Arc::new(self.open(view, row).await?));
        }
        let endpoints: Arc<[Arc<Endpoint>]> = endpoints.into();
        view.endpoints.insert(name, endpoints.clone());
        Ok(endpoints)
    }

    /// The subscriptions whose event types match `name`, in the order of their ids.
    async fn matching(
        &self,
        organization: &OrganizationId,
        subject: &Subject,
        name: &str,
    ) -> Result<Vec<StoredEndpoint>> {
        // An event that is not custom has no versions, and is looked up by its name alone.
        let all_versions = subject.custom().map(|(event, _)| EventType::of_event(organization, event, None));
        let all_versions = all_versions.as_ref().map_or(name, EventType::as_str);
        let mut tx = self.db.read().await?;
        let mut rows = db::subscription::wanting(&mut tx, organization, name, all_versions).await?;
        for (pattern, row) in db::subscription::patterns(&mut tx, organization).await? {
            if pattern.matches(name) {
                rows.push(row);
            }
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows.dedup_by(|a, b| a.id == b.id);
        Ok(rows)
    }

    /// The endpoint of one receiver, active or not; `None` if the receiver was removed.
    pub async fn endpoint(&self, organization: &OrganizationId, id: &ReceiverId) -> Result<Option<Arc<Endpoint>>> {
        let endpoint = match id {
            ReceiverId::Subscription(id) => self.subscription(organization, id).await?,
            ReceiverId::Peer(id) => self.peer(organization, id).await?,
        };
        Ok(endpoint.map(Arc::new))
    }

    async fn subscription(&self, organization: &OrganizationId, id: &SubscriptionId) -> Result<Option<Endpoint>> {
        let mut tx = self.db.read().await?;
        let Some(row) = db::subscription::endpoint(&mut tx, organization, id).await? else { return Ok(None) };
        drop(tx);
        let view = self.organization(organization, 0).await?;
        self.open(&view, row).await.map(Some)
    }

    /// The endpoint of a subscription's row, its secrets and headers decrypted.
    async fn open(&self, view: &OrganizationView, stored: StoredEndpoint) -> Result<Endpoint> {
        let key = self.organization_key(view).await?;
        let newest = key.open_secret(&stored.secret_encrypted)?;
        let previous = match stored.previous_secret {
            Some((sealed, until)) if self.clock.now() < until => Some((key.open_secret(&sealed)?, until)),
            _ => None,
        };
        Ok(Endpoint {
            program_id: self.subscription_program(&view.organization.id, &stored.terms).await?,
            receiver: stored.id.into(),
            organization_id: view.organization.id.clone(),
            group_id: None,
            url: stored.webhook_url,
            is_active: stored.is_active,
            disabled: stored.disabled,
            failing_since: stored.failing_since,
            terms: stored.terms,
            secrets: Secrets::new(newest, previous),
            headers: key.open_headers(stored.headers_encrypted.as_deref())?,
            since_revision: stored.since_revision,
        })
    }

    async fn peer(&self, owner: &OrganizationId, id: &MemberId) -> Result<Option<Endpoint>> {
        let mut tx = self.db.read().await?;
        let Some(peer) = db::federation::peer::endpoint(&mut tx, owner, id).await? else { return Ok(None) };
        drop(tx);
        let key = self.key_of(owner).await?;
        Ok(Some(Endpoint {
            program_id: self.peer_program(owner).await?,
            receiver: ReceiverId::Peer(id.clone()),
            organization_id: owner.clone(),
            group_id: Some(peer.group_id),
            url: peer.webhook_url,
            is_active: true,
            disabled: None,
            failing_since: peer.failing_since,
            terms: Terms::default(),
            secrets: Secrets::new(key.open_secret(&peer.secret_encrypted)?, None),
            headers: key.open_headers(peer.headers_encrypted.as_deref())?,
            since_revision: 0,
        }))
    }
}
