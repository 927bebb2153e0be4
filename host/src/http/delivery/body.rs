//! Requests for deliveries.

use serde::Deserialize;

use crate::{
    db::delivery::DeliveryQuery,
    domain::{
        delivery::Status,
        id::{EmitId, MemberId, SubscriptionId},
        receiver::ReceiverId,
    },
    error::Result,
    fail,
    http::extract::{Query, time},
    service::delivery::replay::{DeadLetters, Replayable},
};

/// The status that a query narrows a list to.
pub(super) fn status(query: &Query) -> Result<Option<Status>> {
    let parse = |text| {
        Status::parse(text)
            .ok_or_else(|| fail!(BadRequest, "status has to be PENDING, RETRYING, SUCCESS, FAILED or SKIPPED"))
    };
    query.get("status").map(parse).transpose()
}

/// The rest of a query, which is the same for lists of any status.
pub(super) fn delivery_query(query: &Query) -> Result<DeliveryQuery> {
    let emit = |id| EmitId::parse(id).ok_or_else(|| fail!(BadRequest, "emitId is no emit id"));
    Ok(DeliveryQuery {
        status: None,
        receiver: receiver(query.get("subscriptionId"), query.get("memberId"))?,
        is_pushed: None,
        emit: query.get("emitId").map(emit).transpose()?,
        from: query.time("from")?,
        to: query.time("to")?,
    })
}

/// A replay of one delivery.
#[derive(Deserialize)]
pub(super) struct Replay {
    /// Also replays a delivery that is no dead letter.
    force: Option<bool>,
}

impl Replay {
    pub(super) fn which(&self) -> Replayable {
        if self.force == Some(true) { Replayable::Finished } else { Replayable::DeadLetters }
    }
}

/// A replay of all dead letters, or of those of one receiver or of one time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayDeadLetters {
    subscription_id: Option<String>,
    member_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

impl ReplayDeadLetters {
    pub(super) fn request(&self) -> Result<DeadLetters> {
        Ok(DeadLetters {
            receiver: receiver(self.subscription_id.as_deref(), self.member_id.as_deref())?,
            from: self.from.as_deref().map(|text| time("from", text)).transpose()?,
            to: self.to.as_deref().map(|text| time("to", text)).transpose()?,
        })
    }
}

/// A receiver by the id of a subscription or of a member.
fn receiver(subscription: Option<&str>, member: Option<&str>) -> Result<Option<ReceiverId>> {
    match (subscription, member) {
        (Some(_), Some(_)) => {
            Err(fail!(BadRequest, "a delivery goes to a subscriptionId or to a memberId, not to both"))
        }
        (Some(id), None) => Ok(Some(subscription_id(id)?.into())),
        (None, Some(id)) => Ok(Some(member_id(id)?.into())),
        (None, None) => Ok(None),
    }
}

fn subscription_id(text: &str) -> Result<SubscriptionId> {
    SubscriptionId::parse(text).ok_or_else(|| fail!(BadRequest, "subscriptionId is no subscription id"))
}

fn member_id(text: &str) -> Result<MemberId> {
    MemberId::parse(text).ok_or_else(|| fail!(BadRequest, "memberId is no id of a member"))
}
