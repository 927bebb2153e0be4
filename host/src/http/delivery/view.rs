//! Answers about deliveries.

use serde::Serialize;

use crate::{
    db::delivery::DeliveryView,
    domain::{
        delivery,
        id::{DeliveryId, MemberId, PushId, SubscriptionId},
        receiver::ReceiverId,
        time::Time,
    },
    service::delivery::Detail,
};

/// A delivery with all its attempts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Delivery {
    id: DeliveryId,
    emit_id: String,
    /// The receiver, if it is a subscription.
    subscription_id: Option<SubscriptionId>,
    /// The receiver, if it is an external peer.
    member_id: Option<MemberId>,
    /// The push because of which an external peer gets it.
    push_id: Option<PushId>,
    canonical_name: String,
    target: Endpoint,
    status: &'static str,
    /// Why it last failed.
    error_message: Option<String>,
    attempts: Vec<Attempt>,
    /// `None` once it is finished.
    next_attempt_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

/// Where a delivery goes.
#[derive(Serialize)]
struct Endpoint {
    kind: &'static str,
    /// `None` when the receiver is gone.
    url: Option<String>,
    /// Always null: components cannot be receivers yet.
    component: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attempt {
    /// From 1, counted through all replays.
    number: u32,
    started_at: Time,
    duration_ms: u32,
    response_status: Option<u16>,
    error_message: Option<String>,
    /// The beginning of an answer that was no success.
    response_snippet: Option<String>,
    /// Fuel that components used.
    fuel: Option<u64>,
}

impl From<Detail> for Delivery {
    fn from(detail: Detail) -> Self {
        let DeliveryView { delivery, canonical_name, webhook_url } = detail.view;
        let kind = match delivery.receiver {
            ReceiverId::Subscription(_) => "endpoint",
            ReceiverId::Peer(_) => "external_peer",
        };
        Self {
            id: delivery.id,
            emit_id: delivery.emit_id.shown().to_owned(),
            subscription_id: delivery.receiver.subscription().cloned(),
            member_id: delivery.receiver.peer().cloned(),
            push_id: delivery.push_id,
            canonical_name,
            target: Endpoint { kind, url: webhook_url, component: None },
            status: delivery.status.as_str(),
            error_message: delivery.error_message,
            attempts: detail.attempts.into_iter().map(Into::into).collect(),
            next_attempt_at: delivery.next_attempt_at,
            created_at: delivery.created_at,
            updated_at: delivery.updated_at,
        }
    }
}

impl From<delivery::Attempt> for Attempt {
    fn from(attempt: delivery::Attempt) -> Self {
        Self {
            number: attempt.number,
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            response_status: attempt.response_status,
            error_message: attempt.error_message,
            response_snippet: attempt.response_snippet,
            fuel: attempt.fuel,
        }
    }
}
