//! A transfer's run from its beginning to its end in the database: whatever it comes to is written, however long that takes.

use std::time::Duration;

use super::{
    gate::Task,
    pause,
    retry::{self, Next, Patience, Tries},
};
use crate::{
    duty::guarded,
    engine::{Change, Shared, Which},
    entropy::number_below,
    error::Error,
    ids::PinKey,
    pin::mirror::refresh_if_unlisted,
    store::{EndOfTry, Health, StoreError},
    transfer::{Attempted, Failure, Run, Then, Transfer, TransferState, Work, attempt},
};

/// Between tries to write the end of a run.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a task that died in the middle is called.
const DIED: Error = Error::Internal;

/// Runs a transfer once. As a probe of a gate, it asks the account something small before anything is sent.
pub(super) async fn run(shared: &Shared, transfer: Transfer, run: Run, is_probe: bool, patience: Patience) {
    // A defect in one transfer must not leave it running for ever, nor end the others.
    if guarded(to_its_end(shared, &transfer, &run, is_probe, patience)).await.is_none() {
        given_up(shared, &transfer, &run).await;
        shared.running.end(&transfer.id, &run);
        announce_end(shared, &transfer, transfer_pin(&transfer));
    }
}

async fn to_its_end(shared: &Shared, transfer: &Transfer, run: &Run, is_probe: bool, patience: Patience) {
    let result = guarded(probed(shared, transfer, run, is_probe)).await.unwrap_or(Err(DIED));
    let mut pin = transfer_pin(transfer);
    match result {
        // A click that came after the provider had accepted is too late: what happened is recorded.
        Ok((finish, _turn)) => {
            pin = Some(finish.pin().clone());
            written(shared, || shared.store.finish(&transfer.id, finish.clone(), shared.ports.clock.now())).await;
            shared.asked.notify_one();
            tell_gate(shared, transfer, None).await;
        }
        // Whoever paused it has written that already, and may have let it go on since.
        Err(Error::Cancelled) if run.stop.then() == Then::Paused => {
            tell_gate(shared, transfer, Some(&Error::Cancelled)).await;
            if shared.running.is_newest(&transfer.id, run) {
                written(shared, || shared.store.has_paused(&transfer.id, shared.ports.clock.now())).await;
            }
        }
        Err(error) => {
            tracing::info!(transfer = %transfer.id, code = error.code().as_str(), attempt = transfer.attempts, "a try failed");
            tell_gate(shared, transfer, Some(&error)).await;
            let written_so = matches!(error, Error::Cancelled).then(|| run.stop.then());
            let end = end_of(shared, transfer, run, &error, patience);
            written(shared, || shared.store.end_try(&transfer.id, end.clone(), shared.ports.clock.now())).await;
            // Told to stop while its end was written. Where that is its end, the person may have let it go on since.
            match run.stop.wish().filter(|wish| written_so != Some(*wish)) {
                None | Some(Then::Queued) => {}
                Some(Then::Cancelled) => {
                    written(shared, || shared.store.cancel_waiting(&transfer.id, shared.ports.clock.now())).await;
                }
                Some(Then::Paused) => {
                    written(shared, || shared.store.has_paused(&transfer.id, shared.ports.clock.now())).await;
                }
            }
        }
    }
    shared.running.end(&transfer.id, run);
    match shared.keep_contact(&transfer.account).await {
        Err(error) if !error.is_retryable() => tracing::error!(%error, "what an account showed cannot be written"),
        _ => {}
    }
    announce_end(shared, transfer, pin);
}

/// Says of this transfer and its pin that they are not as they were, and nothing of the others.
fn announce_end(shared: &Shared, transfer: &Transfer, pin: Option<PinKey>) {
    shared.announce(Change::Transfers(Which::one(transfer.id.clone())));
    if let Some(pin) = pin {
        shared.announce(Change::Pins(Which::one(pin)));
    }
    // What becomes of a watched file is said of its folder; so is that a pin went which may be one's.
    if matches!(transfer.work, Work::Upload { folder: Some(_), .. } | Work::Unpin { .. }) {
        shared.announce(Change::Folders);
    }
}

/// The pin that a transfer had before this try.
fn transfer_pin(transfer: &Transfer) -> Option<PinKey> {
    transfer.pin.clone().map(|id| PinKey { account: transfer.account.clone(), id })
}

