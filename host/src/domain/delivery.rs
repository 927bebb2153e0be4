//! Deliveries: each is one emit owed to one receiver, and has attempts.

use super::{
    id::{DeliveryId, EmitId, OrganizationId, PushId},
    receiver::ReceiverId,
    time::Time,
};

/// How the `error_message` of a dead letter begins when its endpoint was disabled.
pub const ENDPOINT_DISABLED: &str = "endpoint_disabled";
/// How the `error_message` of a delivery begins when the host may not send to its endpoint.
pub const GUARD_REFUSED: &str = "guard_refused";
/// The HTTP status by which an endpoint asks for no further deliveries: Gone.
pub const GONE: u16 = 410;

/// One emit owed to one receiver.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: DeliveryId,
    pub organization_id: OrganizationId,
    pub emit_id: EmitId,
    pub receiver: ReceiverId,
    /// The push that caused it; set if and only if the receiver is an external peer.
    pub push_id: Option<PushId>,
    pub status: Status,
    /// Why the last attempt failed, or why there is none.
    pub error_message: Option<String>,
    /// `None` while an attempt is under way and once the delivery is finished.
    pub next_attempt_at: Option<Time>,
    /// When the emit was routed to the receiver.
    pub created_at: Time,
    pub updated_at: Time,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not tried yet.
    Pending,
    /// Tried, failed, and to be tried again.
    Retrying,
    /// Acknowledged by the receiver.
    Success,
    /// A dead letter: only a replay tries it again.
    Failed,
    /// Left out by the subscription's own transformer.
    Skipped,
}

impl Status {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Retrying, Self::Success, Self::Failed, Self::Skipped];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Retrying => "RETRYING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether only a replay changes it any further.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Skipped)
    }
}

/// The kind of failure of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptFailure {
    /// A component failed to describe the request.
    Component,
    /// The host may not send to the endpoint.
    Guard,
    /// The endpoint could not be reached, or did not answer.
    Unreachable,
    /// The endpoint answered something else than a success.
    Endpoint,
}

impl AttemptFailure {
    const ALL: [Self; 4] = [Self::Component, Self::Guard, Self::Unreachable, Self::Endpoint];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Guard => "guard",
            Self::Unreachable => "unreachable",
            Self::Endpoint => "endpoint",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.as_str() == text)
    }
}

/// One attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first, counted through all replays.
    pub number: u32,
    pub started_at: Time,
    pub duration_ms: u32,
    /// The HTTP status of the answer; `None` without an answer.
    pub response_status: Option<u16>,
    /// Why the attempt failed; `None` if it did not.
    pub error_message: Option<String>,
    /// `None` if the attempt did not fail.
    pub failure: Option<AttemptFailure>,
    /// The beginning of the answer's body; `None` if the attempt did not fail.
    pub response_snippet: Option<String>,
    /// Fuel that components used; `None` if none ran.
    pub fuel: Option<u64>,
}

/// How many deliveries of an emit are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not tried yet.
    pub pending: i64,
    /// To be tried again.
    pub retrying: i64,
    /// Acknowledged.
    pub success: i64,
    /// Dead letters.
    pub failed: i64,
    /// Left out by transformers.
    pub skipped: i64,
}

impl Counts {
    /// The `deliveryStatus` of an emit: `PENDING` while anything is owed, `FAILED` when something
    /// became a dead letter, else `DELIVERED`.
    pub fn summary(self, is_routed: bool) -> &'static str {
        if !is_routed || self.pending + self.retrying > 0 {
            "PENDING"
        } else if self.failed > 0 {
            "FAILED"
        } else {
            "DELIVERED"
        }
    }
}
