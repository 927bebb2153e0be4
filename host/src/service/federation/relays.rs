//! The log of relays, as the parties of a group see it.

use super::{look, no_group};
use crate::{
    db::federation::relay_log::{self, RelayQuery},
    domain::{
        federation::{RelayLog, Role},
        id::GroupId,
    },
    error::Result,
    service::{Caller, Host, Page},
};

/// A page of the relays to a group, the newest first, and how many match. The owner sees all, a
/// member those to itself.
pub async fn list(
    host: &Host,
    caller: &Caller,
    id: &str,
    mut filter: RelayQuery,
    page: Page,
) -> Result<(Vec<RelayLog>, i64)> {
    let id = GroupId::parse(id).ok_or_else(no_group)?;
    let view = look(host, caller, &id).await?.ok_or_else(no_group)?;
    if let Role::Member(_) = view.role {
        filter.organization = Some(caller.organization_id.clone());
    }
    let mut tx = host.db.read().await?;
    relay_log::list(&mut tx, &view.group.owner_id, &id, &filter, page.limit, page.offset()).await
}
