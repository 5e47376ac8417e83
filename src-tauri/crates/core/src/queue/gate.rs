//! The account's gate: the one place that knows why an account gets no work, and when it is asked again.
//!
//! Pure: the caller says what time it is and how much to spread the pauses. A transfer that fails for what concerns its account
//! closes the gate and waits behind it with all others; one at a time finds out whether it is open again.

use std::{collections::BTreeMap, time::Duration};

use super::pause;
use crate::{
    code::Code,
    error::Error,
    ids::AccountId,
    provider::ProviderError,
    transfer::{Failure, Work},
};

/// Between tries of an account that cannot be reached, at the most: whatever waits goes on so long after it is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Between tries of what only a person or the service's owner changes, at the least and at the most.
const FIRST_LONG_PAUSE: Duration = Duration::from_secs(15 * 60);
const LONGEST_LONG_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// The rest of a service that asks to slow down without saying for how long.
const REST: Duration = Duration::from_secs(10);

/// What is asked of an account: a gate may be closed for some of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    Upload,
    Pin,
    Unpin,
}

impl Task {
    pub(crate) const ALL: [Self; 3] = [Self::Upload, Self::Pin, Self::Unpin];

    pub(crate) const fn of(work: &Work) -> Self {
        match work {
            Work::Upload { .. } => Self::Upload,
            Work::Pin { .. } => Self::Pin,
            Work::Unpin { .. } => Self::Unpin,
        }
    }
}

/// Why an account gets no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GateReason {
    /// It asked to slow down.
    Resting,
    /// It cannot be reached, or it is not working.
    Unreachable,
    /// Its storage or balance is used up: nothing is added, and what is removed may open it.
    OverQuota,
    /// Its credentials do not allow this.
    Forbidden,
    /// Its credentials are not accepted, or not there.
    LockedOut,
    /// It is the service that Holdfast runs itself, which does not run.
    NotRunning,
}

/// A gate that is closed, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedGate {
    /// The account.
    pub account: AccountId,
    /// Why.
    pub reason: GateReason,
    /// What went wrong last.
    pub failure: Failure,
    /// When it is tried again, counted from now; `None` where only a person changes it.
    pub next_try: Option<Duration>,
}

/// What one may do at a gate; what admits less comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Admission {
    /// Nothing.
    Closed,
    /// One transfer, to find out.
    Probe,
    /// Whatever there is to do.
    Open,
}

/// The gates of all accounts. Those that are not in here are open.
#[derive(Debug, Default)]
pub(crate) struct Gates(BTreeMap<AccountId, BTreeMap<Scope, Closed>>);

/// What a gate is closed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Everything,
    Only(Task),
}

#[derive(Clone, Debug)]
struct Closed {
    reason: GateReason,
    failure: Failure,
    /// Of the monotonic clock; `None` where only a person changes it.
    next_try: Option<Duration>,
    tries: u32,
    is_probed: bool,
}

impl Gates {
    /// What an account may be asked to do at `now`.
    pub(crate) fn admits(&self, account: &AccountId, task: Task, now: Duration) -> Admission {
        let closed = self.closed_for(account, task);
        closed.map(|closed| closed.admits(now)).min().unwrap_or(Admission::Open)
    }

    /// A transfer begins at an account. Where that is a try at a closed gate, it is the only one.
    pub(crate) fn begin(&mut self, account: &AccountId, task: Task) {
        for (scope, closed) in self.0.get_mut(account).into_iter().flatten() {
            closed.is_probed |= scope.concerns(task);
        }
    }

