//! Members of federation groups, and how their status changes.

use super::Stamp;
use crate::{
    domain::{
        id::{GroupId, MemberId, OrganizationId},
        limits::PEER_LABEL_CHARS_MAX,
    },
    error::Result,
    fail,
};

/// A member of a group, present or past.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: MemberId,
    pub group_id: GroupId,
    pub peer: Peer,
    pub status: Status,
    /// The latest invitation.
    pub invited: Stamp,
    pub accepted: Option<Stamp>,
    /// Set while the member is paused.
    pub paused: Option<Stamp>,
    /// Set once the owner removed the member, or the member left.
    pub removed: Option<Stamp>,
}

/// The organization or endpoint that a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An organization of this host, which gets events under canonical names of its own.
    Organization(OrganizationId),
    /// An endpoint outside of the platform, which gets requests. Only the owner of the group sees it.
    External {
        /// Byte for byte as the owner wrote it.
        url: String,
        /// The owner's name for the endpoint.
        label: String,
        /// The names of its static headers, sorted; the values are stored encrypted.
        header_names: Vec<String>,
    },
}

impl Peer {
    /// The word for its kind, on the wire and in the database.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Organization(_) => "tenant_org",
            Self::External { .. } => "external_webhook",
        }
    }

    /// The organization, if the member is one.
    pub fn organization(&self) -> Option<&OrganizationId> {
        match self {
            Self::Organization(id) => Some(id),
            Self::External { .. } => None,
        }
    }
}

/// The state of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The member is invited and has not answered yet.
    Pending,
    /// The member gets every event that is pushed to the group.
    Accepted,
    /// The member gets no events until it is resumed.
    Paused,
    /// The member left, declined or was removed; it gets events again only after a new invitation.
    Removed,
}

impl Status {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Paused => "paused",
            Self::Removed => "removed",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Accepted, Self::Paused, Self::Removed].into_iter().find(|status| status.as_str() == text)
    }
}

impl Member {
    /// A new member, which has not answered its invitation yet.
    pub fn invite(id: MemberId, group_id: GroupId, peer: Peer, stamp: Stamp) -> Self {
        Self {
            id,
            group_id,
            peer,
            status: Status::Pending,
            invited: stamp,
            accepted: None,
            paused: None,
            removed: None,
        }
    }

    /// Invites a removed member again, as if it were new. Code `duplicate` unless it is removed.
    pub fn invite_again(&mut self, stamp: Stamp) -> Result<()> {
        if self.status != Status::Removed {
            return Err(fail!(Duplicate, "the organization is a member already: {}", self.status.as_str()));
        }
        *self = Self::invite(self.id.clone(), self.group_id.clone(), self.peer.clone(), stamp);
        Ok(())
    }

    /// Accepts the invitation; code `invalid_state` unless the status is pending.
    pub fn accept(&mut self, stamp: Stamp) -> Result<()> {
        self.expect(Status::Pending, "accepted")?;
        self.status = Status::Accepted;
        self.accepted = Some(stamp);
        Ok(())
    }

    /// Stops relays to the member for a while; code `invalid_state` unless the status is accepted.
    pub fn pause(&mut self, stamp: Stamp) -> Result<()> {
        self.expect(Status::Accepted, "paused")?;
        self.status = Status::Paused;
        self.paused = Some(stamp);
        Ok(())
    }

    /// Ends a pause; code `invalid_state` unless the status is paused.
    pub fn resume(&mut self) -> Result<()> {
        self.expect(Status::Paused, "resumed")?;
        self.status = Status::Accepted;
        self.paused = None;
        Ok(())
    }

    /// Ends the membership, or declines the invitation; code `invalid_state` when the member is removed
    /// already.
    pub fn remove(&mut self, stamp: Stamp) -> Result<()> {
        if self.status == Status::Removed {
            return Err(fail!(InvalidState, "a member that is removed cannot be removed"));
        }
        self.status = Status::Removed;
        self.removed = Some(stamp);
        Ok(())
    }

