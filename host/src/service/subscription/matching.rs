//! Whether a subscription's filter can match its events at all.

use serde_json::Value;
use weir_schema::Filter;

use crate::{
    db,
    domain::{limits::FILTER_SCHEMAS_MAX, name::CANONICAL_PREFIX, registration::Status, subscription::Subscription},
    error::{Error, Result},
    service::Host,
};

/// Refuses a filter that no event can match; code `filter_never_matches`. Schemas are known only of
/// events that are registered and published here, so a subscription to others passes.
pub(super) async fn check(host: &Host, subscription: &Subscription) -> Result<()> {
    let Some(filter) = &subscription.terms.filter else { return Ok(()) };
    let organization = &subscription.organization_id;
    let own = format!("{CANONICAL_PREFIX}{organization}:");
    if !subscription.event_types.iter().all(|event_type| event_type.as_str().starts_with(&own)) {
        return Ok(());
    }
    let mut tx = host.read(organization).await?;
    let mut registrations = db::registration::list(&mut tx, organization, None, Some(Status::Published)).await?;
    drop(tx);
    registrations.retain(|registration| {
        let name = registration.canonical_name();
        subscription.event_types.iter().any(|event_type| event_type.matches(&name))
    });
    if registrations.len() > FILTER_SCHEMAS_MAX {
        return Ok(());
    }
    let filter = Filter::parse(filter)?;
    let schemas: Vec<String> = registrations.into_iter().map(|registration| registration.payload_schema).collect();
    host.cpu.try_run(organization, move || check_against(&filter, &schemas)).await?
}

/// Whether the filter can match what one of these schemas admits.
fn check_against(filter: &Filter, schemas: &[String]) -> Result<()> {
    // A registered schema is JSON.
    let parse = |text: &String| serde_json::from_str(text).map_err(Error::internal);
    let schemas: Vec<Value> = schemas.iter().map(parse).collect::<Result<_>>()?;
    Ok(filter.check_against(&schemas.iter().collect::<Vec<_>>())?)
}
