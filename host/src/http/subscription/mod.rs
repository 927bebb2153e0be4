//! Subscriptions: `/api/v1/event-subscriptions` (contract 5.1), `/api/v1/webhooks` (contract 5.4)
//! and `/api/v1/events/custom/subscribe` (contract 2.8).
//!
//! Event subscriptions and webhooks are the same rows under two APIs. Both have the handlers here; a
//! [`View`] says in what the two differ.

mod body;
mod view;

pub(super) use view::{EventSubscription, View, Webhook};

use super::{
    caller::Manager,
    envelope::{Answer, DELETED, Deleted, created, ok},
    extract::{Body, Params},
    fields::Fields,
    state::Shared,
};
use crate::{
    domain::signature::Secret,
    error::{Code, Result},
    service::{Caller, subscription},
};
use view::OfSecret;

/// Subscribes to one event by its name and version instead of its event type.
pub(super) async fn subscribe(state: Shared, Manager(caller): Manager, body: Body) -> Answer<view::Subscribed> {
    let fields = Fields::of(&body, Code::InvalidRequest)?;
    let request = body::subscribe(&fields)?;
    let (subscription, secret) = subscription::subscribe(&state.host, &caller, request).await?;
    created(view::Subscribed::of(subscription, &secret))
}

pub(super) async fn create<V: View>(state: Shared, caller: V::Manager, body: Body) -> Answer<V> {
    let caller: Caller = caller.into();
    let fields = Fields::of(&body, Code::BadRequest)?;
    let new = body::create::<V>(&fields)?;
    let (subscription, secret) = subscription::create(&state.host, &caller, new).await?;
    created(V::of(subscription, OfSecret::Whole(&secret))?)
}

/// Lists what was created under this API; the other handlers reach subscriptions of both.
pub(super) async fn list<V: View>(state: Shared, caller: V::Reader) -> Answer<V::List> {
    let caller: Caller = caller.into();
    let subscriptions = subscription::list(&state.host, &caller, V::KIND).await?;
    let views: Vec<V> =
        subscriptions.into_iter().map(|subscription| V::of(subscription, OfSecret::Nothing)).collect::<Result<_>>()?;
    ok(views.into())
}

pub(super) async fn get<V: View>(state: Shared, caller: V::Reader, Params(id): Params<String>) -> Answer<V> {
    let caller: Caller = caller.into();
    ok(V::of(subscription::get(&state.host, &caller, &id).await?, OfSecret::Nothing)?)
}

pub(super) async fn patch<V: View>(
    state: Shared,
    caller: V::Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<V> {
    let caller: Caller = caller.into();
    let fields = Fields::of(&body, Code::BadRequest)?;
    let edit = body::patch::<V>(&fields)?;
    let subscription = subscription::change(&state.host, &caller, &id, V::KIND, &edit).await?;
    let secret = edit.secret.map(Secret::stored);
    ok(V::of(subscription, secret.as_ref().map_or(OfSecret::Nothing, OfSecret::Form))?)
}

pub(super) async fn remove<V: View>(state: Shared, caller: V::Manager, Params(id): Params<String>) -> Answer<Deleted> {
    let caller: Caller = caller.into();
    subscription::remove(&state.host, &caller, &id).await?;
    ok(DELETED)
}

/// Replaces the signing secret. The answer shows the new one, this once.
pub(super) async fn rotate<V: View>(
    state: Shared,
    caller: V::Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<V> {
    let caller: Caller = caller.into();
    let fields = Fields::of(&body, Code::BadRequest)?;
    let body::Rotate { secret, overlap_seconds } = body::rotate(&fields)?;
    let (subscription, secret) = subscription::rotate(&state.host, &caller, &id, secret, overlap_seconds).await?;
    ok(V::of(subscription, OfSecret::Whole(&secret))?)
}

pub(super) async fn enable<V: View>(
    state: Shared,
    caller: V::Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<V> {
    let caller: Caller = caller.into();
    Fields::of(&body, Code::BadRequest)?;
    ok(V::of(subscription::enable(&state.host, &caller, &id).await?, OfSecret::Nothing)?)
}
