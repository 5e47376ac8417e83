//! From an uploaded CAR archive to blocks and one root.
//!
//! Every block is checked while it comes. What is pinned is everything below the archive's only root: blocks that it has
//! besides are collected later, and blocks that it lacks are taken from what is held already. Until then its blocks count
//! against the quota whether they turn out to be needed or not.

use std::io::Read;

use holdfast_content::{
    BlockSink, Cid, ReadError,
    car::{CarError, CarReader},
};

use crate::store::{
    blocks::{BlockStore, BlockWriter},
    holding::{Measured, measure},
};

/// Why an archive cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error(transparent)]
    Car(#[from] CarError),
    #[error("the archive must name exactly one root, and names {0}")]
    Roots(usize),
    #[error("the archive is not complete: {0}")]
    Incomplete(ReadError),
    #[error("writing blocks failed")]
    Io(#[from] std::io::Error),
}

/// What an archive has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Archived {
    pub(crate) root: Cid,
    pub(crate) measured: Measured,
}

/// Stores an archive's blocks and walks everything below its root. `writer` holds all of it then.
pub(crate) fn import_archive(
    archive: impl Read,
    blocks: &BlockStore,
    writer: &mut BlockWriter,
) -> Result<Archived, ArchiveError> {
    let mut reader = CarReader::new(archive)?;
    let root = match reader.roots() {
        [root] => *root,
        roots => return Err(ArchiveError::Roots(roots.len())),
    };
    for block in &mut reader {
        let (cid, bytes) = block?;
        writer.put(&cid, &[&bytes])?;
    }
    let measured = measure(blocks, &root, writer).map_err(|error| match error {
        ReadError::Io(error) => ArchiveError::Io(error),
        error => ArchiveError::Incomplete(error),
    })?;
    if measured.dag_bytes < writer.dag_bytes() {
        // Blocks that are not below the root.
        blocks.note_garbage();
    }
    Ok(Archived { root, measured })
}
