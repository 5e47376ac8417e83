//! Blocks that a test makes by hand, parents of blocks that it made before.

use std::{cell::RefCell, collections::HashMap, io};

use cid::multihash::Multihash;
use sha2::{Digest, Sha256};

use crate::{BlockSource, Cid, block::HASH_SHA2_256};

#[derive(Default)]
pub(super) struct MadeBlocks(RefCell<HashMap<Cid, Vec<u8>>>);

impl MadeBlocks {
    pub(super) fn put(&self, codec: u64, bytes: Vec<u8>) -> Cid {
        let cid = Cid::new_v1(codec, Multihash::wrap(HASH_SHA2_256, &Sha256::digest(&bytes)).unwrap());
        self.0.borrow_mut().insert(cid, bytes);
        cid
    }
}

impl BlockSource for MadeBlocks {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.borrow().get(cid).cloned())
    }
}
