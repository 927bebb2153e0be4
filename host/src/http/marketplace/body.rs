//! Requests for the marketplace.

use serde::Deserialize;

use crate::{
    db::listing::ListingQuery,
    domain::listing::{Search, Status},
    error::{Code, Result},
    fail,
    http::extract::{Query, required},
    service::marketplace::{ForkRequest, PublishRequest},
};

/// The code for a body of the wrong shape in this family of routes (contract C17).
pub(super) const WRONG_SHAPE: Code = Code::InvalidRequest;

/// A listing to publish.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Publish {
    registration_id: Option<String>,
    title: Option<String>,
    description: Option<String>,
    tags: Option<Vec<String>>,
}

impl Publish {
    pub(super) fn request(&self) -> Result<PublishRequest<'_>> {
        Ok(PublishRequest {
            registration_id: required(self.registration_id.as_deref(), "registrationId", WRONG_SHAPE)?,
            title: required(self.title.as_deref(), "title", WRONG_SHAPE)?,
            description: self.description.as_deref(),
            tags: self.tags.as_deref().unwrap_or_default(),
        })
    }
}

/// A registration to make of a listing.
#[derive(Deserialize)]
pub(super) struct Fork {
    namespace: Option<String>,
    name: Option<String>,
    version: Option<String>,
    description: Option<String>,
    status: Option<String>,
}

impl Fork {
    pub(super) fn request(&self) -> Result<ForkRequest<'_>> {
        Ok(ForkRequest {
            namespace: required(self.namespace.as_deref(), "namespace", WRONG_SHAPE)?,
            name: required(self.name.as_deref(), "name", WRONG_SHAPE)?,
            version: self.version.as_deref(),
            description: self.description.as_deref(),
            status: self.status.as_deref(),
        })
    }
}

pub(super) fn listing_query(query: &Query) -> Result<ListingQuery> {
    let parse = |text| {
        Status::parse(text).ok_or_else(|| fail!(InvalidRequest, "status has to be published, unpublished or archived"))
    };
    Ok(ListingQuery {
        status: query.get("status").map_or(Ok(Status::Published), parse)?,
        namespace: query.get("namespace").map(str::to_owned),
        search: query.get("search").map(Search::new).transpose()?,
    })
}
