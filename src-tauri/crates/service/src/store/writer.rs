//! The blocks of one pin on their way to the disk.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    sync::atomic::Ordering,
};

use cid::multihash::Multihash;
use holdfast_content::{BlockSink, CODEC_RAW, Cid, HASH_IDENTITY};
use tokio_util::sync::CancellationToken;

use super::{
    StoreError,
    blocks::{BlockStore, absent_is_fine},
    holds::ShortHash,
    memory::Claim,
    quota::Reservation,
};

/// Different blocks of one pin: what a retrieval may fetch.
const MAX_BLOCKS: usize = 4_000_000;

/// What a block takes in memory while it is held: here, among all that are held, in the judgement of its DAG, and in the
/// list of those to be taken back.
const HELD_BLOCK_BYTES: usize = 256;

/// The message of a pin that has more blocks than one may have.
#[derive(Debug, thiserror::Error)]
#[error("the content has more than {0} blocks")]
pub(crate) struct TooManyBlocks(usize);

/// The message of a pin for which nobody waits any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody waits for this pin any more")]
pub(crate) struct GivenUp;

/// Takes the blocks of one pin and holds them until it is dropped, so that they stay where they are. Unless they are
/// [kept](Self::keep), those that it added are then taken back.
#[derive(Debug)]
pub(crate) struct BlockWriter {
    store: BlockStore,
    /// As it was at the beginning: what was found to be bad then is not taken for good later.
    trusts_files: bool,
    held: HashMap<ShortHash, Counted>,
    max_blocks: usize,
    /// Bytes of all different blocks that are held.
    dag_bytes: u64,
    /// What the pin's owner may still store.
    allowance: Option<Reservation>,
    /// What is held of the DAG beyond that.
    over_quota_bytes: u64,
    /// What the list of blocks may take.
    memory: Option<Claim>,
    /// The hashes of blocks that were not there before, to be taken back.
    written: Vec<Multihash<64>>,
    /// Whether blocks that were not there before are left instead, to be collected if no pin comes to need them.
    leaves: bool,
    left_some: bool,
    /// Whether nobody waits for the pin any more.
    given_up: CancellationToken,
    /// Files to make durable, also those that were there: whoever wrote them may not have come to that.
    #[cfg(not(target_os = "linux"))]
    touched: Vec<std::path::PathBuf>,
}

/// Whether a block that is held was counted already; what was not found has no length yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted(bool);

impl BlockWriter {
    pub(super) fn new(store: BlockStore) -> Self {
        Self {
            trusts_files: store.is_trusted(),
            store,
            held: HashMap::new(),
            max_blocks: MAX_BLOCKS,
            dag_bytes: 0,
            allowance: None,
            over_quota_bytes: 0,
            memory: None,
            written: Vec::new(),
            leaves: false,
            left_some: false,
            given_up: CancellationToken::new(),
            #[cfg(not(target_os = "linux"))]
            touched: Vec::new(),
        }
    }

    /// Refuses blocks from where the owner's quota is used up, except where the DAG may be pinned already.
    ///
    /// Whether it is, its root tells, which comes last. So beyond the quota blocks go on to be taken, but only such as
    /// are there already, which need no room on the disk, and no more of them than the owner's pins hold, because a DAG
    /// that is pinned is one of these. What an owner gains who may store no more is that this service hashes what it
    /// holds already, which repeats of one block would get as well.
    pub(crate) fn within(mut self, allowance: Reservation) -> Self {
        self.allowance = Some(allowance);
        self
    }

    /// Counts the memory that it takes to know which blocks are held.
    pub(crate) fn counted_in(mut self, memory: Claim) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Finds and puts no more when nobody waits for the pin any more.
    pub(crate) fn given_up_with(mut self, given_up: CancellationToken) -> Self {
        self.given_up = given_up;
        self
    }

    /// Bytes of all different blocks that were put or found.
    pub(crate) const fn dag_bytes(&self) -> u64 {
        self.dag_bytes
    }

    /// Returns when all blocks that were put are on the disk.
    pub(crate) fn make_durable(&mut self) -> io::Result<()> {
        let durable = self.sync();
        if durable.is_err() {
            self.note_left();
        }
        durable
    }

    /// Blocks may be left that no pin needs and that are not on the disk.
    fn note_left(&self) {
        #[cfg(not(target_os = "linux"))]
        self.store.inner.left_undurable.store(true, Ordering::Relaxed);
        self.store.note_garbage();
    }

    #[cfg(target_os = "linux")]
    fn sync(&mut self) -> io::Result<()> {
        self.store.inner.sync.sync()
    }

