//! What a delivery costs with a hundred thousand other subscriptions in the table.

use super::{
    UNDER_WAY_MAX,
    child::{Child, Keys},
    machine::Scratch,
    measure::Bench,
    report::Crowd,
    tenant::HEARD,
};
use crate::{
    clock::{Clock, Randomness, SystemClock},
    db::{Db, Location, subscription},
    domain::id::{OrganizationId, SubscriptionId},
    error::Result,
};

/// Subscriptions of the same organization to other events.
pub(super) const SUBSCRIPTIONS: u32 = 100_000;
/// Rows that are inserted in one transaction.
const ROWS: u32 = 5_000;

/// Measures without and with them, and gives the host that was started again for it. One right
/// after the other, since what a machine can do changes from minute to minute.
pub(super) async fn measure(
    bench: Bench,
    database: &Location,
    scratch: &Scratch,
    keys: &Keys,
) -> Result<(Bench, Crowd)> {
    let (alone, _) = bench.windowed(HEARD, 1, UNDER_WAY_MAX, bench.seconds).await?;
    let Bench { tenant, host, receiver, seconds } = bench;
    drop(host);
    let (organization, original) =
        (OrganizationId::stored(tenant.id.as_str()), SubscriptionId::stored(tenant.subscription.as_str()));
    let (db, now, randomness) = (Db::connect(database).await?, SystemClock.now(), Randomness::system());
    for first in (0..SUBSCRIPTIONS).step_by(ROWS as usize) {
        let copy = |number: u32| {
            let event_type = format!("TENANT_CUSTOM:{organization}:crowd.event-{number}@1.0.0");
            (SubscriptionId::new(now, randomness.id()), event_type)
        };
        let copies: Vec<_> = (first..first + ROWS).map(copy).collect();
        let mut tx = db.begin().await?;
        subscription::copy(&mut tx, &organization, &original, &copies).await?;
        tx.commit().await?;
    }
    db.close().await;
    let host = Child::start_host(database, scratch, keys).await?;
    let bench = Bench { tenant: tenant.at(&host)?, host, receiver, seconds };
    // A host that was just started has to remember everything first.
    bench.end_to_end(super::WARM_UP).await?;
    let (crowded, _) = bench.windowed(HEARD, 1, UNDER_WAY_MAX, bench.seconds).await?;
    Ok((bench, Crowd { alone, crowded }))
}
