//! The places that connections have: so many, and none is kept by who asks for nothing while others wait for one.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Mutex<HashMap<u64, Arc<Connection>>>,
    next: AtomicU64,
    /// Somebody who was answered waits again.
    became_idle: Arc<Notify>,
}

/// A place that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    pub(super) connection: Arc<Connection>,
    _permit: OwnedSemaphorePermit,
}

/// How far one connection is.
#[derive(Debug)]
pub(super) struct Connection {
    state: Mutex<State>,
    became_idle: Arc<Notify>,
    /// Its place is needed.
    closing: CancellationToken,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    /// When it began to wait for a request.
    since: Instant,
    /// Whether all is here of the body of the request that was asked last.
    has_body: bool,
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was asked yet.
    New,
    /// A head is coming, and so many bytes of it are here.
    Head(usize),
    /// A request is being answered.
    Answering,
    /// Its answer is complete, and on its way.
    Answered,
    /// All that was asked is answered.
    Idle,
}

impl Places {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(places)),
            taken: Mutex::default(),
            next: AtomicU64::new(0),
            became_idle: Arc::default(),
        })
    }

    /// Waits for a place. When there is none, the connection that has waited longest for a request ends.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        let permit = loop {
            let became_idle = self.became_idle.notified();
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            self.end_longest_waiting();
            tokio::select! {
                // The semaphore is never closed.
                Ok(permit) = Arc::clone(&self.free).acquire_owned() => break permit,
                () = became_idle => {}
            }
        };
        let connection = Arc::new(Connection {
            state: Mutex::new(State { phase: Phase::New, since: Instant::now(), has_body: true }),
            became_idle: Arc::clone(&self.became_idle),
            closing: CancellationToken::new(),
        });
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&connection));
        Place { places: Arc::clone(self), number, connection, _permit: permit }
    }

    fn end_longest_waiting(&self) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = taken.values().filter_map(|connection| {
            let State { phase, since, .. } = connection.state();
            matches!(phase, Phase::New | Phase::Head(_) | Phase::Idle).then_some((since, connection))
        });
        let waiting: Vec<_> = waiting.collect();
        if waiting.iter().any(|(_, connection)| connection.closing.is_cancelled()) {
            return;
        }
        if let Some((_, longest)) = waiting.into_iter().min_by_key(|(since, _)| *since) {
            longest.closing.cancel();
        }
    }
}

impl Place {
    pub(super) const fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Connection {
    /// Ends when the place is needed by others, who ask for something.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// Since when nothing was asked, if something was before.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let State { phase, since, .. } = self.state();
        (phase == Phase::Idle).then_some(since)
    }

    /// Notes bytes that came, and gives how many of a head are here; `None` if they are of no head.
    pub(super) fn note_read(&self, bytes: usize) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let head = match state.phase {
            Phase::New | Phase::Idle => bytes,
            Phase::Head(before) => before + bytes,
            Phase::Answering | Phase::Answered => return None,
        };
        state.phase = Phase::Head(head);
        Some(head)
    }

    /// Whether the next byte is the first of a request.
    pub(super) fn is_between_requests(&self) -> bool {
        let State { phase, has_body, .. } = self.state();
        matches!(phase, Phase::New | Phase::Idle) && has_body
    }

    /// The request has a body, which may have come to its end with the head.
    pub(super) fn begin_body(&self, is_complete: bool) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).has_body = is_complete;
    }

    /// All of the request's body is here.
    pub(super) fn end_body(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).has_body = true;
    }

    /// A request's head is complete.
    pub(super) fn begin_answer(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).phase = Phase::Answering;
    }

    /// An answer has been given to be sent.
    pub(super) fn end_answer(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).phase = Phase::Answered;
    }

    /// All that was given to be sent has been sent.
    pub(super) fn note_sent(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.phase == Phase::Answered {
            *state = State { phase: Phase::Idle, since: Instant::now(), ..*state };
            drop(state);
            self.became_idle.notify_waiters();
        }
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    async fn three(places: &Arc<Places>) -> Vec<Place> {
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(places.take().await);
            advance(Duration::from_secs(1)).await;
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_longest_for_a_request_gives_its_place() {
        let places = Places::new(3);
        let mut taken = three(&places).await;
        // The first is being answered, the second has begun a head, the third was answered once.
        taken[0].connection.begin_answer();
        assert_eq!(taken[1].connection.note_read(5), Some(5));
        taken[2].connection.begin_answer();
        taken[2].connection.end_answer();
        taken[2].connection.note_sent();
        let mut next = Box::pin(places.take());
        assert!(next.as_mut().now_or_never().is_none());
        let ended =
            |taken: &[Place]| taken.iter().map(|place| place.connection.closing.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(ended(&taken), [false, true, false]);
        taken.remove(1);
        drop(next.await);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_who_is_answered_is_cut_for_others_until_all_is_sent() {
        let places = Places::new(3);
        let taken = three(&places).await;
        for place in &taken {
            place.connection.begin_answer();
            assert_eq!(place.connection.note_read(9), None, "of a body");
        }
        let mut next = Box::pin(places.take());
        assert!(next.as_mut().now_or_never().is_none());
        taken[1].connection.end_answer();
        assert!(next.as_mut().now_or_never().is_none());
        assert!(taken.iter().all(|place| !place.connection.closing.is_cancelled()));
        taken[1].connection.note_sent();
        assert!(next.as_mut().now_or_never().is_none());
        assert!(taken[1].connection.closing.is_cancelled());
    }
}
