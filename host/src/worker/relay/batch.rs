//! What one step of relaying is: taken from the table in one read, and then, part by part, routed
//! and written in one transaction each.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::super::{
    Shared,
    choice::Effort,
    decide::{Launch, decide},
};
use crate::{
    db::{
        self, Tx,
        emit::StoredEmit,
        federation::{
            fan_out::{self, FanOut, Relayed, Step},
            peer::{self, Owed},
            relay::{self, Destination, Relay},
        },
        ledger::{self, Handover, Routed},
        organization,
    },
    domain::{
        emit::{Emit, Source, Subject},
        federation::{Refusal, RelayLog, RelayStatus},
        flow::Limits,
        id::{DeliveryId, EmitId, OrganizationId, RelayId},
        receiver::ReceiverId,
        registration::PLATFORM,
        subscription::Terms,
        time::Time,
    },
    error::Result,
    service::federation::relay_log,
};

/// Between deliveries that do not start at once: a hundred of them together would keep the
/// processors from everybody else.
const LAUNCH_PAUSE: Duration = Duration::from_millis(1);

/// What the table says is next of an owner's emits: a read of some length, written part by part.
pub(super) struct Turn<'a> {
    shared: &'a Arc<Shared>,
    owner: &'a OrganizationId,
    now: Time,
    /// The owner's revision that it holds at.
    revision: Option<i64>,
    legs: VecDeque<Leg>,
}

/// An emit on its way to its next members.
struct Leg {
    fan_out: FanOut,
    /// `None` when it is deleted meanwhile.
    emit: Option<StoredEmit>,
    relays: VecDeque<Relay>,
    /// Whether nobody is left behind these.
    is_last: bool,
}

impl<'a> Turn<'a> {
    /// Takes as many members of the emits as fit.
    pub(super) async fn take(
        shared: &'a Arc<Shared>,
        owner: &'a OrganizationId,
        tx: &mut Tx,
        due: &[FanOut],
        limit: usize,
    ) -> Result<Self> {
        // The revision first: what is read after it is at least as new.
        let revision = organization::find(tx, owner).await?.map(|owner| owner.revision);
        let mut turn = Self { shared, owner, now: shared.host.now(), revision, legs: VecDeque::new() };
        let ids: Vec<&EmitId> = due.iter().map(|fan_out| &fan_out.emit_id).collect();
        let mut emits = db::emit::load(tx, &ids).await?;
        let mut room = limit;
        for fan_out in due {
            if room == 0 {
                break;
            }
            let emit =
                emits.iter().position(|stored| stored.emit.id == fan_out.emit_id).map(|at| emits.swap_remove(at));
            let relays = turn.next(tx, fan_out, emit.as_ref(), room).await?;
            let is_last = relays.len() < room;
            room -= relays.len();
            turn.legs.push_back(Leg { fan_out: fan_out.clone(), emit, relays: relays.into(), is_last });
        }
        Ok(turn)
    }

    /// The next members that get an emit, as of the revision under which it was accepted.
    async fn next(&self, tx: &mut Tx, fan_out: &FanOut, emit: Option<&StoredEmit>, room: usize) -> Result<Vec<Relay>> {
        let Some(emit) = emit.map(|stored| &stored.emit) else { return Ok(Vec::new()) };
        let Subject::Custom { registration_id, .. } = &emit.subject else { return Ok(Vec::new()) };
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        relay::relays_for(tx, self.owner, registration_id, emit.revision, &fan_out.after_member, limit).await
    }

    /// How long the first of its emits has waited.
    pub(super) fn behind(&self) -> Duration {
        let first = self.legs.front().and_then(|leg| leg.emit.as_ref());
        let waited_ms = first.map_or(0, |stored| self.now.millis_since(stored.emit.accepted_at));
        Duration::from_millis(u64::try_from(waited_ms).unwrap_or(0))
    }