    /// What an account has shown by the end of a transfer. `spread` of -1 to 1 shortens or lengthens the pauses, so that not
    /// everybody comes back at the same moment. `true` when a gate has opened.
    pub(crate) fn ended(
        &mut self,
        account: &AccountId,
        task: Task,
        outcome: Result<(), &Error>,
        now: Duration,
        spread: f64,
    ) -> bool {
        let Some((scope, reason, asked)) = outcome.err().and_then(|error| concern_of(error, task)) else {
            let opened = match outcome {
                Ok(()) => self.open(account, |scope| scope.concerns(task)),
                // Whatever it refused, it was there.
                Err(error) if was_answered(error) => self.open(account, |scope| scope == Scope::Everything),
                Err(_) => false,
            };
            // It found nothing out about the rest, which the next one may.
            self.found_nothing(account, task);
            return opened;
        };
        // What concerns one kind of work was said by somebody who is there.
        let opened = scope != Scope::Everything && self.open(account, |scope| scope == Scope::Everything);
        let failure = outcome.err().map_or_else(|| Failure::from(&Error::Internal), Failure::from);
        let gates = self.0.entry(account.clone()).or_default();
        let before = gates.get(&scope).filter(|closed| closed.reason == reason);
        // Those that were under way when the gate closed say the same once more.
        let tries = before.map_or(1, |closed| closed.tries + u32::from(closed.is_probed));
        let next_try = match before {
            Some(closed) if !closed.is_probed && asked.is_none() => closed.next_try,
            _ => pause_for(reason, tries, asked, spread).map(|pause| now.saturating_add(pause)),
        };
        gates.insert(scope, Closed { reason, failure, next_try, tries, is_probed: false });
        self.found_nothing(account, task);
        opened
    }

    /// What began found nothing out.
    pub(crate) fn found_nothing(&mut self, account: &AccountId, task: Task) {
        for (scope, closed) in self.0.get_mut(account).into_iter().flatten() {
            closed.is_probed &= !scope.concerns(task);
        }
    }

    /// Nobody finds anything out any more.
    pub(crate) fn forget_probes(&mut self) {
        for closed in self.0.values_mut().flat_map(BTreeMap::values_mut) {
            closed.is_probed = false;
        }
    }

    /// The account has answered somebody else. `true` when its gate has opened.
    pub(crate) fn answered(&mut self, account: &AccountId) -> bool {
        let is_outage = |closed: &Closed| matches!(closed.reason, GateReason::Unreachable | GateReason::NotRunning);
        let Some(gates) = self.0.get_mut(account) else { return false };
        let before = gates.len();
        gates.retain(|_, closed| !is_outage(closed));
        gates.len() < before
    }

    /// Somebody wants it tried now, whatever it was closed for.
    pub(crate) fn try_now(&mut self, account: &AccountId) {
        for closed in self.0.get_mut(account).into_iter().flat_map(BTreeMap::values_mut) {
            closed.next_try = Some(Duration::ZERO);
        }
    }

    /// Opens it for everything: the account has other credentials, or is gone.
    pub(crate) fn forget(&mut self, account: &AccountId) {
        self.0.remove(account);
    }

    /// Room may have come to be at an account.
    pub(crate) fn room_at(&mut self, account: &AccountId) {
        for closed in self.0.get_mut(account).into_iter().flat_map(BTreeMap::values_mut) {
            if closed.reason == GateReason::OverQuota {
                closed.next_try = Some(Duration::ZERO);
            }
        }
    }

    /// How long until the next gate may be tried that may not be at `now`.
    pub(crate) fn next_try_after(&self, now: Duration) -> Option<Duration> {
        let closed = self.0.values().flat_map(BTreeMap::values).filter(|closed| !closed.is_probed);
        closed.filter_map(|closed| closed.next_try?.checked_sub(now)).filter(|left| !left.is_zero()).min()
    }

    /// Those that are closed, for people.
    pub(crate) fn closed(&self, now: Duration) -> Vec<ClosedGate> {
        let all = self.0.iter().flat_map(|(account, gates)| gates.values().map(move |closed| (account, closed)));
        let shown = all.map(|(account, closed)| ClosedGate {
            account: account.clone(),
            reason: closed.reason,
            failure: closed.failure.clone(),
            next_try: closed.next_try.map(|at| at.saturating_sub(now)),
        });
        shown.collect()
    }

