//! Deliveries: each is one emit owed to one receiver, and has attempts.

use super::{
    component::LogEntry,
    emit::Emit,
    federation::RelayLog,
    id::{DeliveryId, EmitId, OrganizationId, ProgramId, PushId},
    receiver::ReceiverId,
    subscription::HealthChange,
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
    /// The components that serve it.
    pub program_id: ProgramId,
    pub status: Status,
    /// Why the last attempt failed, or why there is none.
    pub error_message: Option<String>,
    /// `None` while an attempt is under way and once the delivery is finished.
    pub next_attempt_at: Option<Time>,
    /// When the emit was routed to the receiver.
    pub created_at: Time,
    pub updated_at: Time,
}

/// A delivery that is still to be inserted.
#[derive(Clone, Debug)]
pub struct New {
    pub id: DeliveryId,
    /// The organization that owes it.
    pub organization_id: OrganizationId,
    pub emit_id: EmitId,
    pub receiver: ReceiverId,
    /// The push that owes it; only external peers have one.
    pub push_id: Option<PushId>,
    /// The components that serve it. The program is stored before the delivery is.
    pub program_id: ProgramId,
    /// Attributes that the router added to the event.
    pub attributes: Vec<(String, String)>,
    /// Whether it belongs to a replay.
    pub is_replay: bool,
    /// How the delivery begins.
    pub start: Start,
    /// The time of its creation.
    pub now: Time,
}

/// How a new delivery begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// It waits until this time for a worker to claim it.
    Due(Time),
    /// It is inserted with claim number 1 of this process, which ends at this time.
    Claimed(Time),
    /// It is a dead letter from the beginning, for this reason.
    Refused(&'static str),
}

impl New {
    /// The claim with which it is inserted; `None` unless it starts as claimed.
    pub fn claim(&self) -> Option<Claimed> {
        let Start::Claimed(_) = self.start else { return None };
        Some(Claimed {
            id: self.id.clone(),
            organization_id: self.organization_id.clone(),
            emit_id: self.emit_id.clone(),
            receiver: self.receiver.clone(),
            push_id: self.push_id.clone(),
            program_id: self.program_id.clone(),
            attributes: self.attributes.clone(),
            is_replay: self.is_replay,
            attempts_made: 0,
            attempts_total: 0,
            claims: 1,
        })
    }
}

/// A delivery that a worker of this process has claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: DeliveryId,
    /// The organization that owes it.
    pub organization_id: OrganizationId,
    pub emit_id: EmitId,
    pub receiver: ReceiverId,
    /// The push that owes it; only external peers have one.
    pub push_id: Option<PushId>,
    /// The components that serve it.
    pub program_id: ProgramId,
    /// Attributes that the router added to the event.
    pub attributes: Vec<(String, String)>,
    /// Whether it belongs to a replay.
    pub is_replay: bool,
    /// Attempts since it was created, or since its last replay.
    pub attempts_made: u32,
    /// Attempts since it was created, through all replays.
    pub attempts_total: u32,
    /// The fencing token of this claim.
    pub claims: i64,
}

impl Claimed {
    /// How often it was claimed without an attempt that counts: by a fault of the host, or because the claim
    /// was lost.
    pub fn own_faults(&self) -> i64 {
        self.claims - 1 - i64::from(self.attempts_total)
    }
}

/// The outcome of a claim on a delivery, as far as its owner is told of it.
#[derive(Clone, Copy)]
pub struct DeliveryOutcome<'a> {
    pub delivery_id: &'a DeliveryId,
    /// The push that owes it; only external peers have one.
    pub push_id: Option<&'a PushId>,
    /// The delivery's status from now on.
    pub status: Status,
    /// `None` when no attempt was made.
    pub attempt: Option<&'a Attempt>,
    /// Why it is not delivered; `None` if it is.
    pub error_message: Option<&'a str>,
    pub now: Time,
}

/// A claim that has ended, with everything that is to be written about it.
#[derive(Clone, Debug)]
pub struct Settled {
    pub delivery_id: DeliveryId,
    /// The fencing token of the claim that is settled.
    pub claims: i64,
    /// `None` when no attempt was made, so that none is used up.
    pub attempt: Option<Attempt>,
    /// The delivery's status from now on.
    pub status: Status,
    /// When it is due again; `None` when it is finished.
    pub due_at: Option<Time>,
    /// Why it is not delivered; `None` if it is.
    pub error_message: Option<String>,
    /// Set if the receiver's endpoint began to fail with the attempt, or recovered.
    pub health: Option<(ReceiverId, HealthChange)>,
    /// The row for the owner's relay log, if the receiver is an external peer.
    pub relay: Option<RelayLog>,
    /// Lifecycle events about it, for subscriptions that listen for them.
    pub lifecycle: Vec<Emit>,
    /// Lines that components wrote.
    pub logs: Vec<LogEntry>,
    /// When it was settled.
    pub now: Time,
}

/// The status of a delivery.
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
    /// All statuses, in the order of a delivery's life.
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
    /// The transformer failed.
    Transformer,
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
    const ALL: [Self; 5] = [Self::Transformer, Self::Component, Self::Guard, Self::Unreachable, Self::Endpoint];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transformer => "transformer",
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

/// The number of an emit's deliveries in each status.
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