    /// What is written next: `limit` relays at most. `None` when nothing is left.
    pub(super) fn part(&mut self, limit: usize) -> Option<Part<'a>> {
        let mut part = Part::new(self);
        let mut room = limit;
        while room > 0
            && let Some(leg) = self.legs.front_mut()
        {
            let some: Vec<Relay> = leg.relays.drain(..room.min(leg.relays.len())).collect();
            room -= some.len();
            let (from, last) = (leg.fan_out.clone(), some.last().map(|relay| relay.member_id.clone()));
            if let Some(member) = &last {
                leg.fan_out.after_member = member.to_string();
            }
            let emit = leg.emit.as_ref().map(|stored| stored.emit.clone());
            let (is_over, is_last) = (leg.relays.is_empty(), leg.is_last);
            if is_over {
                self.legs.pop_front();
            }
            let to = if is_over && is_last { None } else { last };
            part.steps.push(Step { emit_id: from.emit_id.clone(), from: from.after_member.clone(), to });
            part.due.push(from);
            for relay in some {
                if let Some(emit) = &emit {
                    part.add(emit, relay);
                }
            }
        }
        (!part.steps.is_empty()).then_some(part)
    }
}

/// Some relays that are written together.
pub(super) struct Part<'a> {
    shared: &'a Arc<Shared>,
    owner: &'a OrganizationId,
    now: Time,
    /// The owner's revision that it holds at.
    revision: Option<i64>,
    /// The emits as they were before.
    due: Vec<FanOut>,
    steps: Vec<Step>,
    /// What organizations get, each with the owner's emit.
    accepted: Vec<(EmitId, Arc<Emit>)>,
    /// What external peers are owed.
    owed: Vec<Owed>,
    log: Vec<RelayLog>,
    /// What organizations get, routed as far as that could be decided at once.
    routed: Vec<Routed>,
    launches: Vec<Launch>,
}

/// What begins when a part is committed.
pub(super) struct Follows {
    launches: VecDeque<Launch>,
    held: HashSet<EmitId>,
    /// External peers that have something due.
    peers: Vec<(OrganizationId, ReceiverId)>,
    /// Whether anything waits in the table for routing.
    is_anything_left: bool,
    /// Whether the table had to be asked again, or another host was faster: what else was taken no
    /// longer holds.
    pub(super) is_outdated: bool,
    now: Time,
}

impl<'a> Part<'a> {
    fn new(turn: &Turn<'a>) -> Self {
        Self {
            shared: turn.shared,
            owner: turn.owner,
            now: turn.shared.host.now(),
            revision: turn.revision,
            due: Vec::new(),
            steps: Vec::new(),
            accepted: Vec::new(),
            owed: Vec::new(),
            log: Vec::new(),
            routed: Vec::new(),
            launches: Vec::new(),
        }
    }

    fn add(&mut self, emit: &Emit, relay: Relay) {
        match &relay.to {
            Destination::Organization(member, revision) => {
                self.log.push(self.logged(emit, &relay, Some(member)));
                if relay.refusal.is_none() {
                    let source = Source { organization_id: self.owner.clone(), push_id: relay.push_id };
                    self.accepted.push((emit.id.clone(), Arc::new(relayed(emit, member, *revision, source))));
                }
            }
            Destination::External => {
                // What is owed is logged attempt by attempt.
                if relay.refusal.is_some() {
                    self.log.push(self.logged(emit, &relay, None));
                }
                self.owed.push(Owed {
                    id: DeliveryId::new(self.now, self.shared.host.randomness.id()),
                    emit_id: emit.id.clone(),
                    member_id: relay.member_id,
                    push_id: relay.push_id,
                    refusal: relay.refusal,
                });
            }
        }
    }

    /// What the log says of a relay that is done, or that cannot be.
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

