//! The database when it cannot be written: work is held, people are told once, and all goes on when there is room.

use std::{sync::Arc, time::Duration};

use super::Shared;
use crate::{store::Health, trouble::Trouble};

/// Between two looks whether there is room again.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(5);

/// Tells of a database that cannot be written for as long as it is so.
pub(super) async fn mind(shared: Arc<Shared>) {
    let mut health = shared.store.health();
    loop {
        let trouble = match &*health.borrow_and_update() {
            Health::Sound => None,
            Health::Full => Some(Trouble::DiskFull),
            Health::Failing(said) => Some(Trouble::DiskFails { said: said.clone() }),
        };
        let Some(trouble) = trouble else {
            let is_of_disk = |trouble: &Trouble| matches!(trouble, Trouble::DiskFull | Trouble::DiskFails { .. });
            shared.is_over(is_of_disk);
            shared.wake.notify_one();
            if health.changed().await.is_err() {
                return;
            }
            continue;
        };
        shared.troubled(trouble);
        shared.ports.clock.sleep(LOOK_FOR_ROOM).await;
        if let Err(error) = shared.store.look_for_room().await {
            tracing::debug!(%error, "there is no room yet");
        }
    }
}
