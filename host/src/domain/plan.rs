//! Plans and their limits (contract 6.7).

/// The plan that an organization pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The generic event only.
    Free,
    /// Own events, the latest version of each.
    Basic,
    /// Full versioning and the marketplace.
    Pro,
    /// No ceilings, and federation.
    Enterprise,
}

impl Plan {
    /// Every plan, the smallest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Basic, Self::Pro, Self::Enterprise];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "FREE",
            Self::Basic => "BASIC",
            Self::Pro => "PRO",
            Self::Enterprise => "ENTERPRISE",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == text)
    }

    /// How many events may be registered, not counting the generic one and archived ones; `None` is
    /// unlimited.
    pub const fn registrations_max(self) -> Option<i64> {
        match self {
            Self::Free => Some(0),
            Self::Basic => Some(5),
            Self::Pro => Some(25),
            Self::Enterprise => None,
        }
    }

    /// How many emits are accepted per UTC calendar month; `None` is unlimited.
    pub const fn emits_per_month_max(self) -> Option<i64> {
        match self {
            Self::Free => Some(1_000),
            Self::Basic => Some(10_000),
            Self::Pro => Some(100_000),
            Self::Enterprise => None,
        }
    }

    /// Whether registered events, and not only the generic one, may be emitted.
    pub const fn emits_registered(self) -> bool {
        !matches!(self, Self::Free)
    }

    /// Whether several versions of an event may be live at once.
    pub const fn versions(self) -> bool {
        matches!(self, Self::Pro | Self::Enterprise)
    }

    /// Whether listings may be published and forked.
    pub const fn marketplace(self) -> bool {
        matches!(self, Self::Pro | Self::Enterprise)
    }

    /// Whether events may be pushed to peers.
    pub const fn federation(self) -> bool {
        matches!(self, Self::Enterprise)
    }
}
