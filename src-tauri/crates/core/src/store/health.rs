//! What has become of the database: people are told of it once, and not of each write that fails.

use std::{fs, io, path::PathBuf};

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
    /// It is not as it was written, as long as it is open.
    Damaged(String),
}

/// What is told of it.
#[derive(Debug)]
pub(super) struct Watched {
    health: watch::Sender<Health>,
    /// The file by which the next start knows that it is to be looked into.
    doubt: Option<PathBuf>,
}

impl Watched {
    pub(super) fn new(doubt: Option<PathBuf>) -> Self {
        Self { health: watch::Sender::default(), doubt }
    }

    /// Notes why something could not be written or read.
    pub(super) fn failed(&self, error: &StoreError) {
        let found = match error {
            StoreError::Full => Health::Full,
            StoreError::Damaged(said) => Health::Damaged(said.clone()),
            StoreError::Sqlite(error) if is_of_system(error) => Health::Failing(error.to_string()),
            _ => return,
        };
        self.health.send_if_modified(|health| {
            // Once is enough until it is over, whatever else fails by it.
            let is_news = match (&*health, &found) {
                (Health::Damaged(_), _) => false,
                (_, Health::Damaged(_)) => true,
                (before, _) => *before == Health::Sound,
            };
            if is_news {
                tracing::warn!(%error, "the database fails");
                self.doubt(&found);
                *health = found;
            }
            is_news
        });
    }

    fn doubt(&self, found: &Health) {
        if let (Health::Damaged(_), Some(doubt)) = (found, &self.doubt)
            && let Err(error) = fs::write(doubt, "")
        {
            tracing::error!(%error, "that the database is damaged cannot be noted");
        }
    }

    /// Notes that there is room, and all can be written.
    pub(super) fn is_sound(&self) {
        self.health.send_if_modified(|health| match health {
            Health::Full | Health::Failing(_) => {
                *health = Health::Sound;
                true
            }
            Health::Sound | Health::Damaged(_) => false,
        });
    }

    pub(super) fn follow(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
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
