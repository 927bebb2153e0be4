//! What came of relays: what the log keeps of them, and what their owner is told.

use serde_json::json;

use crate::{
    db::{self, Tx, federation::relay_log, ledger::Attempted},
    domain::{
        delivery::Status,
        emit::Emit,
        federation::{Refusal, RelayLog, RelayStatus},
        id::{GroupId, MemberId, OrganizationId, PushId, RelayId},
        lifecycle::{CUSTOM_EVENT_FEDERATION_RELAY_FAILED, CUSTOM_EVENT_FEDERATION_RELAYED, Lifecycle, entity},
        receiver::ReceiverId,
        subscription::Target,
        time::Time,
    },
    error::Result,
    service::{Host, directory, lifecycle::Record},
};

/// Writes rows of an owner's log, with what is said of them, and tells whether anything is: whoever
/// commits then rings for routing. `revision` is the owner's present one, as far as the caller knows.
pub async fn write(host: &Host, tx: &mut Tx, owner: &OrganizationId, revision: i64, rows: &[RelayLog]) -> Result<bool> {
    relay_log::insert(tx, rows).await?;
    let events = events(host, owner, revision, rows).await?;
    db::emit::record(tx, &events).await?;
    Ok(!events.is_empty())
}

/// What is said of rows of an owner's log, if anybody there wants to know.
async fn events(host: &Host, owner: &OrganizationId, revision: i64, rows: &[RelayLog]) -> Result<Vec<Emit>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let entry = directory::organization(host, owner, revision).await?;
    let wanted = directory::emit_events(host, &entry).await?;
    let revision = revision.max(entry.organization.revision);
    let mut record = Record::default();
    for event in rows.iter().map(event).filter(|event| wanted.contains(event.name)) {
        record.add(host, owner, revision, host.now(), event);
    }
    Ok(record.into_events())
}

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

/// What is kept and said of an attempt at an external peer: nothing when it never came to a try.
/// What cannot be found out is left unsaid: the attempt is recorded all the same.
pub async fn of_attempted(
    host: &Host,
    emit: &Emit,
    attempted: &Attempted,
    target: &Target,
    push: &PushId,
) -> (Option<RelayLog>, Vec<Emit>) {
    let (Some(attempt), Some(member), Some(group)) = (&attempted.attempt, target.receiver.peer(), &target.group_id)
    else {
        return (None, Vec::new());
    };
    let is_relayed = attempted.status == Status::Success;
    let row = RelayLog {
        id: RelayId::new(attempted.now, host.randomness.id()),
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
        created_at: attempted.now,
    };
    let said = events(host, &emit.organization_id, emit.revision, std::slice::from_ref(&row)).await;
    (Some(row), said.unwrap_or_default())
}

/// Ends what a removed peer is still owed, and its replays: dead letters that say why, in the log as
/// well.
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
            // The one that was not made any more.
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
