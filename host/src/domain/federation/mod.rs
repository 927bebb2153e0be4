//! Federation: groups in which an organization relays its events to other organizations and endpoints.
//!
//! A group has one owner. Its members are other organizations, or endpoints outside of the platform.
//! A push declares that one version of one of the owner's events goes to every accepted member.

use super::{
    id::{GroupId, OrganizationId, PushId, RegistrationId},
    limits::{GROUP_NAME_CHARS_MAX, GROUP_NAME_CHARS_MIN},
    name::{EventName, Version},
    time::Time,
};
use crate::{error::Result, fail};

mod member;
mod relay;

pub use member::{Member, Peer, Status, check_label};
pub use relay::{Refusal, RelayLog, RelayStatus};

/// Who made a change, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The caller service.
    pub by: String,
    pub at: Time,
}

/// A group, without its members and pushes.
#[derive(Clone, Debug)]
pub struct Group {
    pub id: GroupId,
    pub owner_id: OrganizationId,
    /// Unique among the owner's groups that are not archived.
    pub name: String,
    /// The owner's text, byte for byte.
    pub description: Option<String>,
    /// The caller service that created it.
    pub created_by: String,
    pub created_at: Time,
    /// When the group itself last changed; its members and pushes have times of their own.
    pub updated_at: Time,
    /// Set once the group is archived, which is final: events accepted later are not relayed to it.
    pub archived_at: Option<Time>,
}

impl Group {
    /// Archives the group. Code `group_archived` when it is archived already.
    pub fn archive(&mut self, now: Time) -> Result<()> {
        self.check_live()?;
        self.archived_at = Some(now);
        self.updated_at = now;
        Ok(())
    }

    /// Code `group_archived` when the group is archived.
    pub fn check_live(&self) -> Result<()> {
        match self.archived_at {
            Some(at) => Err(fail!(GroupArchived, "the group was archived at {at}; create another one")),
            None => Ok(()),
        }
    }
}

/// Checks the name of a group, which is kept byte for byte; code `invalid_request`.
pub fn check_group_name(name: &str) -> Result<()> {
    let is_legal = (GROUP_NAME_CHARS_MIN..=GROUP_NAME_CHARS_MAX).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && !name.trim().is_empty();
    if is_legal {
        return Ok(());
    }
    Err(fail!(
        InvalidRequest,
        "name has {GROUP_NAME_CHARS_MIN} to {GROUP_NAME_CHARS_MAX} characters, not only white space, and no control \
         characters"
    ))
}

/// The role of an organization in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The owner of the group.
    Owner,
    /// A member, present or past.
    Member(Status),
}

impl Role {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member(status) => status.as_str(),
        }
    }

    /// Whether the organization sees the group's members and pushes: a removed member does not.
    pub const fn sees_within(self) -> bool {
        !matches!(self, Self::Member(Status::Removed))
    }
}

/// A group as its owner or one of its members sees it.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// The viewer's role.
    pub role: Role,
    /// The number of members of every status that the viewer sees.
    pub member_count: i64,
    /// The number of active pushes that the viewer sees.
    pub push_count: i64,
}

/// The declaration that one version of an event goes to the members of a group.
#[derive(Clone, Debug)]
pub struct Push {
    pub id: PushId,
    pub group_id: GroupId,
    /// The owner of the group and of the event.
    pub owner_id: OrganizationId,
    pub registration_id: RegistrationId,
    pub event: EventName,
    pub version: Version,
    /// The schema as it was when the push was declared.
    pub payload_schema: String,
    /// When the push was declared, and by whom.
    pub pushed: Stamp,
    /// When the push was undeclared, and by whom; `None` while it is active.
    pub unpushed: Option<Stamp>,
}

impl Push {
    /// `TENANT_CUSTOM:<owner>:<namespace>.<name>@<version>`.
    pub fn source_canonical_name(&self) -> String {
        self.event.canonical(&self.owner_id, self.version)
    }

    /// Ends the push. Code `invalid_state` when it is undeclared already.
    pub fn undeclare(&mut self, stamp: Stamp) -> Result<()> {
        if self.unpushed.is_some() {
            return Err(fail!(InvalidState, "the push was undeclared before"));
        }
        self.unpushed = Some(stamp);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn group_name_chars_min() {
        assert!(check_group_name("éáó").is_ok());
        for wrong in ["", "éá", "   ", "a\nbc"] {
            assert_eq!(check_group_name(wrong).map_err(|error| error.code()), Err(Code::InvalidRequest), "{wrong:?}");
        }
    }

    #[test]
    fn group_name_chars_max() {
        assert!(check_group_name(&"é".repeat(GROUP_NAME_CHARS_MAX)).is_ok());
        assert!(check_group_name(&"é".repeat(GROUP_NAME_CHARS_MAX + 1)).is_err());
    }

    #[test]
    fn a_group_and_a_push_end_once() {
        let now = Time::from_millis(1);
        let mut group = Group {
            id: GroupId::stored("cefg_1"),
            owner_id: OrganizationId::stored("org_1"),
            name: "Partners".to_owned(),
            description: None,
            created_by: "test".to_owned(),
            created_at: now,
            updated_at: now,
            archived_at: None,
        };
        let later = Time::from_millis(2);
        assert!(group.check_live().is_ok());
        group.archive(later).expect("it is live");
        assert_eq!((group.archived_at, group.updated_at), (Some(later), later));
        assert_eq!(group.archive(later).map_err(|error| error.code()), Err(Code::GroupArchived));
        let stamp = Stamp { by: "test".to_owned(), at: now };
        let mut push = Push {
            id: PushId::stored("cefp_1"),
            group_id: group.id.clone(),
            owner_id: group.owner_id.clone(),
            registration_id: RegistrationId::stored("cer_1"),
            event: EventName::stored("shop", "order"),
            version: Version::new(1, 0, 0),
            payload_schema: "{}".to_owned(),
            pushed: stamp.clone(),
            unpushed: None,
        };
        assert_eq!(push.source_canonical_name(), "TENANT_CUSTOM:org_1:shop.order@1.0.0");
        assert!(push.undeclare(stamp.clone()).is_ok());
        assert_eq!(push.undeclare(stamp).map_err(|error| error.code()), Err(Code::InvalidState));
    }
}