    #[cfg(not(target_os = "linux"))]
    fn sync(&mut self) -> io::Result<()> {
        self.touched.sort_unstable();
        self.touched.dedup();
        for path in &self.touched {
            // Windows flushes only what was opened for writing.
            File::options().write(true).open(path)?.sync_all()?;
        }
        #[cfg(unix)]
        for shard in self.touched.chunk_by(|a, b| a.parent() == b.parent()) {
            if let Some(shard) = shard[0].parent() {
                File::open(shard)?.sync_all()?;
            }
        }
        self.touched.clear();
        Ok(())
    }

    /// Counts on a block that may be there: from now on it stays. Gives its length in bytes, `None` if it is not held.
    pub(crate) fn find(&mut self, cid: &Cid) -> io::Result<Option<u64>> {
        if cid.hash().code() == HASH_IDENTITY {
            return self.store.len(cid);
        }
        if self.given_up.is_cancelled() {
            return Err(io::Error::other(GivenUp));
        }
        self.hold(cid)?;
        let bytes = if self.trusts_files {
            self.store.len(cid)?
        } else {
            self.store.get_if_sound(cid)?.map(|bytes| bytes.len() as u64)
        };
        if let Some(bytes) = bytes {
            self.count(cid, bytes, true)?;
        }
        Ok(bytes)
    }

    fn hold(&mut self, cid: &Cid) -> io::Result<()> {
        let short = ShortHash::of(cid);
        if self.held.len() >= self.max_blocks && !self.held.contains_key(&short) {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, TooManyBlocks(self.max_blocks)));
        }
        if let Entry::Vacant(place) = self.held.entry(short) {
            if let Some(memory) = &mut self.memory {
                memory.add(HELD_BLOCK_BYTES)?;
            }
            self.store.inner.holds.hold(short);
            place.insert(Counted(false));
            #[cfg(not(target_os = "linux"))]
            self.touched.push(self.store.path(cid));
        }
        Ok(())
    }

    fn count(&mut self, cid: &Cid, bytes: u64, is_there: bool) -> io::Result<()> {
        if self.held.insert(ShortHash::of(cid), Counted(true)) == Some(Counted(true)) {
            return Ok(());
        }
        self.dag_bytes += bytes;
        match self.allowance.as_mut().map_or(Ok(()), |allowance| allowance.take(bytes)) {
            Err(StoreError::OverQuota(over)) if is_there && self.dag_bytes <= over.used => {
                self.over_quota_bytes += bytes;
                Ok(())
            }
            taken => taken.map_err(io::Error::other),
        }
    }

    /// Looks whether what was put fits the owner's quota after all; the last thing to do before the pin is recorded.
    pub(crate) fn confirm_quota(&mut self) -> Result<(), StoreError> {
        let bytes = std::mem::take(&mut self.over_quota_bytes);
        self.allowance.as_mut().map_or(Ok(()), |allowance| allowance.confirm(bytes))
    }

    /// Leaves the blocks where they are, whatever comes.
    pub(crate) fn keep(&mut self) {
        self.written = Vec::new();
        self.left_some = false;
    }

    /// Leaves blocks that are put from now on where they are even if no pin is made of them, because somebody will go on
    /// with them. If nobody does, a collection removes them.
    pub(crate) const fn leave_what_comes(&mut self) {
        self.leaves = true;
    }

    #[cfg(test)]
    pub(super) fn put_file(&mut self, bytes: &[u8]) -> Cid {
        let mut importer = holdfast_content::FileImporter::new(holdfast_content::Profile::UNIXFS_V1_2025);
        importer.push(bytes, self).unwrap();
        importer.finish(self).unwrap().cid
    }

    /// Whether the file of a block that is there already has the block's bytes.
    fn is_sound(&self, path: &Path, held: Option<u64>, parts: &[&[u8]]) -> io::Result<bool> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        // A file of another length is one that the system lost bytes of in a crash.
        if held != Some(bytes as u64) {
            return Ok(false);
        }
        if self.trusts_files {
            return Ok(true);
        }
        let mut found = Vec::with_capacity(bytes);
        File::open(path)?.read_to_end(&mut found)?;
        Ok(found == parts.concat())
    }
}

