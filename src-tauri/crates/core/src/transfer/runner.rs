//! The runner: takes due transfers in order, a bounded number at a time, and writes how each try ended.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Failure, Transfer, TransferState, Work, pin_cid, relay::Relay, unpin, upload::Upload};
use crate::{
    account::{Account, AccountId, Since},
    clock::UnixMillis,
    content::Progress,
    disk::Place,
    engine::{Change, Shared},
    error::{Code, Error},
    store::Finish,
};

/// Transfers under way at once.
const MAX_RUNNING: usize = 6;

/// Transfers under way at one account, so that none takes all places.
const MAX_RUNNING_PER_ACCOUNT: usize = 3;

/// Failures before a transfer that may yet succeed is given up and left to the user.
const MAX_FAILURES: u32 = 8;

/// The same where a person or a script waits for the end.
const MAX_FAILURES_WHILE_WAITED_FOR: u32 = 3;

/// Looks at what the service is still fetching where somebody waits: some five minutes.
const MAX_LOOKS_WHILE_WAITED_FOR: u32 = 11;

/// How long to go on trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// A few tries: somebody waits.
    Short,
    /// Through any outage: the queue is worked on as long as the engine runs.
    Endless,
}

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// What a task that died in the middle is called.
const DIED: Error = Error::Internal;

/// Works through the queue until the engine stops.
pub(crate) struct Runner {
    shared: Arc<Shared>,
    patience: Patience,
    running: JoinSet<AccountId>,
    per_account: HashMap<AccountId, usize>,
}

impl Runner {
    pub(crate) fn new(shared: Arc<Shared>, patience: Patience) -> Self {
        Self { shared, patience, running: JoinSet::new(), per_account: HashMap::new() }
    }

    /// Runs until the engine stops; what runs then is stopped and goes on at the next start.
    pub(crate) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        loop {
            if let Err(error) = self.fill().await {
                tracing::error!(%error, "the queue cannot be read");
            }
            let pause = self.until_next_due().await;
            tokio::select! {
                () = shared.stop.cancelled() => break,
                () = shared.wake.notified() => {}
                () = shared.ports.clock.sleep(pause) => {}
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => self.ended(ended),
            }
        }
        self.running.shutdown().await;
    }

    /// Starts due transfers while there are places.
    async fn fill(&mut self) -> Result<(), Error> {
        while self.running.len() < MAX_RUNNING {
            let now = self.shared.ports.clock.now();
            let due = self.shared.store.due_transfers(now, self.busy_accounts(), 1).await?;
            let Some(transfer) = due.into_iter().next() else { break };
            let cancel = CancellationToken::new();
            // Before it is called running, so that whoever reads that can stop it.
            let progress = self.shared.running.start(&transfer.id, transfer.bytes, cancel.clone());
            match self.shared.store.begin(&transfer.id, now).await {
                Ok(true) => {}
                not_begun => {
                    self.shared.running.end(&transfer.id);
                    not_begun?;
                    continue;
                }
            }
            *self.per_account.entry(transfer.account.clone()).or_default() += 1;
            let (shared, patience) = (Arc::clone(&self.shared), self.patience);
            self.running.spawn(async move {
                let account = transfer.account.clone();
                let transfer = Transfer { attempts: transfer.attempts + 1, ..transfer };
                run_one(&shared, &transfer, progress, &cancel, patience).await;
                account
            });
            self.shared.announce(Change::Transfers);
        }
        Ok(())
    }

    fn ended(&mut self, ended: Result<AccountId, tokio::task::JoinError>) {
        match ended {
            Ok(account) => {
                if let Some(count) = self.per_account.get_mut(&account) {
                    *count = count.saturating_sub(1);
                }
            }
            Err(error) => tracing::error!(%error, "a transfer's task died"),
        }
        if self.running.is_empty() {
            self.per_account.clear();
        }
    }

    /// Accounts that get nothing more to do: those that have enough, and those whose owner has to enter another secret first.
    fn busy_accounts(&self) -> Vec<AccountId> {
        let full = self.per_account.iter().filter(|(_, count)| **count >= MAX_RUNNING_PER_ACCOUNT);
        let full = full.map(|(account, _)| account.clone());
        match self.patience {
            Patience::Endless => full.chain(self.shared.access.locked_out()).collect(),
            // Somebody waits, and is told of each.
            Patience::Short => full.collect(),
        }
    }

    async fn until_next_due(&self) -> Duration {
        match self.shared.store.next_due(self.busy_accounts()).await {
            Ok(Some(at)) if self.running.len() < MAX_RUNNING => {
                at.since(self.shared.ports.clock.now()).clamp(Duration::from_millis(50), LONGEST_RETRY)
            }
            _ => LONGEST_RETRY,
        }
    }
}

