//! Tells the web view what changed and how far transfers are. What it shows of that it asks for again.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::{Change, Changes, Engine};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager, Runtime};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::ipc::transfer::ProgressTick;
use crate::listeners::Listeners;

/// Changes come in bursts; the web view asks again once for each of these spans.
const GATHER: Duration = Duration::from_millis(60);
const TICK: Duration = Duration::from_millis(200);

/// Passes changes on until the engine is gone.
pub(crate) async fn forward<R: Runtime>(app: AppHandle<R>, mut changes: Receiver<Change>) {
    while let Some(changes) = next(&mut changes).await {
        app.state::<Listeners>().changes.tell(changes.into());
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
        if (is_running || was_running)
            && channel.send(ProgressTick { running, bytes_per_second: engine.rate() }).is_err()
        {
            return;
        }
        was_running = is_running;
    }
}

/// What changed within one span; `None` when nothing ever will again.
async fn next(changes: &mut Receiver<Change>) -> Option<Changes> {
    let mut gathered = Changes::default();
    gather(changes.recv().await, &mut gathered)?;
    let deadline = Instant::now() + GATHER;
    while let Ok(change) = timeout_at(deadline, changes.recv()).await {
        if gather(change, &mut gathered).is_none() {
            break;
        }
    }
    Some(gathered)
}

fn gather(change: Result<Change, RecvError>, gathered: &mut Changes) -> Option<()> {
    match change {
        Ok(change) => gathered.add(change),
        Err(RecvError::Lagged(_)) => *gathered = Changes::everything(),
        Err(RecvError::Closed) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use holdfast_core::Which;
    use holdfast_core::transfer::TransferId;
    use tokio::sync::broadcast;

    use super::*;
    use crate::ipc::events::{Changed, SomeIds};

    fn transfer(number: usize) -> Change {
        Change::Transfers(Which::one(TransferId(number.to_string())))
    }

    #[tokio::test]
    async fn a_burst_of_changes_is_told_once_and_names_what_changed() {
        let (sender, mut changes) = broadcast::channel(16);
        for change in [transfer(1), Change::Folders, transfer(2), transfer(1)] {
            sender.send(change).unwrap();
        }
        let told = Changed::from(next(&mut changes).await.unwrap());
        assert_eq!(told.transfers, Some(SomeIds::These { ids: vec!["1".into(), "2".into()] }));
        assert_eq!((told.folders, told.pins, told.accounts), (true, None, None));
        drop(sender);
        assert_eq!(next(&mut changes).await, None);
    }

    #[tokio::test]
    async fn what_is_too_much_to_name_is_only_said_to_be_many() {
        let (sender, mut changes) = broadcast::channel(2_000);
        for number in 0..1_000 {
            sender.send(transfer(number)).unwrap();
        }
        let told = Changed::from(next(&mut changes).await.unwrap());
        assert_eq!(told.transfers, Some(SomeIds::Many));
        assert!(serde_json::to_string(&told).unwrap().len() < 200);
    }

    #[tokio::test]
    async fn a_listener_that_missed_changes_takes_everything_as_changed() {
        let (sender, mut changes) = broadcast::channel(2);
        for _ in 0..5 {
            sender.send(Change::Folders).unwrap();
        }
        assert_eq!(next(&mut changes).await, Some(Changes::everything()));
    }
}