impl Drop for BlockWriter {
    fn drop(&mut self) {
        let mut clean = !self.left_some;
        for hash in &self.written {
            let cid = Cid::new_v1(CODEC_RAW, *hash);
            let short = ShortHash::of(&cid);
            let path = self.store.path(&cid);
            let removed = self.store.inner.holds.give_up(short, || absent_is_fine(fs::remove_file(path)));
            clean &= matches!(removed, Ok(true));
            self.held.remove(&short);
        }
        for short in self.held.keys() {
            self.store.inner.holds.let_go(*short);
        }
        if !clean {
            self.note_left();
        }
    }
}

impl BlockSink for BlockWriter {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        if cid.hash().code() == HASH_IDENTITY {
            return Ok(());
        }
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        self.hold(cid)?;
        let path = self.store.path(cid);
        let held = self.store.len(cid)?;
        self.count(cid, bytes as u64, held.is_some())?;
        if self.is_sound(&path, held, parts)? {
            return Ok(());
        }
        let inner = &self.store.inner;
        inner.room.take(bytes as u64)?;
        if self.leaves {
            self.left_some = true;
        } else if held.is_none() {
            self.written.push(*cid.hash());
        }
        let number = inner.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = inner.temporary.join(number.to_string());
        let written = write_new(&temporary, parts).and_then(|()| fs::rename(&temporary, &path));
        if let Err(error) = written {
            // The next start removes it if this fails as well.
            let _ = fs::remove_file(&temporary);
            // Another upload may have been quicker; some systems do not replace a file that is being read.
            let held = self.store.len(cid)?;
            if !self.is_sound(&path, held, parts)? {
                return Err(error);
            }
        }
        Ok(())
    }
}

fn write_new(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use holdfast_content::{BlockSource, FileImporter, HASH_SHA2_256, Profile};

    use super::*;

    #[test]
    fn what_is_not_kept_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let kept = store.keep(b"kept");
        assert_eq!(store.writer().put_file(b"kept"), kept);
        let gone = store.writer().put_file(b"gone");
        assert_eq!((store.len(&kept).unwrap(), store.len(&gone).unwrap()), (Some(4), None));
        assert!(!store.has_garbage());
    }

    #[test]
    fn blocks_that_another_writer_counts_on_stay() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let (mut writer, mut other) = (store.writer(), store.writer());
        let block = writer.put_file(b"both");
        other.put_file(b"both");
        drop(writer);
        assert_eq!(store.len(&block).unwrap(), Some(4));
        assert!(store.has_garbage());
    }

    #[test]
    fn a_block_of_a_long_digest_is_found_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        for (code, digest) in [(0x20, vec![7; 48]), (0x13, vec![8; 64])] {
            let cid = Cid::new_v1(CODEC_RAW, Multihash::wrap(code, &digest).unwrap());
            let mut writer = store.writer();
            writer.put(&cid, &[b"long"]).unwrap();
            let mut found = Vec::new();
            store
                .visit::<io::Error>(|block| {
                    found.push(block.cid);
                    Ok(())
                })
                .unwrap();
            assert_eq!(found, [cid]);
            drop(writer);
            assert_eq!(store.count().unwrap(), 0);
        }
    }

    #[test]
    fn a_writer_that_began_in_doubt_stays_in_doubt() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let cid = store.keep(b"hello");
        fs::write(store.path(&cid), b"\0\0\0\0\0").unwrap();
        store.distrust();
        let mut writer = store.writer();
        assert_eq!(writer.find(&cid).unwrap(), None);
        store.trust();
        writer.put(&cid, &[b"hello"]).unwrap();
        assert_eq!(store.get(&cid).unwrap().as_deref(), Some(b"hello".as_slice()));
    }

    #[test]
    fn a_full_disk_leaves_nothing_half_written() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let mut writer = store.writer();
        let mut importer = FileImporter::new(Profile::UNIXFS_V1_2025);
        importer.push(&[1; 3 << 20], &mut writer).unwrap();
        if store.room().free_bytes().unwrap().is_none() {
            return;
        }
        store.room().set_reserve(u64::MAX);
        let error = importer.push(&[2; 3 << 20], &mut writer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        drop(writer);
        assert_eq!((store.count().unwrap(), fs::read_dir(&store.inner.temporary).unwrap().count()), (0, 0));
    }

    #[test]
    fn a_pin_has_no_more_blocks_than_it_may() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let mut writer = store.writer();
        writer.max_blocks = 2;
        let cid = |digest: u8| Cid::new_v1(CODEC_RAW, Multihash::wrap(HASH_SHA2_256, &[digest; 32]).unwrap());
        for digest in [1, 2, 1] {
            writer.put(&cid(digest), &[b"block"]).unwrap();
        }
        let error = writer.put(&cid(3), &[b"block"]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
