//! How much accounts use: asked with their lists, and at *This computer* whenever its pins have changed.

use std::{sync::Arc, time::Duration};

use tokio::sync::broadcast::error::RecvError;

use super::{Change, Shared, Which};
use crate::{
    account::{Account, UsageThen},
    error::Error,
};

/// Many pins at a time are one question.
const GATHER: Duration = Duration::from_secs(1);

/// Asks an account how much is used, where its service says so.
pub(super) async fn measure(shared: &Shared, account: &Account) {
    match ask(shared, account).await {
        Ok(true) => shared.announce(Change::Accounts(Which::Many)),
        Ok(false) => {}
        Err(error) => tracing::debug!(account = %account.id, %error, "how much is used is not to be had"),
    }
}

/// Asks *This computer* after changes of pins.
pub(super) async fn follow_own(shared: Arc<Shared>) {
    let mut changes = shared.changes.subscribe();
    loop {
        match changes.recv().await {
            Ok(Change::Pins(_)) | Err(RecvError::Lagged(_)) => {}
            Ok(_) => continue,
            Err(RecvError::Closed) => return,
        }
        shared.ports.clock.sleep(GATHER).await;
        // What was announced meanwhile is answered with this.
        changes = changes.resubscribe();
        let accounts = shared.store.accounts().await.unwrap_or_default();
        if let Some(own) = accounts.iter().find(|account| account.this_computer) {
            measure(&shared, own).await;
        }
    }
}

/// Whether the answer is another than before.
async fn ask(shared: &Shared, account: &Account) -> Result<bool, Error> {
    if !shared.access.capabilities(account).await?.usage {
        return Ok(false);
    }
    let usage = shared.access.provider(account).await?.usage().await?;
    let before = shared.store.usage(&account.id).await?;
    shared.store.save_usage(&account.id, UsageThen { usage, at: shared.ports.clock.now() }).await?;
    Ok(before.map(|before| before.usage) != Some(usage))
}