    fn expect(&self, status: Status, done: &str) -> Result<()> {
        if self.status == status {
            return Ok(());
        }
        Err(fail!(InvalidState, "a member that is {} cannot be {done}", self.status.as_str()))
    }
}

/// Checks the label of an external peer, which is kept byte for byte; code `invalid_request`.
pub fn check_label(label: &str) -> Result<()> {
    let is_legal = (1..=PEER_LABEL_CHARS_MAX).contains(&label.chars().count()) && !label.chars().any(char::is_control);
    if is_legal {
        return Ok(());
    }
    Err(fail!(InvalidRequest, "label has 1 to {PEER_LABEL_CHARS_MAX} characters and no control characters"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::time::Time, error::Code};

    fn stamp(at: i64) -> Stamp {
        Stamp { by: format!("service-{at}"), at: Time::from_millis(at) }
    }

    fn member(status: Status) -> Member {
        let peer = Peer::Organization(OrganizationId::stored("org_2"));
        let pending = Member::invite(MemberId::stored("cefm_1"), GroupId::stored("cefg_1"), peer, stamp(1));
        Member { status, ..pending }
    }

    #[test]
    fn a_member_moves_as_the_contract_says() {
        use Status::{Accepted, Paused, Pending, Removed};
        type Move = fn(&mut Member) -> Result<()>;
        let moves: [(&str, Move); 5] = [
            ("accept", |member| member.accept(stamp(2))),
            ("pause", |member| member.pause(stamp(2))),
            ("resume", Member::resume),
            ("remove", |member| member.remove(stamp(2))),
            ("invite", |member| member.invite_again(stamp(2))),
        ];
        for (from, expected) in [
            (Pending, [Some(Accepted), None, None, Some(Removed), None]),
            (Accepted, [None, Some(Paused), None, Some(Removed), None]),
            (Paused, [None, None, Some(Accepted), Some(Removed), None]),
            (Removed, [None, None, None, None, Some(Pending)]),
        ] {
            for ((name, make), to) in moves.iter().zip(expected) {
                let mut moved = member(from);
                let code = make(&mut moved).map_err(|error| error.code());
                if let Some(to) = to {
                    assert_eq!((code, moved.status), (Ok(()), to), "{name} from {from:?}");
                } else {
                    let refused = if *name == "invite" { Code::Duplicate } else { Code::InvalidState };
                    assert_eq!((code, moved.status), (Err(refused), from), "{name} from {from:?}");
                }
            }
        }
    }

    #[test]
    fn an_invitation_after_a_removal_begins_anew() {
        let mut member = member(Status::Pending);
        member.accept(stamp(2)).expect("it is invited");
        member.pause(stamp(3)).expect("it is accepted");
        member.remove(stamp(4)).expect("it is there");
        assert_eq!(member.removed, Some(stamp(4)));
        member.invite_again(stamp(5)).expect("it is removed");
        assert_eq!((member.status, &member.invited), (Status::Pending, &stamp(5)));
        assert_eq!((member.accepted, member.paused, member.removed), (None, None, None));
    }

    #[test]
    fn a_pause_leaves_no_trace_when_it_ends() {
        let mut member = member(Status::Accepted);
        member.pause(stamp(3)).expect("it is accepted");
        assert_eq!(member.paused, Some(stamp(3)));
        member.resume().expect("it is paused");
        assert_eq!(member.paused, None);
    }

    #[test]
    fn peer_label_chars_max() {
        assert!(check_label(&"é".repeat(PEER_LABEL_CHARS_MAX)).is_ok());
        for wrong in ["é".repeat(PEER_LABEL_CHARS_MAX + 1), String::new(), "a\u{0}".to_owned()] {
            assert_eq!(check_label(&wrong).map_err(|error| error.code()), Err(Code::InvalidRequest));
        }
    }
}
