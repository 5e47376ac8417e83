//! One budget of memory for what requests keep while they last: trees and block lists of uploads and pins, lists, archives,
//! bodies. Nobody has more than a share of it, and who has had theirs waits or is asked to come again; so no number of
//! requests takes the service down.
//!
//! What is counted is an estimate, on the high side, of what is allocated. What every request takes anyway, a few buffers,
//! is bounded by the number of connections and not counted.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use super::keys::Owner;

/// What is taken from the budget at a time.
const STEP: usize = 64 * 1024;

/// Whose share it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Owner(i64),
    /// Of the gateway, which has no keys; `None` for this computer.
    Peer(Option<IpAddr>),
}

impl From<Owner> for Who {
    fn from(owner: Owner) -> Self {
        Self::Owner(owner.id)
    }
}

/// There is no memory for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoMemory {
    /// There may be later.
    #[error("too much is being done at one time; try again later")]
    Busy,
    /// There never is.
    #[error("this needs more memory than this service gives to one; make it smaller")]
    TooMuch,
}

impl From<NoMemory> for io::Error {
    fn from(error: NoMemory) -> Self {
        let kind = match error {
            NoMemory::Busy => io::ErrorKind::ResourceBusy,
            NoMemory::TooMuch => io::ErrorKind::FileTooLarge,
        };
        Self::new(kind, error)
    }
}

/// The budget. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    given_back: Notify,
}

#[derive(Debug)]
struct State {
    max_bytes: usize,
    used: usize,
    by_who: HashMap<Who, usize>,
}

/// A part of the budget, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    memory: Memory,
    who: Who,
    /// What was asked for.
    bytes: usize,
    /// What was taken for it: whole steps.
    taken: usize,
}

impl Memory {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let state = State { max_bytes, used: 0, by_who: HashMap::new() };
        Self(Arc::new(Shared { state: Mutex::new(state), given_back: Notify::new() }))
    }

    /// Sets how much there is in all.
    pub(crate) fn set_max(&self, max_bytes: usize) {
        self.state().max_bytes = max_bytes;
    }

    /// A part that is empty yet.
    pub(crate) fn claim(&self, who: impl Into<Who>) -> Claim {
        Claim { memory: self.clone(), who: who.into(), bytes: 0, taken: 0 }
    }

    /// A part of that size, waited for until others give back what they have.
    pub(crate) async fn wait_for(
        &self,
        who: impl Into<Who>,
        bytes: usize,
        patience: Duration,
    ) -> Result<Claim, NoMemory> {
        let mut claim = self.claim(who);
        let waiting = async {
            loop {
                let given_back = self.0.given_back.notified();
                tokio::pin!(given_back);
                // From here on what is given back is noticed.
                given_back.as_mut().enable();
                match claim.resize(bytes) {
                    Err(NoMemory::Busy) => given_back.await,
                    done => return done,
                }
            }
        };
        timeout(patience, waiting).await.unwrap_or(Err(NoMemory::Busy))?;
        Ok(claim)
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.state().used
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Takes more.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), NoMemory> {
        self.resize(self.bytes.saturating_add(bytes))
    }

    /// Takes more, or gives some back.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let needed = bytes.div_ceil(STEP) * STEP;
        if needed > self.taken {
            self.memory.state().take(self.who, needed - self.taken, needed)?;
        } else if needed < self.taken {
            self.memory.give_back(self.who, self.taken - needed);
        }
        (self.bytes, self.taken) = (bytes, needed);
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.memory.give_back(self.who, self.taken);
        }
    }
}

impl Memory {
    fn give_back(&self, who: Who, bytes: usize) {
        self.state().give_back(who, bytes);
        self.0.given_back.notify_waiters();
    }
}

impl State {
    /// Half of all is the most that one has.
    const fn share(&self) -> usize {
        self.max_bytes / 2
    }

    /// `whole` is what the claim has then.
    fn take(&mut self, who: Who, more: usize, whole: usize) -> Result<(), NoMemory> {
        if whole > self.share() {
            return Err(NoMemory::TooMuch);
        }
        let of_who = self.by_who.get(&who).copied().unwrap_or(0).saturating_add(more);
        if of_who > self.share() || self.used.saturating_add(more) > self.max_bytes {
            return Err(NoMemory::Busy);
        }
        self.used += more;
        self.by_who.insert(who, of_who);
        Ok(())
    }

    fn give_back(&mut self, who: Who, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
        if let Some(of_who) = self.by_who.get_mut(&who) {
            *of_who = of_who.saturating_sub(bytes);
            if *of_who == 0 {
                self.by_who.remove(&who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: usize = 8 * STEP;

    fn owner(id: i64) -> Who {
        Who::Owner(id)
    }

    #[test]
    fn nobody_has_more_than_a_share_and_all_no_more_than_there_is() {
        let memory = Memory::new(ALL);
        let mut first = memory.claim(owner(1));
        first.add(3 * STEP).unwrap();
        first.add(STEP).unwrap();
        assert_eq!(first.add(1), Err(NoMemory::TooMuch));
        assert_eq!(memory.claim(owner(1)).add(1), Err(NoMemory::Busy));
        let mut second = memory.claim(owner(2));
        second.add(4 * STEP).unwrap();
        assert_eq!(memory.claim(owner(3)).add(1), Err(NoMemory::Busy));
        first.resize(0).unwrap();
        memory.claim(owner(3)).add(1).unwrap();
        drop((first, second));
        let state = memory.state();
        assert_eq!((state.used, state.by_who.len()), (0, 0));
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let memory = Memory::new(ALL);
        let mut claim = memory.claim(owner(1));
        claim.add(STEP).unwrap();
        assert_eq!(claim.add(ALL), Err(NoMemory::TooMuch));
        assert_eq!(memory.used(), STEP);
        drop(claim);
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_served_when_others_give_back_and_else_turned_away() {
        let memory = Memory::new(ALL);
        let patience = Duration::from_secs(10);
        let held = memory.wait_for(owner(1), 4 * STEP, patience).await.unwrap();
        assert_eq!(memory.wait_for(owner(1), 1, patience).await.unwrap_err(), NoMemory::Busy);
        assert_eq!(memory.wait_for(owner(1), ALL, patience).await.unwrap_err(), NoMemory::TooMuch);
        let waiting = memory.wait_for(owner(1), STEP, patience);
        let giving_back = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(held);
        };
        let (served, ()) = tokio::join!(waiting, giving_back);
        assert!(served.is_ok());
    }
}
