//! The marketplace: `/api/v1/events/custom/marketplace…` (contract 3).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::http::{
    Shared,
    caller::{Manager, Reader},
    envelope::{Answer, created, ok},
    extract::{Body, Params, Query, raw, required},
    fields::Members,
};
use crate::{
    db::listing::Filter,
    domain::{
        limits::LISTINGS_DEFAULT,
        listing::{Listing, Search, Status},
        registration::Registration,
    },
    error::{Code, Result},
    fail,
    service::marketplace::{self, ForkRequest, PublishRequest},
};

/// The code for a body of the wrong shape in this family of routes (contract C17).
const WRONG_SHAPE: Code = Code::InvalidRequest;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublishBody {
    registration_id: Option<String>,
    title: Option<String>,
    description: Option<String>,
    tags: Option<Vec<String>>,
}

pub(super) async fn publish(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Summary> {
    let body: PublishBody = body.json(WRONG_SHAPE)?;
    let request = PublishRequest {
        registration_id: &required(body.registration_id, "registrationId", WRONG_SHAPE)?,
        title: &required(body.title, "title", WRONG_SHAPE)?,
        description: body.description.as_deref(),
        tags: &body.tags.unwrap_or_default(),
    };
    created(Summary::of(marketplace::publish(&state.host, &caller, request).await?))
}

/// A listing as lists show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    id: String,
    publisher_organization_id: String,
    namespace: String,
    name: String,
    version: String,
    source_canonical_name: String,
    title: String,
    description: Option<String>,
    tags: Vec<String>,
    status: &'static str,
    fork_count: i64,
    published_by: String,
    published_at: String,
    unpublished_at: Option<String>,
    created_at: String,
    updated_at: String,
}

impl Summary {
    fn of(listing: Listing) -> Self {
        Self {
            source_canonical_name: listing.source_canonical_name(),
            id: listing.id.to_string(),
            publisher_organization_id: listing.publisher_id.to_string(),
            namespace: listing.event.namespace().to_owned(),
            name: listing.event.name().to_owned(),
            version: listing.version.to_string(),
            title: listing.texts.title,
            description: listing.texts.description,
            tags: listing.texts.tags,
            status: listing.status.as_str(),
            fork_count: listing.fork_count,
            published_by: listing.published_by,
            published_at: listing.published_at.to_string(),
            unpublished_at: listing.unpublished_at.map(|time| time.to_string()),
            created_at: listing.created_at.to_string(),
            updated_at: listing.updated_at.to_string(),
        }
    }
}

/// A part of the marketplace.
#[derive(Serialize)]
pub(super) struct Part {
    listings: Vec<Summary>,
    total: i64,
    limit: u32,
    offset: u32,
}

pub(super) async fn browse(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Part> {
    let parse = |text| {
        Status::parse(text).ok_or_else(|| fail!(InvalidRequest, "status has to be published, unpublished or archived"))
    };
    let filter = Filter {
        status: query.get("status").map_or(Ok(Status::Published), parse)?,
        namespace: query.get("namespace").map(str::to_owned),
        search: query.get("search").map(Search::new).transpose()?,
    };
    let (limit, offset) = (query.limit(LISTINGS_DEFAULT), query.number("offset", 0));
    let (rows, total) = marketplace::browse(&state.host, &caller, &filter, limit, offset.into()).await?;
    ok(Part { listings: rows.into_iter().map(Summary::of).collect(), total, limit, offset })
}

/// A listing with what it shows, as its publisher sent it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    #[serde(flatten)]
    summary: Summary,
    payload_schema: Box<RawValue>,
    payload_example: Option<Box<RawValue>>,
}

impl Detail {
    fn of(listing: Listing, registration: Registration) -> Result<Self> {
        Ok(Self {
            summary: Summary::of(listing),
            payload_schema: raw(registration.payload_schema)?,
            payload_example: registration.payload_example.map(raw).transpose()?,
        })
    }
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<Detail> {
    let (listing, registration) = marketplace::get(&state.host, &caller, &id).await?;
    ok(Detail::of(listing, registration)?)
}

pub(super) async fn unpublish(state: Shared, Manager(caller): Manager, Params(id): Params<String>) -> Answer<Value> {
    let listing = marketplace::unpublish(&state.host, &caller, &id).await?;
    ok(json!({ "id": listing.id, "status": listing.status.as_str(), "unpublishedAt": listing.unpublished_at }))
}

pub(super) async fn republish(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Summary> {
    Members::of(&body, WRONG_SHAPE)?;
    ok(Summary::of(marketplace::republish(&state.host, &caller, &id).await?))
}

#[derive(Deserialize)]
struct ForkBody {
    namespace: Option<String>,
    name: Option<String>,
    version: Option<String>,
    description: Option<String>,
    status: Option<String>,
}

pub(super) async fn fork(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    let body: ForkBody = body.json(WRONG_SHAPE)?;
    let request = ForkRequest {
        namespace: &required(body.namespace, "namespace", WRONG_SHAPE)?,
        name: &required(body.name, "name", WRONG_SHAPE)?,
        version: body.version.as_deref(),
        description: body.description.as_deref(),
        status: body.status.as_deref(),
    };
    let (fork, registration) = marketplace::fork(&state.host, &caller, &id, request).await?;
    created(json!({
        "forkId": fork.id,
        "forkRegistrationId": registration.id,
        "forkCanonicalName": registration.canonical_name(),
        "sourceCanonicalName": fork.source_canonical_name,
    }))
}
