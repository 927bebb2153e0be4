//! Signing secrets, and the keys that are derived from them (contract 7.5).
//!
//! One secret serves two families of receivers. The platform's own headers are keyed with the
//! whole text as UTF-8; Standard Webhooks libraries take the part after `whsec_`, decoded from
//! base64. A generated secret is written so that both readings work, in either base64 alphabet.

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{
    limits::{SECRET_CHARS_MAX, SECRET_CHARS_MIN, STANDARD_KEY_BYTES_MAX, STANDARD_KEY_BYTES_MIN},
    time::Time,
};

/// The prefix of secrets in the form of Standard Webhooks.
const PREFIX: &str = "whsec_";

/// Random bytes of a generated secret. A multiple of three, so that its base64 text has no
/// padding, and at least the 24 bytes that Standard Webhooks asks for.
const RANDOM_BYTES: usize = 33;

/// Receivers and callers write secrets with and without `=`.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD_LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// A signing secret. Prints as `***`, so that no log line can hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Makes a secret out of `random`, which fills its argument with fresh random bytes. It is
    /// asked again until the text has neither `+` nor `/`: about four times on average.
    pub fn generate(mut random: impl FnMut(&mut [u8; RANDOM_BYTES])) -> Self {
        let mut bytes = [0; RANDOM_BYTES];
        loop {
            random(&mut bytes);
            let text = STANDARD.encode(bytes);
            if !text.contains(['+', '/']) {
                return Self(format!("{PREFIX}{text}").into());
            }
        }
    }

    /// Reads a secret that a caller chose: 8 to 256 printable ASCII characters. Any other text is `None`:
    /// the error code depends on the request.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&text.len());
        let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
        (fits && printable).then(|| Self(text.into()))
    }

    /// Takes a text that this host stored.
    pub fn stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself: to be shown once to its owner, and to be encrypted.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The key of the platform's own headers: the whole text.
    pub fn platform_key(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key of Standard Webhooks: what the base64 text after `whsec_` decodes to, in the standard alphabet,
    /// with or without padding, 24 to 64 bytes. `None` when the secret is not of that form: its deliveries then
    /// carry no Standard Webhooks signature, because published libraries would make another key of it, or none.
    pub fn standard_key(&self) -> Option<Vec<u8>> {
        let key = STANDARD_LENIENT.decode(self.0.strip_prefix(PREFIX)?).ok()?;
        (STANDARD_KEY_BYTES_MIN..=STANDARD_KEY_BYTES_MAX).contains(&key.len()).then_some(key)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secrets that sign for one receiver: the newest, and for a while the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    newest: Secret,
    previous: Option<(Secret, Time)>,
}

impl Secrets {
    /// The newest secret, and the one before it with the time until which it signs as well.
    pub fn new(newest: Secret, previous: Option<(Secret, Time)>) -> Self {
        Self { newest, previous }
    }

    /// Bytes of their texts.
    pub fn bytes(&self) -> usize {
        self.newest.0.len() + self.previous.as_ref().map_or(0, |(secret, _)| secret.0.len())
    }

    /// The secrets that sign at `now`, the newest first.
    pub fn live_at(&self, now: Time) -> impl Iterator<Item = &Secret> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        std::iter::once(&self.newest).chain(previous.map(|(secret, _)| secret))
    }
}

