//! What the hot path remembers of organizations, so that an emit costs no read.
//!
//! Everything remembered carries the organization's revision. The ledger compares it with the
//! table in the very transaction that accepts an emit, and routing asks for the revision that the
//! emit was accepted under. So a stale memory, ours or after a change on another host, costs a
//! second look and never a wrong answer.

use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;
use tokio::sync::OnceCell;
use weir_schema::Validator;

use super::{Host, access, federation::endpoint, validators::Validators};
use crate::{
    db::{self, subscription::StoredTarget},
    domain::{
        emit::Subject,
        id::{OrganizationId, RegistrationId, SubscriptionId},
        lifecycle,
        name::{EventName, Version},
        organization::{ApiKey, Organization},
        receiver::ReceiverId,
        registration::Status,
        signature::Secrets,
        subscription::{EventType, Target},
        vault::DataKey,
    },
    error::{Error, Result},
    fail,
};

/// Organizations remembered; each is small without its events.
const ORGANIZATIONS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");
/// Keys remembered.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");
/// Events remembered of one organization.
const EVENTS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// The memory. Bounded in every direction.
pub struct Directory {
    organizations: Mutex<LruCache<OrganizationId, Arc<Entry>>>,
    keys: Mutex<LruCache<String, (Arc<ApiKey>, i64)>>,
    validators: Validators,
}

/// What is remembered of an organization at one revision.
pub struct Entry {
    /// The organization.
    pub organization: Organization,
    events: Mutex<Events>,
    targets: Mutex<LruCache<String, Arc<[Arc<Target>]>>>,
    // Each is read by one request while the others wait for it.
    data_key: OnceCell<DataKey>,
    emit_events: OnceCell<EmitEvents>,
    pushed: OnceCell<HashSet<RegistrationId>>,
}

/// Which lifecycle events of emits any subscription of an organization wants. They are derived
/// from the emits themselves, so that nothing is written that nobody asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmitEvents(Vec<&'static str>);

impl EmitEvents {
    /// Whether anybody wants the event of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    /// Whether accepting or routing an emit says anything.
    pub fn of_accepted(&self) -> bool {
        self.contains(lifecycle::CUSTOM_EVENT_EMIT_REQUESTED) || self.contains(lifecycle::CUSTOM_EVENT_EMIT_RELAYED)
    }
}

/// By what an emit asks for: an event, and a version or the latest one.
type Events = LruCache<(EventName, Option<Version>), Arc<Emittable>>;

/// A published registration.
pub struct Emittable {
    /// Which registration.
    pub registration_id: RegistrationId,
    /// In which version.
    pub version: Version,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            organizations: Mutex::new(LruCache::new(ORGANIZATIONS_MAX)),
            keys: Mutex::new(LruCache::new(KEYS_MAX)),
            validators: Validators::default(),
        }
    }
}

/// A lock that a panic elsewhere does not poison: each value in these caches is whole by itself.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Directory {
    /// Forgets an organization after a change.
    pub fn forget(&self, id: &OrganizationId) {
        locked(&self.organizations).pop(id);
    }

    /// The key behind a secret's hash, if it is remembered under the revision that is remembered
    /// of its organization.
    fn remembered_key(&self, key_hash: &str) -> Option<(Arc<ApiKey>, Arc<Entry>)> {
        let (key, revision) = locked(&self.keys).get(key_hash).cloned()?;
        let entry = locked(&self.organizations).get(&key.organization_id).cloned()?;
        (entry.organization.revision == revision).then_some((key, entry))
    }

    fn remember(&self, organization: Organization) -> Arc<Entry> {
        let entry = Arc::new(Entry::new(organization));
        let mut organizations = locked(&self.organizations);
        match organizations.get(&entry.organization.id) {
            // Somebody else was faster, or newer: keep what that one has collected.
            Some(known) if known.organization.revision >= entry.organization.revision => known.clone(),
            _ => {
                organizations.put(entry.organization.id.clone(), entry.clone());
                entry
            }
        }
    }
}

impl Entry {
    fn new(organization: Organization) -> Self {
        Self {
            organization,
            events: Mutex::new(LruCache::new(EVENTS_MAX)),
            targets: Mutex::new(LruCache::new(EVENTS_MAX)),
            data_key: OnceCell::new(),
            emit_events: OnceCell::new(),
            pushed: OnceCell::new(),
        }
    }
}

