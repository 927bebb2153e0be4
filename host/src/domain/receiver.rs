//! Receivers: the owners of delivery queues.

use std::fmt;

use super::id::{MemberId, SubscriptionId};

/// The owner of a queue of deliveries: a subscription or an external peer. Claims, slots and rates are
/// per receiver.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReceiverId {
    /// A subscription.
    Subscription(SubscriptionId),
    /// An external peer of a federation group.
    Peer(MemberId),
}

impl ReceiverId {
    /// Takes a text that this host stored. The prefix of the id tells which kind it is.
    pub fn stored(text: &str) -> Self {
        if text.starts_with(MemberId::PREFIX) {
            Self::Peer(MemberId::stored(text))
        } else {
            Self::Subscription(SubscriptionId::stored(text))
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Subscription(id) => id.as_str(),
            Self::Peer(id) => id.as_str(),
        }
    }

    /// The subscription, if the receiver is one.
    pub fn subscription(&self) -> Option<&SubscriptionId> {
        match self {
            Self::Subscription(id) => Some(id),
            Self::Peer(_) => None,
        }
    }

    /// The external peer, if the receiver is one.
    pub fn peer(&self) -> Option<&MemberId> {
        match self {
            Self::Subscription(_) => None,
            Self::Peer(id) => Some(id),
        }
    }
}

impl From<SubscriptionId> for ReceiverId {
    fn from(id: SubscriptionId) -> Self {
        Self::Subscription(id)
    }
}

impl From<MemberId> for ReceiverId {
    fn from(id: MemberId) -> Self {
        Self::Peer(id)
    }
}

impl fmt::Display for ReceiverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ReceiverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for ReceiverId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Time;

    #[test]
    fn a_stored_receiver_is_read_back() {
        let now = Time::from_millis(1);
        let (subscription, webhook) = (SubscriptionId::new(now, 1), SubscriptionId::of_webhook(now, 2));
        for receiver in [subscription.into(), webhook.into(), ReceiverId::from(MemberId::new(now, 3))] {
            assert_eq!(ReceiverId::stored(receiver.as_str()), receiver);
            assert_eq!(receiver.subscription().is_some(), receiver.peer().is_none());
        }
    }
}
