//! What has become of the database: people are told of it once, and not of each write that fails.

use std::io;

use tokio::sync::watch;

use super::StoreError;

/// How the database is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    /// As it should be.
    #[default]
    Sound,
    /// There was no room for what was to be written.
    Full,
    /// The system said that something cannot be written or read.
    Failing(String),
}

/// What is told of it.
#[derive(Debug, Default)]
pub(super) struct Watched(watch::Sender<Health>);

impl Watched {
    /// Notes why something could not be written or read.
    pub(super) fn failed(&self, error: &StoreError) {
        let found = match error {
            StoreError::Full => Health::Full,
            StoreError::Sqlite(error) if is_of_system(error) => Health::Failing(error.to_string()),
            _ => return,
        };
        self.0.send_if_modified(|health| {
            // Once is enough until it is over, whatever else fails by it.
            let is_news = *health == Health::Sound;
            if is_news {
                tracing::warn!(%error, "the database cannot be written");
                *health = found;
            }
            is_news
        });
    }

    /// Notes that there is room, and all can be written.
    pub(super) fn is_sound(&self) {
        self.0.send_if_modified(|health| std::mem::take(health) != Health::Sound);
    }

    pub(super) fn follow(&self) -> watch::Receiver<Health> {
        self.0.subscribe()
    }
}

fn is_of_system(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(SystemIoFailure | CannotOpen | ReadOnly))
}

/// Whether the system said that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
