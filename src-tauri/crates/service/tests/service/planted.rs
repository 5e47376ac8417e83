//! Blocks put into a running service's directory, past its API: DAGs that no upload makes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use holdfast_content::{BlockSink, Cid, car::CarReader, multihash_hex};

use crate::client::TestService;

/// Puts blocks where the service looks for them.
pub(crate) struct Planter {
    blocks: PathBuf,
    pub(crate) planted: Vec<Cid>,
}

impl Planter {
    pub(crate) fn new(service: &TestService) -> Self {
        Self { blocks: service.dir.path().join("blocks"), planted: Vec::new() }
    }

    /// Puts all blocks of an archive.
    pub(crate) fn archive(&mut self, path: &Path) {
        for block in CarReader::new(io::BufReader::new(fs::File::open(path).unwrap())).unwrap() {
            let (cid, bytes) = block.unwrap();
            self.put(&cid, &[&bytes]).unwrap();
        }
    }

    /// Takes a block away.
    pub(crate) fn remove(&self, cid: &Cid) {
        fs::remove_file(self.path(cid)).unwrap();
    }

    fn path(&self, cid: &Cid) -> PathBuf {
        let name = multihash_hex(cid);
        self.blocks.join(&name[name.len() - 2..]).join(name)
    }
}

impl BlockSink for Planter {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        self.planted.push(*cid);
        fs::write(self.path(cid), parts.concat())
    }
}
