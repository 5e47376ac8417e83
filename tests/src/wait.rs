//! Waiting for something to become true, with a deadline instead of a guess.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const POLL: Duration = Duration::from_millis(50);

/// Long enough for a busy machine with two cores; a pass never waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the answer is `Some`.
///
/// # Errors
///
/// After `patience`, naming `what`, and at once when `ask` fails.
pub fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if started.elapsed() > patience {
            bail!("waited {patience:?} for {what}");
        }
        std::thread::sleep(POLL);
    }
}

/// Asks until the answer is `Some`, without blocking the thread.
///
/// # Errors
///
/// After `patience`, naming `what`, and at once when `ask` fails.
pub async fn until_async<T, F>(what: &str, patience: Duration, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if started.elapsed() > patience {
            bail!("waited {patience:?} for {what}");
        }
        tokio::time::sleep(POLL).await;
    }
}
