//! Deliveries: one emit owed to one subscription, and the attempts at it.

use super::{
    id::{DeliveryId, EmitId, OrganizationId, SubscriptionId},
    time::Time,
};

/// What the reason of a dead letter begins with that was given up together with its endpoint.
pub const ENDPOINT_DISABLED: &str = "endpoint_disabled";

/// One emit owed to one subscription.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What is owed.
    pub emit_id: EmitId,
    /// To whom.
    pub subscription_id: SubscriptionId,
    /// Where it is in its life.
    pub status: Status,
    /// Why it last failed.
    pub error_message: Option<String>,
    /// When it is tried next; `None` once it is finished.
    pub next_attempt_at: Option<Time>,
    /// When it was routed.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Where a delivery is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not tried yet.
    Pending,
    /// Tried, failed, and to be tried again.
    Retrying,
    /// Acknowledged by the receiver.
    Success,
    /// A dead letter: it is not tried again by itself.
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

    /// Whether nothing more happens to it by itself.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Skipped)
    }
}

/// One try of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first, counted through all replays.
    pub number: u32,
    /// When it began.
    pub started_at: Time,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// What the receiver answered.
    pub response_status: Option<u16>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// The beginning of the receiver's answer, when it was no success.
    pub response_snippet: Option<String>,
    /// Fuel that components used.
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
