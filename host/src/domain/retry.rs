//! When a failed delivery is tried again, and when it becomes a dead letter (contract 7.1).

use std::{fmt, str::FromStr};

use super::{
    limits::{RETRY_STEP_SECONDS_MAX, RETRY_STEPS_MAX},
    time::Time,
};

/// Seconds before the second and each later attempt: 30 s, 2 min, 15 min, 1 h (contract C5).
const DEFAULT_STEPS_S: [u32; 4] = [30, 120, 900, 3_600];

/// The most that jitter adds to a step, as a share of it. Enough to pull apart deliveries that
/// failed together, too little to be noticed in the documented schedule.
const JITTER_SHARE_MAX: f64 = 0.1;

/// The waits between the attempts of one delivery. A schedule of n steps allows n + 1 attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule(Box<[u32]>);

/// Why a schedule is refused; displays as a sentence for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// An item of the list is no whole number of seconds; holds its first characters.
    #[error("{0:?} is not a whole number of seconds")]
    NotANumber(String),
    /// The schedule has more steps than [`RETRY_STEPS_MAX`].
    #[error("{0} steps are more than {RETRY_STEPS_MAX}")]
    TooManySteps(usize),
    /// A step is longer than [`RETRY_STEP_SECONDS_MAX`].
    #[error("a step of {0} seconds is longer than {RETRY_STEP_SECONDS_MAX}")]
    StepTooLong(u32),
}

/// The fate of a delivery after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The delivery is tried again, not before this time.
    At(Time),
    /// The delivery has used up its attempts.
    DeadLetter,
}

impl RetrySchedule {
    /// Takes the seconds before attempt 2, 3, …; an empty list means a single attempt.
    pub fn new(steps_s: impl Into<Box<[u32]>>) -> Result<Self, ScheduleError> {
        let steps_s = steps_s.into();
        if steps_s.len() > RETRY_STEPS_MAX {
            return Err(ScheduleError::TooManySteps(steps_s.len()));
        }
        match steps_s.iter().find(|&&step| step > RETRY_STEP_SECONDS_MAX) {
            Some(&step) => Err(ScheduleError::StepTooLong(step)),
            None => Ok(Self(steps_s)),
        }
    }

    /// Seconds before the second and each later attempt.
    pub fn steps_s(&self) -> &[u32] {
        &self.0
    }

    /// How often a delivery is tried before it is a dead letter.
    pub fn attempts_max(&self) -> usize {
        self.0.len() + 1
    }
}

/// Five attempts: at once, then after 30 s, 2 min, 15 min and 1 h.
impl Default for RetrySchedule {
    fn default() -> Self {
        Self(DEFAULT_STEPS_S.into())
    }
}

/// Reads `30,120,900,3600`; spaces around a number are fine, and so is the empty text, which
/// means a single attempt.
impl FromStr for RetrySchedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        if text.trim().is_empty() {
            return Self::new([]);
        }
        let steps_s: Result<Vec<u32>, _> = text.split(',').map(read_step).collect();
        Self::new(steps_s?)
    }
}

/// Writes what [`FromStr`] reads.
impl fmt::Display for RetrySchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            write!(f, "{}{step}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn read_step(text: &str) -> Result<u32, ScheduleError> {
    const SHOWN_CHARS: usize = 20;
    let text = text.trim();
    text.parse().map_err(|_| ScheduleError::NotANumber(text.chars().take(SHOWN_CHARS).collect()))
}

/// Decides what follows attempt number `attempts_made`, which failed at `finished_at`.
///
/// The wait is the schedule's step and up to a tenth more, by `jitter` between 0 and 1. The wait that
/// an endpoint named (`Retry-After`, in seconds) is kept between one and two times the step: a shorter
/// one must not defeat the back-off, a longer one must not park deliveries for days.
pub fn next_attempt(
    schedule: &RetrySchedule,
    attempts_made: usize,
    finished_at: Time,
    jitter: f64,
    retry_after_s: Option<u32>,
) -> Next {
    // Before the first attempt nothing has failed yet, so the first step applies to 0 as to 1.
    let index = attempts_made.saturating_sub(1);
    let Some(&seconds) = schedule.0.get(index) else {
        return Next::DeadLetter;
    };
    let step_ms = i64::from(seconds) * 1_000;
    let asked_ms = i64::from(retry_after_s.unwrap_or(0)).saturating_mul(1_000);
    let wait_ms = asked_ms.clamp(step_ms, 2 * step_ms);
    Next::At(finished_at.plus_millis(wait_ms + jitter_ms(step_ms, jitter)))
}

/// The wait before the next try of what failed `n` times before: `first`, doubled `n` times, and
/// never longer than `most`, all in one unit of time. A negative `n` counts as 0.
pub fn doubling(n: i64, first: i64, most: i64) -> i64 {
    let doublings = u32::try_from(n.max(0)).unwrap_or(u32::MAX);
    let factor = 2_i64.saturating_pow(doublings);
    first.saturating_mul(factor).min(most)
}

/// Milliseconds of the first wait after a fault of the host's own.
const OWN_FAULT_MS: i64 = 1_000;
/// Milliseconds of the longest such wait: soon after the fault is mended, deliveries go on.
const OWN_FAULT_MS_MAX: i64 = 300_000;

