//! What an engine asks of its accounts by itself: their lists now and then, and more often what becomes of pins under way.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};

use super::{Shared, pins};
use crate::{account::Account, pin::mirror};

/// Between two whole listings of an account.
const REFRESH: Duration = Duration::from_secs(300);

/// Between two questions about pins that a provider is working on.
const POLL: Duration = Duration::from_secs(10);

/// Lists every account whole, now and then.
pub(super) async fn follow(shared: Arc<Shared>) {
    in_turns(shared, REFRESH, |shared, account| async move { pins::refresh_one(&shared, &account).await }).await;
}

/// Asks about pins that a provider is working on.
pub(super) async fn poll(shared: Arc<Shared>) {
    shared.ports.clock.sleep(POLL).await;
    in_turns(shared, POLL, |shared, account| async move {
        if let Err(error) = mirror::poll_under_way(&shared, &account).await {
            tracing::debug!(account = %account.id, %error, "pins under way cannot be asked about");
        }
    })
    .await;
}

/// Does `work` for every account at once, and again after every `pause`. An account whose last turn is not over is left out
/// of the next one: it holds up no other.
async fn in_turns<F: Future<Output = ()>>(
    shared: Arc<Shared>,
    pause: Duration,
    work: impl Fn(Arc<Shared>, Account) -> F,
) {
    let (mut at_work, mut busy) = (FuturesUnordered::new(), HashSet::new());
    loop {
        let accounts = shared.store.accounts().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the accounts cannot be read");
            Vec::new()
        });
        for account in accounts {
            if busy.insert(account.id.clone()) {
                let id = account.id.clone();
                at_work.push(work(Arc::clone(&shared), account).map(|()| id));
            }
        }
        let mut next_turn = shared.ports.clock.sleep(pause);
        loop {
            tokio::select! {
                () = &mut next_turn => break,
                Some(id) = at_work.next() => drop(busy.remove(&id)),
            }
        }
    }
}