/// HMAC-SHA256 of the `parts`, one after the other, as if they were one message.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // `new_from_slice` fails for no key length: HMAC hashes keys that are longer than a block.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    /// Draws 0, 1, 2, … so that early drafts contain the forbidden characters now and then.
    fn counting() -> impl FnMut(&mut [u8; RANDOM_BYTES]) {
        let mut state = 0_u64;
        move |bytes| {
            for byte in bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 33).to_le_bytes()[0];
            }
        }
    }

    #[test]
    fn a_generated_secret_reads_the_same_in_both_alphabets() {
        let mut random = counting();
        for _ in 0..100 {
            let secret = Secret::generate(&mut random);
            let text = secret.reveal().strip_prefix(PREFIX).expect("prefix");
            assert_eq!(text.len(), 44);
            let standard = STANDARD.decode(text).expect("standard alphabet");
            assert_eq!(URL_SAFE_NO_PAD.decode(text).expect("url-safe alphabet"), standard);
            assert_eq!(secret.standard_key(), Some(standard));
            assert_eq!(secret.platform_key(), secret.reveal().as_bytes());
        }
    }

    #[test]
    fn drafts_with_forbidden_characters_are_redrawn() {
        let mut drafts = [[0xff; RANDOM_BYTES], [0xfb; RANDOM_BYTES], [7; RANDOM_BYTES]].into_iter();
        let secret = Secret::generate(|bytes| *bytes = drafts.next().expect("three drafts"));
        assert_eq!(secret.standard_key(), Some(vec![7; RANDOM_BYTES]));
        assert_eq!(drafts.next(), None);
    }

    #[test]
    fn secret_chars_min() {
        assert!(Secret::parse(&"s".repeat(SECRET_CHARS_MIN)).is_some());
        assert!(Secret::parse(&"s".repeat(SECRET_CHARS_MIN - 1)).is_none());
    }

    #[test]
    fn secret_chars_max() {
        assert!(Secret::parse(&"s".repeat(SECRET_CHARS_MAX)).is_some());
        assert!(Secret::parse(&"s".repeat(SECRET_CHARS_MAX + 1)).is_none());
    }

    #[test]
    fn chosen_secrets_are_printable() {
        for wrong in ["tab\there", "new\nline!", "schlüssel", "nul\0nul\0"] {
            assert!(Secret::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn only_whsec_base64_in_the_standard_alphabet_has_a_standard_key() {
        let key = |text: &str| Secret::parse(text).expect("legal").standard_key();
        let key_of = |part: &str| key(&format!("whsec_{}", part.repeat(8)));
        assert_eq!(key_of("+/+/"), Some([0xfb, 0xff, 0xbf].repeat(8)));
        assert_eq!(key_of("-_-_"), None, "libraries would make another key of it, or none");
        assert_eq!(key_of("+_+_"), None);
        let padded = STANDARD.encode([7; 25]);
        assert_eq!(key(&format!("whsec_{padded}")), Some(vec![7; 25]));
        assert_eq!(key(&format!("whsec_{}", padded.trim_end_matches('='))), Some(vec![7; 25]));
        assert_eq!(key("a plain password"), None);
        assert_eq!(key("whsec_not base64"), None);
        assert_eq!(Secret::stored("whsec_").standard_key(), None);
    }

    fn has_standard_key(bytes: usize) -> bool {
        Secret::stored(format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]))).standard_key().is_some()
    }

    #[test]
    fn standard_key_bytes_min() {
        assert!(has_standard_key(STANDARD_KEY_BYTES_MIN));
        assert!(!has_standard_key(STANDARD_KEY_BYTES_MIN - 1));
    }

    #[test]
    fn standard_key_bytes_max() {
        assert!(has_standard_key(STANDARD_KEY_BYTES_MAX));
        assert!(!has_standard_key(STANDARD_KEY_BYTES_MAX + 1));
    }

    #[test]
    fn the_hmac_is_the_one_of_rfc_4231() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let message = b"what do ya want for nothing?";
        assert_eq!(hex::encode(hmac_sha256(b"Jefe", &[message])), expected);
        assert_eq!(hmac_sha256(b"Jefe", &[&message[..7], &message[7..]]), hmac_sha256(b"Jefe", &[message]));
    }

    /// The example of the Standard Webhooks specification.
    #[test]
    fn the_standard_key_signs_as_the_specification_says() {
        let secret = Secret::stored("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = secret.standard_key().expect("of the form");
        let body = br#"{"test": 2432232314}"#;
        let signature = hmac_sha256(&key, &[b"msg_p5jXN8AQM9LWM0D4loKWxJek", b".", b"1614265330", b".", body]);
        assert_eq!(STANDARD.encode(signature), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_replaced_secret_signs_until_its_time_is_over() {
        let (new, old) = (Secret::stored("new-secret"), Secret::stored("old-secret"));
        let until = Time::from_millis(1_000);
        let secrets = Secrets::new(new.clone(), Some((old.clone(), until)));
        let live = |ms| secrets.live_at(Time::from_millis(ms)).cloned().collect::<Vec<_>>();
        assert_eq!(live(999), [new.clone(), old]);
        assert_eq!(live(1_000), std::slice::from_ref(&new));
        assert_eq!(Secrets::new(new.clone(), None).live_at(until).collect::<Vec<_>>(), [&new]);
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::parse("correct horse battery").expect("legal");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
    }
}
