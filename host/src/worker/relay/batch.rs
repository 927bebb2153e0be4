//! What one step of relaying writes, in one transaction.

use crate::{
    db::{
        self, Tx,
        emit::StoredEmit,
        federation::{
            fan_out::{self, FanOut},
            peer::{self, Owed},
            relay::{self, Destination, Relay},
        },
    },
    domain::{
        emit::Subject,
        federation::{Refusal, RelayLog, RelayStatus},
        id::{DeliveryId, EmitId, OrganizationId, PushId, RelayId},
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
    service::{Host, federation::outcome},
};

pub(super) struct Batch<'a> {
    host: &'a Host,
    owner: &'a OrganizationId,
    now: Time,
    /// Members at most.
    limit: usize,
    /// Members so far.
    count: usize,
    /// What organizations have accepted.
    accepted: Vec<(EmitId, PushId, OrganizationId)>,
    /// What external peers are owed.
    owed: Vec<Owed>,
    log: Vec<RelayLog>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(host: &'a Host, owner: &'a OrganizationId, now: Time, limit: usize) -> Self {
        Self { host, owner, now, limit, count: 0, accepted: Vec::new(), owed: Vec::new(), log: Vec::new() }
    }

    /// Takes as many members of emits of the owner as fit, and notes how far each emit came.
    pub(super) async fn take(&mut self, tx: &mut Tx, due: &[FanOut]) -> Result<()> {
        let ids: Vec<&EmitId> = due.iter().map(|fan_out| &fan_out.emit_id).collect();
        let emits = db::emit::load(tx, &ids).await?;
        for fan_out in due {
            let room = self.limit.saturating_sub(self.count);
            if room == 0 {
                break;
            }
            let emit = emits.iter().find(|stored| stored.emit.id == fan_out.emit_id);
            let some = self.next(tx, fan_out, emit, room).await?;
            match some.last() {
                Some(last) if some.len() == room => {
                    fan_out::advance(tx, self.owner, &fan_out.emit_id, &last.member_id).await?;
                }
                _ => fan_out::finish(tx, self.owner, &fan_out.emit_id).await?,
            }
            let Some(stored) = emit else { continue };
            for relay in some {
                self.add(stored, relay);
            }
        }
        Ok(())
    }

    /// The next members that get an emit, as of the revision under which it was accepted.
    async fn next(&self, tx: &mut Tx, fan_out: &FanOut, emit: Option<&StoredEmit>, room: usize) -> Result<Vec<Relay>> {
        let Some(emit) = emit.map(|stored| &stored.emit) else { return Ok(Vec::new()) };
        let Subject::Custom { registration_id, .. } = &emit.subject else { return Ok(Vec::new()) };
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        relay::relays_for(tx, self.owner, registration_id, emit.revision, &fan_out.after_member, limit).await
    }

    fn add(&mut self, stored: &StoredEmit, relay: Relay) {
        self.count += 1;
        let emit_id = &stored.emit.id;
        match &relay.to {
            Destination::Organization(member) => {
                self.log.push(self.logged(stored, &relay, Some(member)));
                if relay.refusal.is_none() {
                    self.accepted.push((emit_id.clone(), relay.push_id, member.clone()));
                }
            }
            Destination::External => {
                // What is owed is logged attempt by attempt.
                if relay.refusal.is_some() {
                    self.log.push(self.logged(stored, &relay, None));
                }
                self.owed.push(Owed {
                    id: DeliveryId::new(self.now, self.host.randomness.id()),
                    emit_id: emit_id.clone(),
                    member_id: relay.member_id,
                    push_id: relay.push_id,
                    refusal: relay.refusal,
                });
            }
        }
    }

    /// What the log says of a relay that is done, or that cannot be.
    fn logged(&self, stored: &StoredEmit, relay: &Relay, member: Option<&OrganizationId>) -> RelayLog {
        let name = |member| Some(stored.emit.subject.event_type(member));
        RelayLog {
            id: RelayId::new(self.now, self.host.randomness.id()),
            owner_id: self.owner.clone(),
            group_id: relay.group_id.clone(),
            push_id: relay.push_id.clone(),
            member_id: relay.member_id.clone(),
            peer_organization_id: member.cloned(),
            peer_canonical_name: member.and_then(name),
            emit_id: stored.emit.id.clone(),
            attempt: 1,
            status: if relay.refusal.is_none() { RelayStatus::Relayed } else { RelayStatus::Failed },
            response_status: None,
            error_message: relay.refusal.map(|refusal| Refusal::reason(refusal).to_owned()),
            created_at: self.now,
        }
    }

    /// Writes what was taken.
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<()> {
        fan_out::relay(tx, &self.accepted, self.now).await?;
        peer::owe(tx, self.owner, &self.owed, self.now).await?;
        outcome::write(self.host, tx, self.owner, 0, &self.log).await
    }

    /// The external peers that have something due by it.
    pub(super) fn owed_peers(&self) -> Vec<ReceiverId> {
        let mut peers: Vec<_> =
            self.owed.iter().filter(|owed| owed.refusal.is_none()).map(|owed| &owed.member_id).collect();
        peers.sort_unstable();
        peers.dedup();
        peers.into_iter().cloned().map(ReceiverId::Peer).collect()
    }
}
