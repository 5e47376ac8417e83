//! One budget of memory for what requests keep while they last: trees and block lists of uploads and pins, lists, archives,
//! bodies. Nobody has more than a share of it, and who has had theirs waits or is asked to come again; so no number of
//! requests takes the service down.
//!
//! Requests that grow while they last could all come to the end of what there is, and all be refused for one another's sake.
//! So the oldest of them waits for what others give back, and those that came later are refused at once: one at least comes
//! to its end.
//!
//! What is counted is an estimate, on the high side, of what is allocated. What every request takes anyway, a few buffers,
//! is bounded by the number of connections and not counted.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::IpAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::timeout};

use super::keys::Owner;

/// What is taken from the budget at a time.
const STEP: usize = 64 * 1024;

/// How long a request waits until others need less.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The same for threads.
    wakes: Condvar,
}

#[derive(Debug)]
struct State {
    max_bytes: usize,
    used: usize,
    by_who: HashMap<Who, usize>,
    next_request: u64,
    /// What each request has that has something, the oldest first.
    requests: BTreeMap<Request, Held>,
    /// Those that wait for more than they have.
    waiting: BTreeMap<Request, Shortage>,
}

/// When a request came, among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request(u64);

#[derive(Clone, Copy, Debug)]
struct Held {
    who: Who,
    bytes: usize,
}

/// What there is no more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortage {
    Share(Who),
    All,
}

/// A part of the budget, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    memory: Memory,
    who: Who,
    request: Request,
    /// What was asked for.
    bytes: usize,
    /// What was taken for it: whole steps.
    taken: usize,
}

impl Memory {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let state = State {
            max_bytes,
            used: 0,
            by_who: HashMap::new(),
            next_request: 0,
            requests: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
        Self(Arc::new(Shared { state: Mutex::new(state), given_back: Notify::new(), wakes: Condvar::new() }))
    }

    /// Sets how much there is in all.
    pub(crate) fn set_max(&self, max_bytes: usize) {
        self.state().max_bytes = max_bytes;
    }

    /// A part that is empty yet, for a request that comes now.
    pub(crate) fn claim(&self, who: impl Into<Who>) -> Claim {
        let request = self.state().new_request();
        Claim { memory: self.clone(), who: who.into(), request, bytes: 0, taken: 0 }
    }

    /// A part of that size, waited for until others give back what they have.
    pub(crate) async fn wait_for(&self, who: impl Into<Who>, bytes: usize) -> Result<Claim, NoMemory> {
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
        timeout(PATIENCE, waiting).await.unwrap_or(Err(NoMemory::Busy))?;
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
    /// Another part for the same request, empty yet.
    pub(crate) fn beside(&self) -> Self {
        Self { memory: self.memory.clone(), who: self.who, request: self.request, bytes: 0, taken: 0 }
    }

    /// Takes more. Blocks where there is none for a while and no request came before this one that there is any for.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let bytes = self.bytes.saturating_add(bytes);
        match self.resize(bytes) {
            Err(NoMemory::Busy) => self.wait_until_oldest_can(bytes),
            done => done,
        }
    }

    /// Takes more, or gives some back.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let needed = needed_for(bytes);
        if needed > self.taken {
            self.memory.state().take(self.who, self.request, needed - self.taken)?;
        } else if needed < self.taken {
            self.memory.give_back(self.who, self.request, self.taken - needed);
        }
        (self.bytes, self.taken) = (bytes, needed);
        Ok(())
    }

    fn wait_until_oldest_can(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let (needed, until) = (needed_for(bytes), Instant::now() + PATIENCE);
        let mut state = self.memory.state();
        let done = loop {
            match state.take(self.who, self.request, needed - self.taken) {
                Err(NoMemory::Busy) => {}
                done => break done,
            }
            let shortage = state.shortage(self.who, needed - self.taken).unwrap_or(Shortage::All);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !state.is_oldest(self.request, shortage) {
                break Err(NoMemory::Busy);
            }
            state.waiting.insert(self.request, shortage);
            let woken = self.memory.0.wakes.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        };
        let has_waited = state.waiting.remove(&self.request).is_some();
        drop(state);
        if has_waited {
            // Others were held back for its sake.
            self.memory.wake();
        }
        done?;
        (self.bytes, self.taken) = (bytes, needed);
        Ok(())
    }
}

const fn needed_for(bytes: usize) -> usize {
    bytes.div_ceil(STEP).saturating_mul(STEP)
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.memory.give_back(self.who, self.request, self.taken);
        }
    }
}

impl Memory {
    fn give_back(&self, who: Who, request: Request, bytes: usize) {
        self.state().give_back(who, request, bytes);
        self.wake();
    }

