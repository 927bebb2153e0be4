//! The log of relays: rows for the parties of a group, with the lifecycle events that the owner gets.

use serde_json::json;

use super::{look, no_group};
use crate::{
    db::{
        self, Tx,
        federation::relay_log::{self, RelayQuery},
    },
    domain::{
        delivery::{DeliveryOutcome, Status},
        emit::Emit,
        federation::{Refusal, RelayLog, RelayStatus, Role},
        id::{GroupId, MemberId, OrganizationId, PushId, RelayId},
        lifecycle::{CUSTOM_EVENT_FEDERATION_RELAY_FAILED, CUSTOM_EVENT_FEDERATION_RELAYED, Lifecycle, entity},
        receiver::ReceiverId,
        subscription::Endpoint,
        time::Time,
    },
    error::Result,
    service::{Caller, Host, Page, announce::Announcements},
};

/// A page of the relays to a group, the newest first, and how many match. The owner sees all, a
/// member those to itself.
pub async fn list(
    host: &Host,
    caller: &Caller,
    id: &str,
    mut filter: RelayQuery,
    page: &Page,
) -> Result<(Vec<RelayLog>, i64)> {
    let id = GroupId::parse(id).ok_or_else(no_group)?;
    let view = look(host, caller, &id).await?.ok_or_else(no_group)?;
    if let Role::Member(_) = view.role {
        filter.organization = Some(caller.organization_id.clone());
    }
    let mut tx = host.read(&caller.organization_id).await?;
    relay_log::list(&mut tx, &view.group.owner_id, &id, &filter, page.part()).await
}

/// Writes rows of an owner's log, with the lifecycle events about them. True if there are such events:
/// then [`Bells::emits_due`](crate::ledger::Bells::emits_due) has to be rung after the commit. `revision` is the owner's present one, as far as
/// it is known.
pub async fn write(host: &Host, tx: &mut Tx, owner: &OrganizationId, revision: i64, rows: &[RelayLog]) -> Result<bool> {
    relay_log::insert(tx, rows).await?;
    let events = events(host, owner, revision, rows).await?;
    db::emit::insert_due(tx, &events).await?;
    Ok(!events.is_empty())
}

/// The lifecycle events about rows of an owner's log, as far as a subscription of the owner wants them.
async fn events(host: &Host, owner: &OrganizationId, revision: i64, rows: &[RelayLog]) -> Result<Vec<Emit>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let view = host.memory.organization(owner, revision).await?;
    let wanted = host.memory.wanted_lifecycle(&view).await?;
    let revision = revision.max(view.organization.revision);
    let mut announcements = Announcements::new(host, host.now());
    for event in rows.iter().map(event).filter(|event| wanted.contains(event.name)) {
        announcements.add(owner, revision, event);
    }
    Ok(announcements.into_events())
}

/// The lifecycle event about a row.
fn event(row: &RelayLog) -> Lifecycle {
    let mut data = json!({
        "ownerOrganizationId": row.owner_id,
        "groupId": row.group_id,
        "pushId": row.push_id,
        "memberId": row.member_id,
        "emitId": row.emit_id,
        "peerOrganizationId": row.peer_organization_id,
        "peerCanonicalName": row.peer_canonical_name,
        "attempt": row.attempt,
    });
    let name = if row.status == RelayStatus::Relayed {
        data["relayedAt"] = json!(row.created_at);
        CUSTOM_EVENT_FEDERATION_RELAYED
    } else {
        data["failedAt"] = json!(row.created_at);
        data["responseStatus"] = json!(row.response_status);
        data["errorMessage"] = json!(row.error_message);
        CUSTOM_EVENT_FEDERATION_RELAY_FAILED
    };
    Lifecycle::about(entity::GROUP, row.group_id.as_str(), name, data)
}

/// The row and the lifecycle events of the outcome of a claim on a delivery to an external peer; none
/// without an attempt. An error leads to no events: the claim is settled all the same.
pub(in crate::service) async fn of_outcome(
    host: &Host,
    emit: &Emit,
    endpoint: &Endpoint,
    push: &PushId,
    outcome: &DeliveryOutcome<'_>,
) -> (Option<RelayLog>, Vec<Emit>) {
    let (Some(attempt), Some(member), Some(group)) = (outcome.attempt, endpoint.receiver.peer(), &endpoint.group_id)
    else {
        return (None, Vec::new());
    };
    let is_relayed = outcome.status == Status::Success;
    let row = RelayLog {
        id: RelayId::new(outcome.now, host.randomness.id()),
        owner_id: emit.organization_id.clone(),
        group_id: group.clone(),
        push_id: push.clone(),
        member_id: member.clone(),
        peer_organization_id: None,
        peer_canonical_name: None,
        emit_id: emit.id.clone(),
        attempt: attempt.number,
        status: if is_relayed { RelayStatus::Relayed } else { RelayStatus::Failed },
        response_status: attempt.response_status,
        error_message: attempt.error_message.clone(),
        created_at: outcome.now,
    };
    let events = events(host, &emit.organization_id, emit.revision, std::slice::from_ref(&row)).await;
    (Some(row), events.unwrap_or_default())
}

/// Gives up the deliveries and replays of a removed peer: its deliveries become dead letters, each with a
/// row in the log.
pub async fn give_up(
    host: &Host,
    tx: &mut Tx,
    owner: (&OrganizationId, i64),
    peer: (&GroupId, &MemberId),
    now: Time,
) -> Result<()> {
    let ((owner, revision), (group, member)) = (owner, peer);
    let reason = Refusal::Removed.reason();
    let receiver = ReceiverId::Peer(member.clone());
    db::replay::remove(tx, owner, &receiver).await?;
    let given_up = db::delivery::give_up(tx, owner, &receiver, reason, now).await?;
    let row = |delivery: db::delivery::GivenUp| {
        Some(RelayLog {
            id: RelayId::new(now, host.randomness.id()),
            owner_id: owner.clone(),
            group_id: group.clone(),
            push_id: delivery.push_id?,
            member_id: member.clone(),
            peer_organization_id: None,
            peer_canonical_name: None,
            emit_id: delivery.emit_id,
            // The attempt that is not made any more.
            attempt: delivery.attempts_total + 1,
            status: RelayStatus::Failed,
            response_status: None,
            error_message: Some(reason.to_owned()),
            created_at: now,
        })
    };
    let rows: Vec<RelayLog> = given_up.into_iter().filter_map(row).collect();
    write(host, tx, owner, revision, &rows).await.map(drop)
}
