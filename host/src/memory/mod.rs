//! The memory of a host: organizations, keys, schemas, endpoints and programs, so that accepting, routing and
//! delivering an event reads nothing from the database.
//!
//! Everything that is remembered of an organization carries the organization's revisions. The ledger compares
//! them with the table in the very transaction that accepts an emit, and routing asks for the revision that the
//! emit was accepted under. So memory that is out of date, after a change on this host or on another, costs a
//! second look and never a wrong answer.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::{
    clock::Clock,
    db::Db,
    domain::{
        id::{OrganizationId, ProgramId},
        organization::ApiKey,
        program::{BuiltIns, Program},
    },
    keyring::Keyring,
    sync::CpuPool,
};

mod api_key;
mod cache;
mod emittable;
mod endpoints;
mod health;
mod organization;
mod programs;
mod validators;
mod view;
mod wanted;

pub use health::EndpointHealth;
pub use view::{Emittable, OrganizationView, WantedLifecycle};

use programs::PROGRAMS_MAX;
use validators::Validators;

/// Organizations remembered; each is small without its events.
const ORGANIZATIONS_MAX: usize = 10_000;
/// API keys remembered.
const KEYS_MAX: usize = 20_000;

/// The memory of one host, bounded in every direction.
pub struct Memory {
    db: Db,
    clock: Arc<dyn Clock>,
    keyring: Keyring,
    cpu: CpuPool,
    organizations: Cache<OrganizationId, Arc<OrganizationView>>,
    /// By the hash of the key's text, each with the revision of its organization when it was read.
    keys: Cache<String, (Arc<ApiKey>, i64)>,
    validators: Validators,
    programs: Cache<ProgramId, Arc<Program>>,
    builtins: BuiltIns,
}

impl Memory {
    /// An empty memory in front of `db`.
    pub fn new(db: Db, clock: Arc<dyn Clock>, keyring: Keyring, cpu: CpuPool, builtins: BuiltIns) -> Self {
        Self {
            db,
            clock,
            keyring,
            cpu,
            organizations: Cache::new(ORGANIZATIONS_MAX),
            keys: Cache::new(KEYS_MAX),
            validators: Validators::default(),
            programs: Cache::new(PROGRAMS_MAX),
            builtins,
        }
    }

    /// Forgets an organization, after it was changed.
    pub fn forget(&self, id: &OrganizationId) {
        self.organizations.remove(id);
    }
}
