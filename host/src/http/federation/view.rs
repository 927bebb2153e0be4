//! Answers about federation.

use serde::Serialize;

use crate::domain::{
    federation::{self, GroupView, Peer, RelayLog, Stamp},
    id::{EmitId, GroupId, MemberId, OrganizationId, PushId, RegistrationId, RelayId},
    signature::Secret,
    time::Time,
};

#[derive(Serialize)]
pub(in crate::http) struct GroupList {
    groups: Vec<Group>,
}

impl From<Vec<GroupView>> for GroupList {
    fn from(views: Vec<GroupView>) -> Self {
        Self { groups: views.into_iter().map(Into::into).collect() }
    }
}

/// A group as the caller sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Group {
    id: GroupId,
    owner_organization_id: OrganizationId,
    name: String,
    description: Option<String>,
    created_by: String,
    created_at: Time,
    updated_at: Time,
    archived_at: Option<Time>,
    /// `owner`, or the status of the caller's membership.
    caller_role: &'static str,
    member_count: i64,
    push_count: i64,
}

impl From<GroupView> for Group {
    fn from(view: GroupView) -> Self {
        let group = view.group;
        Self {
            id: group.id,
            owner_organization_id: group.owner_id,
            name: group.name,
            description: group.description,
            created_by: group.created_by,
            created_at: group.created_at,
            updated_at: group.updated_at,
            archived_at: group.archived_at,
            caller_role: view.role.as_str(),
            member_count: view.member_count,
            push_count: view.push_count,
        }
    }
}

/// A group with its members and pushes, as far as the caller may see them.
#[derive(Serialize)]
pub(in crate::http) struct GroupWithMembers {
    #[serde(flatten)]
    group: Group,
    members: Vec<Member>,
    pushes: Vec<Push>,
}

impl GroupWithMembers {
    pub(super) fn of(group: GroupView, members: Vec<federation::Member>, pushes: Vec<federation::Push>) -> Self {
        Self {
            group: group.into(),
            members: members.into_iter().map(Into::into).collect(),
            pushes: pushes.into_iter().map(Into::into).collect(),
        }
    }
}

/// A member of a group: an organization or an external peer. Fields of the other kind are null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Member {
    id: MemberId,
    group_id: GroupId,
    peer_type: &'static str,
    #[serde(rename = "memberOrganizationId")]
    organization_id: Option<OrganizationId>,
    external_webhook_url: Option<String>,
    external_webhook_label: Option<String>,
    external_webhook_header_names: Option<Vec<String>>,
    status: &'static str,
    invited_by: String,
    invited_at: Time,
    accepted_by: Option<String>,
    accepted_at: Option<Time>,
    paused_by: Option<String>,
    paused_at: Option<Time>,
    removed_by: Option<String>,
    removed_at: Option<Time>,
}

impl From<federation::Member> for Member {
    fn from(member: federation::Member) -> Self {
        let peer_type = member.peer.kind();
        let (organization, url, label, header_names) = match member.peer {
            Peer::Organization(id) => (Some(id), None, None, None),
            Peer::External { url, label, header_names } => (None, Some(url), Some(label), Some(header_names)),
        };
        let (accepted_by, accepted_at) = by_and_at(member.accepted);
        let (paused_by, paused_at) = by_and_at(member.paused);
        let (removed_by, removed_at) = by_and_at(member.removed);
        Self {
            id: member.id,
            group_id: member.group_id,
            peer_type,
            organization_id: organization,
            external_webhook_url: url,
            external_webhook_label: label,
            external_webhook_header_names: header_names,
            status: member.status.as_str(),
            invited_by: member.invited.by,
            invited_at: member.invited.at,
            accepted_by,
            accepted_at,
            paused_by,
            paused_at,
            removed_by,
            removed_at,
        }
    }
}

/// An external peer that was just added, with its signing secret, which is shown this once.
#[derive(Serialize)]
pub(in crate::http) struct AddedPeer {
    peer: Member,
    secret: String,
}

impl AddedPeer {
    pub(super) fn of(peer: federation::Member, secret: &Secret) -> Self {
        Self { peer: peer.into(), secret: secret.reveal().to_owned() }
    }
}

#[derive(Serialize)]
pub(in crate::http) struct PushList {
    pushes: Vec<Push>,
}

impl From<Vec<federation::Push>> for PushList {
    fn from(pushes: Vec<federation::Push>) -> Self {
        Self { pushes: pushes.into_iter().map(Into::into).collect() }
    }
}

/// A version of an event that a group gets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Push {
    id: PushId,
    group_id: GroupId,
    source_registration_id: RegistrationId,
    source_organization_id: OrganizationId,
    namespace: String,
    name: String,
    version: String,
    source_canonical_name: String,
    pushed_by: String,
    pushed_at: Time,
    unpushed_by: Option<String>,
    unpushed_at: Option<Time>,
    is_active: bool,
}

impl From<federation::Push> for Push {
    fn from(push: federation::Push) -> Self {
        let is_active = push.unpushed.is_none();
        let source_canonical_name = push.source_canonical_name();
        let (unpushed_by, unpushed_at) = by_and_at(push.unpushed);
        Self {
            id: push.id,
            group_id: push.group_id,
            source_registration_id: push.registration_id,
            source_organization_id: push.owner_id,
            namespace: push.event.namespace().to_owned(),
            name: push.event.name().to_owned(),
            version: push.version.to_string(),
            source_canonical_name,
            pushed_by: push.pushed.by,
            pushed_at: push.pushed.at,
            unpushed_by,
            unpushed_at,
            is_active,
        }
    }
}

/// An entry of the log of relays: what one attempt to relay an emit to a member came to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Relay {
    id: RelayId,
    group_id: GroupId,
    push_id: PushId,
    member_id: MemberId,
    peer_type: &'static str,
    peer_organization_id: Option<OrganizationId>,
    peer_canonical_name: Option<String>,
    emit_id: EmitId,
    attempt: u32,
    status: &'static str,
    response_status: Option<u16>,
    error_message: Option<String>,
    created_at: Time,
}

impl From<RelayLog> for Relay {
    fn from(relay: RelayLog) -> Self {
        Self {
            id: relay.id,
            group_id: relay.group_id,
            push_id: relay.push_id,
            member_id: relay.member_id,
            peer_type: if relay.peer_organization_id.is_some() { "tenant_org" } else { "external_webhook" },
            peer_organization_id: relay.peer_organization_id,
            peer_canonical_name: relay.peer_canonical_name,
            emit_id: relay.emit_id,
            attempt: relay.attempt,
            status: relay.status.as_str(),
            response_status: relay.response_status,
            error_message: relay.error_message,
            created_at: relay.created_at,
        }
    }
}

/// Splits a stamp into its two fields, which are both there or both null.
fn by_and_at(stamp: Option<Stamp>) -> (Option<String>, Option<Time>) {
    stamp.map(|stamp| (stamp.by, stamp.at)).unzip()
}
