//! Answers about subscriptions, and what the views of them differ in.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    domain::{
        id::{OrganizationId, SubscriptionId},
        retry::RetrySchedule,
        signature::Secret,
        subscription::{EventType, Kind, Subscription},
        time::Time,
    },
    error::Result,
    http::{
        caller::{Manager, Reader, WebhookManager},
        envelope::stored_json,
    },
    service::{Caller, subscription::Edit},
};

/// One of the two APIs for subscriptions: its answer, the names of its fields and its scopes.
pub(in crate::http) trait View: Serialize + Sized {
    /// The kind that this API creates and lists.
    const KIND: Kind;
    /// Names of the field with the wanted event types.
    const EVENT_TYPES: &'static [&'static str];
    /// Names of the field with the endpoint's URL.
    const URL: &'static [&'static str];
    /// The extractor of callers that may read.
    type Reader: Into<Caller>;
    /// The extractor of callers that may change.
    type Manager: Into<Caller>;
    /// The answer of the list.
    type List: Serialize + From<Vec<Self>>;

    /// Shows a subscription, and of its secret what the request has to know.
    fn of(subscription: Subscription, secret: OfSecret<'_>) -> Result<Self>;

    /// The first field that a creation needs and lacks.
    fn missing(edit: &Edit) -> Option<&'static str>;
}

/// What an answer says of the signing secret.
#[derive(Clone, Copy)]
pub(in crate::http) enum OfSecret<'a> {
    /// Nothing: the request left it alone.
    Nothing,
    /// That the one that the request set does not sign for Standard Webhooks, if so.
    Form(&'a Secret),
    /// That, and the secret itself, this once.
    Whole(&'a Secret),
}

/// A subscription as `/api/v1/event-subscriptions` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct EventSubscription {
    id: SubscriptionId,
    organization_id: OrganizationId,
    name: String,
    event_types: Vec<String>,
    webhook_url: String,
    status: &'static str,
    is_active: bool,
    #[serde(flatten)]
    terms: Terms,
}

#[derive(Serialize)]
pub(in crate::http) struct EventSubscriptionList {
    subscriptions: Vec<EventSubscription>,
}

impl View for EventSubscription {
    const KIND: Kind = Kind::EventSubscription;
    const EVENT_TYPES: &'static [&'static str] = &["eventTypes", "event_types"];
    const URL: &'static [&'static str] = &["webhookUrl", "webhook_url"];
    type Reader = Reader;
    type Manager = Manager;
    type List = EventSubscriptionList;

    fn of(subscription: Subscription, secret: OfSecret<'_>) -> Result<Self> {
        Ok(Self {
            terms: Terms::of(&subscription, secret)?,
            event_types: event_types(&subscription),
            status: status(&subscription),
            id: subscription.id,
            organization_id: subscription.organization_id,
            name: subscription.name,
            webhook_url: subscription.webhook_url,
            is_active: subscription.is_active,
        })
    }

    fn missing(edit: &Edit) -> Option<&'static str> {
        match edit {
            Edit { event_types: None, .. } => Some("eventTypes"),
            Edit { webhook_url: None, .. } => Some("webhookUrl"),
            _ => None,
        }
    }
}

impl From<Vec<EventSubscription>> for EventSubscriptionList {
    fn from(subscriptions: Vec<EventSubscription>) -> Self {
        Self { subscriptions }
    }
}

/// A subscription as `/api/v1/webhooks` shows it, with all names under which clients read whether
/// it is active (contract C12).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Webhook {
    id: SubscriptionId,
    organization_id: OrganizationId,
    name: String,
    url: String,
    events: Vec<String>,
    is_active: bool,
    active: bool,
    enabled: bool,
    status: &'static str,
    #[serde(flatten)]
    terms: Terms,
}

#[derive(Serialize)]
pub(in crate::http) struct WebhookList {
    webhooks: Vec<Webhook>,
}

