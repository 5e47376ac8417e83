//! Ended transfers are kept for a time and up to a number; what is older is forgotten in the background.

use std::{sync::Arc, time::Duration};

use super::{Change, Engine, Shared, Which};
use crate::{error::Error, store::Pruned};

const DAYS: &str = "history_days";
const TRANSFERS: &str = "history_transfers";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two looks at what may be forgotten.
const PAUSE: Duration = Duration::from_secs(60 * 60);

/// How much of what has ended is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Days that an ended transfer is kept for.
    pub days: u32,
    /// Of those that are done or were cancelled, the newest so many; what failed is kept for its days.
    pub transfers: u32,
}

impl Default for History {
    fn default() -> Self {
        Self { days: 30, transfers: 10_000 }
    }
}

impl Engine {
    /// How much of what has ended is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(&self) -> Result<History, Error> {
        kept(&self.shared).await
    }

    /// Sets how much is kept; what is more is forgotten now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_history(&self, history: History) -> Result<(), Error> {
        self.shared.store.set_setting(DAYS, Some(history.days.to_string())).await?;
        self.shared.store.set_setting(TRANSFERS, Some(history.transfers.to_string())).await?;
        self.shared.announce(Change::Settings);
        prune(&self.shared).await
    }
}

/// Forgets what is too old or too much, again and again.
pub(super) async fn follow(shared: Arc<Shared>) {
    loop {
        if let Err(error) = prune(&shared).await {
            tracing::warn!(%error, "old transfers cannot be forgotten");
        }
        shared.ports.clock.sleep(PAUSE).await;
    }
}

async fn kept(shared: &Shared) -> Result<History, Error> {
    let defaults = History::default();
    let number = async |name| shared.store.setting(name).await.map(|text| text.and_then(|text| text.parse().ok()));
    Ok(History {
        days: number(DAYS).await?.unwrap_or(defaults.days),
        transfers: number(TRANSFERS).await?.unwrap_or(defaults.transfers),
    })
}

async fn prune(shared: &Shared) -> Result<(), Error> {
    let history = kept(shared).await?;
    let ended_before = shared.ports.clock.now().minus(DAY.saturating_mul(history.days));
    let mut surplus = shared.store.finished_count().await?.saturating_sub(history.transfers.into());
    let (mut after, mut has_forgotten) = (Some(0), false);
    while let Some(row) = after {
        let Pruned { more_after, forgotten } = shared.store.prune_history(row, ended_before, surplus).await?;
        surplus = surplus.saturating_sub(forgotten);
        has_forgotten |= forgotten > 0;
        after = more_after;
    }
    if has_forgotten {
        shared.announce(Change::Transfers(Which::Many));
    }
    Ok(())
}
