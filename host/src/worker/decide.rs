//! Deciding what becomes of an emit: who gets it, and what of that can start at once.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use super::{
    Shared,
    choice::{self, Effort},
    delivery::{self, Job},
    slots::Slot,
};
use crate::{
    db::ledger::{Handover, NewDelivery, Routed},
    domain::{
        emit::Emit,
        event::Destination,
        id::{DeliveryId, EmitId},
        receiver::ReceiverId,
        subscription::Target,
        time::Time,
    },
    error::Result,
    runtime::Call,
    service::announce,
};

/// What a router without a configuration of its own is given.
const NO_CONFIG: &str = "{}";

/// A routed emit, with what starts when the routing is written.
pub(super) struct Decision {
    pub(super) routed: Routed,
    pub(super) launch: Launch,
}

/// What starts when the routing of an emit is written. Dropped, it was never there.
pub(super) struct Launch {
    emit_id: EmitId,
    /// Deliveries that are written as claimed.
    jobs: Vec<(Job, Slot)>,
    /// The receivers of those that are not.
    waiting: Vec<ReceiverId>,
}

impl Launch {
    /// Starts what was written: that of the emits whose claim still held.
    pub(super) fn go(launches: impl IntoIterator<Item = Self>, shared: &Arc<Shared>, held: &HashSet<EmitId>) {
        for launch in launches.into_iter().filter(|launch| held.contains(&launch.emit_id)) {
            for receiver in &launch.waiting {
                shared.slots.note_more(receiver);
            }
            for (job, slot) in launch.jobs {
                job.start(shared, slot);
            }
        }
    }
}

/// What becomes of an emit; `None` when that takes more effort.
pub(super) async fn decide(shared: &Shared, handover: &Handover, effort: Effort) -> Result<Option<Decision>> {
    let emit = &handover.emit;
    let entry = shared.host.memory.organization(&emit.organization_id, emit.revision).await?;
    let targets = shared.host.memory.targets(&entry, &emit.subject).await?;
    let targets = owed_at(&targets, emit.revision);
    let now = shared.host.now();
    let mut routed = Routed {
        emit_id: emit.id.clone(),
        organization_id: emit.organization_id.clone(),
        claims: handover.claims,
        routed_at: now,
        deliveries: Vec::new(),
        lifecycle: announce::of_routed(&shared.host, &entry, emit, now).await?,
    };
    let mut launch = Launch { emit_id: emit.id.clone(), jobs: Vec::new(), waiting: Vec::new() };
    let (call, event) = (call_for(emit), emit.as_event(Vec::new()));
    let chosen = choice::choose(&shared.runtime, &call, &event, &targets, effort).await?;
    let Some(chosen) = chosen else { return Ok(None) };
    for (target, destination) in chosen {
        let (delivery, job) = owe(shared, handover, &target, destination, now);
        match job {
            Some(job) => launch.jobs.push(job),
            None => launch.waiting.push(delivery.receiver.clone()),
        }
        routed.deliveries.push(delivery);
    }
    Ok(Some(Decision { routed, launch }))
}

/// A delivery, and the job of delivering it at once if a slot is free and it need not wait.
fn owe(
    shared: &Shared,
    handover: &Handover,
    target: &Arc<Target>,
    destination: Destination,
    now: Time,
) -> (NewDelivery, Option<(Job, Slot)>) {
    let id = DeliveryId::new(now, shared.host.randomness.id());
    let delay_ms = i64::try_from(destination.delay_ms).unwrap_or(i64::MAX);
    let slot = match delay_ms {
        0 => shared.slots.take_for_new(target, now),
        _ => None,
    };
    let delivery = NewDelivery {
        id: id.clone(),
        receiver: target.receiver.clone(),
        attributes: destination.attributes.clone(),
        due_at: if slot.is_some() { delivery::lease_from(now) } else { now.plus_millis(delay_ms) },
        is_claimed: slot.is_some(),
    };
    let job = |slot| {
        let job = Job {
            delivery_id: id,
            emit: handover.emit.clone(),
            target: target.clone(),
            push_id: None,
            attributes: destination.attributes,
            is_replay: false,
            attempts_made: 0,
            attempts_total: 0,
            claims: 1,
        };
        (job, slot)
    };
    (delivery, slot.map(job))
}

/// What the router is told beside the event and its candidates.
pub(super) fn call_for(emit: &Emit) -> Call {
    Call {
        organization: emit.organization_id.clone(),
        config: NO_CONFIG.into(),
        subscription_id: None,
        attempt: 1,
        attempted_at: emit.accepted_at,
    }
}

/// The targets that existed when the emit was accepted. What came before a subscription it gets by
/// catching up, if it asked for that, and never twice.
fn owed_at(targets: &[Arc<Target>], revision: i64) -> Cow<'_, [Arc<Target>]> {
    let is_owed = |target: &&Arc<Target>| target.since_revision <= revision;
    if targets.iter().all(|target| is_owed(&target)) {
        return Cow::Borrowed(targets);
    }
    Cow::Owned(targets.iter().filter(is_owed).cloned().collect())
}
