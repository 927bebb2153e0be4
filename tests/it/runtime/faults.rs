//! One misbehaving guest per test: its call ends with a fault that names the cause, and the host goes on.

use weir_runtime::{Blame, Budget, DeliveryCall, Failure, FaultKind, Origin, limits};

use super::{delivery_call, event, fault, fixture, load, patient, prepare, route, runtime, start, transform};

#[test]
fn a_guest_that_loops_forever_runs_out_of_fuel() {
    let outcome = transform("loops-forever");
    assert_eq!(fault(&outcome), FaultKind::OutOfFuel);
    assert_eq!(outcome.fuel, limits::CALL_FUEL_MAX);
    assert_eq!(FaultKind::OutOfFuel.blame(), Blame::Guest);
}

#[test]
fn a_guest_with_fuel_to_spare_runs_out_of_time() {
    let runtime = start(Budget { fuel: 1 << 50, duration_ms: 20, ..Budget::default() });
    let component = runtime.load(&fixture("loops-forever"), Origin::Tenant).expect("loads");
    assert_eq!(fault(&runtime.transform(&component, &delivery_call(), &event())), FaultKind::Deadline);
}

#[test]
fn a_call_may_have_a_budget_of_its_own() {
    let budget = Some(Budget { fuel: 10_000_000, ..patient() });
    let call = DeliveryCall { budget, ..delivery_call() };
    let outcome = runtime().transform(&load("loops-forever"), &call, &event());
    assert_eq!((fault(&outcome), outcome.fuel), (FaultKind::OutOfFuel, 10_000_000));
}

#[test]
fn no_call_gets_more_memory_than_the_runtime_was_started_for() {
    let budget = Some(Budget { memory_bytes: usize::MAX, ..patient() });
    let call = DeliveryCall { budget, ..delivery_call() };
    assert_eq!(fault(&runtime().transform(&load("hogs-memory"), &call, &event())), FaultKind::Memory);
}

#[test]
fn a_trap_ends_the_call() {
    assert_eq!(fault(&transform("traps")), FaultKind::Trap);
}

#[test]
fn a_panic_ends_the_call() {
    assert_eq!(fault(&transform("panics")), FaultKind::Trap);
}

/// A panic is written to standard error first, by a function that may block; here it must not, as
/// a thread that drives tasks cannot wait for another task.
#[tokio::test]
async fn a_panic_on_an_async_thread_is_a_fault_like_any_other() {
    assert_eq!(fault(&transform("panics")), FaultKind::Trap);
}

#[test]
fn a_guest_can_exit_only_itself() {
    let outcome = transform("exits");
    assert_eq!(fault(&outcome), FaultKind::Trap);
    let Err(Failure::Fault { message, .. }) = outcome.result else { unreachable!() };
    assert_eq!(message, "the component exited with code 0");
}

#[test]
fn a_guest_that_recurses_deeply_runs_out_of_stack() {
    assert_eq!(fault(&transform("recurses-deeply")), FaultKind::Stack);
}

#[test]
fn a_guest_that_hogs_memory_is_refused_more() {
    let outcome = transform("hogs-memory");
    assert_eq!(fault(&outcome), FaultKind::Memory);
    let peak = usize::try_from(outcome.memory_bytes).expect("fits");
    assert!((limits::CALL_MEMORY_BYTES_MAX / 2..=limits::CALL_MEMORY_BYTES_MAX).contains(&peak), "{peak}");
}

#[test]
fn the_memory_limit_holds_for_the_sum_of_all_memories() {
    let outcome = route("hogs-many-memories");
    assert_eq!(fault(&outcome), FaultKind::Memory);
    assert!(outcome.memory_bytes > 3 * (40 << 20), "three of four were granted: {}", outcome.memory_bytes);
}

#[test]
fn a_guest_that_leaks_handles_is_stopped() {
    let outcome = transform("leaks-handles");
    assert_eq!(fault(&outcome), FaultKind::Memory);
}

#[test]
fn a_huge_answer_is_refused() {
    assert_eq!(fault(&transform("returns-huge-output")), FaultKind::Output);
}

#[test]
fn a_transformed_payload_is_json() {
    assert_eq!(fault(&transform("returns-no-json")), FaultKind::Output);
}

#[test]
fn a_request_has_a_bounded_number_of_headers() {
    assert_eq!(fault(&prepare("sends-many-headers")), FaultKind::Output);
}

#[test]
fn a_router_cannot_invent_candidates() {
    assert_eq!(fault(&route("invents-candidates")), FaultKind::Output);
}

#[test]
fn a_router_cannot_choose_a_candidate_twice() {
    assert_eq!(fault(&route("repeats-candidates")), FaultKind::Output);
}

#[test]
fn a_router_cannot_delay_forever() {
    assert_eq!(fault(&route("delays-forever")), FaultKind::Output);
}

#[test]
fn a_flooded_log_keeps_its_beginning() {
    let outcome = transform("floods-log");
    let logs = outcome.logs;
    assert!(outcome.result.is_ok(), "flooding the log does not fail the call");
    assert!(logs.lines[0].message.starts_with("0 ä"));
    assert!(logs.lines.iter().all(|line| line.truncated && line.message.len() <= limits::LOG_LINE_BYTES_MAX));
    assert_eq!(logs.lines.len() + logs.dropped as usize, 1_000);
    assert!(logs.lines.iter().map(|line| line.message.len()).sum::<usize>() <= limits::CALL_LOG_BYTES_MAX);
}

#[test]
fn a_rambling_refusal_is_cut() {
    let Err(Failure::Reject(message)) = transform("rambles").result else { panic!("it rejects") };
    assert!(message.starts_with("no, no, ") && message.len() <= limits::FAILURE_MESSAGE_BYTES_MAX);
}
