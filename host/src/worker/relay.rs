//! Relays: what an organization pushes, accepted again for each member of its groups.
//!
//! An emit that is pushed leaves a row in the transaction that accepts it. From there it is relayed
//! in steps, beside the owner's own routing: a step accepts it for some members, logs that, and
//! moves on, all in one transaction, so that a crash neither skips a member nor repeats one. What
//! was relayed is then routed like any event of the member's, and leaves no such row itself: nothing
//! is relayed twice (contract 4.3).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{POLL_INTERVAL, Shared, contained};
use crate::{
    db::{
        self, Tx,
        emit::StoredEmit,
        federation::{
            fan_out::{self, FanOut},
            relay::{self, Destination, Relay},
            relay_log,
        },
    },
    domain::{
        emit::Subject,
        federation::{RelayLog, RelayStatus},
        id::{EmitId, OrganizationId, RelayId},
        lifecycle::{CUSTOM_EVENT_FEDERATION_RELAYED, Lifecycle, entity},
        time::Time,
    },
    error::Result,
    service::{directory, lifecycle::Record},
};

/// Relays of one step: enough for a commit to be worth it, few enough for nobody to wait for it.
const RELAYS_MAX: usize = 128;
/// Emits of one step.
const EMITS_MAX: u32 = 64;
/// Between two steps the database belongs to the others.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) struct Relays {
    shared: Arc<Shared>,
    /// The organization that had the last step: the next one belongs to another.
    cursor: Mutex<String>,
}

impl Relays {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, cursor: Mutex::default() }
    }

    /// Relays until told to stop.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            // Listening begins before the look, so that no ring in between is lost.
            let rung = self.shared.host.relays_due.notified();
            let this = self.clone();
            let is_more = match contained("a step of relaying", async move { this.step().await }).await {
                Some(Ok(steps)) => steps > 0,
                Some(Err(error)) => {
                    tracing::error!(error = ?error, "emits cannot be relayed yet");
                    false
                }
                None => false,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(PAUSE), if is_more => {}
                () = rung, if !is_more => {}
                () = tokio::time::sleep(POLL_INTERVAL), if !is_more => {}
            }
        }
    }

    /// One step of one organization; says of how many emits.
    pub(super) async fn step(&self) -> Result<usize> {
        let host = &self.shared.host;
        let mut tx = host.db.read().await?;
        let is_any_left = fan_out::is_any_left(&mut tx).await?;
        drop(tx);
        if !is_any_left {
            return Ok(0);
        }
        let mut tx = host.db.begin().await?;
        let after = self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut due = fan_out::next(&mut tx, &after, EMITS_MAX).await?;
        if due.is_empty() {
            due = fan_out::next(&mut tx, "", EMITS_MAX).await?;
        }
        let Some(owner) = due.first().map(|fan_out| fan_out.owner_id.clone()) else { return Ok(0) };
        // Moved before anything can fail: the trouble of one organization is not another's.
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = owner.to_string();
        let relayed = self.relay(&mut tx, &owner, &due).await?;
        tx.commit().await?;
        host.emits_due.notify_one();
        Ok(relayed)
    }

    /// Relays emits of an organization to as many members as fit the step.
    async fn relay(&self, tx: &mut Tx, owner: &OrganizationId, due: &[FanOut]) -> Result<usize> {
        let now = self.shared.host.now();
        let ids: Vec<&EmitId> = due.iter().map(|fan_out| &fan_out.emit_id).collect();
        let emits = db::emit::load(tx, &ids).await?;
        let (mut relays, mut log, mut steps) = (Vec::new(), Vec::new(), 0);
        for fan_out in due {
            let room = RELAYS_MAX.saturating_sub(relays.len());
            if room == 0 {
                break;
            }
            steps += 1;
            let emit = emits.iter().find(|stored| stored.emit.id == fan_out.emit_id);
            let some = self.next_relays(tx, fan_out, emit, room).await?;
            match some.last() {
                Some(last) if some.len() == room => {
                    fan_out::advance(tx, owner, &fan_out.emit_id, &last.member_id).await?;
                }
                _ => fan_out::finish(tx, owner, &fan_out.emit_id).await?,
            }
            let Some(stored) = emit else { continue };
            for relay in some {
                log.extend(self.logged(stored, &relay, now));
                relays.push((fan_out.emit_id.clone(), relay));
            }
        }
        fan_out::relay(tx, &relays, now).await?;
        relay_log::insert(tx, owner, &log).await?;
        self.say(tx, owner, &log, now).await?;
        Ok(steps)
    }

    /// The next members that get an emit, as of the revision under which it was accepted.
    async fn next_relays(
        &self,
        tx: &mut Tx,
        fan_out: &FanOut,
        emit: Option<&StoredEmit>,
        room: usize,
    ) -> Result<Vec<Relay>> {
        let Some(emit) = emit.map(|stored| &stored.emit) else { return Ok(Vec::new()) };
        let Subject::Custom { registration_id, .. } = &emit.subject else { return Ok(Vec::new()) };
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        relay::relays_for(tx, &fan_out.owner_id, registration_id, emit.revision, &fan_out.after_member, limit).await
    }

    /// What the log says of a relay to an organization.
    fn logged(&self, stored: &StoredEmit, relay: &Relay, now: Time) -> Option<RelayLog> {
        let Destination::Organization(member) = &relay.to else { return None };
        let (event, version) = stored.emit.subject.custom()?;
        Some(RelayLog {
            id: RelayId::new(now, self.shared.host.randomness.id()),
            group_id: relay.group_id.clone(),
            push_id: relay.push_id.clone(),
            member_id: relay.member_id.clone(),
            peer_organization_id: Some(member.clone()),
            peer_canonical_name: Some(event.canonical(member, version)),
            emit_id: stored.emit.id.clone(),
            attempt: 1,
            status: RelayStatus::Relayed,
            response_status: None,
            error_message: None,
            created_at: now,
        })
    }

    /// Says to the owner what was relayed, if anybody there wants to know.
    async fn say(&self, tx: &mut Tx, owner: &OrganizationId, log: &[RelayLog], now: Time) -> Result<()> {
        let host = &self.shared.host;
        let entry = directory::organization(host, owner, 0).await?;
        if !directory::emit_events(host, &entry).await?.contains(CUSTOM_EVENT_FEDERATION_RELAYED) {
            return Ok(());
        }
        let mut record = Record::default();
        for row in log {
            let data = json!({
                "ownerOrganizationId": owner,
                "groupId": row.group_id,
                "pushId": row.push_id,
                "memberId": row.member_id,
                "emitId": row.emit_id,
                "peerOrganizationId": row.peer_organization_id,
                "peerCanonicalName": row.peer_canonical_name,
                "relayedAt": row.created_at,
            });
            let event = Lifecycle::about(entity::GROUP, row.group_id.as_str(), CUSTOM_EVENT_FEDERATION_RELAYED, data);
            record.add(host, owner, entry.organization.revision, now, event);
        }
        record.write(tx).await
    }
}
