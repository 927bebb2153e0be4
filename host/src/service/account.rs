//! What the operator does: organizations, their plans, namespaces and keys.

use super::{Host, Page, access, lifecycle, registry, root_key};
use crate::{
    db,
    domain::{
        id::{ApiKeyId, OrganizationId},
        limits::{SLUG_CHARS_MAX, TEXT_CHARS_MAX},
        name::{check_namespace, is_reserved},
        organization::{ApiKey, Environment, Organization, SCOPES, first_namespace, slug_of},
        plan::Plan,
        time::Time,
        vault::DataKey,
    },
    error::{Error, Result},
    fail,
};

/// The region when none is given: the platform's home market.
const REGION_DEFAULT: &str = "NG";
/// Numbers tried behind a slug that is taken.
const SLUG_SUFFIX_MAX: u32 = 1_000;
/// The caller service of an organization's first key.
const FIRST_CALLER_SERVICE: &str = "default";

/// An organization to be.
#[derive(Clone, Copy, Debug)]
pub struct NewOrganization<'a> {
    /// Its display name.
    pub name: &'a str,
    /// Its slug; made of the name, and free, when none is given.
    pub slug: Option<&'a str>,
    /// What it pays for.
    pub plan: Plan,
    /// Where it is.
    pub region: Option<&'a str>,
    /// Where invoices go.
    pub billing_email: Option<&'a str>,
    /// What its first key is for.
    pub environment: Environment,
}

/// Creates an organization with its generic event, its first namespace and its first key, which
/// is shown here and never again. Code `duplicate` for a slug that is taken.
pub async fn create(host: &Host, new: NewOrganization<'_>) -> Result<(Organization, String)> {
    check_text("name", new.name)?;
    new.billing_email.map_or(Ok(()), |text| check_text("billingEmail", text))?;
    new.region.map_or(Ok(()), |text| check_text("region", text))?;
    let now = host.now();
    let id = OrganizationId::new(now, host.randomness.id());
    let data_key = DataKey::new(host.randomness.bytes());
    let mut tx = host.db.begin().await?;
    let wrapped = root_key::wrap(host, &mut tx, &id, &data_key).await?;
    let organization = Organization {
        id,
        name: new.name.to_owned(),
        slug: free_slug(&mut tx, &new).await?,
        plan: new.plan,
        region: new.region.unwrap_or(REGION_DEFAULT).to_owned(),
        billing_email: new.billing_email.map(str::to_owned),
        is_active: true,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    db::organization::insert(&mut tx, &organization, &wrapped)
        .await
        .map_err(|error| if db::is_unique_violation(&error) { slug_taken(&organization.slug) } else { error })?;
    let namespace = first_namespace(&organization.slug);
    db::organization::grant_namespace(&mut tx, &organization.id, &namespace, now).await?;
    let generic = registry::generic(host, &organization, now)?;
    db::registration::insert(&mut tx, &organization.id, &generic).await?;
    let mut record = lifecycle::Record::default();
    record.add(host, &organization.id, organization.revision, now, registry::history::seeded(&generic));
    record.write(&mut tx).await?;
    let request = NewKey {
        caller_service: FIRST_CALLER_SERVICE,
        label: None,
        scopes: None,
        environment: new.environment,
        expires_at: None,
    };
    let (key, text) = draw(host, &organization.id, &request, now)?;
    db::api_key::insert(&mut tx, &organization.id, &key, &access::hash_key(&text)).await?;
    tx.commit().await?;
    host.emits_due.notify_one();
    Ok((organization, text))
}

fn check_text(field: &str, text: &str) -> Result<()> {
    let fits = !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(fail!(BadRequest, "{field} has 1 to {TEXT_CHARS_MAX} characters and no control characters"))
    }
}

