//! The relay log: attempts to relay emits to members, and why a member cannot have an emit.

use crate::domain::{
    id::{EmitId, GroupId, MemberId, OrganizationId, PushId, RelayId},
    time::Time,
};

/// One attempt to relay an emit to a member.
#[derive(Clone, Debug)]
pub struct RelayLog {
    pub id: RelayId,
    /// The owner of the group and of the event.
    pub owner_id: OrganizationId,
    pub group_id: GroupId,
    /// The push that caused the relay.
    pub push_id: PushId,
    pub member_id: MemberId,
    /// `None` if the member is an external peer.
    pub peer_organization_id: Option<OrganizationId>,
    /// The event's name in the member's organization; `None` if the member is an external peer.
    pub peer_canonical_name: Option<String>,
    /// The owner's emit.
    pub emit_id: EmitId,
    /// 1 for the first attempt.
    pub attempt: u32,
    pub status: RelayStatus,
    /// The HTTP status of an external peer's answer.
    pub response_status: Option<u16>,
    /// Why the attempt failed; `None` if it did not.
    pub error_message: Option<String>,
    pub created_at: Time,
}

/// Why an emit is not relayed to a member that was accepted when the emit was. A refusal is final: the
/// emit is not relayed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The owner's plan no longer has federation.
    OwnersPlan,
    /// The member's plan no longer has federation.
    MembersPlan,
    /// The member was switched off by the operator.
    SwitchedOff,
    /// The external peer was removed, and its signing secret with it.
    Removed,
}

impl Refusal {
    /// The reason in the relay log and in dead letters.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::OwnersPlan => "plan_without_federation: the owner's plan has no federation at present",
            Self::MembersPlan => "plan_without_federation: the member's plan has no federation at present",
            Self::SwitchedOff => "organization_inactive: the member was switched off",
            Self::Removed => "peer_removed: the external peer was removed before it had the event",
        }
    }
}

/// The result of an attempt to relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayStatus {
    /// The attempt is still to be made.
    Queued,
    /// The member has the emit.
    Relayed,
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
