//! Reading an event.

use jiff::Timestamp;

use crate::Event;

/// The value of an attribute. The first one wins: the host's own come before those that a router or
/// a transformer added, so that no transformer can pass an event off as something else.
#[must_use]
pub fn attribute<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// When the event was accepted: `2026-05-06T21:40:48.000Z`, always with three fractional digits.
#[must_use]
pub fn accepted_at(event: &Event) -> String {
    let timestamp = i64::try_from(event.accepted_at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", timestamp.unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            id: "evt_1".to_owned(),
            canonical_name: String::new(),
            organization_id: "org_a".to_owned(),
            namespace: String::new(),
            name: String::new(),
            version: String::new(),
            accepted_at_ms: 1_778_103_648_000,
            payload: "{}".to_owned(),
            attributes: Vec::new(),
        }
    }

    #[test]
    fn the_hosts_word_stands_before_added_ones() {
        let attributes = [("a", "host"), ("a", "router")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let event = Event { attributes: attributes.to_vec(), ..event() };
        assert_eq!((attribute(&event, "a"), attribute(&event, "b")), (Some("host"), None));
    }

    #[test]
    fn times_have_three_digits_and_an_end() {
        assert_eq!(accepted_at(&event()), "2026-05-06T21:40:48.000Z");
        assert!(accepted_at(&Event { accepted_at_ms: u64::MAX, ..event() }).starts_with("9999-"));
    }
}
