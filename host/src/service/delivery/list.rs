//! Reading deliveries, each with its attempts.

pub use crate::db::delivery::DeliveryQuery;
use crate::{
    db::{self, Tx, delivery::DeliveryView},
    domain::{
        delivery::Attempt,
        id::{DeliveryId, OrganizationId},
    },
    error::{Error, Result},
    fail,
    service::{Caller, Host, Page},
};

/// A delivery with its attempts.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The delivery.
    pub view: DeliveryView,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
}

/// One of the caller's deliveries. Code `NOT_FOUND`.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<Detail> {
    let id = DeliveryId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.read(&caller.organization_id).await?;
    find(&mut tx, &caller.organization_id, &id).await
}

/// A delivery of the organization with its attempts. Code `NOT_FOUND`.
pub(super) async fn find(tx: &mut Tx, organization: &OrganizationId, id: &DeliveryId) -> Result<Detail> {
    let view = db::delivery::find(tx, organization, id).await?.ok_or_else(not_found)?;
    let attempts = db::delivery::attempts(tx, organization, &[id]).await?;
    Ok(Detail { view, attempts: attempts.into_iter().map(|(_, attempt)| attempt).collect() })
}

/// A page of the caller's deliveries, the newest first, and how many match.
pub async fn list(host: &Host, caller: &Caller, filter: &DeliveryQuery, page: &Page) -> Result<(Vec<Detail>, i64)> {
    let mut tx = host.read(&caller.organization_id).await?;
    let organization = &caller.organization_id;
    let (views, total) = db::delivery::list(&mut tx, organization, filter, page.part()).await?;
    let ids: Vec<&DeliveryId> = views.iter().map(|view| &view.delivery.id).collect();
    let attempts = db::delivery::attempts(&mut tx, organization, &ids).await?;
    let detail = |view: DeliveryView| {
        let own = attempts.iter().filter(|(id, _)| *id == view.delivery.id);
        Detail { attempts: own.map(|(_, attempt)| attempt.clone()).collect(), view }
    };
    Ok((views.into_iter().map(detail).collect(), total))
}

pub(super) fn not_found() -> Error {
    fail!(NotFound, "there is no such delivery")
}
