//! Replays: sending many events to a receiver again.

use super::{
    delivery::Status,
    id::{EmitId, OrganizationId, ReplayId},
    receiver::ReceiverId,
    time::Time,
};

/// A replay that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its id.
    pub id: ReplayId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What is sent again goes there: events to a subscription, dead letters to an external peer, too.
    pub receiver: ReceiverId,
    /// What is sent again.
    pub source: Source,
    /// The last row that was looked at: of the source's table, whose ids sort by time.
    pub done_until: String,
    /// Steps made so far.
    pub steps: i64,
}

impl Replay {
    /// A replay that has made no step.
    pub fn new(id: ReplayId, organization_id: OrganizationId, receiver: ReceiverId, source: Source) -> Self {
        Self { id, organization_id, receiver, source, done_until: source.start(), steps: 0 }
    }
}

/// What is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Accepted events.
    Events {
        /// Accepted then or later.
        from: Time,
        /// Accepted then or earlier.
        to: Time,
        /// Also those that were delivered before.
        includes_delivered: bool,
    },
    /// Dead letters of the receiver.
    DeadLetters {
        /// Routed then or later.
        from: Option<Time>,
        /// Routed then or earlier.
        to: Time,
        /// Only those that became one then or later.
        died_since: Option<Time>,
    },
}

impl Source {
    /// Where a replay begins: before every row that it may take.
    pub fn start(self) -> String {
        match self {
            Self::Events { from, .. } => EmitId::new(from, 0).as_str().to_owned(),
            Self::DeadLetters { .. } => String::new(),
        }
    }

    /// Whether an event that matches is to be sent, given how its delivery stands. What is still owed
    /// comes anyway.
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
        let source = |includes_delivered| Source::Events {
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
        let source = Source::Events { from: Time::from_millis(5), to: Time::from_millis(9), includes_delivered: true };
        assert!(*EmitId::new(Time::from_millis(4), u128::MAX).as_str() < *source.start());
        assert!(*EmitId::new(Time::from_millis(5), 1).as_str() > *source.start());
    }
}