/// The key and the organization behind a secret's hash, from memory if possible: for emits only,
/// because only the ledger notices when memory is stale.
pub async fn key(host: &Host, key_hash: &str) -> Result<Option<(Arc<ApiKey>, Arc<Entry>)>> {
    if let Some(remembered) = host.directory.remembered_key(key_hash) {
        return Ok(Some(remembered));
    }
    let Some((key, organization)) = access::find_key(host, key_hash).await? else { return Ok(None) };
    let entry = host.directory.remember(organization);
    let key = Arc::new(key);
    let remembered = (key.clone(), entry.organization.revision);
    locked(&host.directory.keys).put(key_hash.to_owned(), remembered);
    Ok(Some((key, entry)))
}

/// What is remembered of an organization at `revision` or later.
pub async fn organization(host: &Host, id: &OrganizationId, revision: i64) -> Result<Arc<Entry>> {
    let remembered = locked(&host.directory.organizations).get(id).cloned();
    if let Some(entry) = remembered.filter(|entry| entry.organization.revision >= revision) {
        return Ok(entry);
    }
    let mut tx = host.db.read().await?;
    let organization =
        db::organization::find(&mut tx, id).await?.ok_or_else(|| fail!(InternalError, "organization {id} is gone"))?;
    Ok(host.directory.remember(organization))
}

/// The registration that an emit of this name goes to: the version asked for, or the latest
/// published one. Codes `event_not_registered`, `event_not_published`.
pub async fn emittable(
    host: &Host,
    entry: &Entry,
    event: &EventName,
    version: Option<Version>,
) -> Result<Arc<Emittable>> {
    let key = (event.clone(), version);
    if let Some(remembered) = locked(&entry.events).get(&key) {
        return Ok(remembered.clone());
    }
    let emittable = Arc::new(load_emittable(host, &entry.organization.id, event, version).await?);
    locked(&entry.events).put(key, emittable.clone());
    Ok(emittable)
}

async fn load_emittable(
    host: &Host,
    organization: &OrganizationId,
    event: &EventName,
    version: Option<Version>,
) -> Result<Emittable> {
    let mut tx = host.db.read().await?;
    let states = db::registration::version_states(&mut tx, organization, event).await?;
    let chosen = match version {
        Some(version) => states.iter().find(|state| state.version == version),
        None => states.iter().find(|state| state.status == Status::Published).or(states.first()),
    };
    let Some(chosen) = chosen else {
        return Err(match version {
            Some(version) => fail!(EventNotRegistered, "{event}@{version} is not registered"),
            None => fail!(EventNotRegistered, "{event} is not registered"),
        });
    };
    if chosen.status != Status::Published {
        let status = chosen.status.as_str();
        return Err(fail!(EventNotPublished, "{event}@{} is {status}, not published", chosen.version));
    }
    Ok(Emittable { registration_id: chosen.id.clone(), version: chosen.version })
}

/// The compiled schema of a registration. Apart from the rest that is remembered of an
/// organization, since it is large and never changes.
pub async fn validator(host: &Host, entry: &Entry, id: &RegistrationId) -> Result<Arc<Validator>> {
    if let Some(validator) = host.directory.validators.known(id) {
        return Ok(validator);
    }
    let compile = async {
        let mut tx = host.db.read().await?;
        let registration = db::registration::find(&mut tx, &entry.organization.id, id)
            .await?
            .ok_or_else(|| fail!(InternalError, "registration {id} is gone"))?;
        drop(tx);
        let compile = move || weir_schema::inspect(&registration.payload_schema).map(|schema| schema.validator);
        host.compute.run(&entry.organization.id, compile).await?.map_err(Error::from)
    };
    // Boxed, so that the many emits that do not need it have no room for it.
    Box::pin(host.directory.validators.get(id, compile)).await
}

/// The active subscriptions that an event is offered to, each once.
pub async fn targets(host: &Host, entry: &Entry, subject: &Subject) -> Result<Arc<[Arc<Target>]>> {
    let organization = &entry.organization.id;
    let name = subject.event_type(organization);
    if let Some(remembered) = locked(&entry.targets).get(&name) {
        return Ok(remembered.clone());
    }
    // What has no versions is looked for by its name alone.
    let all_versions = subject.custom().map(|(event, _)| EventType::of_event(organization, event, None));
    let all_versions = all_versions.as_ref().map_or(name.as_str(), EventType::as_str);
    let mut tx = host.db.read().await?;
    let mut rows = db::subscription::wanting(&mut tx, organization, &name, all_versions).await?;
    for (pattern, row) in db::subscription::patterns(&mut tx, organization).await? {
        if pattern.matches(&name) {
            rows.push(row);
        }
    }
    drop(tx);
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows.dedup_by(|a, b| a.id == b.id);
    let mut targets = Vec::with_capacity(rows.len());
    for row in rows {
        targets.push(Arc::new(open(host, entry, row).await?));
    }
    let targets: Arc<[Arc<Target>]> = targets.into();
    locked(&entry.targets).put(name, targets.clone());
    Ok(targets)
}

