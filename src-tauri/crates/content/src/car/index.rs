//! An archive as a source of blocks: read through once, then by place.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    sync::{Mutex, PoisonError},
};

use cid::Cid;

use super::{CarError, CarReader};
use crate::{block::BlockSource, block_name::BlockName};

/// Where an archive's blocks stand. All of them were checked when the index was made.
#[derive(Debug)]
pub struct CarIndex {
    file: Mutex<File>,
    roots: Vec<Cid>,
    /// By codec and hash: both versions of a CID name the block.
    places: HashMap<BlockName, Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: u64,
    bytes: usize,
}

impl CarIndex {
    /// Reads an archive through and checks every block.
    ///
    /// ```
    /// use std::io::{Seek, Write};
    /// use holdfast_content::{BlockSource, car::CarIndex};
    /// let mut file = tempfile::tempfile()?;
    /// file.write_all(b"\x11\xa2\x65roots\x80\x67version\x01\x0a\x01\x55\x00\x03abcabc")?;
    /// file.rewind()?;
    /// let index = CarIndex::open(file)?;
    /// assert_eq!(index.blocks(), 1);
    /// assert_eq!(index.get(&"bafkqaa3bmjrq".parse()?)?, Some(b"abc".to_vec()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn open(file: File) -> Result<Self, CarError> {
        let mut reader = CarReader::new(BufReader::with_capacity(1 << 20, &file))?;
        let mut places = HashMap::new();
        while let Some(block) = reader.next() {
            let (cid, bytes) = block?;
            places.insert(
                BlockName::of(&cid),
                Place { start: reader.position() - bytes.len() as u64, bytes: bytes.len() },
            );
        }
        let roots = reader.roots().to_vec();
        Ok(Self { file: Mutex::new(file), roots, places })
    }

    /// The roots that the header names.
    #[must_use]
    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }

    /// How many different blocks there are.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.places.len()
    }
}

impl BlockSource for CarIndex {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        let Some(place) = self.places.get(&BlockName::of(cid)) else { return Ok(None) };
        let mut bytes = vec![0; place.bytes];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(place.start))?;
        file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn len_of(&self, cid: &Cid) -> io::Result<Option<u64>> {
        Ok(self.places.get(&BlockName::of(cid)).map(|place| place.bytes as u64))
    }
}
