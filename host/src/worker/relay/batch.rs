//! One step of relaying: a [`Round`] reads emits and their next members from the table, and each of its
//! [`Chunk`]s is routed and written in one transaction.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::super::{
    Shared,
    routing::decide::{Starts, decide},
};
use crate::{
    db::{
        self, Tx, delivery,
        emit::{self, Relayed, Routed, StoredEmit},
        federation::{
            fan_out::{self, Advance, FanOut},
            relay::{self, Recipient, Relay},
        },
        organization::{self, Revisions},
    },
    domain::{
        delivery::{New, Start},
        emit::{Emit, RelaySource, Subject},
        federation::{Refusal, RelayLog, RelayStatus},
        flow::Limits,
        id::{DeliveryId, EmitId, OrganizationId, ProgramId, RelayId},
        receiver::ReceiverId,
        registration::PLATFORM,
        subscription::Terms,
        time::Time,
    },
    error::Result,
    ledger::Handover,
    service::federation::relay_log,
};

/// The pause between two groups of deliveries that start: a hundred deliveries at once would keep the
/// processors from all other work.
const LAUNCH_PAUSE: Duration = Duration::from_millis(1);

/// Emits of one owner with the members that they are relayed to next, as one read of the table found them.
pub(super) struct Round<'a> {
    shared: &'a Arc<Shared>,
    owner: &'a OrganizationId,
    now: Time,
    /// The owner's revision when the round was read; `None` if the owner is gone.
    revision: Option<i64>,
    /// The program of deliveries to the owner's external peers.
    peer_program: ProgramId,
    emits: VecDeque<EmitInRound>,
}

/// An emit on its way to its next members.
struct EmitInRound {
    fan_out: FanOut,
    /// `None` when the emit was deleted meanwhile.
    emit: Option<StoredEmit>,
    relays: VecDeque<Relay>,
    /// Whether no members come after these.
    is_last: bool,
}

impl<'a> Round<'a> {
    /// Reads the next members of the emits, `limit` at most.
    pub(super) async fn take(
        shared: &'a Arc<Shared>,
        owner: &'a OrganizationId,
        peer_program: ProgramId,
        tx: &mut Tx,
        due: &[FanOut],
        limit: usize,
    ) -> Result<Self> {
        // The revision is read first, so that the members are at least as new.
        let revision = organization::find(tx, owner).await?.map(|owner| owner.revision);
        let mut round = Self { shared, owner, now: shared.host.now(), revision, peer_program, emits: VecDeque::new() };
        let ids: Vec<&EmitId> = due.iter().map(|fan_out| &fan_out.emit_id).collect();
        let mut emits = db::emit::load(tx, &ids).await?;
        let mut room = limit;
        for fan_out in due {
            if room == 0 {
                break;
            }
            let emit =
                emits.iter().position(|stored| stored.emit.id == fan_out.emit_id).map(|at| emits.swap_remove(at));
            let relays = round.next(tx, fan_out, emit.as_ref(), room).await?;
            let is_last = relays.len() < room;
            room -= relays.len();
            round.emits.push_back(EmitInRound { fan_out: fan_out.clone(), emit, relays: relays.into(), is_last });
        }
        Ok(round)
    }

    /// The next members that get an emit, as of the revision under which it was accepted.
    async fn next(&self, tx: &mut Tx, fan_out: &FanOut, emit: Option<&StoredEmit>, room: usize) -> Result<Vec<Relay>> {
        let Some(emit) = emit.map(|stored| &stored.emit) else { return Ok(Vec::new()) };
        let Subject::Custom { registration_id, .. } = &emit.subject else { return Ok(Vec::new()) };
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        relay::relays_for(tx, self.owner, registration_id, emit.revision, &fan_out.after_member, limit).await
    }

