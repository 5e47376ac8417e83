//! The database when it fails: work is held, people are told once, and all goes on when there is room. One that is damaged is
//! set aside when the home is opened.

use std::{sync::Arc, thread, time::Duration};

use super::{Engine, Shared};
use crate::{error::Error, home::Home, store::Health, trouble::Trouble};

/// Between two looks whether there is room again.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(5);

/// Between two looks whether the last connection is closed.
const LOOK_WHETHER_CLOSED: Duration = Duration::from_millis(5);

impl Engine {
    /// Whether what is accepted will be done in this run.
    ///
    /// # Errors
    /// When the database was found damaged: everything waits for the next start.
    pub fn can_work(&self) -> Result<(), Error> {
        match self.shared.store.can_be_written() {
            Err(error) if error.is_damage() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Tells of a database that cannot be written for as long as it is so.
pub(super) async fn mind(shared: Arc<Shared>) {
    let mut health = shared.store.health();
    loop {
        let trouble = match &*health.borrow_and_update() {
            Health::Sound => None,
            Health::Full => Some(Trouble::DiskFull),
            Health::Failing(said) => Some(Trouble::DiskFails { said: said.clone() }),
            Health::Damaged(_) => Some(Trouble::Damaged),
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
        let is_for_good = trouble == Trouble::Damaged;
        shared.troubled(trouble);
        if is_for_good {
            return;
        }
        shared.ports.clock.sleep(LOOK_FOR_ROOM).await;
        if let Err(error) = shared.store.look_for_room().await {
            tracing::debug!(%error, "there is no room yet");
        }
    }
}

/// Waits until the database is closed that a home was opened with.
pub(super) async fn closed(home: &Arc<Home>) -> Result<(), Error> {
    let home = Arc::clone(home);
    let wait = move || {
        // This one, and that of whoever opens it.
        while Arc::strong_count(&home) > 2 {
            thread::sleep(LOOK_WHETHER_CLOSED);
        }
    };
    tokio::task::spawn_blocking(wait).await.map_err(|_| Error::Internal)
}
