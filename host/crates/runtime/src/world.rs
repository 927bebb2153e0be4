//! The worlds of `weir:plugin` that a component can be of.

/// What a component is for. Each world has one interface to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum World {
    /// Chooses which subscriptions get an event.
    Router,
    /// Reshapes a payload for one subscription.
    Transformer,
    /// Describes the HTTP request of a delivery.
    Adapter,
}

impl World {
    /// Every world that the runtime calls.
    pub const ALL: [Self; 3] = [Self::Router, Self::Transformer, Self::Adapter];

    /// The world's name in WIT and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Transformer => "transformer",
            Self::Adapter => "adapter",
        }
    }

    /// The interface of `weir:plugin` whose export makes a component one of this world.
    pub(crate) const fn interface(self) -> &'static str {
        match self {
            Self::Router => "routing",
            Self::Transformer => "transformation",
            Self::Adapter => "delivery",
        }
    }
}