impl View for Webhook {
    const KIND: Kind = Kind::Webhook;
    const EVENT_TYPES: &'static [&'static str] = &["events"];
    const URL: &'static [&'static str] = &["url"];
    type Reader = WebhookManager;
    type Manager = WebhookManager;
    type List = WebhookList;

    fn of(webhook: Subscription, secret: OfSecret<'_>) -> Result<Self> {
        Ok(Self {
            terms: Terms::of(&webhook, secret)?,
            events: event_types(&webhook),
            status: status(&webhook),
            id: webhook.id,
            organization_id: webhook.organization_id,
            name: webhook.name,
            url: webhook.webhook_url,
            is_active: webhook.is_active,
            active: webhook.is_active,
            enabled: webhook.is_active,
        })
    }

    fn missing(edit: &Edit) -> Option<&'static str> {
        match edit {
            Edit { webhook_url: None, .. } => Some("url"),
            Edit { event_types: None, .. } => Some("events"),
            _ => None,
        }
    }
}

impl From<Vec<Webhook>> for WebhookList {
    fn from(webhooks: Vec<Webhook>) -> Self {
        Self { webhooks }
    }
}

/// The fields whose names are the same in both views (contract 14.3).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Terms {
    #[serde(serialize_with = "as_object")]
    labels: Vec<(String, String)>,
    signature_scheme: &'static str,
    /// Seconds before each further attempt.
    retry_schedule: Option<Vec<u32>>,
    max_in_flight: Option<u32>,
    rate_limit_per_second: Option<u32>,
    /// Names of the static headers; their values are secret.
    header_names: Vec<String>,
    start_at: Option<Time>,
    previous_secret_until: Option<Time>,
    disabled_at: Option<Time>,
    disabled_reason: Option<String>,
    last_triggered_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
    /// Shown as it was sent.
    filter: Option<Box<RawValue>>,
    /// The signing secret, shown only in the answer to the request that set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// False in the answer to a request that set a secret with which deliveries carry no signature of Standard
    /// Webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    standard_webhooks: Option<bool>,
}

/// What is said of a secret that was set: nothing, or that it does not sign for Standard Webhooks.
fn standard_webhooks(secret: &Secret) -> Option<bool> {
    secret.standard_key().is_none().then_some(false)
}

impl Terms {
    fn of(subscription: &Subscription, secret: OfSecret<'_>) -> Result<Self> {
        let terms = &subscription.terms;
        let disabled = subscription.disabled.as_ref();
        Ok(Self {
            labels: terms.labels.clone(),
            signature_scheme: terms.signature_scheme.as_str(),
            retry_schedule: terms.retry_schedule.as_ref().map(RetrySchedule::steps_s).map(<[u32]>::to_vec),
            max_in_flight: terms.max_in_flight,
            rate_limit_per_second: terms.rate_limit_per_second,
            header_names: subscription.header_names.clone(),
            start_at: subscription.start_at,
            previous_secret_until: subscription.previous_secret_until,
            disabled_at: disabled.map(|disabled| disabled.at),
            disabled_reason: disabled.map(|disabled| disabled.reason.clone()),
            last_triggered_at: subscription.last_triggered_at,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
            filter: terms.filter.as_deref().map(stored_json).transpose()?,
            secret: match secret {
                OfSecret::Whole(secret) => Some(secret.reveal().to_owned()),
                OfSecret::Form(_) | OfSecret::Nothing => None,
            },
            standard_webhooks: match secret {
                OfSecret::Whole(secret) | OfSecret::Form(secret) => standard_webhooks(secret),
                OfSecret::Nothing => None,
            },
        })
    }
}

/// Serializes pairs as an object, in their order.
fn as_object<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

fn event_types(subscription: &Subscription) -> Vec<String> {
    subscription.event_types.iter().map(|event_type| event_type.as_str().to_owned()).collect()
}

fn status(subscription: &Subscription) -> &'static str {
    if subscription.is_active { "ACTIVE" } else { "PAUSED" }
}

/// A subscription to one event that was just made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Subscribed {
    subscription_id: SubscriptionId,
    /// The event type that the subscription matches.
    canonical_name: Option<String>,
    secret: String,
    webhook_url: String,
    /// As in [`Terms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    standard_webhooks: Option<bool>,
}

impl Subscribed {
    pub(super) fn of(subscription: Subscription, secret: &Secret) -> Self {
        Self {
            canonical_name: subscription.event_types.first().map(EventType::as_str).map(str::to_owned),
            subscription_id: subscription.id,
            secret: secret.reveal().to_owned(),
            webhook_url: subscription.webhook_url,
            standard_webhooks: standard_webhooks(secret),
        }
    }
}
