//! What can go wrong, as the rest of Holdfast and its user interfaces see it.

use std::{io::ErrorKind, path::PathBuf, time::Duration};

use crate::{
    code::Code,
    gateway::GatewayError,
    home::HomeError,
    provider::ProviderError,
    store::{StoreError, is_full},
    vault::VaultError,
};

/// Everything the engine can answer instead of a result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for makes no sense; the text says why.
    #[error("{0}")]
    InvalidInput(String),
    /// No account, pin, transfer or folder of that id.
    #[error("there is no {what} {id:?}")]
    NoSuch {
        /// The kind of thing.
        what: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// A path that cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that was not the same when its reading ended.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// The path.
        path: PathBuf,
    },
    /// A file that somebody may still be writing to.
    #[error("{} is open in a program that may still write to it", path.display())]
    BeingWritten {
        /// The path.
        path: PathBuf,
    },
    /// A file that can never be pinned as it is.
    #[error("{name} cannot be pinned: {reason}")]
    Refused {
        /// The file's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The provider says that it holds something else than what was sent.
    #[error("the provider answered with {theirs}, but the bytes that were sent are {ours}")]
    CidMismatch {
        /// The CID computed here.
        ours: String,
        /// The CID in the answer.
        theirs: String,
    },
    /// The provider says that it pinned something else than what it was asked for.
    #[error("the provider was asked for {asked}, and answered with {theirs}")]
    OtherCid {
        /// The CID that it was asked for.
        asked: String,
        /// The CID in the answer.
        theirs: String,
    },
    /// The provider's CID, or the blocks behind it, are not those of what was sent.
    #[error("the provider holds something else under {theirs} than what was sent, which is {ours}: {difference}")]
    ContentDiffers {
        /// The CID computed here.
        ours: String,
        /// The provider's CID.
        theirs: String,
        /// Where the difference is, in words.
        difference: String,
    },
    /// The blocks of what was read cannot be kept.
    #[error("the blocks cannot be written: {0}")]
    Blocks(std::io::Error),
    /// The service was asked to pin it and has not got all of it yet.
    #[error("the service is still fetching it{}", said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default())]
    StillFetching {
        /// What the service says about it.
        said: Option<String>,
    },
    /// The service was asked to pin it and gave up.
    #[error("the service could not pin it: {reason}")]
    PinFailed {
        /// The service's reason.
        reason: String,
    },
    /// The service on this computer does not hold it, and was not told where it may fetch it.
    #[error(
        "this computer does not hold that content, and fetches from nowhere as long as you do not say where it may"
    )]
    FetchesFromNowhere,
    /// What went wrong at the node through which files get to a service that takes none.
    #[error("{label}, through which files get there: {source}")]
    AtNode {
        /// The label of the node's account.
        label: String,
        /// What went wrong.
        source: Box<Self>,
    },
    /// Many pins were to be removed, and other than the person was told.
    #[error("this would unpin {pins} pins, and {confirmed} were confirmed; nothing was unpinned")]
    CountChanged {
        /// How many they are.
        pins: u64,
        /// How many the person confirmed.
        confirmed: u64,
    },
    /// The user stopped it.
    #[error("cancelled")]
    Cancelled,
    /// The service that Holdfast runs itself is not running, and nothing is sent to where it was before.
    #[error("the service on this computer is not running{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    ServiceNotRunning {
        /// Why, where that is known.
        reason: Option<String>,
    },
    /// The account's secret is in no vault.
    #[error("the secret of the account {label:?} is not there; enter it again")]
    NoSecret {
        /// The account's label.
        label: String,
    },
    /// The keyring.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A gateway.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The home directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The watcher of a folder.
    #[error("{} cannot be watched: {message}", path.display())]
    Watch {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// The system gives no threads.
    #[error("the system gives no threads to work with: {0}")]
    Threads(std::io::Error),
    /// A task of the engine died.
    #[error("an internal task ended unexpectedly")]
    Internal,
}

impl Error {
    /// The class that a user interface decides by.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::InvalidInput(_) | Self::Home(HomeError::NotPrivate(_)) => Code::InvalidInput,
            Self::NoSuch { .. } => Code::NotFound,
            Self::Unreadable { .. } | Self::Watch { .. } => Code::FileUnreadable,
            Self::Changed { .. } | Self::BeingWritten { .. } => Code::FileChanged,
            Self::Refused { .. } => Code::FileRefused,
            Self::CidMismatch { .. } | Self::OtherCid { .. } | Self::ContentDiffers { .. } => Code::CidMismatch,
            Self::Gateway(GatewayError::Network { .. }) => Code::Network,
            Self::Gateway(_) | Self::ServiceNotRunning { .. } => Code::Unavailable,
            Self::StillFetching { .. } => Code::StillFetching,
            Self::PinFailed { .. } => Code::PinFailed,
            Self::FetchesFromNowhere => Code::NoSource,
            Self::AtNode { source, .. } => source.code(),
            Self::Cancelled => Code::Cancelled,
            Self::CountChanged { .. } => Code::CountChanged,
            Self::NoSecret { .. } => Code::NoSecret,
            Self::Vault(_) => Code::KeyringUnavailable,
            Self::Provider(error) => error.code(),
            Self::Home(HomeError::Busy { .. }) => Code::HomeBusy,
            Self::Store(StoreError::Full) => Code::DiskFull,
            Self::Home(HomeError::Io { source, .. }) | Self::Blocks(source) if is_full(source) => Code::DiskFull,
            Self::Home(HomeError::Io { .. }) | Self::Store(_) | Self::Blocks(_) | Self::Threads(_) | Self::Internal => {
                Code::Internal
            }
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Changed { .. }
            | Self::BeingWritten { .. }
            | Self::StillFetching { .. }
            | Self::ServiceNotRunning { .. } => true,
            Self::AtNode { source, .. } => source.is_retryable(),
            // Not there, not permitted: only a person changes that. A lock or a failing disk may pass.
            Self::Unreadable { source, .. } => !matches!(
                source.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied | ErrorKind::InvalidInput
            ),
            Self::Vault(VaultError::Unavailable(_) | VaultError::Locked(_) | VaultError::Entry(_)) => true,
            Self::Provider(error) => error.is_retryable(),
            Self::Store(error) => error.passes(),
            _ => false,
        }
    }

    /// Whether the world has to change before it can succeed, which may take any time: no network, a locked keyring.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        if let Self::AtNode { source, .. } = self {
            return source.is_outage();
        }
        matches!(
            self,
            Self::ServiceNotRunning { .. }
                | Self::Vault(VaultError::Unavailable(_) | VaultError::Locked(_) | VaultError::Entry(_))
                | Self::Provider(
                    ProviderError::Unreachable { .. }
                        | ProviderError::Network { .. }
                        | ProviderError::Unavailable { .. }
                        | ProviderError::RateLimited { .. }
                )
        )
    }

    /// How long the provider asked to wait, where it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Provider(error) => error.retry_after(),
            Self::AtNode { source, .. } => source.retry_after(),
            _ => None,
        }
    }

    /// The provider's own words or the chain of causes, for those who look closer. Never holds a secret.
    #[must_use]
    pub fn details(&self) -> Option<String> {
        if let Self::AtNode { source, .. } = self {
            return source.details();
        }
        if let Self::Provider(error) = self
            && let Some(message) = error.provider_message()
        {
            return Some(message.into());
        }
        let mut causes = Vec::new();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        causes.dedup();
        (!causes.is_empty()).then(|| causes.join(": "))
    }
}
