//! Endpoints of receivers, with their secrets decrypted and the program of their deliveries.

use std::sync::{Arc, atomic::Ordering};

use super::{Memory, largest::forget_largest, offered::Pattern, view::OrganizationView};
use crate::{
    db::{self, Tx, subscription::StoredEndpoint},
    domain::{
        emit::{Emit, Subject},
        id::{MemberId, OrganizationId, SubscriptionId},
        receiver::ReceiverId,
        signature::Secrets,
        subscription::{Endpoint, EventType, Terms},
    },
    error::{Error, Result},
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
        if let Some(remembered) = view.offered.get(&name) {
            return Ok(remembered);
        }
        let organization = &view.organization.id;
        // An event that is not custom has no versions, and is looked up by its name alone.
        let all_versions = subject.custom().map(|(event, _)| EventType::of_event(organization, event, None));
        let all_versions = all_versions.as_ref().map_or(name.as_str(), EventType::as_str);
        let mut tx = self.db.read().await?;
        let rows = db::subscription::wanting(&mut tx, organization, &name, all_versions).await?;
        let patterns = self.patterns(view, tx).await?;
        let mut endpoints = Vec::with_capacity(rows.len());
        for row in rows {
            endpoints.push(self.shared(view, row).await?);
        }
        let matching = patterns.iter().filter(|(pattern, _)| pattern.matches(&name));
        endpoints.extend(matching.map(|(_, endpoint)| endpoint.clone()));
        endpoints.sort_by(|a, b| a.receiver.cmp(&b.receiver));
        endpoints.dedup_by(|a, b| a.receiver == b.receiver);
        let endpoints: Arc<[Arc<Endpoint>]> = endpoints.into();
        view.offered.remember(name, endpoints.clone());
        forget_largest(&self.organizations, self.endpoints_bytes.load(Ordering::Relaxed));
        Ok(endpoints)
    }

    /// The patterns of active subscriptions, remembered if the organization is at the view's revision still, so that
    /// what `tx` has read before and what is remembered are of one moment. Ends `tx`.
    async fn patterns(&self, view: &OrganizationView, mut tx: Tx) -> Result<Arc<[Pattern]>> {
        let organization = &view.organization.id;
        let remembered = view.offered.patterns();
        let stored = match remembered {
            Some(_) => None,
            None => Some(db::subscription::patterns(&mut tx, organization).await?),
        };
        let now = db::organization::find(&mut tx, organization).await?.ok_or_else(|| Error::gone(organization))?;
        let is_unchanged = now.revision == view.organization.revision;
        let stored = match (remembered, stored) {
            (Some(remembered), _) if is_unchanged => return Ok(remembered),
            (_, Some(stored)) => stored,
            (_, None) => db::subscription::patterns(&mut tx, organization).await?,
        };
        drop(tx);
        let mut patterns = Vec::with_capacity(stored.len());
        for (pattern, row) in stored {
            patterns.push((pattern, self.shared(view, row).await?));
        }
        let patterns: Arc<[Pattern]> = patterns.into();
        if is_unchanged {
            view.offered.remember_patterns(patterns.clone());
        }
        Ok(patterns)
    }

    /// The endpoint of a subscription's row: one for all events, so that a subscription to many of them is in memory
    /// once.
    async fn shared(&self, view: &OrganizationView, row: StoredEndpoint) -> Result<Arc<Endpoint>> {
        match view.offered.shared(&row.id) {
            Some(shared) => Ok(shared),
            None => Ok(view.offered.share(row.id.clone(), self.open(view, row).await?)),
        }
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
