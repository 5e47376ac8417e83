//! The runner: begins due transfers where there are places, and lets each end be written.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::task::{Id, JoinError, JoinSet};

use super::{
    gate::{Admission, Task},
    lanes::{Lane, Load, has_place},
    retry::Patience,
    settled,
};
use crate::{
    clock::UnixMillis,
    engine::{Change, Shared, Which},
    error::Error,
    ids::AccountId,
    store::{StoreError, Wanted},
    transfer::Transfer,
};

/// Before the queue is looked at again although nothing says that it should.
const LONGEST_NAP: Duration = Duration::from_secs(60);
const SHORTEST_NAP: Duration = Duration::from_millis(50);

/// A clock that differs from the monotonic one by more than it did has been set.
const CLOCK_WAS_SET: i64 = 2_000;

/// Works through the queue until the engine stops.
pub(crate) struct Runner {
    shared: Arc<Shared>,
    patience: Patience,
    running: JoinSet<()>,
    places: HashMap<Id, (AccountId, Lane)>,
    /// How far the wall clock is ahead of the monotonic one.
    clock_ahead: i64,
}

impl Runner {
    pub(crate) fn new(shared: Arc<Shared>, patience: Patience) -> Self {
        let clock_ahead = ahead(&shared);
        Self { shared, patience, running: JoinSet::new(), places: HashMap::new(), clock_ahead }
    }

    /// Runs until the engine stops; what runs then is stopped and goes on at the next start.
    pub(crate) async fn run(mut self) {
        let worked = AssertUnwindSafe(self.work()).catch_unwind().await;
        // Nothing of it goes on beside those that begin it anew.
        self.running.shutdown().await;
        self.shared.running.forget_all();
        if let Err(defect) = worked {
            resume_unwind(defect);
        }
    }

    async fn work(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.recover().await;
        loop {
            let pause = match self.fill().await {
                Ok(pause) => pause,
                Err(error) => {
                    match &error {
                        // The home's troubles have it.
                        Error::Store(error) if error.is_of_database() => {
                            tracing::debug!(%error, "nothing can be begun")
                        }
                        error => tracing::error!(%error, "the queue cannot be read"),
                    }
                    LONGEST_NAP / 10
                }
            };
            tokio::select! {
                biased;
                () = shared.stop.cancelled() => break,
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
                () = shared.wake.notified() => {}
                () = shared.ports.clock.sleep(pause) => {}
            }
        }
    }

    /// Puts back into the queue what another runner was at when it ended with a defect.
    async fn recover(&self) {
        self.shared.gates().forget_probes();
        let shared = &self.shared;
        settled::written(shared, || shared.store.requeue_interrupted(shared.ports.clock.now())).await;
        self.shared.announce(Change::Transfers(Which::Many));
    }

    /// Begins what is due where there are places, an account after the other. Gives how long nothing more can begin by itself.
    async fn fill(&mut self) -> Result<Duration, Error> {
        self.mind_the_clock().await?;
        // What is begun then is not found again, should this end.
        if self.shared.store.can_be_written().is_err() {
            return Ok(LONGEST_NAP);
        }
        loop {
            let now = self.shared.ports.clock.now();
            let wanted = self.wanted().await?;
            let due = self.shared.store.next_transfers(now, wanted.clone()).await?;
            let mut begun = Vec::new();
            for transfer in due {
                let id = transfer.id.clone();
                let has_place = has_place(transfer.lane, self.load(&transfer.account), self.shared.at_once());
                if has_place && self.begin(transfer, now).await? {
                    begun.push(id);
                }
            }
            if begun.is_empty() {
                return self.nap(wanted, now).await;
            }
            self.shared.announce(Change::Transfers(begun.into_iter().collect()));
        }
    }

