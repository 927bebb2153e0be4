//! The log of relays.

use crate::domain::{
    id::{EmitId, GroupId, MemberId, OrganizationId, PushId, RelayId},
    time::Time,
};

/// What came of an attempt to relay an emit to a member.
#[derive(Clone, Debug)]
pub struct RelayLog {
    /// Its id.
    pub id: RelayId,
    /// Whose event it is: the owner of the group.
    pub owner_id: OrganizationId,
    /// The group.
    pub group_id: GroupId,
    /// Because of which push.
    pub push_id: PushId,
    /// To whom.
    pub member_id: MemberId,
    /// To which organization, if the member is one.
    pub peer_organization_id: Option<OrganizationId>,
    /// Under which name.
    pub peer_canonical_name: Option<String>,
    /// Which emit of the owner.
    pub emit_id: EmitId,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// What came of it.
    pub status: RelayStatus,
    /// What the endpoint answered.
    pub response_status: Option<u16>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// When.
    pub created_at: Time,
}

/// Why a member cannot have an event, although it was one when the event was accepted. It is final:
/// what was missed is not made up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The owner's plan has no federation any more.
    OwnersPlan,
    /// The member's plan has none.
    MembersPlan,
    /// The member was switched off by the operator.
    SwitchedOff,
    /// The external peer was removed, and its secret with it.
    Removed,
}

impl Refusal {
    /// The reason, as the log and dead letters say it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::OwnersPlan => "plan_without_federation: the owner's plan has no federation at present",
            Self::MembersPlan => "plan_without_federation: the member's plan has no federation at present",
            Self::SwitchedOff => "organization_inactive: the member was switched off",
            Self::Removed => "peer_removed: the external peer was removed before it had the event",
        }
    }
}

/// What came of an attempt to relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayStatus {
    /// It waits.
    Queued,
    /// The member has it.
    Relayed,
    /// It failed.
    Failed,
}

impl RelayStatus {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Relayed => "relayed",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Relayed, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}
