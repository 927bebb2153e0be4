//! Decides the routing of an emit: which receivers get it, and which of its deliveries start at once.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use super::super::{
    Shared,
    delivery::{self, job::Job, slots::Slot},
};
use crate::{
    db::emit::Routed,
    domain::{
        delivery::{New, Start},
        emit::Emit,
        id::{DeliveryId, EmitId},
        receiver::ReceiverId,
        subscription::Endpoint,
        time::Time,
    },
    error::Result,
    ledger::Handover,
    pipeline::{self, Choice},
    service::announce,
};

/// A routed emit, with the deliveries that start when the routing is written.
pub(in crate::worker) struct Decided {
    pub(in crate::worker) routed: Routed,
    pub(in crate::worker) starts: Starts,
}

/// The deliveries that start when the routing of an emit is written. Dropping them gives their slots back.
pub(in crate::worker) struct Starts {
    emit_id: EmitId,
    /// Deliveries that are written as claimed.
    jobs: Vec<(Job, Slot)>,
    /// The receivers of the deliveries that wait in the table.
    waiting: Vec<ReceiverId>,
}

impl Starts {
    /// Starts the deliveries of the emits in `held`: those whose claim still held when their routing was
    /// written.
    pub(in crate::worker) fn go(starts: impl IntoIterator<Item = Self>, shared: &Arc<Shared>, held: &HashSet<EmitId>) {
        for starts in starts.into_iter().filter(|starts| held.contains(&starts.emit_id)) {
            for receiver in &starts.waiting {
                shared.slots.note_more(receiver);
            }
            for (job, slot) in starts.jobs {
                job.start(shared, slot);
            }
        }
    }
}

/// Decides the routing of an emit on the calling thread; `None` when its filters take too long for that, or
/// did so for one like it.
pub(in crate::worker) async fn decide(shared: &Shared, handover: &Handover) -> Result<Option<Decided>> {
    let emit = &handover.emit;
    if shared.slow_events.has(emit) {
        return Ok(None);
    }
    let endpoints = shared.host.memory.endpoints_for(emit).await?;
    let endpoints = existing_at(&endpoints, emit.revision);
    let choice = match &endpoints[..] {
        [] => None,
        endpoints => match pipeline::choose_quickly(&shared.host.runtime, emit, endpoints) {
            Ok(Some(choice)) => Some(choice),
            Ok(None) => {
                shared.slow_events.add(emit);
                return Ok(None);
            }
            Err(failure) => return Err(pipeline::choose::refusal(&failure)),
        },
    };
    plan_deliveries(shared, handover, choice).await.map(Some)
}

/// Decides the routing of an emit with as many calls of the router as it takes, in the turns of the emit's
/// organization.
pub(super) async fn decide_slowly(shared: &Shared, handover: &Handover) -> Result<Decided> {
    let (host, emit) = (&shared.host, &handover.emit);
    let endpoints = host.memory.endpoints_for(emit).await?;
    let endpoints = existing_at(&endpoints, emit.revision);
    let choice = pipeline::choose(&host.runtime, &host.cpu, emit, &endpoints).await?;
    let choice = choice.map_err(|failure| pipeline::choose::refusal(&failure))?;
    plan_deliveries(shared, handover, Some(choice)).await
}

/// Makes a delivery for each chosen endpoint, and takes slots for those that can start at once.
async fn plan_deliveries(shared: &Shared, handover: &Handover, choice: Option<Choice>) -> Result<Decided> {
    let emit = &handover.emit;
    let now = shared.host.now();
    let mut starts = Starts { emit_id: emit.id.clone(), jobs: Vec::new(), waiting: Vec::new() };
    let router = choice.as_ref().map(|choice| choice.router);
    let logs = choice.as_ref().map_or_else(Vec::new, |choice| choice.lines_about(emit, now));
    let mut deliveries = Vec::new();
    for (endpoint, destination) in choice.into_iter().flat_map(|choice| choice.chosen) {
        let delay_ms = i64::try_from(destination.delay_ms).unwrap_or(i64::MAX);
        let slot = if delay_ms == 0 { shared.slots.take_for_new(&endpoint, now) } else { None };
        let start = match slot {
            Some(_) => Start::Claimed(delivery::lease_from(now)),
            None => Start::Due(now.plus_millis(delay_ms)),
        };
        let new = new_delivery(shared, emit, &endpoint, destination.attributes, start, now);
        match new.claim().zip(slot) {
            Some((claimed, slot)) => starts.jobs.push((Job::new(claimed, emit.clone(), endpoint), slot)),
            None => starts.waiting.push(new.receiver.clone()),
        }
        deliveries.push(new);
    }
    let lifecycle = announce::of_routed(&shared.host, emit, now).await?;
    let routed = Routed {
        emit_id: emit.id.clone(),
        claims: handover.claims,
        routed_at: now,
        router,
        deliveries,
        lifecycle,
        logs,
    };
    Ok(Decided { routed, starts })
}

/// A new delivery of an emit to an endpoint.
pub(in crate::worker) fn new_delivery(
    shared: &Shared,
    emit: &Emit,
    endpoint: &Endpoint,
    attributes: Vec<(String, String)>,
    start: Start,
    now: Time,
) -> New {
    New {
        id: DeliveryId::new(now, shared.host.randomness.id()),
        organization_id: emit.organization_id.clone(),
        emit_id: emit.id.clone(),
        receiver: endpoint.receiver.clone(),
        push_id: None,
        program_id: endpoint.program_id.clone(),
        attributes,
        is_replay: false,
        start,
        now,
    }
}

/// The endpoints that existed when the emit was accepted. A later subscription gets the emit by catching up,
/// if it asks for that.
fn existing_at(endpoints: &[Arc<Endpoint>], revision: i64) -> Cow<'_, [Arc<Endpoint>]> {
    let is_owed = |endpoint: &&Arc<Endpoint>| endpoint.since_revision <= revision;
    if endpoints.iter().all(|endpoint| is_owed(&endpoint)) {
        return Cow::Borrowed(endpoints);
    }
    Cow::Owned(endpoints.iter().filter(is_owed).cloned().collect())
}
