//! Federation: groups in which an organization shows what it emits to others.
//!
//! A group has one owner. Its members are other organizations, or endpoints outside of the
//! platform. A push says that one version of one of the owner's events goes to every accepted
//! member.

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

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// A caller service.
    pub by: String,
    /// When it did.
    pub at: Time,
}

/// A group, without its members and pushes.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Whose it is.
    pub owner_id: OrganizationId,
    /// What its owner calls it; unique among the owner's groups that are not archived.
    pub name: String,
    /// The owner's words, byte for byte.
    pub description: Option<String>,
    /// The caller service that created it.
    pub created_by: String,
    /// When.
    pub created_at: Time,
    /// When it was last changed itself; its members and pushes have times of their own.
    pub updated_at: Time,
    /// Since when nothing is pushed to it any more, if so. There is no way back.
    pub archived_at: Option<Time>,
}

impl Group {
    /// Ends the group. Code `group_archived` when it has ended.
    pub fn archive(&mut self, now: Time) -> Result<()> {
        self.check_live()?;
        self.archived_at = Some(now);
        self.updated_at = now;
        Ok(())
    }

    /// Code `group_archived` when the group has ended.
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

/// What an organization is to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its owner.
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

    /// Whether the organization sees what happens in the group: not any more once it is removed.
    pub const fn sees_within(self) -> bool {
        !matches!(self, Self::Member(Status::Removed))
    }
}

/// A group as one of those who have a part in it sees it.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// What the viewer is to it.
    pub role: Role,
    /// Members that the viewer sees, whatever their status.
    pub member_count: i64,
    /// Active pushes that the viewer sees.
    pub push_count: i64,
}

/// One version of an event that goes to the members of a group.
#[derive(Clone, Debug)]
pub struct Push {
    /// Its id.
    pub id: PushId,
    /// To which group.
    pub group_id: GroupId,
    /// Whose event it is: the owner of the group.
    pub owner_id: OrganizationId,
    /// Which registration.
    pub registration_id: RegistrationId,
    /// What the owner calls it.
    pub event: EventName,
    /// In which version.
    pub version: Version,
    /// The schema as it was when the push was declared.
    pub payload_schema: String,
    /// Who declared it.
    pub pushed: Stamp,
    /// Who undeclared it.
    pub unpushed: Option<Stamp>,
}

impl Push {
    /// `TENANT_CUSTOM:<owner>:<namespace>.<name>@<version>`.
    pub fn source_canonical_name(&self) -> String {
        self.event.canonical(&self.owner_id, self.version)
    }

    /// Ends the push. Code `invalid_state` when it has ended.
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
