//! The steps that a comparison may take. All its parts take them from one budget, so that no pair
//! of schemas, however it was made, takes longer.

use std::cell::Cell;

/// The steps that are left; none once more were asked for than there were.
pub(super) struct Budget {
    left: Cell<Option<u32>>,
}

impl Budget {
    pub(super) fn new(steps: u32) -> Self {
        Self { left: Cell::new(Some(steps)) }
    }

    /// Takes steps, and tells whether there were that many left.
    pub(super) fn take(&self, steps: usize) -> bool {
        let left = self.left.get().and_then(|left| left.checked_sub(u32::try_from(steps).ok()?));
        self.left.set(left);
        left.is_some()
    }

    /// The steps that are left.
    pub(super) fn left(&self) -> u32 {
        self.left.get().unwrap_or(0)
    }

    /// Whether more was asked for than there was.
    pub(super) fn is_spent(&self) -> bool {
        self.left.get().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_spent_it_stays_spent() {
        let budget = Budget::new(3);
        assert!(budget.take(2) && budget.left() == 1 && budget.take(1) && !budget.is_spent());
        assert!(!budget.take(1) && budget.is_spent() && !budget.take(0) && budget.left() == 0);
    }
}
