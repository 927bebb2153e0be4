//! Requests for federation.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    db::federation::relay_log::RelayQuery,
    domain::{
        federation::RelayStatus,
        id::{EmitId, MemberId},
    },
    error::{Code, Result},
    fail,
    http::extract::Query,
    service::federation::peers::NewPeer,
};

/// The code for a body of the wrong shape in this family of routes (contract C17).
pub(super) const WRONG_SHAPE: Code = Code::InvalidRequest;

#[derive(Deserialize)]
pub(super) struct Group {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invitation {
    pub(super) member_organization_id: Option<String>,
}

/// An external peer to add.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExternalPeer {
    label: Option<String>,
    webhook_url: Option<String>,
    headers: Option<BTreeMap<String, String>>,
}

impl ExternalPeer {
    pub(super) fn request(&self) -> NewPeer<'_> {
        NewPeer {
            label: self.label.as_deref(),
            webhook_url: self.webhook_url.as_deref(),
            headers: self.headers.clone().unwrap_or_default().into_iter().collect(),
        }
    }
}

/// A version of an event to push to a group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Push {
    pub(super) registration_id: Option<String>,
}

pub(super) fn relay_query(query: &Query) -> Result<RelayQuery> {
    let status = |text| {
        RelayStatus::parse(text).ok_or_else(|| fail!(InvalidRequest, "status has to be queued, relayed or failed"))
    };
    let emit = |text| EmitId::parse(text).ok_or_else(|| fail!(InvalidRequest, "emitId is none"));
    let member = |text| MemberId::parse(text).ok_or_else(|| fail!(InvalidRequest, "memberId is none"));
    Ok(RelayQuery {
        status: query.get("status").map(status).transpose()?,
        emit: query.get("emitId").map(emit).transpose()?,
        member: query.get("memberId").map(member).transpose()?,
        organization: None,
    })
}
