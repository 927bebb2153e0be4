//! Subscriptions: events whose names match go to the subscription's endpoint.

use super::{
    headers::StaticHeaders,
    id::{GroupId, OrganizationId, ProgramId, SubscriptionId},
    lifecycle::OF_DELIVERIES,
    limits::{EVENT_TYPE_CHARS_MAX, EVENT_TYPES_MAX, LABEL_CHARS_MAX, LABELS_MAX},
    name::{CANONICAL_PREFIX, EventName, Version},
    receiver::ReceiverId,
    retry::RetrySchedule,
    signature::Secrets,
    time::Time,
};

/// A subscription without its secrets.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub organization_id: OrganizationId,
    pub kind: Kind,
    /// A name for people.
    pub name: String,
    /// The names and patterns of the events it wants, in the caller's order.
    pub event_types: Vec<EventType>,
    /// The URL of its endpoint, byte for byte as the caller wrote it.
    pub webhook_url: String,
    /// Whether events that are accepted from now on are routed to it.
    pub is_active: bool,
    pub terms: Terms,
    /// The names of the static headers that are added to each delivery, sorted.
    pub header_names: Vec<String>,
    /// Set if the subscription also gets events that were accepted before it was created, from this time
    /// on.
    pub start_at: Option<Time>,
    /// Until when the previous secret signs beside the present one; `None` if no secret was replaced.
    pub previous_secret_until: Option<Time>,
    /// Set while the host has the endpoint disabled; the subscription is then not active.
    pub disabled: Option<Disabled>,
    /// The first failure since the last success; `None` while the endpoint works.
    pub failing_since: Option<Time>,
    /// When an event was last routed to it.
    pub last_triggered_at: Option<Time>,
    pub created_at: Time,
    pub updated_at: Time,
}

impl Subscription {
    /// Whether one of its event types matches this name.
    pub fn wants(&self, event_type: &str) -> bool {
        self.event_types.iter().any(|wanted| wanted.matches(event_type))
    }
}

/// Which view of the API a subscription was created through. Either shows it; only lists differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `/api/v1/event-subscriptions`.
    EventSubscription,
    /// `/api/v1/webhooks`.
    Webhook,
}

impl Kind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventSubscription => "event_subscription",
            Self::Webhook => "webhook",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::EventSubscription, Self::Webhook].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The settings of a subscription beside its event types. The host's defaults hold for those that are
/// absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The filter that payloads have to match: JSON text for the router.
    pub filter: Option<Box<str>>,
    /// Names and values for the router, in the caller's order.
    pub labels: Vec<(String, String)>,
    /// The input of the signature in `X-Event-Signature`.
    pub signature_scheme: SignatureScheme,
    /// The waits before a failed delivery is tried again.
    pub retry_schedule: Option<RetrySchedule>,
    /// Deliveries under way at once, 1 to 100.
    pub max_in_flight: Option<u32>,
    /// Attempts per second, 1 or more.
    pub rate_limit_per_second: Option<u32>,
}

/// The input of the signature in `X-Event-Signature`; the other signatures never change (contract C3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureScheme {
    /// The body, like the platform's other headers.
    #[default]
    Platform,
    /// The time of the attempt and the body.
    Timestamped,
}

impl SignatureScheme {
    /// The word on the wire, in the database and for the adapter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Timestamped => "timestamped",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Platform, Self::Timestamped].into_iter().find(|scheme| scheme.as_str() == text)
    }
}

/// A change in the health of an endpoint. Only changes are stored, so an attempt that ends like the one
/// before it costs no write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthChange {
    /// It began to fail at this time.
    Failing(Time),
    /// It acknowledged a delivery again.
    Recovered,
}

impl HealthChange {
    /// The first failure since the last success.
    pub fn failing_since(self) -> Option<Time> {
        match self {
            Self::Failing(since) => Some(since),
            Self::Recovered => None,
        }
    }
}

/// Why and since when the host has an endpoint disabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    pub at: Time,
    /// A sentence for the owner.
    pub reason: String,
}

/// The endpoint of a receiver, with everything that routing and delivery need of it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The subscription, or the external peer.
    pub receiver: ReceiverId,
    pub organization_id: OrganizationId,
    /// The group; set if and only if the receiver is an external peer.
    pub group_id: Option<GroupId>,
    /// The URL that events go to.
    pub url: String,
    /// The components that serve new deliveries to it.
    pub program_id: ProgramId,
    /// Whether new events are routed to it.
    pub is_active: bool,
    /// Set while the host has the endpoint disabled.
    pub disabled: Option<Disabled>,
    /// The first failure since the last success, as it was when the endpoint was read; `None` if it worked.
    pub failing_since: Option<Time>,
    pub terms: Terms,
    /// The secrets that sign requests to it.
    pub secrets: Secrets,
    /// The headers that are added to requests to it.
    pub headers: StaticHeaders,
    /// Routing offers it emits accepted at this revision of its organization or later. Earlier ones it
    /// gets by catching up, if it asked for that when it was created.
    pub since_revision: i64,
}

/// Checks the labels of a request.
pub fn check_labels(labels: &[(String, String)]) -> Result<(), String> {
    if labels.len() > LABELS_MAX {
        return Err(format!("{} labels are more than {LABELS_MAX}", labels.len()));
    }
    let is_long = |text: &str| text.chars().count() > LABEL_CHARS_MAX || text.chars().any(char::is_control);
    match labels.iter().find(|(name, value)| name.is_empty() || is_long(name) || is_long(value)) {
        Some((name, _)) => Err(format!(
            "{name:?}: names and values have at most {LABEL_CHARS_MAX} characters, no control characters, and a name \
             is not empty"
        )),
        None => Ok(()),
    }
}

