//! Events that go to a hundred endpoints of one organization each: as fast as it goes, and beside
//! endpoints that hang.

use anyhow::Result;

use crate::{
    bench::Bench,
    figures::{Pair, Throughput},
    receiver::HANGING,
    tenant::{SHARED, WIDE},
};

/// Endpoints that all get the same events.
pub(crate) const ENDPOINTS: u32 = 100;
/// Endpoints that get them as well, and hang.
pub(crate) const HANGING_ENDPOINTS: u32 = 10;
/// Events a second beside those that hang: a thousand deliveries, which leave the machine room.
pub(crate) const HANGING_RATE: u32 = 10;
/// Events under way at once when it goes as fast as it can: fewer deliveries than an organization has
/// slots, so that none has to be claimed from the table.
const UNDER_WAY_MAX: usize = 3;

/// Deliveries a second.
pub(crate) async fn fan_out(bench: &Bench) -> Result<Throughput> {
    subscribe_all(bench, WIDE).await?;
    Ok(bench.windowed(WIDE, ENDPOINTS, UNDER_WAY_MAX, bench.seconds).await?.0)
}

/// Times to arrival at the endpoints that answer, without and beside those that hang.
pub(crate) async fn hanging(bench: &Bench) -> Result<Pair> {
    subscribe_all(bench, SHARED).await?;
    let alone = bench.latency(SHARED, HANGING_RATE, ENDPOINTS).await?;
    for _ in 0..HANGING_ENDPOINTS {
        bench.tenant.subscribe(SHARED, &format!("{}{HANGING}", bench.receiver.url)).await?;
    }
    let beside = bench.latency(SHARED, HANGING_RATE, ENDPOINTS).await?;
    Ok(Pair { alone, beside })
}

async fn subscribe_all(bench: &Bench, event: &str) -> Result<()> {
    for endpoint in 0..ENDPOINTS {
        bench.tenant.subscribe(event, &format!("{}{endpoint}", bench.receiver.url)).await?;
    }
    Ok(())
}
