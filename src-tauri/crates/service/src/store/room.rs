//! The disk's free room: some of it is left for others, so that the service stops before the disk is full.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

/// How many bytes are written before the free room is looked at again.
const LOOK_EVERY_BYTES: i64 = 16 * 1024 * 1024;

/// What a file takes at least: a block of the usual file systems.
const FILE_BYTES: u64 = 4096;

/// The message of a disk that has no more room than is to be left free.
#[derive(Debug, thiserror::Error)]
#[error("the disk of the service is nearly full")]
pub(crate) struct NearlyFull;

/// Counts what is written against what is free.
#[derive(Debug)]
pub(crate) struct Room {
    dir: PathBuf,
    reserve_bytes: AtomicU64,
    /// Until the next look; may fall below zero.
    left_bytes: AtomicI64,
}

impl Room {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.into(), reserve_bytes: AtomicU64::new(0), left_bytes: AtomicI64::new(0) }
    }

    /// Sets how many bytes are to stay free.
    pub(crate) fn set_reserve(&self, bytes: u64) {
        self.reserve_bytes.store(bytes, Ordering::Relaxed);
        self.left_bytes.store(0, Ordering::Relaxed);
    }

    /// Free bytes of the file system, as far as this user may fill it; `None` where the system does not say.
    pub(crate) fn free_bytes(&self) -> io::Result<Option<u64>> {
        #[cfg(unix)]
        {
            let stat = rustix::fs::statvfs(&self.dir)?;
            Ok(Some(stat.f_bavail.saturating_mul(stat.f_frsize)))
        }
        #[cfg(not(unix))]
        Ok(None)
    }

    /// Refuses what would leave less than the reserve.
    pub(crate) fn check(&self, bytes: u64) -> io::Result<()> {
        let needed = bytes.saturating_add(self.reserve_bytes.load(Ordering::Relaxed));
        match self.free_bytes()? {
            Some(free) if free < needed => Err(io::Error::new(io::ErrorKind::StorageFull, NearlyFull)),
            _ => Ok(()),
        }
    }

    /// The same for a file of so many bytes that is about to be written; the system is asked only now and then.
    pub(crate) fn take(&self, bytes: u64) -> io::Result<()> {
        let bytes = bytes.max(FILE_BYTES);
        let count = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.left_bytes.fetch_sub(count, Ordering::Relaxed) >= count {
            return Ok(());
        }
        self.check(bytes)?;
        let reserve = self.reserve_bytes.load(Ordering::Relaxed);
        let left = self.free_bytes()?.map_or(u64::MAX, |free| free.saturating_sub(reserve).saturating_sub(bytes));
        self.left_bytes.store(i64::try_from(left).unwrap_or(i64::MAX).min(LOOK_EVERY_BYTES), Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_stays_free() {
        let dir = tempfile::tempdir().unwrap();
        let room = Room::new(dir.path());
        room.take(1).unwrap();
        room.set_reserve(u64::MAX);
        if room.free_bytes().unwrap().is_some() {
            assert_eq!(room.take(1).unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
        room.set_reserve(0);
        room.take(1).unwrap();
    }
}