/// Whether a registration is pushed to anybody.
pub async fn is_pushed(host: &Host, entry: &Entry, registration: &RegistrationId) -> Result<bool> {
    if !entry.organization.plan.federation() {
        return Ok(false);
    }
    let read = async || -> Result<_> {
        let mut tx = host.db.read().await?;
        let pushed = db::federation::relay::pushed(&mut tx, &entry.organization.id).await?;
        Ok(pushed.into_iter().collect())
    };
    Ok(entry.pushed.get_or_try_init(read).await?.contains(registration))
}

/// Which lifecycle events of emits anybody wants.
pub async fn emit_events<'entry>(host: &Host, entry: &'entry Entry) -> Result<&'entry EmitEvents> {
    const NAMES: [&str; 9] = [
        lifecycle::CUSTOM_EVENT_EMIT_REQUESTED,
        lifecycle::CUSTOM_EVENT_EMIT_RELAYED,
        lifecycle::CUSTOM_EVENT_EMIT_DELIVERED,
        lifecycle::CUSTOM_EVENT_EMIT_DELIVERY_FAILED,
        lifecycle::CUSTOM_EVENT_EMIT_REJECTED,
        lifecycle::CUSTOM_EVENT_QUOTA_EXCEEDED,
        lifecycle::CUSTOM_EVENT_CHAIN_TRUNCATED,
        lifecycle::CUSTOM_EVENT_FEDERATION_RELAYED,
        lifecycle::CUSTOM_EVENT_FEDERATION_RELAY_FAILED,
    ];
    let read = async || {
        let mut tx = host.db.read().await?;
        let wanted = db::subscription::types_among(&mut tx, &entry.organization.id, &NAMES).await?;
        drop(tx);
        let is_wanted = |name: &&str| wanted.iter().any(|wanted| wanted.matches(name));
        Ok(EmitEvents(NAMES.into_iter().filter(is_wanted).collect()))
    };
    entry.emit_events.get_or_try_init(read).await
}

/// One receiver as a target, active or not; `None` when it is gone.
pub async fn target(host: &Host, organization: &OrganizationId, id: &ReceiverId) -> Result<Option<Arc<Target>>> {
    let target = match id {
        ReceiverId::Subscription(id) => subscription(host, organization, id).await?,
        ReceiverId::Peer(id) => endpoint::target(host, organization, id).await?,
    };
    Ok(target.map(Arc::new))
}

async fn subscription(host: &Host, organization: &OrganizationId, id: &SubscriptionId) -> Result<Option<Target>> {
    let mut tx = host.db.read().await?;
    let Some(row) = db::subscription::target(&mut tx, organization, id).await? else { return Ok(None) };
    drop(tx);
    let entry = self::organization(host, organization, 0).await?;
    open(host, &entry, row).await.map(Some)
}

/// Decrypts what a target signs with and sends along.
async fn open(host: &Host, entry: &Entry, stored: StoredTarget) -> Result<Target> {
    let organization = &entry.organization.id;
    let key = data_key(host, entry).await?;
    let newest = access::open_secret(key, organization, &stored.secret_encrypted)?;
    let previous = match stored.previous_secret {
        Some((sealed, until)) if host.now() < until => Some((access::open_secret(key, organization, &sealed)?, until)),
        _ => None,
    };
    Ok(Target {
        receiver: stored.id.into(),
        organization_id: organization.clone(),
        group_id: None,
        url: stored.webhook_url,
        is_active: stored.is_active,
        disabled: stored.disabled,
        failing_since: stored.failing_since,
        terms: stored.terms,
        secrets: Secrets::new(newest, previous),
        headers: access::open_headers(key, organization, stored.headers_encrypted.as_deref())?,
        since_revision: stored.since_revision,
    })
}

/// The data key of an organization.
pub(super) async fn data_key_of(host: &Host, id: &OrganizationId) -> Result<DataKey> {
    let entry = organization(host, id, 0).await?;
    data_key(host, &entry).await.cloned()
}

async fn data_key<'entry>(host: &Host, entry: &'entry Entry) -> Result<&'entry DataKey> {
    let read = async || {
        let mut tx = host.db.read().await?;
        access::data_key(host, &mut tx, &entry.organization.id).await
    };
    entry.data_key.get_or_try_init(read).await
}
