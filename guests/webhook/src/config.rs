//! Reads the adapter's JSON configuration.

use serde::Deserialize;

/// The settings of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The form of `X-Event-Signature`.
    pub scheme: SignatureScheme,
}

/// The bytes that `X-Event-Signature` signs, and how the signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureScheme {
    /// `sha256=<hex>` over the body.
    #[default]
    Body,
    /// Bare hex over `<timestamp>.<body>`.
    Timestamped,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "signatureScheme")]
    signature_scheme: Option<String>,
}

/// Reads the configuration. Members that the adapter does not know are left to other adapters; a text
/// that is no JSON object is a mistake that no later attempt can mend.
pub fn parse(text: &str) -> Result<Config, String> {
    let read: Text =
        serde_json::from_str(text).map_err(|error| format!("the configuration cannot be read: {error}"))?;
    let scheme = match read.signature_scheme.as_deref() {
        Some("timestamped") => SignatureScheme::Timestamped,
        _ => SignatureScheme::Body,
    };
    Ok(Config { scheme })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_timestamped_switches() {
        let scheme = |text| parse(text).map(|config| config.scheme);
        assert_eq!(scheme("{}"), Ok(SignatureScheme::Body));
        assert_eq!(scheme(r#"{"signatureScheme":"body","other":[1]}"#), Ok(SignatureScheme::Body));
        assert_eq!(scheme(r#"{"signatureScheme":"timestamped"}"#), Ok(SignatureScheme::Timestamped));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "null", "[]", "{", r#"{"signatureScheme":1}"#] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
