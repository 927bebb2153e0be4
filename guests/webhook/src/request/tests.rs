use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

const CUSTOM: &str = "TENANT_CUSTOM:org_a:lettings.property.favorited@1.0.0";

fn event() -> Event {
    Event {
        id: "evt_1".to_owned(),
        canonical_name: CUSTOM.to_owned(),
        organization_id: "org_a".to_owned(),
        namespace: "lettings".to_owned(),
        name: "property.favorited".to_owned(),
        version: "1.0.0".to_owned(),
        accepted_at_ms: 1_778_103_648_000,
        payload: "{ \"a\" : 1.0 }".to_owned(),
        attributes: Vec::new(),
    }
}

fn with_attributes(attributes: &[(&str, &str)]) -> Event {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Event { attributes, ..event() }
}

/// "Signs" by naming the form of the key, so that a test sees which bytes were signed with which form.
fn sign(form: KeyForm, data: &[u8]) -> Vec<Vec<u8>> {
    let form = if form == KeyForm::Text { "text" } else { "decoded" };
    ["new", "old"].map(|secret| [form.as_bytes(), b" ", secret.as_bytes(), b" ", data].concat()).to_vec()
}

fn build_with(event: &Event, scheme: SignatureScheme) -> Request {
    build(event, "https://receiver.example/hook".to_owned(), 1_778_103_700, Config { scheme }, sign)
}

fn build_plain(event: &Event) -> Request {
    build_with(event, SignatureScheme::Body)
}

fn value<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn text(request: &Request) -> &str {
    std::str::from_utf8(&request.body).expect("JSON is UTF-8")
}

#[test]
fn the_body_of_a_custom_event() {
    let request = build_plain(&event());
    let expected = concat!(
        r#"{"id":"evt_1","event":"TENANT_CUSTOM:org_a:lettings.property.favorited@1.0.0","#,
        r#""eventType":"TENANT_CUSTOM:org_a:lettings.property.favorited@1.0.0","#,
        r#""timestamp":"2026-05-06T21:40:48.000Z","organizationId":"org_a","data":{ "a" : 1.0 },"#,
        r#""namespace":"lettings","name":"property.favorited","version":"1.0.0","payload":{ "a" : 1.0 },"#,
        r#""canonicalName":"TENANT_CUSTOM:org_a:lettings.property.favorited@1.0.0","emitId":"evt_1","#,
        r#""isFederationRelay":false,"sourceOrganizationId":null}"#,
    );
    assert_eq!(text(&request), expected);
}

#[test]
fn the_body_of_a_lifecycle_event_ends_with_its_data() {
    let lifecycle = Event {
        canonical_name: "CUSTOM_EVENT_PUBLISHED".to_owned(),
        namespace: String::new(),
        name: String::new(),
        version: String::new(),
        ..event()
    };
    let request = build_plain(&lifecycle);
    assert!(text(&request).ends_with(r#""organizationId":"org_a","data":{ "a" : 1.0 }}"#));
    assert_eq!(value(&request, "X-Event-Type"), Some("CUSTOM_EVENT_PUBLISHED"));
}

#[test]
fn a_relay_names_its_source() {
    let relay = with_attributes(&[("federation-relay", "true"), ("source-organization-id", "org_b")]);
    let request = build_plain(&relay);
    assert!(text(&request).ends_with(r#""isFederationRelay":true,"sourceOrganizationId":"org_b"}"#));
}

#[test]
fn the_hosts_word_stands_before_added_ones() {
    let spoofed = with_attributes(&[("source-organization-id", "org_b"), ("source-organization-id", "org_c")]);
    assert!(text(&build_plain(&spoofed)).ends_with(r#""sourceOrganizationId":"org_b"}"#));
}

#[test]
fn headers_that_say_what_it_is() {
    let request = build_plain(&event());
    assert_eq!(request.method, "POST");
    assert_eq!(value(&request, "Content-Type"), Some("application/json"));
    assert_eq!(value(&request, "User-Agent"), Some(concat!("Weir/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(value(&request, "X-Event-Id"), Some("evt_1"));
    assert_eq!(value(&request, "X-Event-Type"), Some(CUSTOM));
    assert_eq!(value(&request, "X-Event-Timestamp"), Some("1778103700"));
    assert_eq!(value(&request, "X-Weir-Replay"), None);
}

#[test]
fn a_replay_says_so() {
    let request = build_plain(&with_attributes(&[("replay", "true")]));
    assert_eq!(value(&request, "X-Weir-Replay"), Some("true"));
    assert_eq!(value(&build_plain(&with_attributes(&[("replay", "false")])), "X-Weir-Replay"), None);
}

#[test]
fn the_platforms_headers_sign_the_body_with_the_newest_secret() {
    let request = build_plain(&event());
    let expected = format!("sha256={}", hex::encode(["text new ", text(&request)].concat()));
    for name in ["X-Event-Signature", "X-Caldera-Signature", "X-Platformxe-Signature"] {
        assert_eq!(value(&request, name), Some(expected.as_str()), "{name}");
    }
}

#[test]
fn the_timestamped_scheme_is_bare_and_for_one_header_only() {
    let request = build_with(&event(), SignatureScheme::Timestamped);
    let expected = hex::encode(["text new 1778103700.", text(&request)].concat());
    assert_eq!(value(&request, "X-Event-Signature"), Some(expected.as_str()));
    assert!(value(&request, "X-Caldera-Signature").is_some_and(|signature| signature.starts_with("sha256=")));
}

#[test]
fn every_live_secret_signs_the_standard_way() {
    let request = build_plain(&event());
    let signed = format!("evt_1.1778103700.{}", text(&request));
    let one = |secret: &str| format!("v1,{}", STANDARD.encode(format!("decoded {secret} {signed}")));
    assert_eq!(value(&request, "webhook-id"), Some("evt_1"));
    assert_eq!(value(&request, "webhook-timestamp"), Some("1778103700"));
    assert_eq!(value(&request, "webhook-signature"), Some(format!("{} {}", one("new"), one("old")).as_str()));
}

#[test]
fn without_a_secret_there_are_no_signatures() {
    let request = build(&event(), String::new(), 0, Config::default(), |_, _| Vec::new());
    assert!(request.headers.iter().all(|(name, _)| !name.to_lowercase().contains("signature")));
    assert!(value(&request, "webhook-id").is_some());
}

#[test]
fn the_end_of_time_does_not_panic() {
    let request = build_plain(&Event { accepted_at_ms: u64::MAX, ..event() });
    assert!(text(&request).contains(r#""timestamp":"9999-"#));
}