/// A name or a pattern of events. `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType(String);

impl EventType {
    /// Checks length and characters, and nothing else: any text may be the name of an event
    /// (contract 5.1).
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.chars().count() > EVENT_TYPE_CHARS_MAX {
            return Err(format!("an event type has 1 to {EVENT_TYPE_CHARS_MAX} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("an event type has no control characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes a text that this host stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The type of one version of an organization's event, or of all its versions.
    pub fn of_event(organization: &OrganizationId, event: &EventName, version: Option<Version>) -> Self {
        Self(match version {
            Some(version) => event.canonical(organization, version),
            None => event.canonical(organization, "*"),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can match names that are not looked up by its text. "All versions" of an event is no
    /// pattern, because routing looks up its one spelling as well.
    pub fn is_pattern(&self) -> bool {
        let stem = self.0.strip_suffix("@*").filter(|_| self.0.starts_with(CANONICAL_PREFIX));
        stem.unwrap_or(&self.0).contains('*')
    }

    /// Whether an event of this name matches. Lifecycle events about single deliveries match their exact names
    /// only.
    pub fn matches(&self, name: &str) -> bool {
        self.0 == name || (glob(self.0.as_bytes(), name.as_bytes()) && !OF_DELIVERIES.contains(&name))
    }
}

/// Whether `pattern` covers all of `text`, `*` standing for any run of bytes. Linear for each
/// star: after a mismatch only the newest star is moved on.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut newest_star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            newest_star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star, covered)) = newest_star {
            newest_star = Some((star, covered + 1));
            p = star + 1;
            t = covered + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

/// Checks the event types of a request: 1 to [`EVENT_TYPES_MAX`] of them, each once.
pub fn parse_event_types<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<EventType>, String> {
    let mut types: Vec<EventType> = Vec::new();
    for text in texts {
        let event_type = EventType::parse(text)?;
        if types.contains(&event_type) {
            return Err(format!("{text:?} is named twice"));
        }
        types.push(event_type);
        if types.len() > EVENT_TYPES_MAX {
            return Err(format!("a subscription has at most {EVENT_TYPES_MAX} event types"));
        }
    }
    if types.is_empty() { Err("at least one event type is needed".to_owned()) } else { Ok(types) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_cover_any_run() {
        for (pattern, text, expected) in [
            ("email.*", "email.sent", true),
            ("email.*", "email.", true),
            ("email.*", "sms.sent", false),
            ("*", "", true),
            ("*.sent", "email.message.sent", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("", "a", false),
            ("**", "x", true),
        ] {
            assert_eq!(EventType(pattern.into()).matches(text), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        assert!(EventType("a*".repeat(120)).matches(&"a".repeat(5_000)));
        assert!(!EventType(format!("{}b", "*a".repeat(100))).matches(&"a".repeat(20_000)));
    }

    #[test]
    fn all_versions_is_looked_up_and_no_pattern() {
        assert!(!EventType("TENANT_CUSTOM:org_1:a.b@*".into()).is_pattern());
        assert!(EventType("TENANT_CUSTOM:org_1:*@*".into()).is_pattern());
        assert!(EventType("email.*".into()).is_pattern());
        assert!(EventType("x@*".into()).is_pattern());
    }

    #[test]
    fn words_are_read_back() {
        for kind in [Kind::EventSubscription, Kind::Webhook] {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        for scheme in [SignatureScheme::Platform, SignatureScheme::Timestamped] {
            assert_eq!(SignatureScheme::parse(scheme.as_str()), Some(scheme));
        }
        assert_eq!(SignatureScheme::parse("v1"), None);
    }

    #[test]
    fn labels_max() {
        let many: Vec<_> = (0..=LABELS_MAX).map(|n| (format!("l{n}"), String::new())).collect();
        assert!(check_labels(&many[1..]).is_ok());
        assert!(check_labels(&many).is_err());
    }

    #[test]
    fn label_chars_max() {
        let label = |name: usize, value: usize| check_labels(&[("é".repeat(name), "é".repeat(value))]);
        assert!(label(LABEL_CHARS_MAX, LABEL_CHARS_MAX).is_ok());
        assert!(label(LABEL_CHARS_MAX + 1, 0).is_err());
        assert!(label(1, LABEL_CHARS_MAX + 1).is_err());
        assert!(label(0, 1).is_err());
    }

    #[test]
    fn event_types_max() {
        let many: Vec<String> = (0..=EVENT_TYPES_MAX).map(|i| format!("t{i}")).collect();
        assert!(parse_event_types(many[1..].iter().map(String::as_str)).is_ok());
        assert!(parse_event_types(many.iter().map(String::as_str)).is_err());
    }

    #[test]
    fn event_type_chars_max() {
        assert!(EventType::parse(&"é".repeat(EVENT_TYPE_CHARS_MAX)).is_ok());
        assert!(EventType::parse(&"é".repeat(EVENT_TYPE_CHARS_MAX + 1)).is_err());
        assert!(EventType::parse("").is_err());
        assert!(EventType::parse("a\u{0}").is_err());
    }
}
