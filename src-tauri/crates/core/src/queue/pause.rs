//! How long the queue waits before a next try: twice as long after each, or as long as a service asks for.

use std::time::Duration;

/// Before the second try.
pub(crate) const FIRST: Duration = Duration::from_secs(1);

/// The longest rest that a service is believed to want.
pub(crate) const LONGEST_REST: Duration = Duration::from_secs(3600);

/// How long an unpin waits before it begins, so that it can be undone.
pub(crate) const TO_UNDO: Duration = Duration::from_secs(10);

/// The pause after so many tries: `first` after one, and twice as long after each, up to `longest`.
pub(crate) fn doubled(first: Duration, longest: Duration, tries: u32) -> Duration {
    first.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(longest)
}

/// The pause that a service asked for. "At once" from one that fails is not taken at its word, nor that it is to be left alone
/// for years.
pub(super) fn as_asked(asked: Duration) -> Duration {
    asked.clamp(FIRST, LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_bounded() {
        let seconds = |tries| doubled(FIRST, Duration::from_secs(60), tries).as_secs();
        assert_eq!((1..9).map(seconds).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
