//! Replays: many events that are sent to one receiver again.

use super::{
    delivery::Status,
    id::{EmitId, OrganizationId, ReplayId},
    receiver::ReceiverId,
    time::Time,
};

/// A replay that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    pub id: ReplayId,
    pub organization_id: OrganizationId,
    /// A subscription; only a replay of dead letters may go to an external peer.
    pub receiver: ReceiverId,
    pub source: ReplaySource,
    /// The id of the last row that was looked at, in the source's table: ids sort by time.
    pub done_until: String,
    /// Steps made so far.
    pub steps: i64,
}

impl Replay {
    /// A replay that has made no step.
    pub fn new(id: ReplayId, organization_id: OrganizationId, receiver: ReceiverId, source: ReplaySource) -> Self {
        Self { id, organization_id, receiver, source, done_until: source.start(), steps: 0 }
    }
}

/// The events that a replay sends again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaySource {
    /// Accepted events.
    Events {
        /// Accepted at this time or later.
        from: Time,
        /// Accepted at this time or earlier.
        to: Time,
        /// Whether events that were delivered before are sent as well.
        includes_delivered: bool,
    },
    /// Dead letters of the receiver.
    DeadLetters {
        /// Created at this time or later, if set.
        from: Option<Time>,
        /// Created at this time or earlier.
        to: Time,
        /// Turned into dead letters at this time or later, if set.
        died_since: Option<Time>,
    },
}

impl ReplaySource {
    /// The first `done_until`: an id before every row that the replay may take.
    pub fn start(self) -> String {
        match self {
            Self::Events { from, .. } => EmitId::new(from, 0).as_str().to_owned(),
            Self::DeadLetters { .. } => String::new(),
        }
    }

    /// Whether an event that matches is sent again, given the status of its delivery, if it has one. A
    /// delivery that is not finished arrives without a replay.
    pub fn takes(self, delivery: Option<Status>) -> bool {
        let Self::Events { includes_delivered, .. } = self else { return delivery == Some(Status::Failed) };
        match delivery {
            None | Some(Status::Failed) => true,
            Some(Status::Success | Status::Skipped) => includes_delivered,
            Some(Status::Pending | Status::Retrying) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_never_taken_and_what_was_delivered_only_when_asked_for() {
        let source = |includes_delivered| ReplaySource::Events {
            from: Time::from_millis(1),
            to: Time::from_millis(2),
            includes_delivered,
        };
        for all in [false, true] {
            assert!(source(all).takes(None) && source(all).takes(Some(Status::Failed)));
            assert!(!source(all).takes(Some(Status::Pending)) && !source(all).takes(Some(Status::Retrying)));
            assert_eq!(source(all).takes(Some(Status::Success)), all);
            assert_eq!(source(all).takes(Some(Status::Skipped)), all);
        }
    }

    #[test]
    fn a_replay_begins_before_everything_of_its_time() {
        let source =
            ReplaySource::Events { from: Time::from_millis(5), to: Time::from_millis(9), includes_delivered: true };
        assert!(*EmitId::new(Time::from_millis(4), u128::MAX).as_str() < *source.start());
        assert!(*EmitId::new(Time::from_millis(5), 1).as_str() > *source.start());
    }
}
