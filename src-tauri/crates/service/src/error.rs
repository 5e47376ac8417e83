//! Why a service cannot start, or an operation on it failed.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use holdfast_private::PrivacyError;
use rusqlite::ErrorCode;

use crate::store::{StoreError, database::is_full};

/// An error of the service itself. What goes wrong within a request is answered over HTTP instead.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Another service owns the directory.
    #[error("another service is using {}", .0.display())]
    DirectoryInUse(PathBuf),
    /// Other users of the computer cannot be kept out of the directory.
    #[error(transparent)]
    NotPrivate(#[from] PrivacyError),
    /// The disk refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database was written by a later version of this program.
    #[error("the database has schema {found}, written by a later version; this one knows {known}")]
    NewerSchema {
        /// The database's `user_version`.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
    /// The database is not there, or has nothing in it, and blocks are, whose pins it knew.
    #[error(
        "{} is missing or empty, but blocks are beside it, and only it knew their pins. Nothing was changed. Put the file back from \
         a backup; where there is none, move {} elsewhere and start again, which begins with no pins",
        path.display(),
        dir.display()
    )]
    DatabaseLost {
        /// Where the database should be.
        path: PathBuf,
        /// The service's directory.
        dir: PathBuf,
    },
    /// The database is not as it was written.
    #[error(
        "{} is damaged ({source}). Put it back from a backup; where there is none, move {} elsewhere and start again, which \
         begins with no pins. No block was removed",
        path.display(),
        dir.display()
    )]
    DatabaseDamaged {
        /// The database.
        path: PathBuf,
        /// The service's directory.
        dir: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// There is no room for what is to be written down.
    #[error("the disk with the service's database is full: make room on it, and try again")]
    DiskFull,
    /// The database failed.
    #[error("the service's database failed: {0}")]
    Database(#[source] rusqlite::Error),
    /// The store failed.
    #[error("{0}")]
    Store(String),
    /// A key or secret that is not of the form that clients expect.
    #[error("not an API key: {0}")]
    InvalidKey(&'static str),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random(#[from] getrandom::Error),
    /// Something stored cannot be used.
    #[error("{what}")]
    Storage {
        /// What failed, and why, as far as it is known.
        what: String,
        /// What it was.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A task of the service panicked.
    #[error("a task of the service failed")]
    Task(#[from] tokio::task::JoinError),
}

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("{} cannot be read: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is no certificate in the file.
    #[error("{} has no certificate; it must be PEM with BEGIN CERTIFICATE", .0.display())]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("{} has no private key; it must be PEM with BEGIN PRIVATE KEY", .0.display())]
    NoKey(PathBuf),
    /// They do not belong together, or are of a kind that is not supported.
    #[error("the certificate {} and the key {} cannot be used: {why}", certificates.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificates: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        why: String,
    },
}

impl From<rusqlite::Error> for ServiceError {
    fn from(error: rusqlite::Error) -> Self {
        if is_full(&error) { Self::DiskFull } else { Self::Database(error) }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            StoreError::Random(error) => Self::Random(error),
            error => Self::Store(error.to_string()),
        }
    }
}

impl ServiceError {
    /// Says of damage which database has it.
    pub(crate) fn in_database(self, path: &Path, dir: &Path) -> Self {
        match self {
            Self::Database(source)
                if matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) =>
            {
                Self::DatabaseDamaged { path: path.into(), dir: dir.into(), source }
            }
            other => other,
        }
    }

    pub(crate) fn storage(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Storage { what: error.to_string(), source: Box::new(error) }
    }

    pub(crate) fn disk(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { action, path, source }
    }
}
