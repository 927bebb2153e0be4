//! Announcements: the lifecycle events that tell an organization what happens to its objects.
//!
//! What happens within a change is announced in the change's own transaction. What happens to
//! emits, thousands of times a second, is announced only if a subscription wants that event. A
//! lifecycle event never leads to another one.

use std::sync::{Arc, atomic::Ordering};

use serde_json::{Map, Value, json};

use super::Host;
use crate::{
    db::{self, Tx},
    domain::{
        delivery::{DeliveryOutcome, Status},
        emit::{Emit, Entity, Fact, Subject},
        id::{EmitId, OrganizationId},
        lifecycle::{
            CUSTOM_EVENT_EMIT_DELIVERED, CUSTOM_EVENT_EMIT_DELIVERY_FAILED, CUSTOM_EVENT_EMIT_RELAYED,
            CUSTOM_EVENT_EMIT_REQUESTED, Lifecycle, entity,
        },
        registration::PLATFORM,
        subscription::Endpoint,
        time::Time,
    },
    error::Result,
    memory::OrganizationView,
};

/// The low bits of an id's random part, of 80 in all, that are drawn. The others say how many
/// announcements the host had begun.
const DRAWN_BITS: u32 = 48;

/// Lifecycle events of one moment on their way to the table. Their ids count up from one draw, so
/// that they sort in the order in which they were added, whatever is announced meanwhile. Announcements
/// of one host in the same millisecond sort in the order in which they were begun.
#[derive(Debug)]
pub struct Announcements {
    now: Time,
    /// The random part of the next id.
    random: u128,
    events: Vec<Emit>,
}

impl Announcements {
    /// No events yet; all that are added happen `now`.
    pub fn new(host: &Host, now: Time) -> Self {
        let begun = host.announcements_begun.fetch_add(1, Ordering::Relaxed);
        Self::after(begun, now, host.randomness.id())
    }

    fn after(begun: u32, now: Time, drawn: u128) -> Self {
        // The highest of the drawn bits stays free, so that counting up never runs into the others.
        let drawn = drawn & ((1 << (DRAWN_BITS - 1)) - 1);
        Self { now, random: u128::from(begun) << DRAWN_BITS | drawn, events: Vec::new() }
    }

    /// Adds an event of an organization, which only subscriptions of this revision or a later one get.
    pub fn add(&mut self, organization: &OrganizationId, revision: i64, event: Lifecycle) {
        let entity = event.entity.map(|(kind, id)| Entity { kind: kind.to_owned(), id });
        self.events.push(Emit {
            id: EmitId::new(self.now, self.random),
            organization_id: organization.clone(),
            subject: Subject::Lifecycle(Fact { event_type: event.name.to_owned(), entity }),
            payload: event.data.to_string().into(),
            idempotency: None,
            chain_depth: 0,
            emitted_by: PLATFORM.to_owned(),
            accepted_at: self.now,
            revision,
            source: None,
        });
        self.random += 1;
    }

    /// Whether no event was added.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Writes the events. After the commit, [`Bells::emits_due`](crate::ledger::Bells::emits_due) has to be rung.
    pub async fn write(&self, tx: &mut Tx) -> Result<()> {
        db::emit::insert_due(tx, &self.events).await
    }

    /// The events, to be written with something else.
    pub fn into_events(self) -> Vec<Emit> {
        self.events
    }
}

/// Announces events in a batch of the ledger: those that may come often.
pub(super) async fn announce_in_batch(host: &Host, view: &OrganizationView, events: Vec<Lifecycle>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut announcements = Announcements::new(host, host.now());
    for event in events {
        announcements.add(&view.organization.id, view.organization.revision, event);
    }
    host.ledger.announce(&view.organization.id, announcements.into_events()).await
}

/// Announces events in a transaction of their own: those about a change that was refused.
pub(super) async fn announce_alone(host: &Host, organization: &OrganizationId, events: Vec<Lifecycle>) -> Result<()> {
    let mut tx = host.db.begin().await?;
    let revision = revision_of(&mut tx, organization).await?;
    let mut announcements = Announcements::new(host, host.now());
    for event in events {
        announcements.add(organization, revision, event);
    }
    announcements.write(&mut tx).await?;
    tx.commit().await?;
    host.bells.emits_due.notify_one();
    Ok(())
}

/// The present revision of an organization.
pub(super) async fn revision_of(tx: &mut Tx, organization: &OrganizationId) -> Result<i64> {
    let found = db::organization::find(tx, organization).await?;
    Ok(found.map_or(0, |organization| organization.revision))
}