/// Ends a transfer that ended with a defect before that was written.
async fn given_up(shared: &Shared, transfer: &Transfer, run: &Run) {
    tracing::error!(transfer = %transfer.id, "a transfer ended with a defect");
    shared.gates().found_nothing(&transfer.account, Task::of(&transfer.work));
    let end = || async {
        let is_running =
            shared.store.transfer(&transfer.id).await?.is_some_and(|now| now.state == TransferState::Running);
        if is_running {
            let end = match run.stop.told.is_cancelled() {
                true => stopped(transfer, run),
                false => EndOfTry {
                    state: TransferState::Failed(Failure::from(&DIED)),
                    failures: transfer.failures.saturating_add(1),
                    sent_in_vain: transfer.sent_in_vain,
                },
            };
            shared.store.end_try(&transfer.id, end, shared.ports.clock.now()).await?;
        }
        Ok(())
    };
    written(shared, end).await;
}

async fn probed(shared: &Shared, transfer: &Transfer, run: &Run, is_probe: bool) -> Result<Attempted, Error> {
    if is_probe && let Some(account) = shared.store.account(&transfer.account).await? {
        let asked = async { Ok::<_, Error>(shared.access.provider(&account).await?.test().await?) };
        tokio::select! {
            answer = asked => drop(answer?),
            () = run.stop.told.cancelled() => return Err(Error::Cancelled),
        }
    }
    if Task::of(&transfer.work) != Task::Unpin {
        tokio::select! {
            listed = refresh_if_unlisted(shared, &transfer.account) => listed?,
            () = run.stop.told.cancelled() => return Err(Error::Cancelled),
        }
    }
    attempt(shared, transfer, run.progress.clone(), &run.stop.told).await
}

/// Lets the account's gate know, and what waits behind it go on where it has opened.
async fn tell_gate(shared: &Shared, transfer: &Transfer, error: Option<&Error>) {
    let (account, task) = (&transfer.account, Task::of(&transfer.work));
    let spread = number_below(&*shared.ports.entropy, 2_001) as f64 / 1_000.0 - 1.0;
    let opened = {
        let mut gates = shared.gates();
        let opened = gates.ended(account, task, error.map_or(Ok(()), Err), shared.ports.clock.monotonic(), spread);
        // What is removed makes room.
        if error.is_none() && task == Task::Unpin {
            gates.room_at(account);
        }
        opened
    };
    if opened {
        shared.release(account).await;
    }
}

/// The end of what was told to end before its time.
fn stopped(transfer: &Transfer, run: &Run) -> EndOfTry {
    let state = match run.stop.then() {
        Then::Queued => TransferState::Queued,
        Then::Paused => TransferState::Paused,
        Then::Cancelled => TransferState::Cancelled,
    };
    EndOfTry { state, failures: transfer.failures, sent_in_vain: transfer.sent_in_vain }
}

fn end_of(shared: &Shared, transfer: &Transfer, run: &Run, error: &Error, patience: Patience) -> EndOfTry {
    let sent = run.progress.bytes();
    let sent_in_vain = transfer.sent_in_vain.saturating_add(sent);
    if matches!(error, Error::Cancelled) {
        return stopped(transfer, run);
    }
    let tries = Tries {
        attempts: transfer.attempts,
        failures: transfer.failures,
        bytes: shared.running.bytes_of(&transfer.id).unwrap_or(transfer.bytes),
        sent,
        sent_in_vain,
    };
    let (next, failures) = retry::after(error, tries, patience);
    let failure = Failure::from(error);
    let state = match next {
        Next::GiveUp => TransferState::Failed(failure),
        Next::Hold => TransferState::Waiting { until: None, failure },
        Next::After(pause) => TransferState::Waiting { until: Some(shared.ports.clock.now().plus(pause)), failure },
    };
    EndOfTry { state, failures, sent_in_vain }
}

/// Writes until it is written: a database that fails holds the work up, and loses none of it.
pub(super) async fn written<T, F: Future<Output = Result<T, StoreError>>>(
    shared: &Shared,
    mut write: impl FnMut() -> F,
) {
    let mut tries = 0;
    let mut health = shared.store.health();
    while let Err(error) = write().await {
        match error.is_of_database() {
            // The home's troubles have it.
            true => tracing::debug!(%error, "the end of a try cannot be written yet"),
            false => tracing::error!(%error, "the end of a try cannot be written, which is tried again"),
        }
        tries += 1;
        let is_held_up = *health.borrow_and_update() != Health::Sound;
        tokio::select! {
            Ok(_) = health.wait_for(|health| *health == Health::Sound), if is_held_up => {}
            () = shared.ports.clock.sleep(pause::doubled(pause::FIRST, LONGEST_PAUSE, tries)) => {}
            // What ran is begun again at the next start.
            () = shared.stop.cancelled() => return,
        }
    }
}
