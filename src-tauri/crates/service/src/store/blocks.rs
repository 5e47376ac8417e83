//! Blocks as files, named by multihash, so that every CID of the same bytes finds the same file.
//!
//! A block is written under another name and renamed, so a file with a block's name is complete. Whether it is durable
//! is another matter: that is what [`BlockWriter::make_durable`] is for. Who may remove a file, and when: see
//! [`holds`](super::holds).

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cid::multihash::Multihash;
use holdfast_content::{BlockSource, CODEC_RAW, Cid, HASH_IDENTITY, MAX_BLOCK_BYTES, is_block_of, multihash_hex};
use tokio::sync::Notify;

pub(crate) use super::writer::BlockWriter;
use super::{holds::Holds, room::Room, suspects::Suspects};
use crate::ServiceError;

/// What the names of damaged blocks' files end in that were put aside.
const ASIDE: &str = "damaged";

/// All blocks of a service. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct BlockStore {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    blocks: PathBuf,
    pub(super) temporary: PathBuf,
    pub(super) next_temporary: AtomicU64,
    pub(super) holds: Holds,
    pub(super) room: Room,
    pub(super) suspects: Suspects,
    /// Whether blocks may be there that no pin needs.
    garbage: AtomicBool,
    garbage_noted: Notify,
    /// Whether a file with a block's name is known to have its bytes. After a crash of the system, one that no pin needs
    /// may not.
    trusted: AtomicBool,
    /// Whether files may have been left that were not made durable.
    #[cfg(not(target_os = "linux"))]
    pub(super) left_undurable: AtomicBool,
    #[cfg(target_os = "linux")]
    pub(super) sync: super::sync::FileSystemSync,
}

/// A stored block, as its file says.
#[derive(Clone, Debug)]
pub(crate) struct StoredBlock {
    /// Of the raw codec: files know only the hash.
    pub(crate) cid: Cid,
    pub(crate) bytes: u64,
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
            room: Room::new(&blocks),
            blocks,
            temporary,
            next_temporary: AtomicU64::new(0),
            holds: Holds::default(),
            suspects: Suspects::default(),
            garbage: AtomicBool::new(false),
            garbage_noted: Notify::new(),
            trusted: AtomicBool::new(true),
            #[cfg(not(target_os = "linux"))]
            left_undurable: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Writes the blocks of one pin.
    pub(crate) fn writer(&self) -> BlockWriter {
        BlockWriter::new(self.clone())
    }

    /// The disk's free room.
    pub(crate) fn room(&self) -> &Room {
        &self.inner.room
    }

    /// Notes that blocks may be left that no pin needs, so that somebody looks for them.
    pub(crate) fn note_garbage(&self) {
        self.inner.garbage.store(true, Ordering::Relaxed);
        self.inner.garbage_noted.notify_one();
    }

    /// Whether blocks may be there that no pin needs.
    pub(crate) fn has_garbage(&self) -> bool {
        self.inner.garbage.load(Ordering::Relaxed)
    }

    /// Notes it for the next time that somebody looks, and not to look at once.
    pub(super) fn remember_garbage(&self) {
        self.inner.garbage.store(true, Ordering::Relaxed);
    }

    /// Forgets what was noted, because a look at everything begins.
    pub(super) fn forget_garbage(&self) {
        self.inner.garbage.store(false, Ordering::Relaxed);
    }

    /// Waits until garbage is noted.
    pub(super) async fn garbage_noted(&self) {
        self.inner.garbage_noted.notified().await;
    }

    /// From now on a block that is there already is compared before it is counted on.
    pub(super) fn distrust(&self) {
        self.inner.trusted.store(false, Ordering::Relaxed);
    }

    /// Every block that is left is needed by a pin, and so was made durable.
    pub(super) fn trust(&self) {
        self.inner.trusted.store(true, Ordering::Relaxed);
    }

    /// Whether a block that is there already is counted on without a comparison.
    pub(crate) fn is_trusted(&self) -> bool {
        self.inner.trusted.load(Ordering::Relaxed)
    }