    /// Decides what members that are organizations do with what they get. What takes long or fails is
    /// left to the table, where it is in nobody's way.
    pub(super) async fn route(&mut self) {
        let mut seen = HashSet::new();
        for (_, emit) in &self.accepted {
            // Two pushes may bring one emit to one member.
            if !seen.insert(&emit.id) {
                continue;
            }
            let handover = Handover { emit: emit.clone(), claims: 0 };
            match decide(self.shared, &handover, Effort::OneCallEach).await {
                Ok(Some(decision)) => {
                    self.routed.push(decision.routed);
                    self.launches.push(decision.launch);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(emit = %emit.id, error = ?error, "emit {} is not routed yet", emit.id),
            }
        }
    }

    /// The present revisions of everybody concerned, which stay until the commit.
    async fn hold_revisions(&self, tx: &mut Tx) -> Result<HashMap<OrganizationId, i64>> {
        let members = self.accepted.iter().map(|(_, emit)| &emit.organization_id);
        organization::hold_revisions(tx, members.chain([self.owner])).await
    }

    /// Whether everybody concerned is as they were when this was taken.
    fn holds_at(&self, revisions: &HashMap<OrganizationId, i64>) -> bool {
        let is_present = |emit: &Emit| revisions.get(&emit.organization_id) == Some(&emit.revision);
        revisions.get(self.owner).copied() == self.revision && self.accepted.iter().all(|(_, emit)| is_present(emit))
    }

    /// Writes it, as far as it still holds.
    pub(super) async fn write(mut self, tx: &mut Tx) -> Result<Follows> {
        let mut revisions = self.hold_revisions(tx).await?;
        let is_outdated = !self.holds_at(&revisions);
        if is_outdated {
            // Groups or members changed, so the table is asked again. Routing is left to it: whoever
            // keeps changing things does not keep the others waiting.
            let limit = self.accepted.len() + self.owed.len();
            let mut again = Turn::take(self.shared, self.owner, tx, &self.due, limit.max(1)).await?;
            self = again.part(limit.max(1)).unwrap_or_else(|| Part::new(&again));
            revisions = self.hold_revisions(tx).await?;
        }
        let moved = fan_out::advance(tx, self.owner, &self.steps).await?;
        self.owed.retain(|owed| moved.contains(&owed.emit_id));
        self.log.retain(|row| moved.contains(&row.emit_id));
        let relayed = self.relayed(&moved, &revisions);
        let new = fan_out::relay(tx, &relayed, self.now).await?;
        let is_routed = |relayed: &&Relayed| relayed.routed_at.is_some() && new.contains(&relayed.emit.id);
        let held: HashSet<EmitId> = relayed.iter().filter(is_routed).map(|relayed| relayed.emit.id.clone()).collect();
        ledger::owe(tx, self.routed.iter().filter(|routed| held.contains(&routed.emit_id))).await?;
        peer::owe(tx, self.owner, &self.owed, self.now).await?;
        let is_anything_said = relay_log::write(&self.shared.host, tx, self.owner, 0, &self.log).await?;
        Ok(Follows {
            launches: self.launches.into(),
            is_anything_left: is_anything_said || held.len() < new.len(),
            held,
            peers: peers(self.owner, &self.owed),
            is_outdated: is_outdated || moved.is_empty(),
            now: self.now,
        })
    }

    /// What members have of the emits that moved on, at their present revisions.
    fn relayed(&self, moved: &HashSet<EmitId>, revisions: &HashMap<OrganizationId, i64>) -> Vec<Relayed> {
        let routed_at: HashMap<&EmitId, Time> =
            self.routed.iter().map(|routed| (&routed.emit_id, routed.routed_at)).collect();
        let relayed = self.accepted.iter().filter(|(of, _)| moved.contains(of)).map(|(of, emit)| {
            let present = revisions.get(&emit.organization_id).copied().unwrap_or(emit.revision);
            let routed_at = routed_at.get(&emit.id).copied().filter(|_| present == emit.revision);
            let emit = if present == emit.revision { emit.clone() } else { at_revision(emit, present) };
            Relayed { of: of.clone(), emit, routed_at }
        });
        relayed.collect()
    }
}

impl Follows {
    /// Starts what can start, so many at once and then a little later the next.
    pub(super) async fn go(mut self, shared: &Arc<Shared>, at_once: usize) {
        if self.is_anything_left {
            shared.host.emits_due.notify_one();
        }
        for (owner, peer) in &self.peers {
            shared.slots.note_backlog(owner, peer, Limits::of(&Terms::default()), self.now);
        }
        while !self.launches.is_empty() {
            let later = self.launches.split_off(at_once.min(self.launches.len()));
            Launch::go(std::mem::replace(&mut self.launches, later), shared, &self.held);
            if !self.launches.is_empty() {
                tokio::time::sleep(LAUNCH_PAUSE).await;
            }
        }
    }
}

/// What a member has of an emit: a relay is emitted by the platform and is none of the member's month.
fn relayed(emit: &Emit, member: &OrganizationId, revision: i64, source: Source) -> Emit {
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

fn at_revision(emit: &Emit, revision: i64) -> Arc<Emit> {
    Arc::new(Emit { revision, ..emit.clone() })
}

/// The external peers that have something due by it.
fn peers(owner: &OrganizationId, owed: &[Owed]) -> Vec<(OrganizationId, ReceiverId)> {
    let mut peers: Vec<_> =
        owed.iter().filter(|owed| owed.refusal.is_none()).map(|owed| &owed.member_id).cloned().collect();
    peers.sort_unstable();
    peers.dedup();
    peers.into_iter().map(|peer| (owner.clone(), ReceiverId::Peer(peer))).collect()
}
