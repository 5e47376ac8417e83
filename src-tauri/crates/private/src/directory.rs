//! A directory of one user's alone.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A directory that this process' user owns, that nobody else can write to or exchange, and that nobody else can read where
/// its file system knows users.
#[derive(Debug)]
pub struct PrivateDirectory {
    path: PathBuf,
    notice: Option<String>,
}

/// Why something cannot be kept from others.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// The directory is somebody else's.
    #[error("{} belongs to another user (number {owner}): name a directory of your own", dir.display())]
    NotOurs {
        /// The directory.
        dir: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// Others may have put something into it.
    #[error(
        "other users may write to {} (mode {mode:o}), so what is in it may be theirs: look through it, then close it with \
         chmod 700, or name another directory",
        dir.display()
    )]
    OpenToWriters {
        /// The directory.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds things that others may be meant to read.
    #[error(
        "{} has other things in it and is open to other users (mode {mode:o}): name a directory of its own, or close this one \
         with chmod 700",
        dir.display()
    )]
    InUseByOthers {
        /// The directory.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A directory above can be written by others, who could put another one in this one's place.
    #[error(
        "other users may change {} (mode {mode:o}, of user {owner}), and so exchange {} in it: name a directory elsewhere, or \
         take that from them with chmod go-w",
        above.display(),
        dir.display()
    )]
    Exchangeable {
        /// The directory.
        dir: PathBuf,
        /// What is above it.
        above: PathBuf,
        /// The permissions of that.
        mode: u32,
        /// And its owner's number.
        owner: u32,
    },
    /// A file in it is not its own.
    #[error("{} is {why}, so it is not touched: if nothing needs it, remove it", path.display())]
    NotOwnFile {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: NotOwn,
    },
    /// The system.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was looked at or made.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What stands where a file of one's own should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOwn {
    /// A link to somewhere else.
    #[error("a link")]
    Link,
    /// A directory, a pipe, a device.
    #[error("no regular file")]
    NoFile,
    /// A file that has another name besides.
    #[error("a file that has another name elsewhere")]
    SeveralNames,
    /// A file of another user's.
    #[error("another user's file")]
    OtherOwner,
}

impl PrivateDirectory {
    /// Makes the directory where needed, and closes one that is there to others. `sign` is a file that shows that it was made
    /// by this program: only such a directory, or an empty one, is changed.
    ///
    /// # Errors
    /// [`PrivacyError`] where others own it, may have written to it, or could exchange it.
    pub fn open(dir: &Path, sign: &str) -> Result<Self, PrivacyError> {
        let failed = |source| PrivacyError::Io { path: dir.into(), source };
        create(dir).map_err(failed)?;
        // Links on the way here may be anybody's: what counts is where they led.
        let path = fs::canonicalize(dir).map_err(failed)?;
        let notice = system::close(&path, sign)?;
        Ok(Self { path, notice })
    }

    /// Its real path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its user should know: that it was closed, or that it cannot be.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Opens a file in it for reading and writing, and makes it where needed. Nothing in it is changed.
    ///
    /// # Errors
    /// [`PrivacyError::NotOwnFile`] for anything but a regular file of this user's that has no other name.
    pub fn open_file(&self, name: &str) -> Result<File, PrivacyError> {
        system::open_file(&self.path.join(name))
    }

    /// Sees to it that a file is there which others cannot read, without opening one that is: another part of this program may
    /// have a lock on it, which would end with the first closing.
    ///
    /// # Errors
    /// As [`PrivateDirectory::open_file`].
    pub fn claim_file(&self, name: &str) -> Result<(), PrivacyError> {
        system::claim_file(&self.path.join(name))
    }

    /// The same of a file that need not be there.
    ///
    /// # Errors
    /// As [`PrivateDirectory::open_file`].
    pub fn close_file(&self, name: &str) -> Result<(), PrivacyError> {
        let path = self.path.join(name);
        if fs::symlink_metadata(&path).is_ok() { system::claim_file(&path) } else { Ok(()) }
    }
}

fn create(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(unix)]
mod system {
    use std::{
        fs::{self, File, Metadata, OpenOptions, Permissions},
        io,
        os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
        path::Path,
    };

    use rustix::{fs::OFlags, process::geteuid};

    use super::{NotOwn, PrivacyError};

    const GROUP_WRITES: u32 = 0o020;
    const OTHERS_WRITE: u32 = 0o002;
    const FOR_OTHERS: u32 = 0o077;
    const STICKY: u32 = 0o1000;

