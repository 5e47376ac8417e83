//! What an engine asks of its accounts by itself: their lists now and then, and more often what becomes of pins under way.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{Shared, pins};
use crate::{
    account::Account,
    duty::{Spared, guarded},
    pin::{
        mirror::{self, UnderWay},
        pace::LOOK,
    },
};

/// Between two questions about pins that a provider is working on.
const POLL: Duration = Duration::from_secs(10);

/// Before the first questions about pins that a provider was asked for a moment ago: many have the content.
const FIRST_LOOKS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// Looks at every account's list now and then.
pub(super) async fn follow(shared: Arc<Shared>) {
    let clock = Arc::clone(&shared.ports.clock);
    in_turns(
        shared,
        move || clock.sleep(LOOK),
        |shared, account| async move { pins::look_at(&shared, &account).await },
    )
    .await;
}

/// Asks about pins that a provider is working on.
pub(super) async fn poll(shared: Arc<Shared>, which: UnderWay) {
    let clock = Arc::clone(&shared.ports.clock);
    clock.sleep(POLL).await;
    in_turns(shared, move || clock.sleep(POLL), move |shared, account| ask(shared, account, which)).await;
}

/// Asks sooner than in their turns about pins that a provider was asked for a moment ago.
pub(super) async fn look_soon(shared: Arc<Shared>) {
    let (mut looks, watched) = (FIRST_LOOKS.iter().enumerate().cycle(), Arc::clone(&shared));
    let pause = move || {
        let (look, shared) = (looks.next(), Arc::clone(&watched));
        async move {
            let Some((number, pause)) = look else { return };
            if number == 0 {
                shared.asked.notified().await;
            }
            shared.ports.clock.sleep(*pause).await;
        }
        .boxed()
    };
    let lately: Duration = FIRST_LOOKS.iter().sum::<Duration>() * 2;
    in_turns(shared, pause, move |shared, account| {
        let since = shared.ports.clock.now().minus(lately);
        ask(shared, account, UnderWay::AskedForSince(since))
    })
    .await;
}

async fn ask(shared: Arc<Shared>, account: Account, which: UnderWay) {
    if let Err(error) = mirror::poll_under_way(&shared, &account, which).await {
        tracing::debug!(account = %account.id, %error, "pins under way cannot be asked about");
    }
}

/// Does `work` for every account at once, and again after every `pause`. An account whose last turn is not over is left out
/// of the next one: it holds up no other.
async fn in_turns<F: Future<Output = ()>>(
    shared: Arc<Shared>,
    mut pause: impl FnMut() -> BoxFuture<'static, ()>,
    work: impl Fn(Arc<Shared>, Account) -> F,
) {
    let (mut at_work, mut busy, mut spared) = (FuturesUnordered::new(), HashSet::new(), Spared::default());
    loop {
        let accounts = shared.store.accounts().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the accounts cannot be read");
            Vec::new()
        });
        let now = shared.ports.clock.monotonic();
        for account in accounts {
            if !spared.has(&account.id, now) && busy.insert(account.id.clone()) {
                let id = account.id.clone();
                at_work.push(guarded(work(Arc::clone(&shared), account)).map(|ended| (id, ended.is_some())));
            }
        }
        let mut next_turn = pause();
        loop {
            tokio::select! {
                () = &mut next_turn => break,
                Some((id, ended_well)) = at_work.next() => {
                    busy.remove(&id);
                    spared.note(&shared, &id, ended_well);
                }
            }
        }
    }
}
