//! Months whose emits are used up, as the ledger said.

use super::view::OrganizationView;
use crate::domain::time::Time;

/// How long it is remembered that a month is used up. After that one emit asks the ledger again: the table may
/// have fallen back to an earlier count, with a replica that took over.
const REMEMBERED_MS: i64 = 60_000;

impl OrganizationView {
    /// Notes that the emits of the month of `at` are used up.
    pub fn note_month_used_up(&self, at: Time) {
        *self.used_up_at.lock() = Some(at);
    }

    /// Whether the emits of the month of `now` were used up a moment ago, under the plan of this view.
    pub fn is_month_used_up(&self, now: Time) -> bool {
        let used_up_at = *self.used_up_at.lock();
        used_up_at.is_some_and(|at| (0..REMEMBERED_MS).contains(&now.millis_since(at)) && at.month() == now.month())
    }
}