    fn closed_for(&self, account: &AccountId, task: Task) -> impl Iterator<Item = &Closed> {
        let gates = self.0.get(account).into_iter().flatten();
        gates.filter(move |(scope, _)| scope.concerns(task)).map(|(_, closed)| closed)
    }

    fn open(&mut self, account: &AccountId, which: impl Fn(Scope) -> bool) -> bool {
        let Some(gates) = self.0.get_mut(account) else { return false };
        let before = gates.len();
        gates.retain(|scope, _| !which(*scope));
        let opened = gates.len() < before;
        if gates.is_empty() {
            self.0.remove(account);
        }
        opened
    }
}

impl Scope {
    fn concerns(self, task: Task) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(only) => only == task,
        }
    }
}

impl Closed {
    fn admits(&self, now: Duration) -> Admission {
        let is_due = !self.is_probed && self.next_try.is_some_and(|at| at <= now);
        if is_due { Admission::Probe } else { Admission::Closed }
    }
}

/// Whether an error concerns the account and not the one transfer.
pub(crate) fn concerns_account(error: &Error) -> bool {
    concern_of(error, Task::Upload).is_some()
}

/// What an error closes the gate for, why, and how long the service asks to wait.
fn concern_of(error: &Error, task: Task) -> Option<(Scope, GateReason, Option<Duration>)> {
    let everything = |reason| Some((Scope::Everything, reason, None));
    match error {
        Error::ServiceNotRunning { .. } => everything(GateReason::NotRunning),
        Error::NoSecret { .. } => everything(GateReason::LockedOut),
        // The way of files to it, not the account itself.
        Error::AtNode { source, .. } => {
            concern_of(source, task).map(|(_, reason, asked)| (Scope::Only(task), reason, asked))
        }
        Error::Vault(_) if error.is_outage() => everything(GateReason::Unreachable),
        Error::Provider(error) => match error {
            ProviderError::Unreachable { .. }
            | ProviderError::Network { .. }
            | ProviderError::Unavailable { .. }
            | ProviderError::NotAPinningApi { .. } => {
                Some((Scope::Everything, GateReason::Unreachable, error.retry_after()))
            }
            ProviderError::RateLimited { after, .. } => {
                Some((Scope::Everything, GateReason::Resting, Some(after.unwrap_or(REST))))
            }
            ProviderError::Unauthorized { .. } => everything(GateReason::LockedOut),
            ProviderError::OverQuota { .. } => Some((Scope::Only(task), GateReason::OverQuota, None)),
            ProviderError::Forbidden { .. } => Some((Scope::Only(task), GateReason::Forbidden, None)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the service was there and said what it thinks of this one request.
fn was_answered(error: &Error) -> bool {
    let said = [Code::NotFound, Code::AlreadyExists, Code::Refused, Code::PinFailed, Code::CidMismatch];
    matches!(error, Error::Provider(_) | Error::CidMismatch { .. } | Error::OtherCid { .. })
        && said.contains(&error.code())
}

fn pause_for(reason: GateReason, tries: u32, asked: Option<Duration>, spread: f64) -> Option<Duration> {
    let spread_by = |pause: Duration| pause.mul_f64(1.0 + 0.25 * spread.clamp(-1.0, 1.0));
    match (reason, asked) {
        // Sooner than it asks is never right.
        (_, Some(asked)) => Some(pause::as_asked(asked)),
        (GateReason::Resting, None) => Some(REST),
        (GateReason::Unreachable | GateReason::NotRunning, None) => {
            Some(spread_by(pause::doubled(pause::FIRST, LONGEST_PAUSE, tries)))
        }
        (GateReason::OverQuota | GateReason::Forbidden, None) => {
            Some(spread_by(pause::doubled(FIRST_LONG_PAUSE, LONGEST_LONG_PAUSE, tries)))
        }
        (GateReason::LockedOut, None) => None,
    }
}

#[cfg(test)]
mod tests;