/// The events to write with the routing of an emit.
pub async fn of_routed(host: &Host, emit: &Emit, now: Time) -> Result<Vec<Emit>> {
    // A relay was emitted and relayed elsewhere.
    if emit.subject.custom().is_none() || emit.source.is_some() {
        return Ok(Vec::new());
    }
    let view = host.memory.organization(&emit.organization_id, emit.revision).await?;
    let wanted = host.memory.wanted_lifecycle(&view).await?;
    let mut announcements = Announcements::new(host, now);
    for name in [CUSTOM_EVENT_EMIT_REQUESTED, CUSTOM_EVENT_EMIT_RELAYED] {
        if wanted.contains(name) {
            let event = Lifecycle::about(entity::EMIT, emit.id.as_str(), name, facts(emit).into());
            announcements.add(&view.organization.id, view.organization.revision, event);
        }
    }
    Ok(announcements.into_events())
}

/// The events to write with the outcome of a claim on a delivery to a subscription, if it ended the
/// delivery. An error leads to none: the claim is settled all the same.
pub(super) async fn of_outcome(
    host: &Host,
    emit: &Emit,
    endpoint: &Endpoint,
    outcome: &DeliveryOutcome<'_>,
) -> Vec<Emit> {
    let name = match outcome.status {
        Status::Success => CUSTOM_EVENT_EMIT_DELIVERED,
        Status::Failed => CUSTOM_EVENT_EMIT_DELIVERY_FAILED,
        Status::Pending | Status::Retrying | Status::Skipped => return Vec::new(),
    };
    if emit.subject.custom().is_none() {
        return Vec::new();
    }
    let Ok(Some(view)) = if_wanted(host, &endpoint.organization_id, emit.revision, name).await else {
        return Vec::new();
    };
    let mut data = facts(emit);
    data.insert("deliveryId".to_owned(), json!(outcome.delivery_id));
    data.insert("subscriptionId".to_owned(), json!(endpoint.receiver));
    data.insert("errorMessage".to_owned(), json!(outcome.error_message));
    let event = Lifecycle::about(entity::EMIT, emit.id.shown(), name, data.into());
    let mut announcements = Announcements::new(host, outcome.now);
    announcements.add(&view.organization.id, view.organization.revision, event);
    announcements.into_events()
}

/// The organization, if one of its subscriptions wants the event of this name.
async fn if_wanted(
    host: &Host,
    organization: &OrganizationId,
    revision: i64,
    name: &str,
) -> Result<Option<Arc<OrganizationView>>> {
    let view = host.memory.organization(organization, revision).await?;
    let is_wanted = host.memory.wanted_lifecycle(&view).await?.contains(name);
    Ok(is_wanted.then_some(view))
}

/// The fields that all events about an emit have (contract 7.4).
fn facts(emit: &Emit) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("organizationId".to_owned(), json!(emit.organization_id));
    facts.insert("emitId".to_owned(), json!(emit.id.shown()));
    facts.insert("canonicalName".to_owned(), json!(emit.event_type()));
    if let Some((event, version)) = emit.subject.custom() {
        facts.insert("namespace".to_owned(), json!(event.namespace()));
        facts.insert("name".to_owned(), json!(event.name()));
        facts.insert("version".to_owned(), json!(version.to_string()));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Randomness;

    const NOW: Time = Time::from_millis(1_778_103_648_120);

    fn add(announcements: &mut Announcements) {
        let event = Lifecycle { name: CUSTOM_EVENT_EMIT_REQUESTED, entity: None, data: json!({}) };
        announcements.add(&OrganizationId::stored("org_1"), 1, event);
    }

    /// The ids of announcements, in the order in which their events were added.
    fn ids(announcements: Announcements) -> Vec<EmitId> {
        announcements.into_events().into_iter().map(|emit| emit.id).collect()
    }

    #[test]
    fn events_of_one_change_keep_their_order_whatever_is_announced_meanwhile() {
        let randomness = Randomness::seeded(1);
        let mut change = Announcements::after(0, NOW, randomness.id());
        for others in 1..=64 {
            add(&mut change);
            let mut later = Announcements::after(others, NOW.plus_millis(i64::from(others)), randomness.id());
            add(&mut later);
        }
        let ids = ids(change);
        assert_eq!(ids.len(), 64);
        assert!(ids.is_sorted(), "{ids:?}");
    }

    #[test]
    fn changes_of_one_millisecond_keep_their_order() {
        let mut all = Vec::new();
        for (begun, drawn) in [(0, u128::MAX), (1, 0), (2, u128::MAX), (u32::MAX, 0)] {
            let mut change = Announcements::after(begun, NOW, drawn);
            add(&mut change);
            add(&mut change);
            all.extend(ids(change));
        }
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
    }
}