/// When a delivery that the host itself could not try is taken up again, after `before` such faults
/// in a row. A fault of the host's own uses up no attempt, so its wait is not the schedule's.
pub fn after_own_fault(before: i64, now: Time, jitter: f64) -> Time {
    let wait_ms = doubling(before, OWN_FAULT_MS, OWN_FAULT_MS_MAX);
    now.plus_millis(wait_ms + jitter_ms(wait_ms, jitter))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a step has at most 86,400,000 ms, and jitter is a share of it"
)]
fn jitter_ms(step_ms: i64, jitter: f64) -> i64 {
    let share = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    (step_ms as f64 * JITTER_SHARE_MAX * share) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Time = Time::from_millis(1_778_103_648_120);

    fn wait_ms(next: Next) -> Option<i64> {
        match next {
            Next::At(time) => Some(time.millis_since(NOW)),
            Next::DeadLetter => None,
        }
    }

    #[test]
    fn the_default_is_the_documented_five_attempts() {
        let schedule = RetrySchedule::default();
        let waits: Vec<_> = (1..=5).map(|made| wait_ms(next_attempt(&schedule, made, NOW, 0.0, None))).collect();
        assert_eq!(waits, [Some(30_000), Some(120_000), Some(900_000), Some(3_600_000), None]);
        assert_eq!(schedule.attempts_max(), 5);
    }

    #[test]
    fn retry_after_is_heeded_between_one_and_two_steps() {
        let schedule = RetrySchedule::new([100]).expect("legal");
        let wait = |asked| wait_ms(next_attempt(&schedule, 1, NOW, 0.0, Some(asked)));
        assert_eq!(wait(0), Some(100_000));
        assert_eq!(wait(150), Some(150_000));
        assert_eq!(wait(u32::MAX), Some(200_000));
    }

    #[test]
    fn a_wait_doubles_until_it_is_the_longest() {
        let waits: Vec<i64> = (0..6).map(|n| doubling(n, 2, 20)).collect();
        assert_eq!(waits, [2, 4, 8, 16, 20, 20]);
        assert_eq!([doubling(-1, 2, 20), doubling(i64::MIN, 2, 20)], [2, 2]);
        assert_eq!([doubling(62, 2, 20), doubling(63, 1, i64::MAX), doubling(i64::MAX, 2, 20)], [20, i64::MAX, 20]);
        assert_eq!([doubling(0, 30, 20), doubling(9, 0, 20)], [20, 0]);
    }

    #[test]
    fn faults_of_the_hosts_own_are_waited_out_longer_and_longer() {
        let wait = |before| after_own_fault(before, NOW, 0.0).millis_since(NOW);
        assert_eq!([wait(-1), wait(0), wait(1), wait(4)], [1_000, 1_000, 2_000, 16_000]);
        assert_eq!([wait(9), wait(1_000)], [300_000, 300_000]);
        assert_eq!(after_own_fault(0, NOW, 1.0).millis_since(NOW), 1_100);
    }

    #[test]
    fn schedules_are_read_as_the_flag_writes_them() {
        let read = |text: &str| text.parse::<RetrySchedule>();
        assert_eq!(read("30,120,900,3600"), Ok(RetrySchedule::default()));
        assert_eq!(read(" 1 , 2 ").map(|s| s.to_string()), Ok("1,2".to_owned()));
        assert_eq!(read("").map(|s| s.attempts_max()), Ok(1));
        for wrong in ["a", "1,", ",", "1;2", "-1", "1.5", "4294967296"] {
            assert!(matches!(read(wrong), Err(ScheduleError::NotANumber(_))), "{wrong:?}");
        }
    }

    #[test]
    fn retry_steps_max() {
        let steps = |count: usize| RetrySchedule::new(vec![1; count]).map(|schedule| schedule.attempts_max());
        assert_eq!(steps(RETRY_STEPS_MAX), Ok(RETRY_STEPS_MAX + 1));
        assert_eq!(steps(RETRY_STEPS_MAX + 1), Err(ScheduleError::TooManySteps(RETRY_STEPS_MAX + 1)));
    }

    #[test]
    fn retry_step_seconds_max() {
        assert!(RetrySchedule::new([RETRY_STEP_SECONDS_MAX]).is_ok());
        let longer = RETRY_STEP_SECONDS_MAX + 1;
        assert_eq!(RetrySchedule::new([longer]), Err(ScheduleError::StepTooLong(longer)));
    }

    proptest! {
        #[test]
        fn a_delivery_waits_its_step_and_ends(
            steps in proptest::collection::vec(0..=RETRY_STEP_SECONDS_MAX, 0..=RETRY_STEPS_MAX),
            made in 1_usize..30,
            jitter in proptest::num::f64::ANY,
            retry_after in proptest::option::of(any::<u32>()),
        ) {
            let schedule = RetrySchedule::new(steps.clone()).expect("legal");
            let waited = wait_ms(next_attempt(&schedule, made, NOW, jitter, retry_after));
            match steps.get(made - 1) {
                None => prop_assert_eq!(waited, None),
                Some(&step) => {
                    let step_ms = i64::from(step) * 1_000;
                    let longest = if retry_after.is_some() { 2 * step_ms } else { step_ms };
                    let waited = waited.expect("a step is left");
                    prop_assert!((step_ms..=longest + step_ms / 10).contains(&waited));
                }
            }
        }

        #[test]
        fn more_jitter_never_means_an_earlier_attempt(less in 0.0..=1.0, more in 0.0..=1.0) {
            prop_assume!(less <= more);
            let schedule = RetrySchedule::default();
            let at = |jitter| wait_ms(next_attempt(&schedule, 1, NOW, jitter, None));
            prop_assert!(at(less) <= at(more));
        }

        #[test]
        fn what_is_written_is_read_back(
            steps in proptest::collection::vec(0..=RETRY_STEP_SECONDS_MAX, 0..=RETRY_STEPS_MAX),
        ) {
            let schedule = RetrySchedule::new(steps).expect("legal");
            prop_assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
    }
}