    fn wake(&self) {
        self.0.given_back.notify_waiters();
        self.0.wakes.notify_all();
    }
}

impl State {
    const fn new_request(&mut self) -> Request {
        self.next_request += 1;
        Request(self.next_request)
    }

    /// Half of all is the most that one has.
    const fn share(&self) -> usize {
        self.max_bytes / 2
    }

    fn take(&mut self, who: Who, request: Request, more: usize) -> Result<(), NoMemory> {
        let of_request = self.requests.get(&request).map_or(0, |held| held.bytes).saturating_add(more);
        if of_request > self.share() {
            return Err(NoMemory::TooMuch);
        }
        let is_waited_for =
            |(_, shortage): (_, &Shortage)| matches!(shortage, Shortage::All) || *shortage == Shortage::Share(who);
        if self.shortage(who, more).is_some() || self.waiting.range(..request).any(is_waited_for) {
            return Err(NoMemory::Busy);
        }
        self.used += more;
        *self.by_who.entry(who).or_default() += more;
        self.requests.insert(request, Held { who, bytes: of_request });
        Ok(())
    }

    /// Why there is not so much more.
    fn shortage(&self, who: Who, more: usize) -> Option<Shortage> {
        if self.by_who.get(&who).copied().unwrap_or(0).saturating_add(more) > self.share() {
            Some(Shortage::Share(who))
        } else {
            (self.used.saturating_add(more) > self.max_bytes).then_some(Shortage::All)
        }
    }

    /// Whether no request that came earlier has any of what is short.
    fn is_oldest(&self, request: Request, shortage: Shortage) -> bool {
        let has_some = |(_, held): (_, &Held)| shortage == Shortage::All || shortage == Shortage::Share(held.who);
        !self.requests.range(..request).any(has_some)
    }

    fn give_back(&mut self, who: Who, request: Request, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
        if let Some(of_who) = self.by_who.get_mut(&who) {
            *of_who = of_who.saturating_sub(bytes);
            if *of_who == 0 {
                self.by_who.remove(&who);
            }
        }
        if let Some(held) = self.requests.get_mut(&request) {
            held.bytes = held.bytes.saturating_sub(bytes);
            if held.bytes == 0 {
                self.requests.remove(&request);
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
        assert_eq!((state.used, state.by_who.len(), state.requests.len()), (0, 0, 0));
    }

    #[test]
    fn of_requests_that_grow_in_step_the_oldest_waits_and_those_that_came_later_are_refused() {
        let memory = Memory::new(ALL);
        let head = memory.claim(owner(1));
        let mut later = [memory.claim(owner(1)), memory.claim(owner(1))];
        // A request has several parts, and is as old as its first.
        let mut oldest = head.beside();
        oldest.add(STEP).unwrap();
        later[0].add(STEP).unwrap();
        later[1].add(2 * STEP).unwrap();
        assert_eq!(later[1].add(STEP), Err(NoMemory::Busy));
        let growing = std::thread::spawn(move || {
            oldest.add(STEP).unwrap();
            oldest.add(STEP).unwrap();
            oldest
        });
        while memory.state().waiting.is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(later[0].add(STEP), Err(NoMemory::Busy));
        // Another's share is another matter.
        let mut other = memory.claim(owner(2));
        other.add(STEP).unwrap();
        drop(later);
        let oldest = growing.join().unwrap();
        assert_eq!(memory.used(), 4 * STEP);
        drop((oldest, other, head));
        assert!(memory.state().waiting.is_empty() && memory.used() == 0);
    }

    #[test]
    fn where_all_is_used_the_oldest_request_of_all_waits() {
        let memory = Memory::new(ALL);
        let mut claims = [1, 2, 3].map(|id| memory.claim(owner(id)));
        for (claim, steps) in claims.iter_mut().zip([3, 3, 2]) {
            claim.add(steps * STEP).unwrap();
        }
        let [mut oldest, mut second, third] = claims;
        let growing = std::thread::spawn(move || oldest.add(STEP).map(|()| oldest));
        while memory.state().waiting.is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(second.add(STEP), Err(NoMemory::Busy));
        drop(third);
        growing.join().unwrap().unwrap();
        second.add(STEP).unwrap();
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
        let held = memory.wait_for(owner(1), 4 * STEP).await.unwrap();
        assert_eq!(memory.wait_for(owner(1), 1).await.unwrap_err(), NoMemory::Busy);
        assert_eq!(memory.wait_for(owner(1), ALL).await.unwrap_err(), NoMemory::TooMuch);
        let waiting = memory.wait_for(owner(1), STEP);
        let giving_back = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(held);
        };
        let (served, ()) = tokio::join!(waiting, giving_back);
        assert!(served.is_ok());
    }
}
