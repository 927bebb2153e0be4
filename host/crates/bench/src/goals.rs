//! What is wanted of the host on two cores that it shares with load and receiver.

use super::report::Report;

/// Accepts, as a part of what the yardstick answers.
const ACCEPT_RATIO_GOAL: f64 = 0.25;
/// Deliveries a second.
const END_TO_END_GOAL: f64 = 5_000.0;
/// Milliseconds of the slowest hundredth, at this rate.
const P99_MS_GOAL: f64 = 10.0;
const P99_RATE: u32 = 1_000;

/// How much longer the slowest hundredth may take to endpoints beside which others hang.
const HANGING_RATIO_GOAL: f64 = 1.5;
/// Deliveries a second of events to many endpoints each, and to members of a group.
const FAN_OUT_GOAL: f64 = 10_000.0;
const MEMBERS_GOAL: f64 = 3_000.0;
/// How much longer the slowest hundredth of the owner's own may take beside relays.
const OWN_RATIO_GOAL: f64 = 1.5;
/// How much more a delivery may cost with many other subscriptions in the table.
const CROWD_RATIO_GOAL: f64 = 1.2;
/// Microseconds that the check of a payload adds to an accept.
const CHECK_MICROS_GOAL: f64 = 5.0;

/// Milliseconds of the slowest event while old ones are deleted.
const DELETING_MS_GOAL: f64 = 50.0;
/// Milliseconds of the proof that a new version of a schema at the caps breaks nobody.
const COMPARISON_MS_GOAL: f64 = 1.0;
/// Microseconds of a filter of three leaves, and milliseconds of routing one event to ten thousand of them.
const FILTER_MICROS_GOAL: f64 = 2.0;
const ROUTED_MS_GOAL: f64 = 25.0;

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
    let at_most =
        |name: &str, wanted, reached| Goal { name: name.to_owned(), wanted, reached, is_reached: reached <= wanted };
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
    goals.extend([
        at_least("deliveries of a fan-out per second", FAN_OUT_GOAL, report.fan_out.per_second()),
        at_least("deliveries to members per second", MEMBERS_GOAL, report.relays.throughput.per_second()),
        at_most("own p99 beside relays ÷ alone", OWN_RATIO_GOAL, report.relays.ratio()),
        at_most("CPU beside 100,000 others ÷ alone", CROWD_RATIO_GOAL, report.crowd.ratio()),
        at_most("p99 beside hanging ÷ alone, at most", HANGING_RATIO_GOAL, report.hanging.ratio()),
        at_most("payload check in µs, at most", CHECK_MICROS_GOAL, report.check_micros),
        at_most("schema proof in ms, at most", COMPARISON_MS_GOAL, report.comparison.accepted_ms),
        at_most("filter in µs, at most", FILTER_MICROS_GOAL, report.filters.micros_each),
        at_most("10,000 filters in ms, at most", ROUTED_MS_GOAL, report.filters.routed_ms),
    ]);
    goals.extend(
        report.old.map(|old| at_most("slowest while old ones go in ms, at most", DELETING_MS_GOAL, old.latency.max_ms)),
    );
    goals
}
