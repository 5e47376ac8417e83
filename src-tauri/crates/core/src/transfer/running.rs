//! What is running now: how far it is, and the way to stop it. Lost with the process; the database has the truth.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{TransferId, TransferProgress};
use crate::content::Progress;

/// Over which the rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(4);

/// Before a rate says anything.
const LEAST_WINDOW: Duration = Duration::from_millis(500);

/// The transfers that are running.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashMap<TransferId, One>>);

#[derive(Debug)]
struct One {
    progress: Progress,
    bytes_total: u64,
    cancel: CancellationToken,
    samples: VecDeque<(Duration, u64)>,
}

impl Running {
    /// Notes that a transfer runs.
    pub(crate) fn start(&self, id: &TransferId, bytes_total: u64, cancel: CancellationToken) -> Progress {
        let progress = Progress::default();
        let one = One { progress: progress.clone(), bytes_total, cancel, samples: VecDeque::new() };
        self.all().insert(id.clone(), one);
        progress
    }

    /// Notes how much there is to send, once that is known.
    pub(crate) fn set_total(&self, id: &TransferId, bytes_total: u64) {
        if let Some(one) = self.all().get_mut(id) {
            one.bytes_total = bytes_total;
        }
    }

    /// Notes that a transfer runs no more.
    pub(crate) fn end(&self, id: &TransferId) {
        self.all().remove(id);
    }

    /// Asks a transfer to stop. `false` when it is not running.
    pub(crate) fn cancel(&self, id: &TransferId) -> bool {
        self.all().get(id).is_some_and(|one| {
            one.cancel.cancel();
            true
        })
    }

    /// How far everything is, at `now` of the monotonic clock.
    pub(crate) fn progress(&self, now: Duration) -> Vec<TransferProgress> {
        let mut all = self.all();
        let mut progress: Vec<_> = all.iter_mut().map(|(id, one)| one.at(id, now)).collect();
        progress.sort_by(|a, b| a.id.cmp(&b.id));
        progress
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TransferId, One>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl One {
    fn at(&mut self, id: &TransferId, now: Duration) -> TransferProgress {
        let bytes_done = self.progress.bytes().min(self.bytes_total);
        self.samples.push_back((now, bytes_done));
        while self.samples.len() > 2
            && self.samples.front().is_some_and(|first| now.saturating_sub(first.0) > RATE_WINDOW)
        {
            self.samples.pop_front();
        }
        let bytes_per_second = self.samples.front().and_then(|&(since, before)| {
            let elapsed = now.saturating_sub(since);
            let bytes = bytes_done.checked_sub(before)?;
            (elapsed >= LEAST_WINDOW).then(|| (bytes as f64 / elapsed.as_secs_f64()) as u64)
        });
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
