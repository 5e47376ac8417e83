//! The system's clock and tokio's timer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::{Clock, Sleep, UnixMillis};

/// The timer stands still while the computer is asleep; what has become due meanwhile waits so long at most.
const LONGEST_TIMER: Duration = Duration::from_secs(5);

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Duration,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: awake_or_asleep() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn minute_of_day(&self) -> u16 {
        let now = jiff::Zoned::now();
        u16::try_from(i16::from(now.hour()) * 60 + i16::from(now.minute())).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        awake_or_asleep().saturating_sub(self.started)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (clock, end) = (*self, self.monotonic().saturating_add(duration));
        Box::pin(async move {
            loop {
                let left = end.saturating_sub(clock.monotonic());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_TIMER)).await;
            }
        })
    }
}

/// Time since some moment before this process began, with the time that the computer was asleep.
#[cfg(unix)]
fn awake_or_asleep() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // What is called monotonic counts sleep everywhere but on Linux.
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;
    clock_gettime(CLOCK).try_into().unwrap_or_default()
}

/// Time since the first question, with the time that the computer was asleep: the performance counter goes on counting.
#[cfg(not(unix))]
fn awake_or_asleep() -> Duration {
    use std::{sync::LazyLock, time::Instant};
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_takes_as_long_as_it_was_asked_for() {
        let clock = SystemClock::default();
        let before = clock.monotonic();
        clock.sleep(Duration::from_millis(30)).await;
        assert!(clock.monotonic() - before >= Duration::from_millis(30));
        clock.sleep(Duration::ZERO).await;
        assert!(futures_util::poll!(clock.sleep(Duration::MAX)).is_pending());
    }
}
