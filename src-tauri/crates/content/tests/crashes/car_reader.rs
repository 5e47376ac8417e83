//! What must hold of any bytes that are read as an archive. The fuzz target and the regression test run this.

use std::{collections::HashMap, io};

use holdfast_content::{
    BlockName, BlockSource, Cid, MAX_BLOCK_BYTES, WalkLimits,
    car::{CarError, CarReader},
    is_block_of, verify, verify_archive,
};

const LIMITS: WalkLimits = WalkLimits { blocks: 10_000, named: 10_000 };

/// Reads `input` as an archive: every block that comes out is what its CID says and stood in the input, and the walk
/// while reading says what the walk of the blocks read says.
pub(crate) fn check(input: &[u8]) {
    let Ok(mut reader) = CarReader::new(input) else { return };
    let mut blocks = ByName::default();
    let (mut total, mut damaged, mut end) = (0, false, None);
    while let Some(block) = reader.next() {
        assert!(reader.position() <= input.len() as u64);
        match block {
            Ok((cid, bytes)) => {
                assert_eq!(is_block_of(&cid, &bytes), Some(true));
                assert!(bytes.len() <= MAX_BLOCK_BYTES);
                total += bytes.len();
                blocks.0.insert(BlockName::of(&cid), (cid, bytes));
            }
            Err(CarError::Corrupt(_) | CarError::UnknownHash(_)) => damaged = true,
            Err(error) => {
                end = Some(error.to_string());
                break;
            }
        }
    }
    assert!(total <= input.len());
    assert!(reader.next().is_none(), "there is nothing after the end or an error");
    for root in reader.roots().iter().copied().chain(blocks.0.values().next().map(|(cid, _)| *cid)) {
        let again = CarReader::new(input).and_then(|reader| verify_archive(reader, &root, LIMITS));
        match &end {
            Some(why) => assert_eq!(again.map_err(|error| error.to_string()), Err(why.clone())),
            None if damaged => assert!(again.is_ok()),
            None => assert_eq!(again.ok(), verify(&blocks, &root, LIMITS).ok()),
        }
    }
}

/// Blocks that both versions of a CID name, as in an archive.
#[derive(Default)]
struct ByName(HashMap<BlockName, (Cid, Vec<u8>)>);

impl BlockSource for ByName {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(&BlockName::of(cid)).map(|(_, bytes)| bytes.clone()))
    }
}
