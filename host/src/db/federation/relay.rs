//! Finds the members to whom an event of an organization is relayed.
//!
//! Every change of a group counts up the revision of its owner, and every event keeps the revision
//! under which it was accepted. A change at revision `r` holds for events of `r` and later, and for
//! none before: `since_revision <= revision < until_revision`. So it does not matter when an event is
//! relayed: one that was accepted before a change obeys the old state.

use sqlx::FromRow;

use crate::{
    db::{Tx, codec, on_db},
    domain::{
        federation::{Refusal, Status},
        id::{GroupId, MemberId, OrganizationId, PushId, RegistrationId},
        name::{EventName, Version},
        plan::Plan,
    },
    error::Result,
};

/// A member to whom a push relays an event.
#[derive(Clone, Debug)]
pub struct Relay {
    pub push_id: PushId,
    /// The group of push and member.
    pub group_id: GroupId,
    pub member_id: MemberId,
    pub to: Recipient,
    /// Why the member cannot have the event now; `None` if it can.
    pub refusal: Option<Refusal>,
}

/// The destination of a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// An organization of this host, with its present revision.
    Organization(OrganizationId, i64),
    /// An endpoint outside of the platform.
    External,
}

#[derive(FromRow)]
struct RelayRow {
    push_id: String,
    group_id: String,
    member_id: String,
    member_organization_id: Option<String>,
    is_removed: bool,
    owner_plan: String,
    peer_plan: Option<String>,
    peer_is_active: Option<bool>,
    peer_revision: Option<i64>,
}

impl RelayRow {
    fn refusal(&self) -> Result<Option<Refusal>> {
        let has_federation = |text: &str| -> Result<bool> {
            Ok(codec::sound(Plan::parse(text), "organization", "plan", &self.member_id)?.federation())
        };
        if !has_federation(&self.owner_plan)? {
            return Ok(Some(Refusal::OwnersPlan));
        }
        if self.peer_is_active == Some(false) {
            return Ok(Some(Refusal::SwitchedOff));
        }
        match &self.peer_plan {
            Some(plan) if !has_federation(plan)? => Ok(Some(Refusal::MembersPlan)),
            // An organization still gets the events of its time as a member. An external peer cannot: its
            // secrets were deleted with its removal.
            None if self.is_removed => Ok(Some(Refusal::Removed)),
            _ => Ok(None),
        }
    }
}

impl TryFrom<RelayRow> for Relay {
    type Error = crate::error::Error;

    fn try_from(row: RelayRow) -> Result<Self> {
        Ok(Self {
            refusal: row.refusal()?,
            to: match row.member_organization_id {
                // An organization that is gone has no revision, and 0 is older than every other one.
                Some(id) => Recipient::Organization(OrganizationId::stored(id), row.peer_revision.unwrap_or(0)),
                None => Recipient::External,
            },
            push_id: PushId::stored(row.push_id),
            group_id: GroupId::stored(row.group_id),
            member_id: MemberId::stored(row.member_id),
        })
    }
}

/// The registrations of the owner with an active push to a group that has a member. Served by
/// `federation_push_registration` and `federation_member_group`.
pub async fn pushed(tx: &mut Tx, owner: &OrganizationId) -> Result<Vec<RegistrationId>> {
    const SQL: &str = "
        select distinct push.registration_id
          from federation_push as push
          join federation_group as grp on grp.id = push.group_id and grp.until_revision is null
         where push.organization_id = $1
           and push.until_revision is null
           and exists (select 1
                         from federation_member as member
                         join federation_membership as stretch on stretch.member_id = member.id
                        where member.group_id = push.group_id and stretch.until_revision is null)";
    let ids: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(owner.as_str()).fetch_all(conn).await)?;
    Ok(ids.into_iter().map(RegistrationId::stored).collect())
}

/// The members to whom an event of the owner is relayed that was accepted under `revision`, in the order
/// of their ids: at most `limit` of them, after `after`. Members that cannot have it now come with the
/// reason. Served by `federation_push_registration`, `federation_member_group` and primary keys.
pub async fn relays_for(
    tx: &mut Tx,
    owner: &OrganizationId,
    registration: &RegistrationId,
    revision: i64,
    after: &str,
    limit: u32,
) -> Result<Vec<Relay>> {
    const SQL: &str = "
        select push.id as push_id, push.group_id, member.id as member_id, member.member_organization_id,
               member.status = 'removed' as is_removed, owner.plan as owner_plan, peer.plan as peer_plan,
               peer.is_active as peer_is_active, peer.revision as peer_revision
          from federation_push as push
          join organization as owner on owner.id = push.organization_id
          join federation_group as grp on grp.id = push.group_id
          join federation_member as member on member.group_id = push.group_id
          join federation_membership as stretch on stretch.member_id = member.id
          left join organization as peer on peer.id = member.member_organization_id
         where push.organization_id = $1
           and push.registration_id = $2
           and push.since_revision <= $3 and (push.until_revision is null or $3 < push.until_revision)
           and (grp.until_revision is null or $3 < grp.until_revision)
           and stretch.since_revision <= $3 and (stretch.until_revision is null or $3 < stretch.until_revision)
           and member.id > $4
         order by member.id, push.id
         limit $5";
    let rows: Vec<RelayRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(owner.as_str())
        .bind(registration.as_str())
        .bind(revision)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(Relay::try_from).collect()
}

/// Whether a version of an event, or any version of it, is pushed to the member now.
/// Served by `federation_member_organization` and `federation_push_group`.
pub async fn is_pushed_to(
    tx: &mut Tx,
    member: &OrganizationId,
    event: &EventName,
    version: Option<Version>,
) -> Result<bool> {
    const SQL: &str = "
        select count(*)
          from federation_member as member
          join federation_group as grp on grp.id = member.group_id and grp.archived_at is null
          join federation_push as push on push.group_id = member.group_id and push.until_revision is null
         where member.member_organization_id = $1
           and member.status = $2
           and push.namespace = $3
           and push.name = $4
           and (cast($5 as bigint) is null or (push.major = $5 and push.minor = $6 and push.patch = $7))";
    let count: i64 = on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(member.as_str())
        .bind(Status::Accepted.as_str())
        .bind(event.namespace())
        .bind(event.name())
        .bind(version.map(|version| i64::from(version.major)))
        .bind(version.map(|version| i64::from(version.minor)))
        .bind(version.map(|version| i64::from(version.patch)))
        .fetch_one(conn)
        .await)?;
    Ok(count > 0)
}
