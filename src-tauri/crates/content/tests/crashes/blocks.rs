//! Blocks in memory.

use std::{collections::HashMap, io};

use holdfast_content::{BlockSink, BlockSource, Cid};

/// Blocks as they were read or made.
#[derive(Default)]
pub(crate) struct Blocks(pub(crate) HashMap<Cid, Vec<u8>>);

impl BlockSource for Blocks {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(cid).cloned())
    }
}

impl BlockSink for Blocks {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        self.0.insert(*cid, parts.concat());
        Ok(())
    }
}
