//! Organizations: creating and changing them, with their namespaces, for the operator.

use super::{Host, access, announce::Announcements, registry};
use crate::{
    db,
    domain::{
        id::OrganizationId,
        limits::SLUG_CHARS_MAX,
        name::{check_namespace, is_reserved},
        organization::{Environment, Organization, first_namespace, slug_of},
        plan::Plan,
        time::Time,
        vault::DataKey,
    },
    error::{Error, Result},
    fail,
};

mod find;
pub mod keys;
pub mod root_keys;

pub use find::{find_by_slug, get, list};

use find::parse_id;
use keys::{NewKey, check_text};

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
    /// Its slug; when none is given, a free one is made of the name.
    pub slug: Option<&'a str>,
    /// Its plan.
    pub plan: Plan,
    /// Its region; `NG` when none is given.
    pub region: Option<&'a str>,
    /// The address that invoices go to.
    pub billing_email: Option<&'a str>,
    /// The environment of its first key.
    pub environment: Environment,
}

/// Creates an organization with its generic event, its first namespace and its first key, whose text
/// is shown here and never again. Code `duplicate` for a slug that is taken.
pub async fn create(host: &Host, new: NewOrganization<'_>) -> Result<(Organization, String)> {
    check_text("name", new.name)?;
    new.billing_email.map_or(Ok(()), |text| check_text("billingEmail", text))?;
    new.region.map_or(Ok(()), |text| check_text("region", text))?;
    let now = host.now();
    let id = OrganizationId::new(now, host.randomness.id());
    let data_key = DataKey::new(host.randomness.bytes());
    let mut tx = host.db.begin().await?;
    let wrapped = root_keys::wrap(host, &mut tx, &id, &data_key).await?;
    let organization = Organization {
        id,
        name: new.name.to_owned(),
        slug: free_slug(&mut tx, &new).await?,
        plan: new.plan,
        region: new.region.unwrap_or(REGION_DEFAULT).to_owned(),
        billing_email: new.billing_email.map(str::to_owned),
        is_active: true,
        revision: now.as_millis(),
        rules_revision: now.as_millis(),
        created_at: now,
        updated_at: now,
    };
    db::organization::insert(&mut tx, &organization, &wrapped)
        .await
        .map_err(|error| if db::is_unique_violation(&error) { slug_taken(&organization.slug) } else { error })?;
    let key = furnish(host, &mut tx, &organization, new.environment).await?;
    tx.commit().await?;
    host.bells.emits_due.notify_one();
    Ok((organization, key))
}

/// Gives a new organization its first namespace, its generic event and its first key, whose text it
/// returns.
async fn furnish(
    host: &Host,
    tx: &mut db::Tx,
    organization: &Organization,
    environment: Environment,
) -> Result<String> {
    let (id, now) = (&organization.id, organization.created_at);
    db::organization::grant_namespace(tx, id, &first_namespace(&organization.slug), now).await?;
    let generic = registry::generic(host, organization, now)?;
    db::registration::insert(tx, id, &generic).await?;
    let mut announcements = Announcements::new(host, now);
    announcements.add(id, organization.revision, registry::seeded(&generic));
    announcements.write(tx).await?;
    let new = NewKey { caller_service: FIRST_CALLER_SERVICE, label: None, scopes: None, environment, expires_at: None };
    let (key, text) = keys::draw(host, id, &new, now)?;
    db::api_key::insert(tx, id, &key, &access::hash_key(&text)).await?;
    Ok(text)
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

/// A change of an organization; a field that is `None` stays.
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
    let id = parse_id(id)?;
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

/// Allows a namespace; allowing it again changes nothing.
pub async fn grant_namespace(host: &Host, id: &str, namespace: &str) -> Result<()> {
    check_namespace(namespace)?;
    if is_reserved(namespace) {
        return Err(fail!(ReservedNamespace, "namespace {namespace} is reserved by the platform"));
    }
    let id = parse_id(id)?;
    let mut change = host.change(&id).await?;
    db::organization::grant_namespace(&mut change.tx, &id, namespace, change.now).await?;
    change.commit().await
}

/// Takes a namespace away: registrations under it stay, and no further ones are allowed.
pub async fn revoke_namespace(host: &Host, id: &str, namespace: &str) -> Result<()> {
    let id = parse_id(id)?;
    let mut change = host.change(&id).await?;
    if !db::organization::revoke_namespace(&mut change.tx, &id, namespace).await? {
        return Err(fail!(NotFound, "the organization has no such namespace"));
    }
    change.commit().await
}
