//! The home directory: all of Holdfast's state, owned by one engine at a time.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use holdfast_private::{PrivacyError, PrivateDirectory};

use crate::store::is_full;

const DATABASE: &str = "holdfast.db";

/// Of which a directory is known as a home.
const LOCK_FILE: &str = "holdfast.lock";

/// Longest owner's name that is read from the lock file.
const MAX_OWNER_BYTES: u64 = 200;

/// A home directory that this process owns until the value is dropped (or the process dies).
#[derive(Debug)]
pub struct Home {
    dir: PrivateDirectory,
    // Held for its lock.
    _lock: File,
}

/// Why a home cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Another engine owns it.
    #[error("{} is in use by {owner}", dir.display())]
    Busy {
        /// The home.
        dir: PathBuf,
        /// Who has it, as it wrote itself.
        owner: String,
    },
    /// Other users of the computer cannot be kept out of it.
    #[error("there is no home for Holdfast: {0}")]
    NotPrivate(#[from] PrivacyError),
    /// It cannot be locked.
    #[error("{} cannot be used as Holdfast's home: {source}", dir.display())]
    Io {
        /// The home.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Home {
    /// Makes the directory where needed, keeps others out of it and takes its lock. `owner` is what others are told meanwhile,
    /// such as "the Holdfast window".
    ///
    /// # Errors
    /// [`HomeError::Busy`] at once when another process has it; [`HomeError::NotPrivate`] where other users may have written
    /// to it, or could.
    pub fn open(dir: &Path, owner: &str) -> Result<Self, HomeError> {
        let dir = PrivateDirectory::open(dir, LOCK_FILE)?;
        let mut lock = dir.open_file(LOCK_FILE)?;
        let failed = |source| HomeError::Io { dir: dir.path().into(), source };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HomeError::Busy { dir: dir.path().into(), owner: owner_of(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let line = format!("{owner} (process {})\n", std::process::id());
        match lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(line.as_bytes())) {
            // What is there can be looked at all the same, only nobody is told by whom.
            Err(error) if is_full(&error) => {}
            written => written.map_err(failed)?,
        }
        Ok(Self { dir, _lock: lock })
    }

    /// Makes the directory where needed, keeps others out of it, and gives its real path, which is what the real paths of a
    /// person's files are compared with.
    ///
    /// # Errors
    /// [`HomeError::NotPrivate`].
    pub fn prepare(dir: &Path) -> Result<PathBuf, HomeError> {
        let dir = PrivateDirectory::open(dir, LOCK_FILE)?;
        if let Some(notice) = dir.notice() {
            tracing::warn!("{notice}");
        }
        Ok(dir.path().into())
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What its user should know of how open it is, or was.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.dir.notice()
    }

    /// Where the engine's database lies, or will lie, in a file that others cannot read.
    ///
    /// # Errors
    /// [`HomeError::NotPrivate`] when something else is in its place.
    pub fn database(&self) -> Result<PathBuf, HomeError> {
        self.dir.close_file(DATABASE)?;
        Ok(self.dir().join(DATABASE))
    }

    /// Where the embedded service keeps its blocks and records.
    #[must_use]
    pub fn service_dir(&self) -> PathBuf {
        self.dir().join("service")
    }

    /// The platform's place for Holdfast's state: `HOLDFAST_HOME`, else the user's data directory.
    #[must_use]
    pub fn default_dir() -> Option<PathBuf> {
        let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(dir) = var("HOLDFAST_HOME") {
            return Some(dir);
        }
        if cfg!(target_os = "macos") {
            var("HOME").map(|home| home.join("Library/Application Support/Holdfast"))
        } else if cfg!(windows) {
            var("LOCALAPPDATA").map(|data| data.join("Holdfast"))
        } else {
            var("XDG_DATA_HOME")
                .filter(|dir| dir.is_absolute())
                .or_else(|| var("HOME").map(|home| home.join(".local/share")))
                .map(|data| data.join("holdfast"))
        }
    }
}

fn owner_of(lock: &mut File) -> String {
    let mut text = String::new();
    match lock.take(MAX_OWNER_BYTES).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().into(),
        _ => "another process".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_has_one_owner_at_a_time_and_the_next_is_told_who() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("a/b"), "the first").unwrap();
        let error = Home::open(home.dir(), "the second").unwrap_err();
        assert!(matches!(&error, HomeError::Busy { owner, .. } if owner.starts_with("the first (process ")), "{error}");
        let path = home.dir().to_owned();
        drop(home);
        Home::open(&path, "the third").unwrap();
    }
}
