//! What is running now: how far it is, and the way to stop it. Lost with the process; the database has the truth.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Transfer, TransferId, TransferProgress};
use crate::{content::Progress, ids::AccountId};

/// Over which the rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(4);

/// Before a rate says anything.
const LEAST_WINDOW: Duration = Duration::from_millis(500);

/// The transfers that are running.
#[derive(Debug, Default)]
pub(crate) struct Running {
    all: Mutex<HashMap<TransferId, One>>,
    begun: AtomicU64,
    /// That one has ended.
    ended: Notify,
    sent: Mutex<Sent>,
}

/// What all runs have sent together, also those that have ended.
#[derive(Debug, Default)]
struct Sent {
    by_ended: u64,
    samples: VecDeque<(Duration, u64)>,
}

/// A run of a transfer: what it tells, and what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Of its own among all runs.
    pub(crate) number: u64,
    pub(crate) progress: Progress,
    pub(crate) stop: Stop,
}

/// How a run is told to end before its time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    pub(crate) told: CancellationToken,
    then: Arc<AtomicU8>,
}

/// What becomes of a run that was told to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Then {
    /// It was given up.
    #[default]
    Cancelled,
    /// It goes on when its account, or everything, does.
    Queued,
    /// It was paused by itself.
    Paused,
}

impl Stop {
    pub(crate) fn then(&self) -> Then {
        let told = self.then.load(Ordering::Acquire);
        [Then::Queued, Then::Paused].into_iter().find(|then| *then as u8 == told).unwrap_or_default()
    }

    /// What it was told, if it was.
    pub(crate) fn wish(&self) -> Option<Then> {
        self.told.is_cancelled().then(|| self.then())
    }

    fn tell(&self, then: Then) {
        self.then.store(then as u8, Ordering::Release);
        self.told.cancel();
    }
}

#[derive(Debug)]
struct One {
    run: Run,
    account: AccountId,
    bytes_total: u64,
    samples: VecDeque<(Duration, u64)>,
}

impl Running {
    /// Notes that a transfer runs.
    pub(crate) fn start(&self, transfer: &Transfer) -> Run {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let run = Run { number, progress: Progress::default(), stop: Stop::default() };
        let (account, bytes_total) = (transfer.account.clone(), transfer.bytes);
        self.all()
            .insert(transfer.id.clone(), One { run: run.clone(), account, bytes_total, samples: VecDeque::new() });
        run
    }

    /// Notes how much there is to send, once that is known.
    pub(crate) fn set_total(&self, id: &TransferId, bytes_total: u64) {
        if let Some(one) = self.all().get_mut(id) {
            one.bytes_total = bytes_total;
        }
    }

    /// How much a running transfer has to send, as far as is known.
    pub(crate) fn bytes_of(&self, id: &TransferId) -> Option<u64> {
        self.all().get(id).map(|one| one.bytes_total)
    }

    /// Notes that a run has ended; another one of the same transfer goes on.
    pub(crate) fn end(&self, id: &TransferId, run: &Run) {
        let mut all = self.all();
        if all.get(id).is_some_and(|one| one.run.number == run.number) {
            all.remove(id);
            self.sent().by_ended += run.progress.bytes();
        }
        drop(all);
        self.ended.notify_waiters();
    }

    /// Nothing runs any more.
    pub(crate) fn forget_all(&self) {
        self.all().clear();
        self.ended.notify_waiters();
    }

    /// Waits until none of these is running.
    pub(crate) async fn end_of(&self, ids: &[TransferId]) {
        loop {
            let ended = self.ended.notified();
            let is_any_running = {
                let all = self.all();
                ids.iter().any(|id| all.contains_key(id))
            };
            if !is_any_running {
                return;
            }
            ended.await;
        }
    }

    /// Asks a transfer to stop. `false` when it is not running.
    pub(crate) fn cancel(&self, id: &TransferId) -> bool {
        self.all().get(id).is_some_and(|one| {
            one.run.stop.tell(Then::Cancelled);
            true
        })
    }

    /// Asks what runs to stop and to go on later: of one account, or everything.
    pub(crate) fn park(&self, account: Option<&AccountId>) {
        for one in self.all().values().filter(|one| account.is_none_or(|account| one.account == *account)) {
            one.run.stop.tell(Then::Queued);
        }
    }

    /// Asks these to stop until the person lets them go on.
    pub(crate) fn pause(&self, ids: &[TransferId]) {
        let all = self.all();
        for one in ids.iter().filter_map(|id| all.get(id)) {
            one.run.stop.tell(Then::Paused);
        }
    }

    /// Whether this is the newest run of a transfer.
    pub(crate) fn is_newest(&self, id: &TransferId, run: &Run) -> bool {
        self.all().get(id).is_some_and(|one| one.run.number == run.number)
    }

    /// How far everything is, at `now` of the monotonic clock.
    pub(crate) fn progress(&self, now: Duration) -> Vec<TransferProgress> {
        let mut all = self.all();
        let mut progress: Vec<_> = all.iter_mut().map(|(id, one)| one.at(id, now)).collect();
        progress.sort_by(|a, b| a.id.cmp(&b.id));
        progress
    }

    /// How many bytes a second all runs together send, at `now` of the monotonic clock; `None` until that is known.
    pub(crate) fn rate(&self, now: Duration) -> Option<u64> {
        let all = self.all();
        let mut sent = self.sent();
        let bytes = sent.by_ended + all.values().map(|one| one.run.progress.bytes()).sum::<u64>();
        rate_of(&mut sent.samples, now, bytes)
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TransferId, One>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl One {
    fn at(&mut self, id: &TransferId, now: Duration) -> TransferProgress {
        let bytes_done = self.run.progress.bytes().min(self.bytes_total);
        let bytes_per_second = rate_of(&mut self.samples, now, bytes_done);
        let left = self.bytes_total - bytes_done;
        TransferProgress {
            id: id.clone(),
            bytes_done,
            bytes_total: self.bytes_total,
            bytes_per_second,
            seconds_left: bytes_per_second.filter(|&rate| rate > 0).map(|rate| left.div_ceil(rate)),
        }
    }
}

/// Notes how many bytes there are by now, and says how fast they became more over the last seconds.
fn rate_of(samples: &mut VecDeque<(Duration, u64)>, now: Duration, bytes: u64) -> Option<u64> {
    samples.push_back((now, bytes));
    while samples.len() > 2 && samples.front().is_some_and(|first| now.saturating_sub(first.0) > RATE_WINDOW) {
        samples.pop_front();
    }
    let &(since, before) = samples.front()?;
    let elapsed = now.saturating_sub(since);
    let more = bytes.checked_sub(before)?;
    (elapsed >= LEAST_WINDOW).then(|| (more as f64 / elapsed.as_secs_f64()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_seconds_and_is_not_known_from_one_look() {
        let mut samples = VecDeque::new();
        assert_eq!(rate_of(&mut samples, Duration::from_secs(1), 500), None);
        for second in 2..20 {
            assert_eq!(rate_of(&mut samples, Duration::from_secs(second), 500 * second), Some(500));
        }
        assert!(samples.len() < 8);
        assert_eq!(rate_of(&mut samples, Duration::from_secs(60), 9_500), Some(0));
    }
}