async fn run_one(
    shared: &Shared,
    transfer: &Transfer,
    progress: Progress,
    cancel: &CancellationToken,
    patience: Patience,
) {
    // A defect in one transfer must not leave it running for ever, nor end the others.
    let attempt = AssertUnwindSafe(attempt(shared, transfer, progress, cancel)).catch_unwind();
    let attempted = attempt.await.unwrap_or(Err(DIED));
    // Before the end is written: what the database calls done is not running, and a next try is not ended by this one.
    shared.running.end(&transfer.id);
    let result = match attempted {
        // A click that came after the provider had accepted is too late: what happened is recorded.
        Ok(finish) => {
            let written = shared.store.finish(&transfer.id, finish, shared.ports.clock.now()).await;
            shared.asked.notify_one();
            written
        }
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        tracing::info!(transfer = %transfer.id, code = error.code().as_str(), attempt = transfer.attempts, "a try failed");
        let now = shared.ports.clock.now();
        let failures = failures_after(&error, transfer.failures, patience);
        let state = state_after(&error, transfer.attempts, failures, patience, now);
        if let Err(error) = shared.store.set_transfer_state(&transfer.id, state, failures, now).await {
            tracing::error!(%error, "the end of a try cannot be written");
        }
    }
    if let Err(error) = shared.keep_contact(&transfer.account).await {
        tracing::error!(%error, "what an account showed cannot be written");
    }
    for change in [Change::Transfers, Change::Pins, Change::Folders, Change::Accounts] {
        shared.announce(change);
    }
}

async fn attempt(
    shared: &Shared,
    transfer: &Transfer,
    progress: Progress,
    cancel: &CancellationToken,
) -> Result<Finish, Error> {
    loop {
        let since = shared.access.moment();
        let result = attempt_with(shared, transfer, progress.clone(), cancel, since).await;
        match result {
            // It was asked with credentials that were replaced meanwhile; with the new ones it may go well.
            Err(error) if error.code().wants_credentials() && shared.access.were_replaced(since) => {}
            result => return result,
        }
    }
}

/// With the credentials that the accounts have now, at `since`, or got after it.
async fn attempt_with(
    shared: &Shared,
    transfer: &Transfer,
    progress: Progress,
    cancel: &CancellationToken,
    since: Since,
) -> Result<Finish, Error> {
    let account = shared.store.account(&transfer.account).await?;
    let account = account.ok_or_else(|| Error::NoSuch { what: "account", id: transfer.account.0.clone() })?;
    let result = match &transfer.work {
        Work::Upload { place, .. } => {
            let task = UploadTask { transfer, account: &account, place, progress, cancel, since };
            upload(shared, task).await
        }
        Work::Pin { cid } => unless_cancelled(cancel, pin_cid::run(shared, transfer, &account, cid)).await,
        Work::Unpin { pin } => unless_cancelled(cancel, unpin::run(shared, &account, pin)).await,
    };
    shared.access.note(&account.id, since, result.as_ref().err());
    result
}

/// Where an upload comes from and goes to.
struct UploadTask<'a> {
    transfer: &'a Transfer,
    account: &'a Account,
    place: &'a Place,
    progress: Progress,
    cancel: &'a CancellationToken,
    since: Since,
}

/// Sends an upload to its account, or by way of the user's node where the service only pins by CID.
async fn upload(shared: &Shared, task: UploadTask<'_>) -> Result<Finish, Error> {
    let UploadTask { transfer, account, place, progress, cancel, since } = task;
    let takes_files = tokio::select! {
        capabilities = shared.access.capabilities(account) => capabilities?.upload.is_some(),
        () = cancel.cancelled() => return Err(Error::Cancelled),
    };
    if takes_files {
        Upload { shared, transfer, record: &transfer.id, account, place, progress, cancel }.run().await
    } else {
        Relay { shared, transfer, target: account, since, place, progress, cancel }.run().await
    }
}

async fn unless_cancelled(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<Finish, Error>>,
) -> Result<Finish, Error> {
    tokio::select! {
        result = work => result,
        () = cancel.cancelled() => Err(Error::Cancelled),
    }
}

/// How many failures of a transfer count when another try of it has ended so.
fn failures_after(error: &Error, before: u32, patience: Patience) -> u32 {
    // Somebody else may stand between here and the service: it answered like one when its account was added.
    let may_take_any_time = error.is_outage() || error.code() == Code::NotAPinningApi;
    match patience {
        // The service has been asked and is at work.
        _ if matches!(error, Error::StillFetching { .. }) => 0,
        Patience::Endless if may_take_any_time => before,
        _ => before + 1,
    }
}

fn state_after(error: &Error, attempts: u32, failures: u32, patience: Patience, now: UnixMillis) -> TransferState {
    if matches!(error, Error::Cancelled) {
        return TransferState::Cancelled;
    }
    let failure = Failure::from(error);
    let is_given_up = match patience {
        Patience::Short if matches!(error, Error::StillFetching { .. }) => attempts >= MAX_LOOKS_WHILE_WAITED_FOR,
        Patience::Short => failures >= MAX_FAILURES_WHILE_WAITED_FOR,
        Patience::Endless => failures >= MAX_FAILURES,
    };
    if !error.is_retryable() || is_given_up {
        return TransferState::Failed(failure);
    }
    // "At once" from a service that fails is not taken at its word.
    let pause = error.retry_after().map_or_else(|| retry_pause(attempts), |asked| asked.max(FIRST_RETRY));
    TransferState::Waiting { until: now.plus(pause), failure }
}

/// Twice as long after each try.
fn retry_pause(attempts: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_bounded() {
        let seconds: Vec<_> = (1..9).map(|attempts| retry_pause(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
