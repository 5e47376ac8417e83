//! Whether the store holds a DAG completely, and what a pin of it would be.

use std::{cell::RefCell, io};

use holdfast_content::{BlockSource, Cid, JudgedKind, ReadError, judge};

use super::{blocks::BlockStore, writer::BlockWriter};

/// What is held of a DAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    /// Every block of it.
    Complete(Measured),
    /// Not every block, or it is refused.
    Incomplete,
}

/// What a complete DAG is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Bytes of its files.
    pub(crate) content_bytes: u64,
    /// Bytes of its different blocks.
    pub(crate) dag_bytes: u64,
    pub(crate) is_dir: bool,
}

/// Looks for every block below `root`. `writer` holds what is found, so that it stays until a pin of it is recorded.
pub(crate) fn holding(blocks: &BlockStore, root: &Cid, writer: &mut BlockWriter) -> io::Result<Holding> {
    match measure(blocks, root, writer) {
        Err(ReadError::Io(error)) => Err(error),
        Err(_) => Ok(Holding::Incomplete),
        Ok(measured) => Ok(Holding::Complete(measured)),
    }
}

/// The same; an error says which block is missing, or for what the DAG is refused.
pub(crate) fn measure(blocks: &BlockStore, root: &Cid, writer: &mut BlockWriter) -> Result<Measured, ReadError> {
    let judged = judge(&Finding { blocks, writer: RefCell::new(writer) }, root)?;
    let is_dir = judged.kind == JudgedKind::Directory;
    Ok(Measured { content_bytes: judged.content_bytes, dag_bytes: judged.dag_bytes, is_dir })
}

/// Blocks that are held once they were found.
struct Finding<'a> {
    blocks: &'a BlockStore,
    writer: RefCell<&'a mut BlockWriter>,
}

impl BlockSource for Finding<'_> {
    /// A damaged block is not there: it can be had again.
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        if self.len_of(cid)?.is_none() { Ok(None) } else { self.blocks.get_if_sound(cid) }
    }

    fn len_of(&self, cid: &Cid) -> io::Result<Option<u64>> {
        self.writer.borrow_mut().find(cid)
    }
}
