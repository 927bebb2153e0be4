use super::*;
use crate::domain::limits::{DELIVERIES_PER_SUBSCRIPTION_MAX, FLOW_WINDOW_START};

const NOW: Time = Time::from_millis(1_778_103_648_120);
const ANY: Limits = Limits { in_flight_max: DELIVERIES_PER_SUBSCRIPTION_MAX, per_second: None };

fn organization(number: u32) -> OrganizationId {
    OrganizationId::stored(format!("org_{number}"))
}

fn receiver(number: u32) -> ReceiverId {
    ReceiverId::stored(&format!("evs_{number}"))
}

/// Slots with these receivers of one organization known.
fn slots(total: usize, organization_number: u32, numbers: std::ops::Range<u32>, limits: Limits) -> Slots {
    let slots = Slots::new(total);
    know(&slots, organization_number, numbers, limits);
    slots
}

fn know(slots: &Slots, organization_number: u32, numbers: std::ops::Range<u32>, limits: Limits) {
    for number in numbers {
        slots.state().know(&organization(organization_number), &receiver(number), limits, NOW);
    }
}

fn take(slots: &Slots, organization_number: u32, number: u32, wanted: usize) -> Vec<Slot> {
    slots.take(&organization(organization_number), &receiver(number), wanted, NOW)
}

/// Lets an endpoint answer `times` deliveries, one after the other.
fn answer(slots: &Slots, organization_number: u32, number: u32, times: usize, response: EndpointResponse) {
    for _ in 0..times {
        for slot in take(slots, organization_number, number, 1) {
            slot.begin();
            slot.end(Some(response));
        }
    }
}

#[test]
fn deliveries_per_subscription_max() {
    let slots = slots(10_000, 1, 1..2, ANY);
    answer(&slots, 1, 1, 1_000, EndpointResponse::Quick);
    assert_eq!(take(&slots, 1, 1, 10_000).len(), DELIVERIES_PER_SUBSCRIPTION_MAX);
}

#[test]
fn a_subscription_may_ask_for_fewer_or_more() {
    for asked in [1, 3, 100] {
        let slots = slots(10_000, 1, 1..2, Limits::new(Some(asked), None));
        answer(&slots, 1, 1, 1_000, EndpointResponse::Quick);
        assert_eq!(take(&slots, 1, 1, 10_000).len(), asked as usize);
    }
}

#[test]
fn an_unknown_endpoint_gets_a_few_and_one_that_answers_gets_more() {
    let slots = slots(10_000, 1, 1..2, ANY);
    let first = take(&slots, 1, 1, 100);
    assert_eq!(first.len(), FLOW_WINDOW_START);
    for slot in first {
        slot.end(Some(EndpointResponse::Quick));
    }
    let second = take(&slots, 1, 1, 100);
    assert_eq!(second.len(), 2 * FLOW_WINDOW_START);
    for slot in second {
        slot.end(Some(EndpointResponse::Overwhelmed));
    }
    assert_eq!(take(&slots, 1, 1, 100).len(), 1);
}

#[test]
fn one_organization_gets_a_quarter_at_most() {
    let slots = slots(64, 1, 0..64, ANY);
    let mut taken = Vec::new();
    for number in 0..64 {
        taken.extend(take(&slots, 1, number, 1));
    }
    assert_eq!(taken.len(), 16);
    know(&slots, 2, 100..101, ANY);
    assert_eq!(take(&slots, 2, 100, 1).len(), 1);
}

#[test]
fn endpoints_that_do_not_answer_leave_the_others_their_turn() {
    // A share of 128. Ten endpoints proved quick, and then each stops to answer.
    let slots = slots(512, 1, 0..110, ANY);
    for number in 0..10 {
        answer(&slots, 1, number, 100, EndpointResponse::Quick);
    }
    let mut held = Vec::new();
    for number in 0..10 {
        held.extend(take(&slots, 1, number, 64));
    }
    // Before any attempt is late they may fill all but the quarter for endpoints that have nothing under way.
    assert_eq!(held.len(), 96 + 8, "three quarters, and one for each that has none");
    for number in 10..110 {
        for slot in take(&slots, 1, number, 1) {
            slot.end(Some(EndpointResponse::Quick));
        }
    }
    // Every other endpoint has its turn all the same.
    for number in 10..34 {
        held.extend(take(&slots, 1, number, 1));
    }
    assert_eq!(held.len(), 128);
    // Once their attempts ran out of time they share one half, beside one for each.
    for slot in held {
        slot.end(Some(EndpointResponse::Overwhelmed));
    }
    let again: Vec<Slot> = (0..10).flat_map(|number| take(&slots, 1, number, 64)).collect();
    assert!(again.len() <= 64 + 8, "{} of a share of 128", again.len());
}

#[test]
fn a_slow_endpoint_still_has_its_turn() {
    let slots = slots(4, 1, 1..2, ANY);
    answer(&slots, 1, 1, 10, EndpointResponse::Overwhelmed);
    assert_eq!(take(&slots, 1, 1, 4).len(), 1);
}

#[test]
fn slots_come_back_and_nothing_is_held() {
    let slots = slots(8, 1, 1..2, ANY);
    drop(take(&slots, 1, 1, 8));
    let state = slots.state();
    assert_eq!(state.free, 8);
    assert!(state.tenants.is_empty());
}

#[test]
fn what_waits_in_the_table_goes_first() {
    let slots = Slots::new(8);
    slots.note_due(&organization(1), &receiver(1), ANY, NOW);
    assert_eq!(slots.receivers_due(NOW), [(organization(1), receiver(1))]);
    slots.clear_due(&receiver(1));
    assert!(slots.receivers_due(NOW).is_empty());
}

#[test]
fn a_rate_is_kept_and_waited_for() {
    let slots = slots(512, 1, 1..2, Limits::new(None, Some(3)));
    slots.note_due(&organization(1), &receiver(1), Limits::new(None, Some(3)), NOW);
    let taken = take(&slots, 1, 1, 4);
    assert_eq!(taken.len(), 3);
    assert!(slots.receivers_due(NOW).is_empty() && slots.is_held_back(&receiver(1), NOW));
    assert_eq!(slots.next_token_at(NOW), Some(NOW.plus_millis(334)));
    let later = NOW.plus_millis(334);
    assert_eq!(slots.receivers_due(later).len(), 1);
    // Two of the slots turn out not to be needed: their tokens are there again.
    let mut taken = taken.into_iter();
    for slot in taken.by_ref().take(1) {
        slot.begin();
        slot.end(Some(EndpointResponse::Quick));
    }
    drop(taken);
    assert_eq!(take(&slots, 1, 1, 4).len(), 2);
}

#[test]
fn replays_hold_an_eighth_at_most() {
    let slots = slots(64, 1, 0..64, ANY);
    let mut taken = Vec::new();
    for number in 0..64 {
        let (organization, receiver) = (organization(1), receiver(number));
        let request = SlotRequest { organization: &organization, receiver: &receiver, is_replay: true, now: NOW };
        taken.extend(slots.take_many(request, 64));
    }
    assert_eq!(taken.len(), 8);
    drop(taken);
    assert_eq!(slots.state().replays_free, 8);
}
