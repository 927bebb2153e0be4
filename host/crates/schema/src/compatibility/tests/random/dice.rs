//! Random choices that can be repeated by their seed.

/// A source of choices: the same seed gives the same ones, on every machine and in every release.
pub(in super::super) struct Dice(u64);

impl Dice {
    pub(in super::super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An odd step visits every state, and two rounds of mixing make neighbours look unrelated.
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    }

    /// A number from 0 to `end`, without `end`; 0 if `end` is 0.
    pub(in super::super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("64 bits are enough").max(1);
        usize::try_from(self.roll() % end).expect("below an usize")
    }

    /// `true` in `percent` of a hundred cases.
    pub(in super::super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One item of a list that is not empty.
    pub(in super::super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// One item of a list; `None` if it is empty.
    pub(in super::super) fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// An integer between `least` and `most`, both included.
    pub(in super::super) fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = usize::try_from(most.saturating_sub(least).saturating_add(1)).unwrap_or(1);
        least + i64::try_from(self.below(span)).expect("spans are small")
    }
}
