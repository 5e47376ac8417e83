//! Getting content that is not held: what a source of blocks has to offer, and the queue of pins that wait for it.

mod queue;

use std::{
    fmt, io,
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::future::BoxFuture;
pub(crate) use queue::{Limits, Retrievals};

use crate::store::{
    blocks::{BlockStore, BlockWriter},
    pins::Wanted,
};

/// Where blocks come from.
pub(crate) trait Retriever: fmt::Debug + Send + Sync {
    /// Gets the blocks below `wanted.root` that are not held, each checked against its CID, and puts them into `writer`,
    /// which it gives back.
    ///
    /// Dropping the future ends the retrieval.
    fn retrieve<'a>(
        &'a self,
        wanted: &'a Wanted,
        blocks: &'a BlockStore,
        writer: BlockWriter,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<BlockWriter, RetrieveError>>;
}

/// Why content could not be had. Shown to who asked for the pin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RetrieveError {
    #[error("this service does not hold that content and has no other source for it; upload it instead")]
    NoSource,
    #[error("this service does not hold that content and cannot fetch it from the addresses that were named")]
    UnusableOrigins,
    #[error("the disk of this service failed")]
    Disk(#[from] io::Error),
}

/// How far a retrieval has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) blocks: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (blocks, bytes) = (self.blocks.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        write!(formatter, "{blocks} blocks, {bytes} bytes fetched")
    }
}

/// Fetches nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoSource;

impl Retriever for NoSource {
    fn retrieve<'a>(
        &'a self,
        wanted: &'a Wanted,
        _blocks: &'a BlockStore,
        _writer: BlockWriter,
        _progress: &'a Progress,
    ) -> BoxFuture<'a, Result<BlockWriter, RetrieveError>> {
        let error = if wanted.origins.is_empty() { RetrieveError::NoSource } else { RetrieveError::UnusableOrigins };
        Box::pin(std::future::ready(Err(error)))
    }
}
