//! What the system says of a folder, on its way to the folder's task.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, mpsc};

use crate::disk::WatchEvent;

/// Events kept until they are taken; when there are more, everything is looked at again.
const EVENTS_KEPT: usize = 4_096;

/// While events go on being lost, everything is looked at again after this, and after twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Takes events from a watch.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    to: mpsc::Sender<WatchEvent>,
    lost: Arc<Notify>,
}

/// Gives them to the folder's task.
#[derive(Debug)]
pub(super) struct Events {
    from: mpsc::Receiver<WatchEvent>,
    lost: Arc<Notify>,
}

pub(super) fn events() -> (Teller, Events) {
    let ((to, from), lost) = (mpsc::channel(EVENTS_KEPT), Arc::new(Notify::new()));
    (Teller { to, lost: Arc::clone(&lost) }, Events { from, lost })
}

impl Teller {
    /// Never waits: what there is no room for is told as lost.
    pub(super) fn tell(&self, event: WatchEvent) {
        if self.to.try_send(event).is_err() {
            self.has_lost_some();
        }
    }

    fn has_lost_some(&self) {
        self.lost.notify_one();
    }
}

impl Events {
    /// Waits for events and gives all that there are. Loses none when it is dropped.
    pub(super) async fn next(&mut self) -> Vec<WatchEvent> {
        let mut events = Vec::new();
        tokio::select! {
            biased;
            () = self.lost.notified() => events.push(WatchEvent::Lost),
            Some(event) = self.from.recv() => events.push(event),
        }
        while let Ok(event) = self.from.try_recv() {
            events.push(event);
        }
        events
    }
}

/// How often everything is looked at because what the system says is not to be relied on: at once the first time, and less
/// and less often while it goes on like that.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// When the last such look was due.
    last: Option<Duration>,
    pause: Duration,
}

impl Doubts {
    /// When everything is to be looked at for a doubt that there is since `now`.
    pub(super) fn look_at(&mut self, now: Duration) -> Duration {
        let due = match self.last {
            Some(due) if due > now => due,
            Some(last) if now.saturating_sub(last) < LONGEST_PAUSE => {
                self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                now.max(last + self.pause)
            }
            _ => {
                self.pause = Duration::ZERO;
                now
            }
        };
        self.last = Some(due);
        due
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn that_events_were_lost_is_told_though_it_shows_after_all_others_were_taken() {
        let (teller, mut events) = events();
        for number in 0..=EVENTS_KEPT {
            teller.tell(WatchEvent::Dirty(number.to_string().into()));
        }
        let taken = events.next().now_or_never().unwrap();
        assert_eq!((taken.len(), &taken[0]), (EVENTS_KEPT + 1, &WatchEvent::Lost));
        assert!(events.next().now_or_never().is_none());
        // A watcher that found no room a moment before they were taken.
        teller.has_lost_some();
        assert_eq!(events.next().now_or_never(), Some(vec![WatchEvent::Lost]));
    }

    #[test]
    fn doubts_that_go_on_are_looked_into_less_and_less_often() {
        let (mut doubts, at) = (Doubts::default(), Duration::from_millis);
        let mut looks: Vec<_> = (0..10_000).map(|step| doubts.look_at(at(step))).collect();
        looks.dedup();
        assert_eq!(looks, [at(0), at(1_000), at(3_000), at(7_000), at(15_000)]);
        assert_eq!(doubts.look_at(at(900_000)), at(900_000), "after a while without any, at once");
    }
}