    pub(super) fn close(path: &Path, sign: &str) -> Result<Option<String>, PrivacyError> {
        let failed = |source| PrivacyError::Io { path: path.into(), source };
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let dir = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(failed)?;
        let found = dir.metadata().map_err(failed)?;
        if found.uid() != geteuid().as_raw() {
            return Err(PrivacyError::NotOurs { dir: path.into(), owner: found.uid() });
        }
        check_above(path)?;
        let mode = found.mode() & 0o7777;
        if mode & FOR_OTHERS == 0 {
            return Ok(None);
        }
        let is_empty = || fs::read_dir(path).map(|mut entries| entries.next().is_none()).map_err(failed);
        let had_writers = may_be_written_by_others(&found);
        if !is_empty()? {
            if had_writers {
                return Err(PrivacyError::OpenToWriters { dir: path.into(), mode });
            }
            if fs::symlink_metadata(path.join(sign)).is_err() {
                return Err(PrivacyError::InUseByOthers { dir: path.into(), mode });
            }
        }
        // Some file systems say no, others say yes and do nothing.
        let closed = dir.set_permissions(Permissions::from_mode(mode & !FOR_OTHERS));
        let left = dir.metadata().map_err(failed)?;
        if had_writers && (may_be_written_by_others(&left) || !is_empty()?) {
            return Err(PrivacyError::OpenToWriters { dir: path.into(), mode });
        }
        Ok(Some(if left.mode() & FOR_OTHERS == 0 {
            format!("{} was open to other users (mode {mode:o}); it is closed to them", path.display())
        } else {
            let why = closed.err().map_or_else(|| "its file system knows no users".into(), |error| error.to_string());
            format!("{} is open to other users (mode {mode:o}) and cannot be closed to them: {why}", path.display())
        }))
    }

    /// Whoever may rename a directory above may put another one in its place.
    fn check_above(path: &Path) -> Result<(), PrivacyError> {
        for above in path.ancestors().skip(1) {
            // What cannot be looked at is no place of an ordinary user's.
            let Ok(found) = fs::symlink_metadata(above) else { continue };
            // In a sticky directory only the owner of an entry, and its own, may rename it.
            let is_shared = may_be_written_by_others(&found) && found.mode() & STICKY == 0;
            if is_shared || !may_be_trusted(found.uid()) {
                return Err(PrivacyError::Exchangeable {
                    dir: path.into(),
                    above: above.into(),
                    mode: found.mode() & 0o7777,
                    owner: found.uid(),
                });
            }
        }
        Ok(())
    }

    fn may_be_written_by_others(found: &Metadata) -> bool {
        // A group of the user's own number has nobody else in it, on systems that make one for each user; that of number 0
        // is the administrator's.
        let is_own_group = found.gid() == 0 || found.gid() == geteuid().as_raw();
        found.mode() & OTHERS_WRITE != 0 || found.mode() & GROUP_WRITES != 0 && !is_own_group
    }

    /// The administrator and the user. In a namespace that knows few users, all others look the same, the administrator too.
    fn may_be_trusted(owner: u32) -> bool {
        if owner == 0 || owner == geteuid().as_raw() {
            return true;
        }
        let number = |file: &str| fs::read_to_string(file).ok()?.trim().parse::<u32>().ok();
        let knows_all = fs::read_to_string("/proc/self/uid_map")
            .is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]));
        !knows_all && number("/proc/sys/kernel/overflowuid") == Some(owner)
    }

    pub(super) fn open_file(path: &Path) -> Result<File, PrivacyError> {
        let failed = |source| PrivacyError::Io { path: path.into(), source };
        // A pipe put in its place must not block.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = match options.custom_flags(flags.bits().cast_signed()).open(path) {
            Ok(file) => file,
            Err(source) => {
                return Err(match fs::symlink_metadata(path).map(|found| not_own(&found)) {
                    Ok(Some(why)) => PrivacyError::NotOwnFile { path: path.into(), why },
                    _ => failed(source),
                });
            }
        };
        let found = file.metadata().map_err(failed)?;
        check_file(path, &found)?;
        if found.mode() & FOR_OTHERS != 0 {
            // Where that cannot be done, the directory keeps others out.
            drop(file.set_permissions(Permissions::from_mode(found.mode() & 0o700)));
        }
        Ok(file)
    }

    pub(super) fn claim_file(path: &Path) -> Result<(), PrivacyError> {
        let failed = |source| PrivacyError::Io { path: path.into(), source };
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let found = fs::symlink_metadata(path).map_err(failed)?;
        check_file(path, &found)?;
        if found.mode() & FOR_OTHERS != 0 {
            drop(fs::set_permissions(path, Permissions::from_mode(found.mode() & 0o700)));
        }
        Ok(())
    }

    fn check_file(path: &Path, found: &Metadata) -> Result<(), PrivacyError> {
        match not_own(found) {
            Some(why) => Err(PrivacyError::NotOwnFile { path: path.into(), why }),
            None => Ok(()),
        }
    }

    fn not_own(found: &Metadata) -> Option<NotOwn> {
        let kind = found.file_type();
        if kind.is_symlink() {
            Some(NotOwn::Link)
        } else if !kind.is_file() {
            Some(NotOwn::NoFile)
        } else if found.uid() != geteuid().as_raw() {
            Some(NotOwn::OtherOwner)
        } else {
            (found.nlink() > 1).then_some(NotOwn::SeveralNames)
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::{
        fs::{File, OpenOptions},
        path::Path,
    };

    use super::PrivacyError;

    pub(super) fn close(_path: &Path, _sign: &str) -> Result<Option<String>, PrivacyError> {
        Ok(None)
    }

    pub(super) fn open_file(path: &Path) -> Result<File, PrivacyError> {
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        options.open(path).map_err(|source| PrivacyError::Io { path: path.into(), source })
    }

    pub(super) fn claim_file(path: &Path) -> Result<(), PrivacyError> {
        open_file(path).map(drop)
    }
}
