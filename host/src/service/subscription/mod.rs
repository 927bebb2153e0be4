//! Subscriptions: creating, changing and removing them. Event subscriptions and webhooks are two
//! views of the same thing.

use super::{Caller, Change, Host};
use crate::{
    db::{
        self,
        subscription::{Beginning, Sealed},
    },
    domain::{
        id::{EmitId, SubscriptionId},
        limits::SECRET_OVERLAP_SECONDS_MAX,
        name::{EventName, Version},
        receiver::ReceiverId,
        signature::Secret,
        subscription::{EventType, Kind, Subscription, Terms},
        time::Time,
    },
    error::{Code, Result},
    fail,
};

mod edit;
pub(super) mod endpoint;
pub(super) mod find;
mod matching;

pub use edit::Edit;
pub use endpoint::{disable_failing, disable_gone};
pub use find::{get, list};

use edit::Checks;
use endpoint::replay_dead_letters;
use find::{REMOVED, not_found};

/// A subscription to be.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    /// The view of the API through which it is created.
    pub kind: Kind,
    /// The request: at least event types and a URL.
    pub edit: Edit,
    /// `now`, or the time since which it also gets events accepted before it was created.
    pub start_at: Option<String>,
    /// The code of refusals: `invalid_request` or `BAD_REQUEST` (C17).
    pub wrong: Code,
}

/// Creates a subscription. Its secret is shown here and never again.
pub async fn create(host: &Host, caller: &Caller, new: NewSubscription) -> Result<(Subscription, Secret)> {
    let checks = Checks { host, view: new.kind, wrong: new.wrong };
    let now = host.now();
    let mut subscription = blank(host, caller, new.kind, now);
    checks.apply(&new.edit, &mut subscription)?;
    let headers = checks.headers(&new.edit)?.unwrap_or_default();
    subscription.header_names = headers.names();
    subscription.start_at = start_at(new.start_at.as_deref(), now).map_err(|why| checks.error(why))?;
    let secret = checks.secret(&new.edit)?.unwrap_or_else(|| draw(host));
    matching::check(host, &subscription).await?;
    let mut change = host.change_beside_rules(&caller.organization_id).await?;
    check_quota(host, &mut change).await?;
    let key = host.keyring.open(&mut change.tx, &caller.organization_id).await?;
    let sealed = Sealed { secret: key.seal_secret(&secret), headers: key.seal_headers(&headers) };
    let beginning = Beginning {
        since_revision: change.organization.revision,
        // The smallest id of that moment: emits of the moment itself are meant as well.
        catch_up_after: subscription.start_at.map(|time| EmitId::new(time, 0)),
    };
    db::subscription::insert(&mut change.tx, &caller.organization_id, &subscription, &sealed, &beginning).await?;
    change.commit().await?;
    host.bells.catch_up_due.notify_one();
    Ok((subscription, secret))
}

/// Checks that the plan allows one more subscription.
async fn check_quota(host: &Host, change: &mut Change<'_>) -> Result<()> {
    let plan = change.organization.plan;
    let limit = host.subscriptions_max.of(plan);
    if limit == usize::MAX {
        return Ok(());
    }
    let used = db::subscription::count(&mut change.tx, &change.organization.id).await?;
    if used >= limit as u64 {
        return Err(fail!(
            SubscriptionQuotaExceeded,
            "plan {} allows {limit} subscriptions, webhooks among them, and {used} are there: remove one first",
            plan.as_str()
        ));
    }
    Ok(())
}

/// An active subscription without event types and URL.
fn blank(host: &Host, caller: &Caller, kind: Kind, now: Time) -> Subscription {
    let id = host.randomness.id();
    Subscription {
        id: match kind {
            Kind::EventSubscription => SubscriptionId::new(now, id),
            Kind::Webhook => SubscriptionId::of_webhook(now, id),
        },
        organization_id: caller.organization_id.clone(),
        kind,
        name: String::new(),
        event_types: Vec::new(),
        webhook_url: String::new(),
        is_active: true,
        terms: Terms::default(),
        header_names: Vec::new(),
        start_at: None,
        previous_secret_until: None,
        disabled: None,
        failing_since: None,
        last_triggered_at: None,
        created_at: now,
        updated_at: now,
    }
}

