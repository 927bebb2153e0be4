//! Whether a filter has a chance against the schemas of the events that a subscription wants.

use serde_json::Value;

use crate::{
    db,
    domain::{filter::Filter, registration::Status, subscription::Subscription},
    error::{Error, Result},
    service::Host,
};

/// Refuses a filter that no event can match which the subscription wants; code
/// `filter_never_matches`. That is known only if all that it wants are registered events of its own
/// organization: of others nobody knows the payload.
pub(super) async fn check(host: &Host, subscription: &Subscription) -> Result<()> {
    let Some(text) = &subscription.terms.filter else { return Ok(()) };
    let Some(schemas) = schemas(host, subscription).await? else { return Ok(()) };
    Filter::parse(text)?.check_against(&schemas.iter().collect::<Vec<_>>())
}

/// The schemas of everything that is wanted; `None` when something has none.
async fn schemas(host: &Host, subscription: &Subscription) -> Result<Option<Vec<Value>>> {
    let organization = &subscription.organization_id;
    let mut schemas = Vec::new();
    let mut tx = host.db.read().await?;
    for event_type in &subscription.event_types {
        let Some((event, version)) = event_type.as_event_of(organization) else { return Ok(None) };
        let states = db::registration::version_states(&mut tx, organization, &event).await?;
        let meant = states
            .iter()
            .filter(|state| state.status != Status::Archived && version.is_none_or(|version| state.version == version));
        let before = schemas.len();
        for state in meant {
            if let Some(registration) = db::registration::find(&mut tx, organization, &state.id).await? {
                schemas.push(serde_json::from_str(&registration.payload_schema).map_err(Error::internal)?);
            }
        }
        if schemas.len() == before {
            return Ok(None);
        }
    }
    Ok(Some(schemas))
}