    /// How long the first emit of the round has waited since it was accepted.
    pub(super) fn behind(&self) -> Duration {
        let first = self.emits.front().and_then(|next| next.emit.as_ref());
        let waited_ms = first.map_or(0, |stored| self.now.millis_since(stored.emit.accepted_at));
        Duration::from_millis(u64::try_from(waited_ms).unwrap_or(0))
    }

    /// The next chunk, of `limit` relays at most; `None` when the round is done.
    pub(super) fn chunk(&mut self, limit: usize) -> Option<Chunk<'a>> {
        let mut chunk = Chunk::new(self);
        let mut room = limit;
        while room > 0
            && let Some(next) = self.emits.front_mut()
        {
            let some: Vec<Relay> = next.relays.drain(..room.min(next.relays.len())).collect();
            room -= some.len();
            let (from, last) = (next.fan_out.clone(), some.last().map(|relay| relay.member_id.clone()));
            if let Some(member) = &last {
                next.fan_out.after_member = member.to_string();
            }
            let emit = next.emit.as_ref().map(|stored| stored.emit.clone());
            let (is_over, is_last) = (next.relays.is_empty(), next.is_last);
            if is_over {
                self.emits.pop_front();
            }
            let to = if is_over && is_last { None } else { last };
            chunk.steps.push(Advance { emit_id: from.emit_id.clone(), from: from.after_member.clone(), to });
            chunk.due.push(from);
            for relay in some {
                if let Some(emit) = &emit {
                    chunk.add(emit, relay);
                }
            }
        }
        (!chunk.steps.is_empty()).then_some(chunk)
    }
}

/// Relays that are written in one transaction.
pub(super) struct Chunk<'a> {
    shared: &'a Arc<Shared>,
    owner: &'a OrganizationId,
    now: Time,
    /// The owner's revision when the round was read; `None` if the owner is gone.
    revision: Option<i64>,
    /// The program of deliveries to the owner's external peers.
    peer_program: ProgramId,
    /// The emits as the round found them: if the chunk is outdated, its members are read again from there.
    due: Vec<FanOut>,
    /// How far each emit gets with this chunk.
    steps: Vec<Advance>,
    /// The emits of members that are organizations, each with the id of the owner's emit.
    accepted: Vec<(EmitId, Arc<Emit>)>,
    /// The deliveries to external peers.
    owed: Vec<New>,
    /// The rows for the owner's relay log.
    log: Vec<RelayLog>,
    /// The routing of `accepted`, as far as it could be decided at once.
    routed: Vec<Routed>,
    starts: Vec<Starts>,
}

/// The work that begins once a chunk is committed.
pub(super) struct AfterCommit {
    starts: VecDeque<Starts>,
    /// The emits whose routing was written with the chunk.
    held: HashSet<EmitId>,
    /// External peers with due deliveries.
    peers: Vec<(OrganizationId, ReceiverId)>,
    /// Whether emits wait in the table for routing.
    is_any_unrouted: bool,
    /// Whether the table had to be read again, or another host was faster: the rest of the round is stale
    /// then.
    pub(super) is_outdated: bool,
    now: Time,
}