fn draw(host: &Host) -> Secret {
    Secret::generate(|bytes| host.randomness.fill(bytes))
}

/// Reads a start; `now`, or none, is `None`: nothing of the past.
fn start_at(text: Option<&str>, now: Time) -> Result<Option<Time>, String> {
    let Some(text) = text.filter(|text| *text != "now") else { return Ok(None) };
    match Time::parse(text) {
        Some(time) if time <= now => Ok(Some(time)),
        Some(_) => Err("startAt lies in the future; events of the future come without asking".to_owned()),
        None => Err("startAt has to be \"now\" or an RFC 3339 time".to_owned()),
    }
}

/// A request to [`subscribe`].
#[derive(Clone, Debug)]
pub struct SubscribeRequest {
    /// `<namespace>.<name>`.
    pub name: String,
    /// An exact version; `*` or `None` is all of them.
    pub version: Option<String>,
    /// The rest of the request: at least a URL.
    pub edit: Edit,
    /// See [`NewSubscription::start_at`].
    pub start_at: Option<String>,
}

/// Subscribes to one of the organization's events, or to one that is pushed to it, by its name.
/// Code `event_not_registered` when there is no such event, or no such version of it.
pub async fn subscribe(host: &Host, caller: &Caller, request: SubscribeRequest) -> Result<(Subscription, Secret)> {
    let event = EventName::parse(&request.name)?;
    let version: Option<Version> =
        request.version.as_deref().filter(|text| *text != "*").map(str::parse).transpose()?;
    let mut tx = host.read(&caller.organization_id).await?;
    let states = db::registration::version_states(&mut tx, &caller.organization_id, &event).await?;
    let is_own = states.iter().any(|state| version.is_none_or(|version| state.version == version));
    if !is_own && !is_pushed(&mut tx, caller, &event, version).await? {
        return Err(match version {
            Some(version) => fail!(EventNotRegistered, "{event}@{version} is not registered"),
            None => fail!(EventNotRegistered, "{event} is not registered"),
        });
    }
    drop(tx);
    let event_type = EventType::of_event(&caller.organization_id, &event, version);
    let new = NewSubscription {
        kind: Kind::EventSubscription,
        edit: Edit { event_types: Some(vec![event_type.as_str().to_owned()]), ..request.edit },
        start_at: request.start_at,
        wrong: Code::InvalidRequest,
    };
    create(host, caller, new).await
}

/// Whether an event is pushed to the caller: it then comes under the caller's own name for it, although
/// the caller never registered it.
async fn is_pushed(tx: &mut db::Tx, caller: &Caller, event: &EventName, version: Option<Version>) -> Result<bool> {
    let organization = &caller.organization_id;
    Ok(caller.plan.federation() && db::federation::relay::is_pushed_to(tx, organization, event, version).await?)
}

