//! The home directory: all of Holdfast's state, owned by one engine at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

const LOCK_FILE: &str = "holdfast.lock";

/// Longest owner's name that is read from the lock file.
const MAX_OWNER_BYTES: u64 = 200;

/// A home directory that this process owns until the value is dropped (or the process dies).
#[derive(Debug)]
pub struct Home {
    dir: PathBuf,
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
    /// It cannot be made or locked.
    #[error("{} cannot be used as Holdfast's home: {source}", dir.display())]
    Io {
        /// The home.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Home {
    /// Makes the directory where needed (readable by its owner only) and takes its lock. `owner` is what others are told
    /// meanwhile, such as "the Holdfast window".
    ///
    /// # Errors
    /// [`HomeError::Busy`] at once when another process has it.
    pub fn open(dir: &Path, owner: &str) -> Result<Self, HomeError> {
        let failed = |source| HomeError::Io { dir: dir.into(), source };
        let dir = &Self::prepare(dir)?;
        let path = dir.join(LOCK_FILE);
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HomeError::Busy { dir: dir.into(), owner: owner_of(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let line = format!("{owner} (process {})\n", std::process::id());
        lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(line.as_bytes())).map_err(failed)?;
        Ok(Self { dir: dir.into(), _lock: lock })
    }

    /// Makes the directory where needed, readable by its owner only, and gives its real path, which is what the real paths
    /// of a person's files are compared with.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn prepare(dir: &Path) -> Result<PathBuf, HomeError> {
        let made = create_private_dir(dir).and_then(|()| fs::canonicalize(dir));
        made.map_err(|source| HomeError::Io { dir: dir.into(), source })
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the engine's database lies.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.dir.join("holdfast.db")
    }

    /// Where the embedded service keeps its blocks and records.
    #[must_use]
    pub fn service_dir(&self) -> PathBuf {
        self.dir.join("service")
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

fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
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
