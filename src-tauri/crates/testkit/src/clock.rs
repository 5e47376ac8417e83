//! Time that passes when the test says so.

use std::time::Duration;

use holdfast_core::clock::{Clock, Sleep, UnixMillis};
use tokio::sync::watch;

/// A clock that stands still between calls of [`ManualClock::advance`].
#[derive(Debug)]
pub struct ManualClock(watch::Sender<Now>);

#[derive(Clone, Copy, Debug)]
struct Now {
    wall: UnixMillis,
    monotonic: Duration,
}

impl Default for ManualClock {
    /// Stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self(watch::Sender::new(Now { wall: UnixMillis(1_767_225_600_000), monotonic: Duration::ZERO }))
    }
}

impl ManualClock {
    /// Lets time pass; sleepers whose time has come wake.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| {
            now.wall = now.wall.plus(by);
            now.monotonic += by;
        });
    }

    /// Sets the wall clock alone, as a user or a time server does.
    pub fn set_wall(&self, to: UnixMillis) {
        self.0.send_modify(|now| now.wall = to);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        self.0.borrow().wall
    }

    fn monotonic(&self) -> Duration {
        self.0.borrow().monotonic
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let until = self.monotonic() + duration;
        let mut now = self.0.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| now.monotonic >= until).await.is_err() {
                // The clock is gone: its time never comes.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
        let clock = ManualClock::default();
        let mut sleep = clock.sleep(Duration::from_secs(2));
        clock.advance(Duration::from_secs(1));
        assert!(futures_util::poll!(&mut sleep).is_pending());
        clock.set_wall(UnixMillis(0));
        assert!(futures_util::poll!(&mut sleep).is_pending());
        clock.advance(Duration::from_secs(1));
        sleep.await;
    }
}