/// Changes the fields that the edit has. Deliveries that are still owed obey the change as well.
pub async fn change(host: &Host, caller: &Caller, id: &str, view: Kind, edit: &Edit) -> Result<Subscription> {
    let id = SubscriptionId::parse(id).ok_or_else(not_found)?;
    let organization = &caller.organization_id;
    let checks = Checks { host, view, wrong: Code::BadRequest };
    if edit.filter.is_some() || edit.event_types.is_some() {
        // Before anything is locked, because it may take a while.
        let mut subscription = get(host, caller, id.as_str()).await?;
        checks.apply(edit, &mut subscription)?;
        matching::check(host, &subscription).await?;
    }
    let mut change = host.change_beside_rules(organization).await?;
    let mut subscription = db::subscription::find(&mut change.tx, organization, &id).await?.ok_or_else(not_found)?;
    let was_disabled = subscription.disabled.clone();
    checks.apply(edit, &mut subscription)?;
    subscription.updated_at = change.now;
    if let Some(disabled) = was_disabled.filter(|_| subscription.disabled.is_none()) {
        replay_dead_letters(host, &mut change, &id, disabled.at).await?;
    }
    db::subscription::update(&mut change.tx, organization, &subscription).await?;
    let key = host.keyring.open(&mut change.tx, organization).await?;
    if let Some(headers) = checks.headers(edit)? {
        subscription.header_names = headers.names();
        let sealed = key.seal_headers(&headers);
        let names = &subscription.header_names;
        db::subscription::set_headers(&mut change.tx, organization, &id, names, sealed.as_deref()).await?;
    }
    if let Some(secret) = checks.secret(edit)? {
        let sealed = key.seal_secret(&secret);
        db::subscription::rotate(&mut change.tx, organization, &id, &sealed, None, change.now).await?;
        subscription.previous_secret_until = None;
    }
    change.commit().await?;
    host.bells.deliveries_due.notify_one();
    host.bells.replays_due.notify_one();
    Ok(subscription)
}

/// Activates a subscription, even one that the host disabled. Its dead letters since then are sent
/// again.
pub async fn enable(host: &Host, caller: &Caller, id: &str) -> Result<Subscription> {
    let edit = Edit { is_active: Some(true), ..Edit::default() };
    change(host, caller, id, Kind::EventSubscription, &edit).await
}

/// Replaces the secret, by `chosen` or a drawn one, and shows it once. The secret before it signs as
/// well for `overlap_seconds`.
pub async fn rotate(
    host: &Host,
    caller: &Caller,
    id: &str,
    chosen: Option<String>,
    overlap_seconds: i64,
) -> Result<(Subscription, Secret)> {
    let id = SubscriptionId::parse(id).ok_or_else(not_found)?;
    let organization = &caller.organization_id;
    if !(0..=i64::from(SECRET_OVERLAP_SECONDS_MAX)).contains(&overlap_seconds) {
        return Err(fail!(BadRequest, "overlapSeconds is 0 to {SECRET_OVERLAP_SECONDS_MAX}"));
    }
    let checks = Checks { host, view: Kind::EventSubscription, wrong: Code::BadRequest };
    let edit = Edit { secret: chosen, ..Edit::default() };
    let secret = checks.secret(&edit)?.unwrap_or_else(|| draw(host));
    let mut change = host.change_beside_rules(organization).await?;
    let mut subscription = db::subscription::find(&mut change.tx, organization, &id).await?.ok_or_else(not_found)?;
    let key = host.keyring.open(&mut change.tx, organization).await?;
    let sealed = key.seal_secret(&secret);
    let until = (overlap_seconds > 0).then(|| change.now.plus_millis(overlap_seconds * 1_000));
    db::subscription::rotate(&mut change.tx, organization, &id, &sealed, until, change.now).await?;
    (subscription.previous_secret_until, subscription.updated_at) = (until, change.now);
    change.commit().await?;
    Ok((subscription, secret))
}

/// Removes a subscription. Its deliveries that are still owed become dead letters.
pub async fn remove(host: &Host, caller: &Caller, id: &str) -> Result<()> {
    let id = SubscriptionId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change_beside_rules(&caller.organization_id).await?;
    if !db::subscription::delete(&mut change.tx, &caller.organization_id, &id).await? {
        return Err(not_found());
    }
    let receiver = ReceiverId::from(id);
    db::replay::remove(&mut change.tx, &caller.organization_id, &receiver).await?;
    db::delivery::give_up(&mut change.tx, &caller.organization_id, &receiver, REMOVED, change.now).await?;
    change.commit().await
}
