//! Forgetting the organizations whose endpoints take most bytes.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::view::OrganizationView;
use crate::domain::{id::OrganizationId, limits::ENDPOINTS_BYTES_MAX};

/// Forgets the organizations with the largest endpoints if those of all, `total` bytes, are more than they may be, until
/// three quarters of that are left, so that it is not to be done again soon.
pub(super) fn forget_largest(organizations: &Cache<OrganizationId, Arc<OrganizationView>>, total: usize) {
    if total <= ENDPOINTS_BYTES_MAX {
        return;
    }
    let mut views: Vec<_> = organizations.iter().map(|(id, view)| (view.offered.bytes(), id)).collect();
    views.sort_unstable();
    // Not those of `total`: it has views that were forgotten already, and that requests under way still have.
    let remembered: usize = views.iter().map(|(bytes, _)| bytes).sum();
    let mut excess = remembered.saturating_sub(ENDPOINTS_BYTES_MAX / 4 * 3);
    while excess > 0
        && let Some((bytes, id)) = views.pop()
    {
        organizations.remove(&id);
        excess = excess.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::{organization::Organization, plan::Plan, time::Time};

    fn organization(number: usize) -> Organization {
        Organization {
            id: OrganizationId::stored(format!("org_{number}")),
            name: String::new(),
            slug: String::new(),
            plan: Plan::Pro,
            region: String::new(),
            billing_email: None,
            is_active: true,
            revision: 1,
            rules_revision: 1,
            created_at: Time::from_millis(0),
            updated_at: Time::from_millis(0),
        }
    }

    /// Remembers lists of an organization, of a mebibyte each: their names are long.
    fn grow(view: &OrganizationView, mebibytes: usize) {
        for number in 0..mebibytes {
            view.offered.remember(format!("{number}{}", "x".repeat(1 << 20)), Arc::new([]));
        }
    }

    #[test]
    fn endpoints_bytes_max() {
        let (organizations, total) = (Cache::new(10_000), Arc::<AtomicUsize>::default());
        for number in 0..100 {
            let view = Arc::new(OrganizationView::new(organization(number), total.clone()));
            organizations.insert(view.organization.id.clone(), view.clone());
            // Some have much, and most have little.
            grow(&view, if number % 4 == 0 { 14 } else { 1 });
            drop(view);
            forget_largest(&organizations, total.load(Ordering::Relaxed));
            assert!(total.load(Ordering::Relaxed) <= ENDPOINTS_BYTES_MAX);
        }
        // What is not remembered any more makes no organization be forgotten.
        let before = organizations.len();
        forget_largest(&organizations, 2 * ENDPOINTS_BYTES_MAX);
        forget_largest(&organizations, 2 * ENDPOINTS_BYTES_MAX);
        let is_kept = |number: &usize| organizations.get(&OrganizationId::stored(format!("org_{number}"))).is_some();
        assert_eq!((0..100).filter(|number| number % 4 != 0).filter(is_kept).count(), 75, "those with little stay");
        assert!(before < 100 && organizations.len() >= before - 5, "{} of {before}", organizations.len());
    }
}
