//! Blocks as files, named by multihash, so that every CID of the same bytes finds the same file.
//!
//! A block is written under another name and renamed, so a file with a block's name is complete. Whether it is durable
//! is another matter: that is what [`BlockWriter::make_durable`] is for.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cid::multihash::Multihash;
use holdfast_content::{BlockSink, BlockSource, Cid, MAX_BLOCK_BYTES, is_block_of, multihash_hex};

use crate::ServiceError;

const CODEC_RAW: u64 = 0x55;
const HASH_IDENTITY: u64 = 0;

/// All blocks of a service. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct BlockStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    blocks: PathBuf,
    temporary: PathBuf,
    next_temporary: AtomicU64,
    writers: Mutex<Writers>,
    /// Whether blocks may be there that no pin needs.
    garbage: AtomicBool,
    #[cfg(target_os = "linux")]
    sync: super::sync::FileSystemSync,
}

/// Who writes. Two writers at one time may count on each other's blocks, so that neither can take its own back.
#[derive(Debug, Default)]
struct Writers {
    active: u64,
    started: u64,
}

impl BlockStore {
    /// Opens `dir/blocks`; what an interrupted run left half-written is removed.
    pub(crate) fn open(dir: &Path) -> Result<Self, ServiceError> {
        let blocks = dir.join("blocks");
        let temporary = blocks.join("unfinished");
        match fs::remove_dir_all(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ServiceError::disk("remove", temporary)(error));
            }
            _ => {}
        }
        fs::create_dir_all(&temporary).map_err(ServiceError::disk("make the directory", &temporary))?;
        for shard in 0..=u8::MAX {
            let shard = blocks.join(format!("{shard:02x}"));
            match fs::create_dir(&shard) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(ServiceError::disk("make the directory", shard)(error));
                }
                _ => {}
            }
        }
        let inner = Inner {
            #[cfg(target_os = "linux")]
            sync: super::sync::FileSystemSync::new(&blocks).map_err(ServiceError::disk("open", &blocks))?,
            blocks,
            temporary,
            next_temporary: AtomicU64::new(0),
            writers: Mutex::default(),
            garbage: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Writes the blocks of one pin.
    pub(crate) fn writer(&self) -> BlockWriter {
        let mut writers = self.writers();
        writers.active += 1;
        writers.started += 1;
        BlockWriter {
            store: self.clone(),
            number: writers.started,
            was_alone: writers.active == 1,
            written: Vec::new(),
            #[cfg(not(target_os = "linux"))]
            touched: Vec::new(),
        }
    }

    /// Notes that blocks may be left that no pin needs, so that the next start looks for them.
    pub(crate) fn note_garbage(&self) {
        self.inner.garbage.store(true, Ordering::Relaxed);
    }

    /// Whether blocks may be there that no pin needs.
    pub(crate) fn has_garbage(&self) -> bool {
        self.inner.garbage.load(Ordering::Relaxed)
    }

    /// The length of a block in bytes, `None` if it is not held.
    pub(crate) fn len(&self, cid: &Cid) -> io::Result<Option<u64>> {
        if cid.hash().code() == HASH_IDENTITY {
            return Ok(Some(u64::from(cid.hash().size())));
        }
        match fs::metadata(self.path(cid)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes every block that `keep` refuses; it is asked with the multihash in hexadecimal. Gives how many went.
    pub(crate) fn retain(&self, mut keep: impl FnMut(&str) -> bool) -> io::Result<u64> {
        let mut removed = 0;
        for shard in 0..=u8::MAX {
            for entry in fs::read_dir(self.inner.blocks.join(format!("{shard:02x}")))? {
                let entry = entry?;
                let name = entry.file_name();
                if !name.to_str().is_some_and(&mut keep) {
                    fs::remove_file(entry.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    fn writers(&self) -> MutexGuard<'_, Writers> {
        self.inner.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, cid: &Cid) -> PathBuf {
        let name = multihash_hex(cid);
        // The last digits: the first ones name the hash function, and so are the same for all.
        let shard = &name[name.len() - 2..];
        let mut path = PathBuf::with_capacity(self.inner.blocks.as_os_str().len() + name.len() + 4);
        path.push(&self.inner.blocks);
        path.push(shard);
        path.push(name);
        path
    }
}

impl BlockSource for BlockStore {
    /// The block; it hashes to `cid`.
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        if cid.hash().code() == HASH_IDENTITY {
            return Ok(Some(cid.hash().digest().to_vec()));
        }
        let file = match File::open(self.path(cid)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        if length > MAX_BLOCK_BYTES as u64 {
            return Err(damaged(cid));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes)?;
        match is_block_of(cid, &bytes) {
            Some(true) => Ok(Some(bytes)),
            Some(false) => Err(damaged(cid)),
            None => Ok(None),
        }
    }
}

fn damaged(cid: &Cid) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the stored block {cid} is damaged"))
}

/// Takes the blocks of one pin. Unless they are kept, those that it added are taken back when it is dropped.
#[derive(Debug)]
pub(crate) struct BlockWriter {
    store: BlockStore,
    /// How many writers had started when this one had.
    number: u64,
    was_alone: bool,
    /// The hashes of blocks that were not there before.
    written: Vec<Multihash<32>>,
    /// Every block of the pin, also those that were there: whoever wrote them may not have made them durable.
    #[cfg(not(target_os = "linux"))]
    touched: Vec<PathBuf>,
}

impl BlockWriter {
    /// Returns when all blocks that were put are on the disk.
    pub(crate) fn make_durable(&mut self) -> io::Result<()> {
        let durable = self.sync();
        if durable.is_err() {
            self.store.note_garbage();
        }
        durable
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

    /// Counts a block that is there already among those to make durable.
    pub(crate) fn hold(&mut self, cid: &Cid) {
        #[cfg(not(target_os = "linux"))]
        if cid.hash().code() != HASH_IDENTITY {
            self.touched.push(self.store.path(cid));
        }
        #[cfg(target_os = "linux")]
        let _ = cid;
    }

    /// Leaves the blocks where they are, whatever comes.
    pub(crate) fn keep(&mut self) {
        self.written = Vec::new();
    }

    fn take_back(&self) -> io::Result<()> {
        for hash in &self.written {
            let cid = Cid::new_v1(CODEC_RAW, hash.resize().map_err(io::Error::other)?);
            match fs::remove_file(self.store.path(&cid)) {
                // The last one may not have come to be.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for BlockWriter {
    fn drop(&mut self) {
        // Held to the end: no other writer may start while blocks go.
        let mut writers = self.store.writers();
        let alone = self.was_alone && writers.started == self.number;
        let clean = self.written.is_empty() || (alone && self.take_back().is_ok());
        if !clean {
            self.store.note_garbage();
        }
        writers.active -= 1;
    }
}

impl BlockSink for BlockWriter {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let held = self.store.len(cid)?;
        // A file of another length is one that the system lost bytes of in a crash.
        if held != Some(bytes as u64) {
            if held.is_none() {
                self.written.push(cid.hash().resize().map_err(io::Error::other)?);
            }
            let inner = &self.store.inner;
            let number = inner.next_temporary.fetch_add(1, Ordering::Relaxed);
            let temporary = inner.temporary.join(number.to_string());
            let written = write_new(&temporary, parts).and_then(|()| fs::rename(&temporary, self.store.path(cid)));
            if let Err(error) = written {
                // The next start removes it if this fails as well.
                let _ = fs::remove_file(&temporary);
                // Another upload may have been quicker; some systems do not replace a file that is being read.
                if self.store.len(cid)? != Some(bytes as u64) {
                    return Err(error);
                }
            }
        }
        self.hold(cid);
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
    use holdfast_content::{FileImporter, Profile};

    use super::*;

    fn put(store: &BlockStore, bytes: &[u8]) -> Cid {
        let mut writer = store.writer();
        let mut importer = FileImporter::new(Profile::UNIXFS_V1_2025);
        importer.push(bytes, &mut writer).unwrap();
        let link = importer.finish(&mut writer).unwrap();
        writer.make_durable().unwrap();
        writer.keep();
        link.cid
    }

    fn put_and_drop(store: &BlockStore, bytes: &[u8], before_drop: impl FnOnce()) -> Cid {
        let mut writer = store.writer();
        let mut importer = FileImporter::new(Profile::UNIXFS_V1_2025);
        importer.push(bytes, &mut writer).unwrap();
        let link = importer.finish(&mut writer).unwrap();
        before_drop();
        link.cid
    }

    #[test]
    fn every_cid_of_the_same_bytes_finds_the_block() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let raw = put(&store, b"hello");
        let v0 = Cid::new_v0(*raw.hash()).unwrap();
        assert_eq!(store.get(&raw).unwrap().as_deref(), Some(b"hello".as_slice()));
        assert_eq!(store.get(&v0).unwrap().as_deref(), Some(b"hello".as_slice()));
        assert_eq!(store.len(&v0).unwrap(), Some(5));
    }

    #[test]
    fn a_damaged_block_is_not_given_out() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let cid = put(&store, b"hello");
        fs::write(store.path(&cid), b"jello").unwrap();
        assert_eq!(store.get(&cid).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_block_that_lost_bytes_is_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let cid = put(&store, b"hello");
        fs::write(store.path(&cid), b"").unwrap();
        put(&store, b"hello");
        assert_eq!(store.get(&cid).unwrap().as_deref(), Some(b"hello".as_slice()));
    }

    #[test]
    fn what_is_not_kept_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let kept = put(&store, b"kept");
        assert_eq!(put_and_drop(&store, b"kept", || {}), kept);
        let gone = put_and_drop(&store, b"gone", || {});
        assert_eq!((store.len(&kept).unwrap(), store.len(&gone).unwrap()), (Some(4), None));
        assert!(!store.has_garbage());
    }

    #[test]
    fn blocks_that_another_writer_may_count_on_stay() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let earlier = store.writer();
        let first = put_and_drop(&store, b"first", || {});
        drop(earlier);
        let second = put_and_drop(&store, b"second", || drop(store.writer()));
        assert_eq!((store.len(&first).unwrap(), store.len(&second).unwrap()), (Some(5), Some(6)));
        assert!(store.has_garbage());
    }

    #[test]
    fn half_written_blocks_are_gone_after_a_start() {
        let dir = tempfile::tempdir().unwrap();
        BlockStore::open(dir.path()).unwrap();
        let left = dir.path().join("blocks/unfinished/0");
        fs::write(&left, b"hel").unwrap();
        BlockStore::open(dir.path()).unwrap();
        assert!(!left.exists());
    }
}