async fn free_slug(tx: &mut db::Tx, new: &NewOrganization<'_>) -> Result<String> {
    if let Some(slug) = new.slug {
        if slug != slug_of(slug) || slug.len() > SLUG_CHARS_MAX {
            return Err(fail!(
                BadRequest,
                "slug has lower-case letters, digits and single hyphens, at most {SLUG_CHARS_MAX}"
            ));
        }
        let is_taken = db::organization::find_by_slug(tx, slug).await?.is_some();
        return if is_taken { Err(slug_taken(slug)) } else { Ok(slug.to_owned()) };
    }
    let stem = slug_of(new.name);
    for number in 1..=SLUG_SUFFIX_MAX {
        let slug = if number == 1 { stem.clone() } else { format!("{stem}-{number}") };
        if db::organization::find_by_slug(tx, &slug).await?.is_none() {
            return Ok(slug);
        }
    }
    Err(slug_taken(&stem))
}

fn slug_taken(slug: &str) -> Error {
    fail!(Duplicate, "an organization with the slug {slug:?} exists")
}

/// An organization by its slug, for the command line.
pub async fn find_by_slug(host: &Host, slug: &str) -> Result<Option<Organization>> {
    let mut tx = host.db.read().await?;
    db::organization::find_by_slug(&mut tx, slug).await
}

/// A page of all organizations, the newest first, and how many there are.
pub async fn list(host: &Host, page: Page) -> Result<(Vec<Organization>, i64)> {
    let mut tx = host.db.read().await?;
    db::organization::list(&mut tx, page.limit, page.offset()).await
}

/// One organization.
pub async fn get(host: &Host, id: &str) -> Result<Organization> {
    let id = OrganizationId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    db::organization::find(&mut tx, &id).await?.ok_or_else(not_found)
}

fn not_found() -> Error {
    fail!(NotFound, "there is no such organization")
}

/// What is to be changed of an organization; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct PatchOrganization<'a> {
    /// The new display name.
    pub name: Option<&'a str>,
    /// The new plan.
    pub plan: Option<Plan>,
    /// Whether its keys work.
    pub is_active: Option<bool>,
}

/// Changes an organization; everything accepted from here on obeys it.
pub async fn patch(host: &Host, id: &str, patch: PatchOrganization<'_>) -> Result<Organization> {
    patch.name.map_or(Ok(()), |text| check_text("name", text))?;
    let id = OrganizationId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change(&id).await?;
    let mut organization = change.organization.clone();
    if let Some(name) = patch.name {
        name.clone_into(&mut organization.name);
    }
    organization.plan = patch.plan.unwrap_or(organization.plan);
    organization.is_active = patch.is_active.unwrap_or(organization.is_active);
    organization.updated_at = change.now;
    db::organization::update(&mut change.tx, &organization).await?;
    change.commit().await?;
    Ok(organization)
}

/// The namespaces that an organization may register under.
pub async fn namespaces(host: &Host, id: &str) -> Result<Vec<(String, Time)>> {
    let organization = get(host, id).await?;
    let mut tx = host.db.read().await?;
    db::organization::namespaces(&mut tx, &organization.id).await
}

/// Allows a namespace; once more is no mistake.
pub async fn grant_namespace(host: &Host, id: &str, namespace: &str) -> Result<()> {
    check_namespace(namespace)?;
    if is_reserved(namespace) {
        return Err(fail!(ReservedNamespace, "namespace {namespace} is reserved by the platform"));
    }
    let id = OrganizationId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change(&id).await?;
    db::organization::grant_namespace(&mut change.tx, &id, namespace, change.now).await?;
    change.commit().await
}

/// Takes a namespace away: what is registered under it stays, and nothing more may be.
pub async fn revoke_namespace(host: &Host, id: &str, namespace: &str) -> Result<()> {
    let id = OrganizationId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change(&id).await?;
    if !db::organization::revoke_namespace(&mut change.tx, &id, namespace).await? {
        return Err(fail!(NotFound, "the organization has no such namespace"));
    }
    change.commit().await
}

/// A key to be.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// Who will call with it.
    pub caller_service: &'a str,
    /// A note for people.
    pub label: Option<&'a str>,
    /// What it may do; everything when nothing is said.
    pub scopes: Option<&'a [String]>,
    /// What it is for.
    pub environment: Environment,
    /// When it ends by itself.
    pub expires_at: Option<Time>,
}

/// Creates a key, which is shown here and never again.
pub async fn create_key(host: &Host, id: &str, new: NewKey<'_>) -> Result<(ApiKey, String)> {
    let id = OrganizationId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change(&id).await?;
    let (key, text) = draw(host, &id, &new, change.now)?;
    db::api_key::insert(&mut change.tx, &id, &key, &access::hash_key(&text)).await?;
    change.commit().await?;
    Ok((key, text))
}

