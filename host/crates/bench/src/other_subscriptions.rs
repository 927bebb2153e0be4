//! The cost of a delivery with a hundred thousand other subscriptions in the table.

use anyhow::Result;

use crate::{
    bench::{Bench, UNDER_WAY_MAX, WARM_UP},
    database::Database,
    figures::OtherSubscriptions,
    tenant::HEARD,
};

/// Subscriptions of the same organization to other events.
const SUBSCRIPTIONS: u32 = 100_000;

/// Measures without and with them, one right after the other, since what a machine can do changes
/// from minute to minute. The host is started again in between.
pub(crate) async fn measure(bench: &mut Bench) -> Result<OtherSubscriptions> {
    let (alone, _) = bench.windowed(HEARD, 1, UNDER_WAY_MAX, bench.seconds).await?;
    bench.host.end();
    let mut database = Database::connect(&bench.settings.database).await?;
    let (organization, original) = (&bench.tenant.organization.id, &bench.tenant.subscription);
    database.copy_subscription(organization, original, SUBSCRIPTIONS).await?;
    database.close().await?;
    bench.restart_host().await?;
    // A host that was just started has to read organization, keys and targets first.
    bench.end_to_end(WARM_UP).await?;
    let (beside, _) = bench.windowed(HEARD, 1, UNDER_WAY_MAX, bench.seconds).await?;
    Ok(OtherSubscriptions { subscriptions: SUBSCRIPTIONS, alone, beside })
}
