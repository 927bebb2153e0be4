//! Registrations that can be emitted: which one an emit means, and its compiled schema.

use std::sync::Arc;

use weir_schema::{Caps, Validator};

use super::{
    Memory,
    view::{Emittable, OrganizationView},
};
use crate::{
    db,
    domain::{
        id::{OrganizationId, RegistrationId},
        name::{EventName, Version},
        registration::Status,
    },
    error::{Error, Result},
    fail,
};

impl Memory {
    /// The registration that an emit of this name means: the version asked for, or the latest
    /// published one. Codes `event_not_registered`, `event_not_published`.
    pub async fn emittable(
        &self,
        view: &OrganizationView,
        event: &EventName,
        version: Option<Version>,
    ) -> Result<Arc<Emittable>> {
        let key = (event.clone(), version);
        if let Some(remembered) = view.emittables.get(&key) {
            return Ok(remembered);
        }
        let emittable = Arc::new(self.read_emittable(&view.organization.id, event, version).await?);
        view.emittables.insert(key, emittable.clone());
        Ok(emittable)
    }

    async fn read_emittable(
        &self,
        organization: &OrganizationId,
        event: &EventName,
        version: Option<Version>,
    ) -> Result<Emittable> {
        let mut tx = self.db.read().await?;
        let states = db::registration::version_states(&mut tx, organization, event).await?;
        let found = match version {
            Some(version) => states.iter().find(|state| state.version == version),
            None => states.iter().find(|state| state.status == Status::Published).or(states.first()),
        };
        let Some(found) = found else {
            return Err(match version {
                Some(version) => fail!(EventNotRegistered, "{event}@{version} is not registered"),
                None => fail!(EventNotRegistered, "{event} is not registered"),
            });
        };
        if found.status != Status::Published {
            let status = found.status.as_str();
            return Err(fail!(EventNotPublished, "{event}@{} is {status}, not published", found.version));
        }
        Ok(Emittable { registration_id: found.id.clone(), version: found.version })
    }

    /// The compiled schema of a registration. It is remembered apart from the rest of its
    /// organization, because it is large and never changes.
    pub async fn validator(&self, view: &OrganizationView, id: &RegistrationId) -> Result<Arc<Validator>> {
        if let Some(validator) = self.validators.get(id) {
            return Ok(validator);
        }
        let compile = async {
            let mut tx = self.db.read().await?;
            let registration =
                db::registration::find(&mut tx, &view.organization.id, id).await?.ok_or_else(|| Error::gone(id))?;
            drop(tx);
            // Without caps: they are of the time when the schema was registered.
            let compile = move || {
                weir_schema::inspect_within(&registration.payload_schema, Caps::NONE).map(|schema| schema.validator)
            };
            self.cpu.try_run(&view.organization.id, compile).await?.map_err(Error::from)
        };
        // Boxed, so that the future of an emit whose schema is remembered stays small.
        Box::pin(self.validators.get_or_compile(id, compile)).await
    }
}
