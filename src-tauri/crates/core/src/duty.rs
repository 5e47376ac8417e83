//! Duties: what an engine does by itself for as long as it works. One that ends with a defect is begun again after a pause that
//! grows, and stands among the home's troubles until it has been at work for a while: none stops silently.

use std::{collections::HashMap, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt;

use crate::{
    engine::Shared,
    ids::{AccountId, FolderId},
    queue::pause,
    trouble::Trouble,
};

/// The longest pause before a duty is begun again.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long a duty is at work before it counts as well again.
const STEADY: Duration = Duration::from_secs(600);

/// What an engine does by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// Beginning what is due.
    Queue,
    /// Asking the accounts for their lists.
    Lists,
    /// Asking about what services work on.
    UnderWay,
    /// Asking one account for either.
    Account(AccountId),
    /// Measuring what *This computer* holds.
    Usage,
    /// Having the keyring forget what nobody needs.
    Keyring,
    /// Forgetting transfers that ended long ago.
    History,
    /// Keeping to the limits of the hour.
    Limits,
    /// Looking whether the database can be written.
    Database,
    /// Watching a folder.
    Folder(FolderId),
}

/// Does a duty until the engine stops, or it ends by itself.
pub(crate) async fn keep<F: Future<Output = ()>>(shared: Arc<Shared>, duty: Duty, begin: impl FnMut(Arc<Shared>) -> F) {
    let stop = shared.stop.clone();
    stop.run_until_cancelled(keep_to_the_end(shared, duty, begin)).await;
}

/// The same for a duty that ends by itself when the engine stops, and has to come to its end.
pub(crate) async fn keep_to_the_end<F: Future<Output = ()>>(
    shared: Arc<Shared>,
    duty: Duty,
    mut begin: impl FnMut(Arc<Shared>) -> F,
) {
    let mut deaths = 0;
    while guarded(at_work(&shared, &duty, &mut deaths, &mut begin)).await.is_none() {
        deaths += 1;
        tracing::error!(?duty, deaths, "a duty ended with a defect, and is begun again");
        shared.troubled(Trouble::Defect { duty: duty.clone(), times: deaths });
        let rest = guarded(async {
            let pause = pause::doubled(pause::FIRST, LONGEST_PAUSE, deaths);
            shared.stop.run_until_cancelled(shared.ports.clock.sleep(pause)).await
        });
        // Without a clock it would be begun again and again.
        if rest.await.flatten().is_none() {
            return;
        }
    }
    shared.is_well_again(&duty);
}

async fn at_work<F: Future<Output = ()>>(
    shared: &Arc<Shared>,
    duty: &Duty,
    deaths: &mut u32,
    begin: &mut impl FnMut(Arc<Shared>) -> F,
) {
    let mut work = pin!(begin(Arc::clone(shared)));
    if *deaths > 0 {
        tokio::select! {
            biased;
            () = &mut work => return,
            () = shared.ports.clock.sleep(STEADY) => {}
        }
        *deaths = 0;
        shared.is_well_again(duty);
    }
    work.await;
}

/// What comes of some work, nothing where it ends with a defect.
pub(crate) async fn guarded<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// The accounts that a duty has lately met a defect with: they are left alone for a while, and hold up no other.
#[derive(Debug, Default)]
pub(crate) struct Spared(HashMap<AccountId, Defects>);

#[derive(Debug)]
struct Defects {
    times: u32,
    until: Duration,
}

impl Spared {
    /// Whether an account is left alone at `now` of the monotonic clock.
    pub(crate) fn has(&self, account: &AccountId, now: Duration) -> bool {
        self.0.get(account).is_some_and(|defects| now < defects.until)
    }

    /// Notes how work with an account has ended.
    pub(crate) fn note(&mut self, shared: &Shared, account: &AccountId, ended_well: bool) {
        let duty = Duty::Account(account.clone());
        if ended_well {
            if self.0.remove(account).is_some() {
                shared.is_well_again(&duty);
            }
            return;
        }
        let times = self.0.get(account).map_or(1, |defects| defects.times + 1);
        tracing::error!(%account, times, "asking an account ended with a defect, and is done again");
        let until = shared.ports.clock.monotonic() + pause::doubled(pause::FIRST, LONGEST_PAUSE, times);
        self.0.insert(account.clone(), Defects { times, until });
        shared.troubled(Trouble::Defect { duty, times });
    }
}
