//! Waiting for a condition, with a deadline.

use std::{
    panic::Location,
    time::{Duration, Instant},
};

/// Long enough for a busy machine; only a failing test waits it out.
const DEADLINE: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until `condition` gives something, and gives that.
///
/// # Panics
/// When the deadline passes first.
#[track_caller]
pub fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let (place, began) = (Location::caller(), Instant::now());
    async move {
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            assert!(began.elapsed() < DEADLINE, "waited in vain at {place}: {what}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
