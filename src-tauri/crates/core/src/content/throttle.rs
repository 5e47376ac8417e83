//! How fast bytes go: what is sent, or fetched, shares one rate, whoever sends it.

use std::{
    num::NonZeroU64,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::clock::Clock;

/// What may go at once after a pause.
const BURST: Duration = Duration::from_millis(250);

/// Bytes that are let go together, in parts of a second: what a slow line is given must not keep it busy for long.
const SHARE: u64 = 4;
const FEWEST: u64 = 1024;

/// Lets so many bytes a second go, or all; clones share the rate.
#[derive(Clone)]
pub struct Throttle {
    clock: Arc<dyn Clock>,
    rate: watch::Sender<Option<NonZeroU64>>,
    /// When what was let go so far will have gone at this rate, by the clock's monotonic time.
    gone_at: Arc<Mutex<Duration>>,
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Throttle").field(&*self.rate.borrow()).finish()
    }
}

impl Throttle {
    /// One that lets all go at first.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, rate: watch::Sender::new(None), gone_at: Arc::default() }
    }

    /// Sets the bytes that may go in a second; `None` for all.
    pub fn set(&self, rate: Option<NonZeroU64>) {
        self.rate.send_if_modified(|now| std::mem::replace(now, rate) != rate);
    }

    /// How many bytes may be asked for together.
    #[must_use]
    pub fn at_once(&self, most: usize) -> usize {
        self.rate
            .borrow()
            .map_or(most, |rate| most.min(usize::try_from((rate.get() / SHARE).max(FEWEST)).unwrap_or(most)))
    }

    /// Waits until so many bytes may go. They go in the order in which they were asked for, and what waits when the rate changes
    /// goes by the new one.
    pub async fn take(&self, bytes: usize) {
        let mut changes = self.rate.subscribe();
        loop {
            let Some(rate) = *changes.borrow_and_update() else { return };
            let takes = Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
            let now = self.clock.monotonic();
            let until = {
                let mut gone_at = self.gone_at();
                *gone_at = (*gone_at).max(now.saturating_sub(BURST)).saturating_add(takes);
                *gone_at
            };
            tokio::select! {
                biased;
                () = self.clock.sleep(until.saturating_sub(now)) => return,
                changed = changes.changed() => {
                    *self.gone_at() = now;
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn gone_at(&self) -> MutexGuard<'_, Duration> {
        self.gone_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
