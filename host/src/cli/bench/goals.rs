//! What is wanted of the host on two cores that it shares with load and receiver.

use super::report::Report;

/// Accepts, as a part of what the yardstick answers.
const ACCEPT_RATIO_GOAL: f64 = 0.15;
/// Deliveries a second.
const END_TO_END_GOAL: f64 = 3_000.0;
/// Milliseconds of the slowest hundredth, at this rate.
const P99_MS_GOAL: f64 = 20.0;
const P99_RATE: u32 = 1_000;

/// Microseconds that the check of a payload adds to an accept.
const CHECK_MICROS_GOAL: f64 = 5.0;

/// A goal beside what was reached.
pub(super) struct Goal {
    pub(super) name: String,
    pub(super) wanted: f64,
    pub(super) reached: f64,
    pub(super) is_reached: bool,
}

/// The goals, each beside what a report has.
pub(super) fn goals(report: &Report) -> Vec<Goal> {
    let at_least =
        |name: &str, wanted, reached| Goal { name: name.to_owned(), wanted, reached, is_reached: reached >= wanted };
    let ratio = report.accepts.per_second() / report.bare.per_second();
    let mut goals = vec![
        at_least("accepts ÷ bare axum, at least", ACCEPT_RATIO_GOAL, ratio),
        at_least("end to end per second, at least", END_TO_END_GOAL, report.end_to_end.throughput.per_second()),
    ];
    goals.extend(report.latencies.iter().find(|latency| latency.rate == P99_RATE).map(|latency| Goal {
        name: format!("p99 at {P99_RATE}/s in ms, at most"),
        wanted: P99_MS_GOAL,
        reached: latency.p99_ms,
        is_reached: latency.is_rate_reached && latency.p99_ms <= P99_MS_GOAL,
    }));
    goals.push(Goal {
        name: "payload check in µs, at most".to_owned(),
        wanted: CHECK_MICROS_GOAL,
        reached: report.check_micros,
        is_reached: report.check_micros <= CHECK_MICROS_GOAL,
    });
    goals
}
