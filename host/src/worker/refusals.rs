//! Announces refused emits that were gathered, once a second.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Shared, contained};
use crate::service::event::announce_gathered;

/// How often windows are looked at that may be over.
const INTERVAL: Duration = Duration::from_secs(1);

/// Announces what was gathered until `stop` fires.
pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        contained("announcing refusals", announce_gathered(&shared.host)).await;
    }
}
