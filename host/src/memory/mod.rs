//! The memory of a host: organizations, keys, schemas, endpoints and programs, so that accepting, routing and
//! delivering an event reads nothing from the database.
//!
//! Everything that is remembered of an organization carries the organization's revisions. The ledger compares
//! them with the table in the very transaction that accepts an emit, and routing asks for the revision that the
//! emit was accepted under. So memory that is out of date, after a change on this host or on another, costs a
//! second look and never a wrong answer.

use std::sync::{Arc, atomic::AtomicUsize};

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
mod largest;
mod month;
mod offered;
mod organization;
mod programs;
mod validators;
mod view;
mod wanted;

pub use health::EndpointHealth;
pub use view::{Emittable, OrganizationView, WantedLifecycle};

use programs::PROGRAMS_MAX;
use validators::Validators;

/// Organizations remembered, each of a few kilobytes without its events, whose number is bounded, and without its
/// endpoints, whose bytes are.
const ORGANIZATIONS_MAX: usize = 10_000;
/// API keys remembered: each is a few names and its scopes.
const KEYS_MAX: usize = 20_000;

/// The memory of one host. What is large is bounded in bytes, endpoints and validators, and what is small in number.
pub struct Memory {
    db: Db,
    clock: Arc<dyn Clock>,
    keyring: Keyring,
    cpu: CpuPool,
    organizations: Cache<OrganizationId, Arc<OrganizationView>>,
    /// Bytes of the endpoints of all of them.
    endpoints_bytes: Arc<AtomicUsize>,
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
            endpoints_bytes: Arc::default(),
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
