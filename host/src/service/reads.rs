//! Reads that requests of organizations make: each takes a place, so that neither workers nor requests of
//! others wait for connections that one organization keeps busy.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use tokio::time::timeout;

use super::Host;
use crate::{
    db::Tx,
    domain::{
        id::OrganizationId,
        limits::{READS_AT_ONCE_MAX, READS_PER_ORGANIZATION_MAX, READS_WAITING_PER_ORGANIZATION_MAX},
    },
    error::Result,
    fail,
    sync::{Place, TurnBounds, Turns},
};

/// How long a read waits for a place: as long as for a connection. With the time of a statement on top, a
/// request ends before its client stops waiting.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The places for reads, which organizations get in turns.
pub struct Reads {
    turns: Turns<OrganizationId>,
    wait_max: Duration,
}

/// A transaction that reads, and the place that it takes.
pub struct Reading {
    // Declared before `_place`: the connection is given back first.
    tx: Tx,
    _place: Place<OrganizationId>,
}

impl Default for Reads {
    fn default() -> Self {
        let bounds = TurnBounds {
            places: READS_AT_ONCE_MAX,
            each: READS_PER_ORGANIZATION_MAX,
            waiting: READS_WAITING_PER_ORGANIZATION_MAX,
        };
        Self { turns: Turns::new(bounds), wait_max: WAIT_MAX }
    }
}

impl Reads {
    /// Waits for the organization's turn. Codes `RATE_LIMITED`, `unavailable`.
    async fn place(&self, organization: &OrganizationId) -> Result<Place<OrganizationId>> {
        let Ok(place) = timeout(self.wait_max, self.turns.place(organization)).await else {
            return Err(fail!(Unavailable, "the database did not get to this request in time").retry_after(1));
        };
        place.ok_or_else(|| {
            fail!(
                RateLimited,
                "{READS_WAITING_PER_ORGANIZATION_MAX} reads of this organization wait for their turn already, beside \
                 the {READS_PER_ORGANIZATION_MAX} that may be under way at once"
            )
            .retry_after(1)
        })
    }
}

impl Host {
    /// Begins a transaction that reads for a request of an organization, in the organization's turn. A use case
    /// that begins another transaction before this one is dropped may wait for itself. Codes `RATE_LIMITED`,
    /// `unavailable`.
    pub(super) async fn read(&self, organization: &OrganizationId) -> Result<Reading> {
        let place = self.reads.place(organization).await?;
        Ok(Reading { tx: self.db.read().await?, _place: place })
    }
}

impl Deref for Reading {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{
        FutureExt,
        future::{join_all, poll_immediate},
    };

    use super::*;
    use crate::error::Code;

    fn organization(number: usize) -> OrganizationId {
        OrganizationId::stored(format!("org_{number}"))
    }

    /// Places that an organization gets at once, of `count` that it asks for.
    fn taken(reads: &Reads, of: &OrganizationId, count: usize) -> Vec<Place<OrganizationId>> {
        (0..count).filter_map(|_| reads.place(of).now_or_never()).map(|got| got.expect("it may wait")).collect()
    }

    #[tokio::test]
    async fn reads_per_organization_max() {
        let reads = Reads::default();
        let own = taken(&reads, &organization(1), READS_PER_ORGANIZATION_MAX + 1);
        assert_eq!(own.len(), READS_PER_ORGANIZATION_MAX);
        assert_eq!(taken(&reads, &organization(2), 1).len(), 1, "another organization has its own");
    }

    #[tokio::test]
    async fn reads_at_once_max() {
        let reads = Reads::default();
        let all: Vec<_> = (0..100).flat_map(|number| taken(&reads, &organization(number), 2)).collect();
        assert_eq!(all.len(), READS_AT_ONCE_MAX);
    }

    #[tokio::test]
    async fn reads_waiting_per_organization_max() {
        let reads = Reads { wait_max: Duration::from_millis(200), ..Reads::default() };
        let of = organization(1);
        let _held = taken(&reads, &of, READS_PER_ORGANIZATION_MAX);
        let waiting = join_all((0..READS_WAITING_PER_ORGANIZATION_MAX).map(|_| reads.place(&of)));
        let mut waiting = Box::pin(waiting);
        assert!(poll_immediate(waiting.as_mut()).await.is_none());
        let refused = reads.place(&of).now_or_never().expect("at once").err().expect("too many wait");
        assert_eq!((refused.code(), refused.retry_after_s()), (Code::RateLimited, Some(1)));
        assert_eq!(taken(&reads, &organization(2), 1).len(), 1, "another organization has its own lane");
        // Each is answered in time although no place becomes free.
        let late = waiting.await.into_iter().filter_map(Result::err);
        let late: Vec<_> = late.map(|error| (error.code(), error.retry_after_s())).collect();
        assert_eq!(late, vec![(Code::Unavailable, Some(1)); READS_WAITING_PER_ORGANIZATION_MAX]);
    }
}
