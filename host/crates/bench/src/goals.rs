//! The goals for a host on two cores that it shares with load and receiver.

use crate::figures::Figures;

/// Accepts a second as a part of what the bare server answers.
const ACCEPT_RATIO_GOAL: f64 = 0.25;
/// Events a second, from accept to delivery.
const END_TO_END_GOAL: f64 = 5_000.0;
/// Milliseconds of the p99 at [`P99_RATE`] events a second.
const P99_MS_GOAL: f64 = 10.0;
const P99_RATE: u32 = 1_000;
/// The p99 beside something else as a multiple of the p99 alone: to endpoints beside which others hang,
/// of the owner's own beside relays, and beside an organization whose filters are slow.
const HANGING_RATIO_GOAL: f64 = 1.5;
const OWN_RATIO_GOAL: f64 = 1.5;
const SLOW_FILTERS_RATIO_GOAL: f64 = 1.5;
const NEIGHBOUR_RATIO_GOAL: f64 = 1.5;
/// Mebibytes by which the host grows beside a neighbour.
const NEIGHBOUR_MIB_GOAL: f64 = 256.0;
/// Deliveries a second of events to many endpoints each, and to members of a group.
const FAN_OUT_GOAL: f64 = 10_000.0;
const MEMBERS_GOAL: f64 = 3_000.0;
/// CPU time of a delivery with many other subscriptions in the table as a multiple of that without.
const OTHERS_RATIO_GOAL: f64 = 1.2;
/// Microseconds that the check of a payload adds to an accept.
const CHECK_MICROS_GOAL: f64 = 5.0;
/// Milliseconds of the slowest event while old ones are deleted.
const DELETING_MS_GOAL: f64 = 50.0;
/// Milliseconds of the proof that a new version of a schema at the caps is compatible.
const COMPARISON_MS_GOAL: f64 = 1.0;
/// Microseconds of a filter of three leaves, and milliseconds of routing one event to ten thousand of them.
const FILTER_MICROS_GOAL: f64 = 2.0;
const ROUTED_MS_GOAL: f64 = 25.0;

/// A goal beside what was reached.
pub(crate) struct Goal {
    pub(crate) name: String,
    pub(crate) wanted: f64,
    pub(crate) reached: f64,
    pub(crate) is_reached: bool,
}

/// The goals, each beside what was reached; without those of what was not measured.
pub(crate) fn goals(figures: &Figures) -> Vec<Goal> {
    let at_least = |name: &str, wanted, reached: Option<f64>| {
        reached.map(|reached| Goal { name: name.to_owned(), wanted, reached, is_reached: reached >= wanted })
    };
    let at_most = |name: &str, wanted, reached: Option<f64>| {
        reached.map(|reached| Goal { name: name.to_owned(), wanted, reached, is_reached: reached <= wanted })
    };
    let Figures { accepts, bare_server, end_to_end, fan_out, hanging_endpoints, .. } = figures;
    let Figures { relays, slow_filters, other_subscriptions, schema_comparison, filters, old_events, .. } = figures;
    let accept_ratio = accepts.zip(*bare_server).map(|(accepts, bare)| accepts.per_second() / bare.per_second());
    let latency = figures.latencies.iter().find(|latency| latency.rate == P99_RATE);
    let goals = [
        at_least("accepts ÷ bare axum, at least", ACCEPT_RATIO_GOAL, accept_ratio),
        at_least("end to end per second, at least", END_TO_END_GOAL, end_to_end.map(|it| it.throughput.per_second())),
        latency.map(|latency| Goal {
            name: format!("p99 at {P99_RATE}/s in ms, at most"),
            wanted: P99_MS_GOAL,
            reached: latency.p99_ms,
            is_reached: latency.is_rate_reached && latency.p99_ms <= P99_MS_GOAL,
        }),
        at_least("deliveries of a fan-out per second", FAN_OUT_GOAL, fan_out.map(|it| it.per_second())),
        at_least("deliveries to members per second", MEMBERS_GOAL, relays.map(|it| it.throughput.per_second())),
        at_most("own p99 beside relays ÷ alone", OWN_RATIO_GOAL, relays.map(|it| it.own.ratio())),
        at_most("p99 beside slow filters ÷ alone", SLOW_FILTERS_RATIO_GOAL, slow_filters.map(|it| it.other.ratio())),
        at_most("CPU beside 100,000 others ÷ alone", OTHERS_RATIO_GOAL, other_subscriptions.map(|it| it.ratio())),
        at_most("p99 beside hanging ÷ alone, at most", HANGING_RATIO_GOAL, hanging_endpoints.map(|it| it.ratio())),
        at_most("payload check in µs, at most", CHECK_MICROS_GOAL, figures.payload_check_micros),
        at_most("schema proof in ms, at most", COMPARISON_MS_GOAL, schema_comparison.map(|it| it.accepted_ms)),
        at_most("filter in µs, at most", FILTER_MICROS_GOAL, filters.map(|it| it.micros_each)),
        at_most("10,000 filters in ms, at most", ROUTED_MS_GOAL, filters.map(|it| it.routed_ms)),
        at_most("slowest while old ones go in ms, at most", DELETING_MS_GOAL, old_events.map(|it| it.latency.max_ms)),
    ];
    let neighbours = figures.neighbours.iter().flat_map(|neighbour| {
        let name = |what: &str| format!("{what}: {}", neighbour.name);
        let grown_mib = f64::from(u32::try_from(neighbour.grown_bytes >> 20).unwrap_or(u32::MAX));
        [
            at_most(&name("p99 ÷ alone"), NEIGHBOUR_RATIO_GOAL, Some(neighbour.other.ratio())),
            at_most(&name("MiB more"), NEIGHBOUR_MIB_GOAL, Some(grown_mib)),
        ]
    });
    goals.into_iter().chain(neighbours).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Latency, Pair};

    fn p99(p99_ms: f64) -> Latency {
        Latency {
            rate: P99_RATE,
            reached_rate: 0.0,
            is_rate_reached: false,
            p50_ms: 1.0,
            p90_ms: 1.0,
            p99_ms,
            max_ms: p99_ms,
        }
    }

    #[test]
    fn only_what_was_measured_has_a_goal() {
        assert!(goals(&Figures::default()).is_empty());
        let pair = |beside| Figures {
            hanging_endpoints: Some(Pair { alone: p99(2.0), beside: p99(beside) }),
            ..Figures::default()
        };
        for (beside, is_reached) in [(3.0, true), (3.1, false)] {
            let goals = goals(&pair(beside));
            assert_eq!((goals.len(), goals[0].is_reached), (1, is_reached), "{beside}");
        }
    }

    #[test]
    fn a_rate_that_was_not_reached_misses_its_goal() {
        let figures = Figures { latencies: vec![p99(1.0)], ..Figures::default() };
        assert!(!goals(&figures)[0].is_reached);
    }
}
