//! How long many of a kind took, and numbers to choose them by.

use std::time::Duration;

/// Numbers without a pattern, the same in each run (SplitMix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 32) as u32
    }

    /// One below `bound`; zero where there is none.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = (u64::from(self.next()) << 32) | u64::from(self.next());
        wide.checked_rem(bound).unwrap_or_default()
    }

    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(usize::try_from(self.below(all.len() as u64)).unwrap_or_default())
    }
}

/// How long each took.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time that so many of a hundred did not exceed.
    pub(super) fn percentile(&self, hundredths: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted.get((sorted.len() * hundredths / 100).min(last)).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = |hundredths| self.percentile(hundredths).as_secs_f64() * 1000.0;
        write!(f, "median {:6.2}  p99 {:6.2}  longest {:6.2}", milliseconds(50), milliseconds(99), milliseconds(100))
    }
}
