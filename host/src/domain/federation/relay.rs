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
