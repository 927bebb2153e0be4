//! Editing a subscription: checking a request and applying it, the same for creating and changing.

use crate::{
    domain::{
        address,
        filter::Filter,
        headers::StaticHeaders,
        limits::{MAX_IN_FLIGHT_MAX, RATE_LIMIT_PER_SECOND_MAX, SECRET_CHARS_MAX, SECRET_CHARS_MIN, TEXT_CHARS_MAX},
        retry::RetrySchedule,
        signature::Secret,
        subscription::{EventType, Kind, SignatureScheme, Subscription, check_labels, parse_event_types},
    },
    error::{Code, Error, Result},
    service::Host,
};

/// The fields of a request about a subscription. `None` leaves a field as it is; the inner `None` of a
/// field that can be removed removes it.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Names and patterns of events, in the caller's order.
    pub event_types: Option<Vec<String>>,
    /// The URL of its endpoint.
    pub webhook_url: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// Whether new events are routed to it.
    pub is_active: Option<bool>,
    /// A signing secret that the caller chose. Like the headers, it is stored apart.
    pub secret: Option<String>,
    /// The filter of payloads, as JSON text.
    pub filter: Option<Option<String>>,
    /// Names and values for the router.
    pub labels: Option<Option<Vec<(String, String)>>>,
    /// The word for what `X-Event-Signature` signs.
    pub signature_scheme: Option<Option<String>>,
    /// Seconds before each further attempt.
    pub retry_schedule: Option<Option<Vec<i64>>>,
    /// Most deliveries under way at once.
    pub max_in_flight: Option<Option<i64>>,
    /// Most attempts per second.
    pub rate_limit_per_second: Option<Option<i64>>,
    /// Headers added to each delivery.
    pub headers: Option<Option<Vec<(String, String)>>>,
}

/// Checks an [`Edit`]; refusals name the member at fault and have the code of the route (C17).
pub(super) struct Checks<'a> {
    /// The host, whose address policy holds.
    pub(super) host: &'a Host,
    /// The view of the API, whose members refusals name.
    pub(super) view: Kind,
    /// The code of refusals: `invalid_request` or `BAD_REQUEST`.
    pub(super) wrong: Code,
}

impl Checks<'_> {
    /// Applies all fields but the secret and the headers.
    pub(super) fn apply(&self, edit: &Edit, subscription: &mut Subscription) -> Result<()> {
        let (event_types, url_member) = match self.view {
            Kind::EventSubscription => ("eventTypes", "webhookUrl"),
            Kind::Webhook => ("events", "url"),
        };
        if let Some(texts) = &edit.event_types {
            subscription.event_types =
                parse_event_types(texts.iter().map(String::as_str)).map_err(self.at(event_types))?;
        }
        if let Some(url) = &edit.webhook_url {
            address::check_url(url, &self.host.address_policy).map_err(self.at(url_member))?;
            subscription.webhook_url.clone_from(url);
        }
        if let Some(name) = &edit.name {
            subscription.name.clone_from(name);
        }
        self.check_name(subscription)?;
        if let Some(is_active) = edit.is_active {
            set_active(subscription, is_active);
        }
        self.apply_terms(edit, subscription)
    }

    fn apply_terms(&self, edit: &Edit, subscription: &mut Subscription) -> Result<()> {
        let terms = &mut subscription.terms;
        if let Some(filter) = &edit.filter {
            let filter = filter.as_deref().map(Filter::parse).transpose()?;
            terms.filter = filter.map(|filter| filter.as_str().into());
        }
        if let Some(labels) = &edit.labels {
            terms.labels = labels.clone().unwrap_or_default();
            check_labels(&terms.labels).map_err(self.at("labels"))?;
        }
        if let Some(scheme) = &edit.signature_scheme {
            terms.signature_scheme = scheme.as_deref().map_or(Ok(SignatureScheme::default()), |word| {
                SignatureScheme::parse(word)
                    .ok_or_else(|| self.error("signatureScheme has to be \"platform\" or \"timestamped\""))
            })?;
        }
        if let Some(schedule) = &edit.retry_schedule {
            terms.retry_schedule = schedule.as_deref().map(|steps| self.schedule(steps)).transpose()?;
        }
        if let Some(number) = edit.max_in_flight {
            terms.max_in_flight = self.number("maxInFlight", number, MAX_IN_FLIGHT_MAX)?;
        }
        if let Some(number) = edit.rate_limit_per_second {
            terms.rate_limit_per_second = self.number("rateLimitPerSecond", number, RATE_LIMIT_PER_SECOND_MAX)?;
        }
        Ok(())
    }

    /// The headers of the edit; removed headers are empty ones.
    pub(super) fn headers(&self, edit: &Edit) -> Result<Option<StaticHeaders>> {
        let Some(headers) = &edit.headers else { return Ok(None) };
        let headers = StaticHeaders::parse(headers.clone().unwrap_or_default()).map_err(self.at("headers"))?;
        Ok(Some(headers))
    }

    /// The secret of the edit.
    pub(super) fn secret(&self, edit: &Edit) -> Result<Option<Secret>> {
        let parse = |text: &String| {
            Secret::parse(text).ok_or_else(|| {
                self.error(format!("secret has {SECRET_CHARS_MIN} to {SECRET_CHARS_MAX} printable characters"))
            })
        };
        edit.secret.as_ref().map(parse).transpose()
    }

    /// Checks the name; an empty one is replaced by the first event type.
    fn check_name(&self, subscription: &mut Subscription) -> Result<()> {
        if subscription.name.is_empty() {
            subscription.name = subscription.event_types.first().map(EventType::as_str).unwrap_or_default().to_owned();
        }
        let name = &subscription.name;
        if name.chars().count() > TEXT_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(self.error(format!("name has at most {TEXT_CHARS_MAX} characters and no control characters")));
        }
        Ok(())
    }

    fn schedule(&self, steps: &[i64]) -> Result<RetrySchedule> {
        let steps: Vec<u32> = steps
            .iter()
            .map(|&step| match u32::try_from(step) {
                Ok(seconds) => Ok(seconds),
                Err(_) if step < 0 => Err(self.error(format!("retrySchedule: {step} seconds lie in the past"))),
                Err(_) => Ok(u32::MAX),
            })
            .collect::<Result<_>>()?;
        RetrySchedule::new(steps).map_err(|why| self.error(format!("retrySchedule: {why}")))
    }

    fn number(&self, member: &str, number: Option<i64>, max: u32) -> Result<Option<u32>> {
        let Some(number) = number else { return Ok(None) };
        let within = u32::try_from(number).ok().filter(|number| (1..=max).contains(number));
        within.map(Some).ok_or_else(|| self.error(format!("{member} is 1 to {max}")))
    }

    fn at(&self, member: &str) -> impl FnOnce(String) -> Error {
        let (wrong, member) = (self.wrong, member.to_owned());
        move |why| Error::new(wrong, format!("{member}: {why}"))
    }

    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::new(self.wrong, message)
    }
}

/// Activates or deactivates a subscription. Activating one that the host disabled gives its endpoint
/// another chance.
fn set_active(subscription: &mut Subscription, is_active: bool) {
    subscription.is_active = is_active;
    if is_active {
        subscription.disabled = None;
        subscription.failing_since = None;
    }
}
