//! Listings of the marketplace, and forks of them: `/api/v1/events/custom/marketplace` (contract 3).

mod body;
mod view;

use super::{
    caller::{Manager, Reader},
    envelope::{Answer, created, ok},
    extract::{Body, Params, Query},
    fields::Fields,
    state::Shared,
};
use crate::{domain::limits::LISTINGS_DEFAULT, service::marketplace};
use body::WRONG_SHAPE;

pub(super) async fn publish(state: Shared, Manager(caller): Manager, body: Body) -> Answer<view::Listing> {
    let body: body::Publish = body.json(WRONG_SHAPE)?;
    created(marketplace::publish(&state.host, &caller, body.request()?).await?.into())
}

pub(super) async fn browse(state: Shared, Reader(caller): Reader, query: Query) -> Answer<view::ListingList> {
    let listings = body::listing_query(&query)?;
    let (limit, offset) = (query.limit(LISTINGS_DEFAULT), query.number("offset", 0));
    let (rows, total) = marketplace::browse(&state.host, &caller, &listings, limit, offset.into()).await?;
    ok(view::ListingList::of(rows, total, limit, offset))
}

pub(super) async fn get(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
) -> Answer<view::ListingWithSchema> {
    let (listing, registration) = marketplace::get(&state.host, &caller, &id).await?;
    ok(view::ListingWithSchema::of(listing, registration)?)
}

pub(super) async fn unpublish(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
) -> Answer<view::UnpublishedListing> {
    ok(marketplace::unpublish(&state.host, &caller, &id).await?.into())
}

pub(super) async fn republish(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::Listing> {
    Fields::of(&body, WRONG_SHAPE)?;
    ok(marketplace::republish(&state.host, &caller, &id).await?.into())
}

pub(super) async fn fork(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::ForkedListing> {
    let body: body::Fork = body.json(WRONG_SHAPE)?;
    let (fork, registration) = marketplace::fork(&state.host, &caller, &id, body.request()?).await?;
    created(view::ForkedListing::of(fork, &registration))
}