impl<'a> Chunk<'a> {
    fn new(round: &Round<'a>) -> Self {
        Self {
            shared: round.shared,
            owner: round.owner,
            now: round.shared.host.now(),
            revision: round.revision,
            peer_program: round.peer_program.clone(),
            due: Vec::new(),
            steps: Vec::new(),
            accepted: Vec::new(),
            owed: Vec::new(),
            log: Vec::new(),
            routed: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Adds the relay of an emit to one member.
    fn add(&mut self, emit: &Emit, relay: Relay) {
        match &relay.to {
            Recipient::Organization(member, revision) => {
                self.log.push(self.logged(emit, &relay, Some(member)));
                if relay.refusal.is_none() {
                    let source = RelaySource { organization_id: self.owner.clone(), push_id: relay.push_id };
                    self.accepted.push((emit.id.clone(), Arc::new(relayed(emit, member, *revision, source))));
                }
            }
            Recipient::External => {
                // A delivery to an external peer is logged with each of its attempts.
                if relay.refusal.is_some() {
                    self.log.push(self.logged(emit, &relay, None));
                }
                self.owed.push(New {
                    id: DeliveryId::new(self.now, self.shared.host.randomness.id()),
                    organization_id: self.owner.clone(),
                    emit_id: emit.id.clone(),
                    receiver: relay.member_id.into(),
                    push_id: Some(relay.push_id),
                    program_id: self.peer_program.clone(),
                    attributes: Vec::new(),
                    is_replay: false,
                    start: relay.refusal.map_or(Start::Due(self.now), |refusal| Start::Refused(refusal.reason())),
                    now: self.now,
                });
            }
        }
    }

    /// The log's row for a relay that is written with this chunk, or refused.
    fn logged(&self, emit: &Emit, relay: &Relay, member: Option<&OrganizationId>) -> RelayLog {
        RelayLog {
            id: RelayId::new(self.now, self.shared.host.randomness.id()),
            owner_id: self.owner.clone(),
            group_id: relay.group_id.clone(),
            push_id: relay.push_id.clone(),
            member_id: relay.member_id.clone(),
            peer_organization_id: member.cloned(),
            peer_canonical_name: member.map(|member| emit.subject.event_type(member)),
            emit_id: emit.id.clone(),
            attempt: 1,
            status: if relay.refusal.is_none() { RelayStatus::Relayed } else { RelayStatus::Failed },
            response_status: None,
            error_message: relay.refusal.map(|refusal| Refusal::reason(refusal).to_owned()),
            created_at: self.now,
        }
    }

    /// Routes the emits of members that are organizations. Emits whose routing takes long or fails are left
    /// to the table, where they delay no others.
    pub(super) async fn route(&mut self) {
        let mut seen = HashSet::new();
        for (_, emit) in &self.accepted {
            // Two pushes may bring one emit to one member.
            if !seen.insert(&emit.id) {
                continue;
            }
            let handover = Handover { emit: emit.clone(), claims: 0 };
            match decide(self.shared, &handover).await {
                Ok(Some(decided)) => {
                    self.routed.push(decided.routed);
                    self.starts.push(decided.starts);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(emit = %emit.id, error = ?error, "routing of emit {} is left to the table", emit.id);
                }
            }
        }
    }

    /// The present revisions of the owner and the members, locked until the commit.
    async fn hold_revisions(&self, tx: &mut Tx) -> Result<HashMap<OrganizationId, Revisions>> {
        let members = self.accepted.iter().map(|(_, emit)| &emit.organization_id);
        organization::hold_revisions(tx, members.chain([self.owner])).await
    }

    /// Whether the owner and the members are at the revisions of the round.
    fn holds_at(&self, revisions: &HashMap<OrganizationId, Revisions>) -> bool {
        let present = |id: &OrganizationId| revisions.get(id).map(|revisions| revisions.present);
        let is_present = |emit: &Emit| present(&emit.organization_id) == Some(emit.revision);
        present(self.owner) == self.revision && self.accepted.iter().all(|(_, emit)| is_present(emit))
    }

    /// Writes the chunk. If a revision has changed since the round was read, reads the chunk again first.
    pub(super) async fn write(mut self, tx: &mut Tx) -> Result<AfterCommit> {
        let mut revisions = self.hold_revisions(tx).await?;
        let is_outdated = !self.holds_at(&revisions);
        if is_outdated {
            // Groups or members changed, so the table is read again. Routing is left to the table: members
            // that change all the time do not delay the others.
            let limit = self.accepted.len() + self.owed.len();
            let mut again =
                Round::take(self.shared, self.owner, self.peer_program.clone(), tx, &self.due, limit.max(1)).await?;
            self = again.chunk(limit.max(1)).unwrap_or_else(|| Chunk::new(&again));
            revisions = self.hold_revisions(tx).await?;
        }
        let moved = fan_out::advance(tx, self.owner, &self.steps).await?;
        self.owed.retain(|owed| moved.contains(&owed.emit_id));
        self.log.retain(|row| moved.contains(&row.emit_id));
        let relayed = self.relayed(&moved, &revisions);
        let new = emit::insert_relayed(tx, &relayed, self.now).await?;
        let is_routed = |relayed: &&Relayed| relayed.routed.is_some() && new.contains(&relayed.emit.id);
        let held: HashSet<EmitId> = relayed.iter().filter(is_routed).map(|relayed| relayed.emit.id.clone()).collect();
        let routed = self.routed.iter().filter(|routed| held.contains(&routed.emit_id));
        let deliveries: Vec<&New> = routed.flat_map(|routed| &routed.deliveries).chain(&self.owed).collect();
        delivery::insert(tx, &deliveries).await?;
        let is_any_announced = relay_log::write(&self.shared.host, tx, self.owner, 0, &self.log).await?;
        Ok(AfterCommit {
            starts: self.starts.into(),
            is_any_unrouted: is_any_announced || held.len() < new.len(),
            held,
            peers: peers(self.owner, &self.owed),
            is_outdated: is_outdated || moved.is_empty(),
            now: self.now,
        })
    }

    /// The emits that members get of the owner's emits in `moved`, at the members' present revisions.
    fn relayed(&self, moved: &HashSet<EmitId>, revisions: &HashMap<OrganizationId, Revisions>) -> Vec<Relayed> {
        let by_id: HashMap<&EmitId, &Routed> = self.routed.iter().map(|routed| (&routed.emit_id, routed)).collect();
        let relayed = self.accepted.iter().filter(|(of, _)| moved.contains(of)).map(|(of, emit)| {
            let present = revisions.get(&emit.organization_id).map_or(emit.revision, |revisions| revisions.present);
            let routed = by_id.get(&emit.id).filter(|_| present == emit.revision);
            let routed = routed.map(|routed| (routed.routed_at, routed.router));
            let emit = if present == emit.revision { emit.clone() } else { Arc::new(emit.at_revision(present)) };
            Relayed { of: of.clone(), emit, routed }
        });
        relayed.collect()
    }
}

impl AfterCommit {
    /// Rings the bells for the next workers, and starts the deliveries of `at_once` emits at a time.
    pub(super) async fn start(mut self, shared: &Arc<Shared>, at_once: usize) {
        if self.is_any_unrouted {
            shared.host.bells.emits_due.notify_one();
        }
        for (owner, peer) in &self.peers {
            shared.slots.note_due(owner, peer, Limits::of(&Terms::default()), self.now);
        }
        while !self.starts.is_empty() {
            let later = self.starts.split_off(at_once.min(self.starts.len()));
            Starts::go(std::mem::replace(&mut self.starts, later), shared, &self.held);
            if !self.starts.is_empty() {
                tokio::time::sleep(LAUNCH_PAUSE).await;
            }
        }
    }
}

/// The emit that a member gets of an owner's emit: emitted by the platform, and not counted toward the
/// member's monthly emits.
fn relayed(emit: &Emit, member: &OrganizationId, revision: i64, source: RelaySource) -> Emit {
    Emit {
        id: emit.id.relayed_to(member),
        organization_id: member.clone(),
        idempotency: None,
        emitted_by: PLATFORM.to_owned(),
        revision,
        source: Some(source),
        ..emit.clone()
    }
}

/// The external peers with due deliveries among `owed`, each once.
fn peers(owner: &OrganizationId, owed: &[New]) -> Vec<(OrganizationId, ReceiverId)> {
    let is_due = |new: &&New| matches!(new.start, Start::Due(_));
    let mut peers: Vec<_> = owed.iter().filter(is_due).map(|new| new.receiver.clone()).collect();
    peers.sort_unstable();
    peers.dedup();
    peers.into_iter().map(|peer| (owner.clone(), peer)).collect()
}
