//! Reads from an answer what the host keeps of it: `Retry-After`, and the beginning of the body.

use std::time::SystemTime;

use reqwest::{
    Response,
    header::{DATE, HeaderMap, HeaderName, RETRY_AFTER},
};
use tokio::time::{Instant, timeout_at};

use crate::domain::limits::{OUTBOUND_ANSWER_BYTES_MAX, SNIPPET_BYTES_MAX};

/// The wait that `Retry-After` asks for, in seconds. A date is taken relative to the answer's own date, so
/// that no clocks have to agree.
pub(super) fn retry_after_s(headers: &HeaderMap) -> Option<u32> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().unwrap_or(u32::MAX));
    }
    let (until, answered) = (date(headers, &RETRY_AFTER)?, date(headers, &DATE)?);
    let wait = until.duration_since(answered).unwrap_or_default();
    Some(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX))
}

/// The HTTP date in a header, in any of its three forms.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?.trim()).ok()
}

/// The beginning of the body. Reads on a little, so that the connection can be used again, but
/// neither much nor for long: an endpoint that answers with more loses the connection.
pub(super) async fn snippet(response: &mut Response, deadline: Instant) -> Option<String> {
    let mut kept = Vec::new();
    let mut bytes_read = 0;
    // An answer whose body breaks off is still an answer: its status counts.
    while let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await {
        let room = SNIPPET_BYTES_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..room.min(chunk.len())]);
        bytes_read += chunk.len();
        if bytes_read > OUTBOUND_ANSWER_BYTES_MAX {
            break;
        }
    }
    readable(&kept)
}

/// The bytes as one line of text of at most [`SNIPPET_BYTES_MAX`] bytes: logs, terminals and databases get no
/// control characters.
fn readable(bytes: &[u8]) -> Option<String> {
    let lossy = String::from_utf8_lossy(bytes);
    let mut text = String::with_capacity(lossy.len());
    for c in lossy.chars() {
        let shown = if c.is_whitespace() { ' ' } else { c };
        if shown.is_control() {
            continue;
        }
        // U+FFFD, which replaces a byte that is not UTF-8, takes three bytes.
        if text.len() + shown.len_utf8() > SNIPPET_BYTES_MAX {
            break;
        }
        text.push(shown);
    }
    text.truncate(text.trim_end().len());
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry_after(pairs: &[(HeaderName, &str)]) -> Option<u32> {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value")));
        retry_after_s(&headers.collect())
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        const NOW: &str = "Wed, 06 May 2026 21:40:48 GMT";
        let after = |text| retry_after(&[(RETRY_AFTER, text), (DATE, NOW)]);
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("99999999999"), Some(u32::MAX));
        assert_eq!(after("Wed, 06 May 2026 21:42:48 GMT"), Some(120));
        assert_eq!(after("Wed, 06 May 2026 21:40:00 GMT"), Some(0));
        for wrong in ["", "-1", "1.5", "soon", "Wed, 06 May 2026"] {
            assert_eq!(after(wrong), None, "{wrong:?}");
        }
        // Forms that RFC 9110 calls obsolete, and asks to be read nevertheless.
        for same_time in ["Wednesday, 06-May-26 21:42:48 GMT", "Wed May  6 21:42:48 2026"] {
            assert_eq!(after(same_time), Some(120), "{same_time:?}");
            assert_eq!(retry_after(&[(RETRY_AFTER, same_time), (DATE, same_time)]), Some(0), "{same_time:?}");
        }
        assert_eq!(after("Fri, 31 Dec 9999 23:59:59 GMT"), Some(u32::MAX));
        assert_eq!(retry_after(&[(RETRY_AFTER, NOW)]), None);
        assert_eq!(retry_after(&[(DATE, NOW)]), None);
    }

    #[test]
    fn a_snippet_is_one_clean_line() {
        assert_eq!(readable(b""), None);
        assert_eq!(readable(b"\0\x1b \n"), None);
        assert_eq!(readable(b"a\r\nb\x1b[31mc\0\x7f\xc2\x85d").as_deref(), Some("a  b[31mc d"));
        assert_eq!(readable("gr\u{fc}\u{df}e".as_bytes()).as_deref(), Some("grüße"));
        assert_eq!(readable(b"ok\xff").as_deref(), Some("ok\u{fffd}"));
    }

    #[test]
    fn snippet_bytes_max() {
        let longest = |bytes: &[u8]| readable(bytes).expect("not empty").len();
        assert_eq!(longest(&[b'a'; SNIPPET_BYTES_MAX]), SNIPPET_BYTES_MAX);
        assert_eq!(longest(&[0xff; SNIPPET_BYTES_MAX]), SNIPPET_BYTES_MAX / 3 * 3);
    }
}