    /// What each account may be given.
    async fn wanted(&self) -> Result<Vec<Wanted>, Error> {
        let (paused, accounts) = self.shared.store.accounts_at_work().await?;
        if paused {
            return Ok(Vec::new());
        }
        let now = self.shared.ports.clock.monotonic();
        let gates = self.shared.gates();
        let (mut wanted, at_once) = (Vec::new(), self.shared.at_once());
        for account in accounts {
            let load = self.load(&account);
            let Some(lane) = [Lane::Bulk, Lane::Click].into_iter().find(|lane| has_place(*lane, load, at_once)) else {
                continue;
            };
            for task in Task::ALL {
                let admission = match self.patience {
                    Patience::Endless => gates.admits(&account, task, now),
                    // Somebody waits, and is told of each.
                    Patience::Short => Admission::Open,
                };
                if admission != Admission::Closed {
                    let held_too = admission == Admission::Probe;
                    wanted.push(Wanted { account: account.clone(), task, slowest: lane, held_too });
                }
            }
        }
        Ok(wanted)
    }

    async fn begin(&mut self, transfer: Transfer, now: UnixMillis) -> Result<bool, Error> {
        let task = Task::of(&transfer.work);
        let is_probe = {
            let mut gates = self.shared.gates();
            let admission = gates.admits(&transfer.account, task, self.shared.ports.clock.monotonic());
            if self.patience == Patience::Endless && admission == Admission::Closed {
                return Ok(false);
            }
            gates.begin(&transfer.account, task);
            admission == Admission::Probe
        };
        // Before it is called running, so that whoever reads that can stop it.
        let run = self.shared.running.start(&transfer);
        match self.shared.store.begin(&transfer.id, now).await {
            Ok(true) => {}
            not_begun => {
                self.shared.running.end(&transfer.id, &run);
                self.shared.gates().found_nothing(&transfer.account, task);
                not_begun?;
                return Ok(false);
            }
        }
        let place = (transfer.account.clone(), transfer.lane);
        let (shared, patience) = (Arc::clone(&self.shared), self.patience);
        let transfer = Transfer { attempts: transfer.attempts + 1, ..transfer };
        let task = async move { settled::run(&shared, transfer, run, is_probe, patience).await };
        self.places.insert(self.running.spawn(task).id(), place);
        Ok(true)
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            // Not even its end could be written: all that runs is put back, and begun again after a pause.
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(error) => error.id(),
        };
        self.places.remove(&id);
    }

    fn load(&self, account: &AccountId) -> Load {
        let mut load = Load::default();
        for (whose, lane) in self.places.values() {
            let is_theirs = whose == account;
            load.bulk_in_all += usize::from(*lane == Lane::Bulk);
            load.bulk += usize::from(is_theirs && *lane == Lane::Bulk);
            load.clicks += usize::from(is_theirs && *lane == Lane::Click);
        }
        load
    }

    /// Until something is due by itself.
    async fn nap(&self, wanted: Vec<Wanted>, now: UnixMillis) -> Result<Duration, Error> {
        let due = self.shared.store.next_due(wanted).await?;
        let due = due.map_or(LONGEST_NAP, |at| at.since(now));
        let gate = match self.patience {
            Patience::Endless => self.shared.gates().next_try_after(self.shared.ports.clock.monotonic()),
            Patience::Short => None,
        };
        let gate = gate.unwrap_or(LONGEST_NAP);
        Ok(due.min(gate).clamp(SHORTEST_NAP, LONGEST_NAP))
    }

    /// Pauses are measured by the monotonic clock: when the other one is set, what waits by it is moved along.
    async fn mind_the_clock(&mut self) -> Result<(), StoreError> {
        let before = std::mem::replace(&mut self.clock_ahead, ahead(&self.shared));
        let moved = self.clock_ahead.saturating_sub(before);
        if moved.abs() > CLOCK_WAS_SET { self.shared.store.move_waiting(moved).await } else { Ok(()) }
    }
}

fn ahead(shared: &Shared) -> i64 {
    let clock = &shared.ports.clock;
    let monotonic = i64::try_from(clock.monotonic().as_millis()).unwrap_or(i64::MAX);
    clock.now().0.saturating_sub(monotonic)
}
