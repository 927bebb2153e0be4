//! The programs of deliveries, by id.
//!
//! A program never changes and is never deleted while a delivery may name it, so one that is remembered
//! is right for ever.

use std::sync::Arc;

use super::Memory;
use crate::{
    db,
    domain::{
        id::{OrganizationId, ProgramId},
        program::{Program, ProgramStep},
        subscription::Terms,
    },
    error::Result,
    fail,
};

/// Programs remembered: one or two for each organization that is busy, each of some hundred bytes.
pub(super) const PROGRAMS_MAX: usize = 20_000;

impl Memory {
    /// The program of deliveries to a subscription with these terms.
    pub(super) async fn subscription_program(&self, organization: &OrganizationId, terms: &Terms) -> Result<ProgramId> {
        let config = format!(r#"{{"signatureScheme":"{}"}}"#, terms.signature_scheme.as_str());
        let webhook = ProgramStep { digest: self.builtins.webhook, config: config.into() };
        self.pin(Program::new(organization.clone(), None, webhook)).await
    }

    /// The program of deliveries to the external peers of an organization.
    pub async fn peer_program(&self, owner: &OrganizationId) -> Result<ProgramId> {
        let relay = ProgramStep { digest: self.builtins.relay, config: "{}".into() };
        self.pin(Program::new(owner.clone(), None, relay)).await
    }

    /// Stores a program unless it is stored, so that deliveries may name it from here on.
    async fn pin(&self, program: Program) -> Result<ProgramId> {
        let id = program.id.clone();
        if self.programs.get(&id).is_some() {
            return Ok(id);
        }
        // Not synced: the transactions with deliveries that name the program come later, and none of
        // them outlasts this one.
        let mut tx = self.db.begin_unsynced().await?;
        db::program::insert(&mut tx, &program).await?;
        tx.commit().await?;
        self.programs.insert(id.clone(), Arc::new(program));
        Ok(id)
    }

    /// The program that a delivery names.
    pub async fn program(&self, id: &ProgramId) -> Result<Arc<Program>> {
        if let Some(known) = self.programs.get(id) {
            return Ok(known);
        }
        let mut tx = self.db.read().await?;
        let program = db::program::find(&mut tx, id).await?;
        let program = Arc::new(program.ok_or_else(|| fail!(InternalError, "program {} is not stored", id.as_str()))?);
        self.programs.insert(id.clone(), program.clone());
        Ok(program)
    }
}
