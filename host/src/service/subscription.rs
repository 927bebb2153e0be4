//! Subscriptions: creating, reading and removing them.

use super::{Caller, Host, access};
use crate::{
    db::{self, subscription::Sealed},
    domain::{
        address,
        headers::StaticHeaders,
        id::SubscriptionId,
        limits::TEXT_CHARS_MAX,
        name::{EventName, Version},
        signature::Secret,
        subscription::{EventType, Kind, Subscription, Terms, parse_event_types},
    },
    error::{Code, Error, Result},
    fail,
};

mod endpoint;

pub use endpoint::{disable_failing, disable_gone};

/// Why what was owed to a removed subscription is a dead letter.
const REMOVED: &str = "the subscription was deleted";

/// A subscription to be.
#[derive(Clone, Copy, Debug)]
pub struct NewSubscription<'a> {
    /// Which events, in the caller's order.
    pub event_types: &'a [String],
    /// Where to.
    pub webhook_url: &'a str,
    /// A name for people; the first event type when none is given.
    pub name: Option<&'a str>,
    /// Whether events reach it from the start.
    pub is_active: bool,
    /// A signing secret of the caller's own; drawn when none is given.
    pub secret: Option<&'a str>,
    /// The code of what is wrong with the request: `invalid_request` or `BAD_REQUEST` (C17).
    pub invalid: Code,
}

/// Creates a subscription. Its secret is shown here and never again.
pub async fn create(host: &Host, caller: &Caller, new: NewSubscription<'_>) -> Result<(Subscription, Secret)> {
    let invalid = |message: String| Error::new(new.invalid, message);
    let event_types = parse_event_types(new.event_types.iter().map(String::as_str))
        .map_err(|why| invalid(format!("eventTypes: {why}")))?;
    address::check_url(new.webhook_url, &host.address_policy).map_err(|why| invalid(format!("webhookUrl: {why}")))?;
    let name = new.name.filter(|name| !name.is_empty()).unwrap_or(event_types[0].as_str());
    if name.chars().count() > TEXT_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(invalid(format!("name has at most {TEXT_CHARS_MAX} characters and no control characters")));
    }
    let secret = match new.secret {
        Some(text) => {
            Secret::parse(text).ok_or_else(|| invalid("secret has 8 to 256 printable characters".to_owned()))?
        }
        None => Secret::generate(|bytes| host.randomness.fill(bytes)),
    };
    let mut change = host.change(&caller.organization_id).await?;
    let subscription = Subscription {
        id: SubscriptionId::new(change.now, host.randomness.id()),
        organization_id: caller.organization_id.clone(),
        kind: Kind::EventSubscription,
        name: name.to_owned(),
        event_types,
        webhook_url: new.webhook_url.to_owned(),
        is_active: new.is_active,
        terms: Terms::default(),
        header_names: Vec::new(),
        start_at: None,
        previous_secret_until: None,
        disabled: None,
        failing_since: None,
        last_triggered_at: None,
        created_at: change.now,
        updated_at: change.now,
    };
    let data_key = access::data_key(host, &mut change.tx, &caller.organization_id).await?;
    let sealed = Sealed {
        secret: access::seal_secret(host, &data_key, &caller.organization_id, &secret),
        headers: access::seal_headers(host, &data_key, &caller.organization_id, &StaticHeaders::default()),
    };
    let revision = change.organization.revision;
    db::subscription::insert(&mut change.tx, &caller.organization_id, &subscription, &sealed, revision).await?;
    change.commit().await?;
    Ok((subscription, secret))
}

/// What `subscribe` asks for.
#[derive(Clone, Copy, Debug)]
pub struct SubscribeRequest<'a> {
    /// `<namespace>.<name>`.
    pub name: &'a str,
    /// An exact version; all of them when it is `*` or not given.
    pub version: Option<&'a str>,
    /// Where to.
    pub webhook_url: &'a str,
    /// A name for people.
    pub display_name: Option<&'a str>,
}

/// Subscribes to one of the organization's events by its name. Code `event_not_registered` when
/// there is no such event, or no such version of it.
pub async fn subscribe(host: &Host, caller: &Caller, request: SubscribeRequest<'_>) -> Result<(Subscription, Secret)> {
    let event = EventName::parse(request.name)?;
    let version: Option<Version> = request.version.filter(|text| *text != "*").map(str::parse).transpose()?;
    let mut tx = host.db.read().await?;
    let states = db::registration::version_states(&mut tx, &caller.organization_id, &event).await?;
    drop(tx);
    if !states.iter().any(|state| version.is_none_or(|version| state.version == version)) {
        return Err(match version {
            Some(version) => fail!(EventNotRegistered, "{event}@{version} is not registered"),
            None => fail!(EventNotRegistered, "{event} is not registered"),
        });
    }
    let event_type = EventType::of_event(&caller.organization_id, &event, version);
    let new = NewSubscription {
        event_types: &[event_type.as_str().to_owned()],
        webhook_url: request.webhook_url,
        name: request.display_name,
        is_active: true,
        secret: None,
        invalid: Code::InvalidRequest,
    };
    create(host, caller, new).await
}

/// The caller's subscriptions, the newest first.
pub async fn list(host: &Host, caller: &Caller) -> Result<Vec<Subscription>> {
    let mut tx = host.db.read().await?;
    db::subscription::list(&mut tx, &caller.organization_id, Kind::EventSubscription).await
}

/// One of the caller's subscriptions.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<Subscription> {
    let id = SubscriptionId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    db::subscription::find(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)
}

/// Removes a subscription. What it is still owed becomes dead letters.
pub async fn remove(host: &Host, caller: &Caller, id: &str) -> Result<()> {
    let id = SubscriptionId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change(&caller.organization_id).await?;
    if !db::subscription::delete(&mut change.tx, &caller.organization_id, &id).await? {
        return Err(not_found());
    }
    db::delivery::give_up(&mut change.tx, &caller.organization_id, &id, REMOVED, change.now).await?;
    change.commit().await
}

fn not_found() -> Error {
    fail!(NotFound, "there is no such subscription")
}
