//! From an event and a target to the request that an adapter describes: for deliveries and tests of
//! an endpoint alike.

use std::sync::Arc;

use url::Url;
use weir_runtime::{BuiltIn, DeliveryCall, Event, Failure, KeyForm, Request, Runtime, Sign};

use crate::domain::{
    id::SubscriptionId,
    receiver::ReceiverId,
    signature::{Secret, hmac_sha256},
    subscription::Target,
    time::Time,
};

/// What came of asking the adapter.
pub(super) struct Prepared {
    /// A request to the target's origin, signed and with the receiver's own headers.
    pub(super) result: Result<Request, Failure>,
    /// What the adapter used.
    pub(super) fuel: u64,
}

/// Asks the target's adapter for the request of one attempt.
pub(super) fn request(runtime: &Runtime, target: &Arc<Target>, event: &Event<'_>, attempt: u32, now: Time) -> Prepared {
    let call = DeliveryCall {
        organization: target.organization_id.shared(),
        config: config_of(target),
        subscription_id: target.receiver.subscription().map(SubscriptionId::shared),
        attempt,
        attempted_at_ms: u64::try_from(now.as_millis()).unwrap_or(0),
        budget: None,
    };
    let signer = Arc::new(Signer { target: target.clone(), now });
    let adapter = match target.receiver {
        ReceiverId::Subscription(_) => BuiltIn::Webhook,
        ReceiverId::Peer(_) => BuiltIn::Relay,
    };
    let outcome = runtime.prepare(runtime.builtin(adapter), &call, event, &target.url, signer);
    let result = outcome.result.and_then(|mut request| {
        if !has_origin_of(&request.url, &target.url) {
            return Err(Failure::Reject("the adapter chose another origin than the receiver's".to_owned()));
        }
        target.headers.add_to(&mut request.headers);
        Ok(request)
    });
    Prepared { result, fuel: outcome.fuel }
}

/// What the built-in webhook adapter is told of the subscription.
fn config_of(target: &Target) -> Arc<str> {
    format!(r#"{{"signatureScheme":"{}"}}"#, target.terms.signature_scheme.as_str()).into()
}

/// Whether two URLs lead to the same scheme, host and port.
fn has_origin_of(url: &str, target: &str) -> bool {
    if url == target {
        return true;
    }
    match (Url::parse(url), Url::parse(target)) {
        (Ok(url), Ok(target)) => url.origin() == target.origin(),
        _ => false,
    }
}

/// Signs for components, which never see a secret.
struct Signer {
    target: Arc<Target>,
    now: Time,
}

impl Sign for Signer {
    fn hmac_sha256(&self, form: KeyForm, data: &[u8]) -> Vec<[u8; 32]> {
        let sign = |secret: &Secret| match form {
            KeyForm::Text => Some(hmac_sha256(secret.platform_key(), &[data])),
            KeyForm::Decoded => secret.standard_key().map(|key| hmac_sha256(&key, &[data])),
        };
        self.target.secrets.live_at(self.now).filter_map(sign).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::has_origin_of;

    #[test]
    fn an_adapter_stays_at_its_origin() {
        let target = "https://example.org/hook";
        for (url, same) in [
            ("https://example.org/hook", true),
            ("https://example.org:443/other?x=1", true),
            ("http://example.org/hook", false),
            ("https://example.org:444/hook", false),
            ("https://evil.example/hook", false),
            ("https://example.org.evil.example/hook", false),
            ("https://example.org@evil.example/hook", false),
            ("not a url", false),
        ] {
            assert_eq!(has_origin_of(url, target), same, "{url}");
        }
    }
}
