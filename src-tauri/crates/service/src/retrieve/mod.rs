//! Getting content that is not held: what a source of blocks has to offer, and the queue of pins that wait for it.

mod queue;

use std::fmt;

use futures_util::future::BoxFuture;
pub(crate) use queue::{Limits, Retrievals};

use crate::{
    fetch::{FetchError, FetchProgress, Fetcher},
    store::{
        blocks::{BlockStore, BlockWriter},
        wanted::Wanted,
    },
};

/// Where blocks come from.
pub(crate) trait Retriever: fmt::Debug + Send + Sync {
    /// Gets the blocks below `wanted.root` that are not held, each checked against its CID, and puts them into `writer`,
    /// which is given back. What was fetched stays when it fails, for the next time.
    ///
    /// Dropping the future ends the retrieval.
    fn retrieve<'a>(
        &'a self,
        wanted: &'a Wanted,
        blocks: &'a BlockStore,
        writer: BlockWriter,
        progress: &'a FetchProgress,
    ) -> BoxFuture<'a, Result<BlockWriter, FetchError>>;
}

impl Retriever for Fetcher {
    fn retrieve<'a>(
        &'a self,
        wanted: &'a Wanted,
        blocks: &'a BlockStore,
        writer: BlockWriter,
        progress: &'a FetchProgress,
    ) -> BoxFuture<'a, Result<BlockWriter, FetchError>> {
        Box::pin(self.fetch(wanted.root, &wanted.origins, blocks, writer, progress))
    }
}