    /// Whether an earlier write to the disk failed, so that nothing more can be stored until the service starts again.
    pub(crate) fn has_failed(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.inner.sync.has_failed();
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// Puts everything that was written on the disk.
    ///
    /// # Errors
    /// It failed, now or earlier, so that nobody knows what of the blocks that no pin needs is on the disk.
    pub(super) fn make_all_durable(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return self.inner.sync.sync();
        #[cfg(not(target_os = "linux"))]
        if self.inner.left_undurable.load(Ordering::Relaxed) {
            Err(io::Error::other("blocks were left that were not made durable"))
        } else {
            Ok(())
        }
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

    /// The block, `None` if it is not held or damaged.
    pub(crate) fn get_if_sound(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        match self.get(cid) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            result => result,
        }
    }

    /// Puts a damaged block's file aside, under a name that no block has, so that the block can be written again.
    pub(crate) fn set_aside(&self, cid: &Cid) -> io::Result<()> {
        let path = self.path(cid);
        absent_is_fine(fs::rename(&path, path.with_extension(ASIDE)))
    }

    /// Whether all that there is of the block is what was put aside.
    pub(crate) fn is_set_aside(&self, cid: &Cid) -> bool {
        let path = self.path(cid);
        !path.exists() && path.with_extension(ASIDE).exists()
    }

    /// Removes what was put aside of blocks that came again, or that `is_needed` does not know.
    pub(super) fn clear_aside(&self, is_needed: impl Fn(&Cid) -> bool) -> io::Result<()> {
        for shard in 0..=u8::MAX {
            for entry in fs::read_dir(self.inner.blocks.join(format!("{shard:02x}")))? {
                let path = entry?.path();
                let cid = path.file_stem().filter(|_| path.extension().is_some_and(|extension| extension == ASIDE));
                let Some(cid) = cid.and_then(|name| cid_of_name(name.to_str()?)) else { continue };
                if !is_needed(&cid) || self.path(&cid).exists() {
                    absent_is_fine(fs::remove_file(path))?;
                }
            }
        }
        Ok(())
    }

    /// Shows every block that is stored.
    pub(crate) fn visit<E: From<io::Error>>(
        &self,
        mut visit: impl FnMut(StoredBlock) -> Result<(), E>,
    ) -> Result<(), E> {
        for shard in 0..=u8::MAX {
            for entry in fs::read_dir(self.inner.blocks.join(format!("{shard:02x}")))? {
                let entry = entry?;
                // A name that is no multihash is not ours.
                let Some(cid) = entry.file_name().to_str().and_then(cid_of_name) else { continue };
                match entry.metadata() {
                    Ok(metadata) => visit(StoredBlock { cid, bytes: metadata.len() })?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Keeps the blocks of a file.
    #[cfg(test)]
    pub(super) fn keep(&self, bytes: &[u8]) -> Cid {
        let mut writer = self.writer();
        let cid = writer.put_file(bytes);
        writer.make_durable().unwrap();
        writer.keep();
        cid
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> io::Result<usize> {
        let mut count = 0;
        self.visit::<io::Error>(|_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    /// Without its name, because errors of the disk are logged, and no log says what is held.
    fn damaged(&self, cid: &Cid) -> io::Error {
        self.inner.suspects.note_block(cid);
        io::Error::new(io::ErrorKind::InvalidData, "a stored block is damaged")
    }

    pub(super) fn path(&self, cid: &Cid) -> PathBuf {
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

fn cid_of_name(name: &str) -> Option<Cid> {
    let digits = name.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    Some(Cid::new_v1(CODEC_RAW, Multihash::<64>::from_bytes(&bytes?).ok()?))
}

/// Whether a service's directory has any block in it, sound or put aside.
pub(super) fn are_in(dir: &Path) -> io::Result<bool> {
    for shard in 0..=u8::MAX {
        let entries = match fs::read_dir(dir.join("blocks").join(format!("{shard:02x}"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.file_stem().and_then(|name| cid_of_name(name.to_str()?)).is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

pub(super) fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

impl BlockSource for BlockStore {
    fn len_of(&self, cid: &Cid) -> io::Result<Option<u64>> {
        self.len(cid)
    }

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
            return Err(self.damaged(cid));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes)?;
        match is_block_of(cid, &bytes) {
            Some(true) => Ok(Some(bytes)),
            Some(false) => Err(self.damaged(cid)),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cid_of_the_same_bytes_finds_the_block() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let raw = store.keep(b"hello");
        let v0 = Cid::new_v0(*raw.hash()).unwrap();
        assert_eq!(store.get(&raw).unwrap().as_deref(), Some(b"hello".as_slice()));
        assert_eq!(store.get(&v0).unwrap().as_deref(), Some(b"hello".as_slice()));
        assert_eq!(store.len(&v0).unwrap(), Some(5));
    }

    #[test]
    fn a_damaged_block_is_not_given_out() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let cid = store.keep(b"hello");
        fs::write(store.path(&cid), b"jello").unwrap();
        let error = store.get(&cid).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(!error.to_string().contains(&cid.to_string()), "this may be logged: {error}");
    }

    #[test]
    fn a_block_that_lost_bytes_is_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let cid = store.keep(b"hello");
        fs::write(store.path(&cid), b"").unwrap();
        store.keep(b"hello");
        assert_eq!(store.get(&cid).unwrap().as_deref(), Some(b"hello".as_slice()));
    }

    #[test]
    fn after_a_crash_a_block_of_other_bytes_is_not_counted_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let cid = store.keep(b"hello");
        fs::write(store.path(&cid), b"\0\0\0\0\0").unwrap();
        store.distrust();
        assert_eq!(store.writer().find(&cid).unwrap(), None);
        store.keep(b"hello");
        assert_eq!(store.get(&cid).unwrap().as_deref(), Some(b"hello".as_slice()));
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