fn draw(host: &Host, id: &OrganizationId, new: &NewKey<'_>, now: Time) -> Result<(ApiKey, String)> {
    check_text("callerService", new.caller_service)?;
    new.label.map_or(Ok(()), |text| check_text("label", text))?;
    let scopes = match new.scopes {
        None => SCOPES.map(str::to_owned).to_vec(),
        Some(scopes) => scopes.to_vec(),
    };
    if let Some(unknown) = scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        return Err(fail!(BadRequest, "there is no scope {unknown:?}; there are {}", SCOPES.join(", ")));
    }
    let key = ApiKey {
        id: ApiKeyId::new(now, host.randomness.id()),
        organization_id: id.clone(),
        caller_service: new.caller_service.to_owned(),
        label: new.label.map(str::to_owned),
        scopes,
        environment: new.environment,
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    Ok((key, access::draw_key(host, new.environment)))
}

/// An organization's keys, without their secrets, the newest first.
pub async fn keys(host: &Host, id: &str) -> Result<Vec<ApiKey>> {
    let organization = get(host, id).await?;
    let mut tx = host.db.read().await?;
    db::api_key::list(&mut tx, &organization.id).await
}

/// Ends a key at once; once more is no mistake.
pub async fn revoke_key(host: &Host, id: &str, key: &str) -> Result<()> {
    let (id, key) = key_ids(id, key)?;
    let mut change = host.change(&id).await?;
    find_key(&mut change.tx, &id, &key).await?;
    db::api_key::revoke(&mut change.tx, &id, &key, change.now).await?;
    change.commit().await
}

/// Creates a successor with the same rights; the old key ends after `grace_seconds`.
pub async fn rotate_key(host: &Host, id: &str, key: &str, grace_seconds: u32) -> Result<(ApiKey, String)> {
    let (id, key) = key_ids(id, key)?;
    let mut change = host.change(&id).await?;
    let old = find_key(&mut change.tx, &id, &key).await?;
    if !old.is_live(change.now) {
        return Err(fail!(InvalidState, "the key has ended and cannot be rotated"));
    }
    let ends_at = change.now.plus_millis(i64::from(grace_seconds) * 1_000);
    let new = NewKey {
        caller_service: &old.caller_service,
        label: old.label.as_deref(),
        scopes: Some(&old.scopes),
        environment: old.environment,
        expires_at: old.expires_at,
    };
    let (successor, text) = draw(host, &id, &new, change.now)?;
    db::api_key::insert(&mut change.tx, &id, &successor, &access::hash_key(&text)).await?;
    db::api_key::revoke(&mut change.tx, &id, &key, ends_at).await?;
    change.commit().await?;
    Ok((successor, text))
}

fn key_ids(id: &str, key: &str) -> Result<(OrganizationId, ApiKeyId)> {
    let key = ApiKeyId::parse(key).ok_or_else(no_key)?;
    Ok((OrganizationId::parse(id).ok_or_else(not_found)?, key))
}

async fn find_key(tx: &mut db::Tx, id: &OrganizationId, key: &ApiKeyId) -> Result<ApiKey> {
    db::api_key::find(tx, id, key).await?.ok_or_else(no_key)
}

fn no_key() -> Error {
    fail!(NotFound, "the organization has no such key")
}

/// How the host is doing, for the operator.
#[derive(Clone, Debug)]
pub struct Status {
    /// Which database.
    pub database: &'static str,
    /// The newest migration.
    pub migration_level: i64,
    /// Emits that wait for routing, and since when the oldest does.
    pub routing: (i64, Option<Time>),
    /// Deliveries that are owed, and since when the oldest is.
    pub deliveries: (i64, Option<Time>),
}

/// Looks at the queues.
pub async fn status(host: &Host) -> Result<Status> {
    let mut tx = host.db.read().await?;
    Ok(Status {
        database: host.db.kind(),
        migration_level: db::migrate::level(),
        routing: db::emit::backlog(&mut tx).await?,
        deliveries: db::delivery::backlog(&mut tx).await?,
    })
}
