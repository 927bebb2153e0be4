//! One batch of the ledger: written in one transaction, and replied to.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Bells,
    queue::{Handover, Place, RoutingQueue},
    waiting::Waiting,
    write::Write,
};
use crate::{
    db::{
        Db, Tx, delivery,
        emit::{self, Acceptance, NewEmit, Routed},
    },
    domain::{
        delivery::Settled,
        emit::Emit,
        id::{DeliveryId, EmitId},
    },
    error::{Code, Error, Result},
    fail,
};

/// How long a batch may take before its emits are answered `unavailable`: within the ten seconds that
/// clients wait.
const BATCH_TIME_MAX: Duration = Duration::from_secs(8);
/// How long an accepted emit belongs to the process that accepted it; then any may route it.
pub const ROUTING_LEASE_MS: i64 = 15_000;

/// Writes batches until the last [`super::Ledger`] is gone.
pub(super) async fn run(db: Db, routing: RoutingQueue, bells: Bells, waiting: Waiting) {
    loop {
        let batch = waiting.batch().await;
        if batch.is_empty() {
            return;
        }
        // A panic, which would be a bug, ends its batch alone: its callers get `unavailable`, and the
        // next batch is written.
        let writing = tokio::spawn(write_or_refuse(db.clone(), routing.clone(), bells.clone(), batch));
        if let Err(cause) = writing.await {
            tracing::error!(%cause, "a bug ended a batch of the ledger");
        }
    }
}

/// Writes a batch and replies. When the database refuses the batch as a whole although it is up, each
/// write is tried alone, so that a bad one harms no other.
async fn write_or_refuse(db: Db, routing: RoutingQueue, bells: Bells, batch: Vec<Write>) {
    let mut pending = vec![batch];
    while let Some(batch) = pending.pop() {
        match tokio::time::timeout(BATCH_TIME_MAX, Outcome::write(&db, &routing, &bells, &batch)).await {
            Ok(Ok(outcome)) => outcome.reply(&bells, batch),
            Ok(Err(error)) if error.code() == Code::Unavailable || batch.len() == 1 => {
                tracing::error!(error = ?error, writes = batch.len(), "the ledger could not write a batch");
                refuse(batch, &error);
            }
            Ok(Err(error)) => {
                tracing::error!(error = ?error, writes = batch.len(), "a batch was refused; its writes are tried alone");
                pending.extend(batch.into_iter().map(|write| vec![write]));
            }
            Err(_elapsed) => {
                let error = fail!(Unavailable, "the database did not answer in time").retry_after(1);
                tracing::error!(writes = batch.len(), "the database did not answer the ledger in time");
                refuse(batch, &error);
            }
        }
    }
}

fn refuse(batch: Vec<Write>, error: &Error) {
    for write in batch {
        write.fail(error);
    }
}

/// The outcome of a committed batch, kind by kind and in the order of its writes.
struct Outcome {
    acceptances: Vec<Acceptance>,
    /// Places in the routing queue, for the emits that got one.
    places: HashMap<EmitId, Place>,
    /// The routed emits whose claim still held.
    routed: HashSet<EmitId>,
    /// The deliveries whose claim still held.
    settled: HashSet<DeliveryId>,
}

impl Outcome {
    /// Writes a batch in one transaction.
    async fn write(db: &Db, routing: &RoutingQueue, bells: &Bells, batch: &[Write]) -> Result<Self> {
        let mut emits: Vec<&NewEmit> = Vec::new();
        let mut routes: Vec<&Routed> = Vec::new();
        let mut settles: Vec<&Settled> = Vec::new();
        let mut announced: Vec<&Emit> = Vec::new();
        for write in batch {
            match write {
                Write::Accept(emit, _) => emits.push(emit),
                Write::Route(routed, _) => routes.extend(routed),
                Write::Settle(settled, _) => settles.push(settled),
                Write::Announce(events, _) => announced.extend(events),
            }
        }
        // A place in the routing queue is taken before the emit is written, because the row says
        // whether this process has the emit or it waits in the table.
        let places: HashMap<EmitId, Place> = emits
            .iter()
            .filter(|new| new.is_wanted)
            .filter_map(|new| Some((new.emit.id.clone(), routing.reserve(&new.emit)?)))
            .collect();
        // Only an accept is answered with a 202, so only accepts wait for the disk. Routing and settled
        // claims that power loss takes are made again.
        let mut tx: Tx = if emits.is_empty() { db.begin_unsynced().await? } else { db.begin().await? };
        let is_taken = |emit: &Emit| places.contains_key(&emit.id);
        let acceptances = emit::accept(&mut tx, &emits, ROUTING_LEASE_MS, is_taken).await?;
        let routed = emit::mark_routed(&mut tx, &routes).await?;
        let settled = delivery::settle(&mut tx, &settles).await?;
        let of_routes =
            routes.iter().filter(|route| routed.contains(&route.emit_id)).flat_map(|route| &route.lifecycle);
        let of_settled =
            settles.iter().filter(|settle| settled.contains(&settle.delivery_id)).flat_map(|settle| &settle.lifecycle);
        let lifecycle: Vec<Emit> = of_routes.chain(of_settled).chain(announced).cloned().collect();
        emit::insert_due(&mut tx, &lifecycle).await?;
        tx.commit().await?;
        if !lifecycle.is_empty() {
            bells.emits_due.notify_one();
        }
        Ok(Self { acceptances, places, routed, settled })
    }

    /// Replies to each write, and hands accepted emits over.
    fn reply(mut self, bells: &Bells, batch: Vec<Write>) {
        let mut acceptances = std::mem::take(&mut self.acceptances).into_iter();
        for write in batch {
            match write {
                Write::Accept(new, reply) => {
                    let Some(acceptance) = acceptances.next() else { continue };
                    if let Acceptance::Accepted { revision } = acceptance {
                        self.hand_over(new, revision, bells);
                    }
                    drop(reply.send(Ok(acceptance)));
                }
                Write::Route(routes, reply) => {
                    let held = routes.into_iter().map(|routed| routed.emit_id).filter(|id| self.routed.contains(id));
                    drop(reply.send(Ok(held.collect())));
                }
                Write::Announce(_, reply) => drop(reply.send(Ok(()))),
                Write::Settle(settled, reply) => {
                    drop(reply.send(Ok(self.settled.contains(&settled.delivery_id))));
                }
            }
        }
    }

    /// Tells routing and relaying of an emit that was accepted under this revision.
    fn hand_over(&mut self, new: NewEmit, revision: i64, bells: &Bells) {
        if new.is_pushed {
            bells.relays_due.notify_one();
        }
        let was_checked_before = new.emit.revision != revision;
        let emit = if was_checked_before { Arc::new(new.emit.at_revision(revision)) } else { new.emit };
        if new.is_wanted || was_checked_before {
            match self.places.remove(&emit.id) {
                Some(place) => place.fill(Handover { emit, claims: 1 }),
                None => bells.emits_due.notify_one(),
            }
        }
    }
}
