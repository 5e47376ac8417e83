//! Tells the web view what changed and how far transfers are. Neither carries data that is not asked for again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::{Change, Engine};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager, Runtime};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::ipc::events::{ChangeTag, Changed};
use crate::ipc::transfer::ProgressTick;
use crate::listeners::Listeners;

/// Changes come in bursts; the web view asks again once for each of these spans.
const GATHER: Duration = Duration::from_millis(60);
const TICK: Duration = Duration::from_millis(200);

/// Passes changes on until the engine is gone.
pub(crate) async fn forward<R: Runtime>(app: AppHandle<R>, mut changes: Receiver<Change>) {
    while let Some(tags) = next(&mut changes).await {
        app.state::<Listeners>().changes.tell(Changed { tags: tags.into_iter().collect() });
    }
}

/// Sends progress while there is some, and once more when there is none left. Ends with the web view.
pub(crate) async fn report(engine: Arc<Engine>, channel: Channel<ProgressTick>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_running = false;
    loop {
        ticks.tick().await;
        let running: Vec<_> = engine.progress().into_iter().map(Into::into).collect();
        let is_running = !running.is_empty();
        if (is_running || was_running) && channel.send(ProgressTick { running }).is_err() {
            return;
        }
        was_running = is_running;
    }
}

/// What changed within one span; `None` when nothing ever will again.
async fn next(changes: &mut Receiver<Change>) -> Option<BTreeSet<ChangeTag>> {
    let mut tags = BTreeSet::new();
    gather(changes.recv().await, &mut tags)?;
    let deadline = Instant::now() + GATHER;
    while let Ok(change) = timeout_at(deadline, changes.recv()).await {
        if gather(change, &mut tags).is_none() {
            break;
        }
    }
    Some(tags)
}

fn gather(change: Result<Change, RecvError>, tags: &mut BTreeSet<ChangeTag>) -> Option<()> {
    match change {
        Ok(change) => tags.extend([ChangeTag::from(change)]),
        Err(RecvError::Lagged(_)) => tags.extend(ChangeTag::ALL),
        Err(RecvError::Closed) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;

    #[tokio::test]
    async fn a_burst_of_changes_is_told_once() {
        let (sender, mut changes) = broadcast::channel(16);
        for change in [Change::Pins, Change::Transfers, Change::Pins] {
            sender.send(change).unwrap();
        }
        assert_eq!(next(&mut changes).await, Some(BTreeSet::from([ChangeTag::Pins, ChangeTag::Transfers])));
        drop(sender);
        assert_eq!(next(&mut changes).await, None);
    }

    #[tokio::test]
    async fn a_listener_that_missed_changes_takes_everything_as_changed() {
        let (sender, mut changes) = broadcast::channel(2);
        for _ in 0..5 {
            sender.send(Change::Pins).unwrap();
        }
        assert_eq!(next(&mut changes).await, Some(BTreeSet::from(ChangeTag::ALL)));
    }
}
