//! `tests/corpus/outbound.jsonl`: hostile URLs and answers of DNS, one a line, each judged when a
//! subscription is made and again when a request is sent.

use serde::Deserialize;

use super::{
    reach::{Names, Trap, client_with, failed_of},
    *,
};
use crate::domain::address::check_url;

/// The least number of hostile lines.
const HOSTILE_MIN: usize = 400;

#[derive(Deserialize)]
struct Line {
    /// `refused`, `refused when resolved` or `allowed`.
    expected: String,
    url: String,
    /// The addresses that the URL's name resolves to.
    #[serde(default)]
    answers: Vec<String>,
    why: String,
}

fn corpus() -> Vec<Line> {
    let text = include_str!("../../../../tests/corpus/outbound.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn nothing_in_the_corpus_is_connected_to() {
    let trap = Trap::set().await;
    let names = Names::default();
    let strict = client_with(Policy::default(), &names);
    let (mut hostile, mut wrong) = (0, Vec::new());
    for Line { expected, url, answers, why } in corpus() {
        let url = url.replace("{port}", &trap.port.to_string());
        let checked = check_url(&url, &Policy::default());
        let is_as_expected = match expected.as_str() {
            "refused" => checked.is_err() && failed_of(&strict, &url).await == FailureKind::Guard,
            "refused when resolved" => match checked {
                Ok(target) => {
                    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
                    names.set(target.url().host_str().expect("a name"), &[&answers]);
                    failed_of(&strict, &url).await == FailureKind::Guard
                }
                Err(_) => false,
            },
            // Nothing is sent: the corpus stays on this machine.
            "allowed" => checked.is_ok(),
            other => panic!("{other:?} is no expectation"),
        };
        hostile += usize::from(expected != "allowed");
        if !is_as_expected {
            wrong.push(format!("{expected}, {why}: {url:?} {answers:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} lines are not as expected:\n{}", wrong.len(), wrong.join("\n"));
    assert!(hostile >= HOSTILE_MIN, "only {hostile} lines are hostile");
    assert_eq!(trap.connections().await, 0, "something was connected to");
}
