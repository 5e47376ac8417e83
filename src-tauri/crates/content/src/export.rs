//! Writing a DAG's file or directory back to the disk, never outside the place that was named.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use cid::Cid;

use crate::{
    attributes::{Attributes, attributes},
    block::BlockSource,
    draft::Draft,
    file_name::file_name,
    judge::judge,
    new_file::NewFile,
    read::{FileReader, NodeKind, list_directory, stat},
    read_error::ReadError,
    tree::MAX_TREE_DEPTH,
};

/// Files, directories and symlinks that an export writes at most. A DAG of a few kilobytes can name one directory in so many
/// places that no disk would hold it.
pub const MAX_EXPORTED_ENTRIES: u64 = 10_000_000;

/// How a DAG becomes files.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// Bytes that all files have together at most. A small DAG can name one block in as many places as it likes.
    pub max_bytes: u64,
    /// The permissions that no file and no directory gets, as a shell's `umask` says it.
    pub umask: u32,
}

/// What was written, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// Bytes in files.
    pub bytes: u64,
    /// Entries whose names are others on the disk, because theirs could deceive.
    pub renamed: u64,
    /// Files and directories that were given the permissions that the DAG says, as far as the umask lets them.
    pub modes: u64,
    /// Those that were to make a program run as another user, or to keep others from removing files, and do not.
    pub special_modes_dropped: u64,
    /// Files, directories and symlinks that were given the time of their last change.
    pub times: u64,
}

impl Exported {
    const fn entries(&self) -> u64 {
        self.files.saturating_add(self.directories).saturating_add(self.symlinks)
    }

    const fn add(&mut self, other: &Self) {
        self.files = self.files.saturating_add(other.files);
        self.directories = self.directories.saturating_add(other.directories);
        self.symlinks = self.symlinks.saturating_add(other.symlinks);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Why an export ended.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The DAG.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A name that no file may have, such as `..` or one with a slash.
    #[error("an entry is called {0:?}, which is no name of a file")]
    BadName(String),
    /// Directories lie too deep inside one another.
    #[error("directories lie more than {MAX_TREE_DEPTH} deep inside one another")]
    TooDeep,
    /// More files, directories and symlinks than an export writes.
    #[error("there are more than {MAX_EXPORTED_ENTRIES} files and directories")]
    TooMany,
    /// More bytes than were allowed.
    #[error("its files have {bytes} bytes together, and {max_bytes} are the most that was to be written")]
    TooLarge {
        /// What the DAG says.
        bytes: u64,
        /// What was allowed.
        max_bytes: u64,
    },
    /// The disk.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes what `cid` names to `target`, which must not exist yet, without a limit of bytes and for its user alone. See
/// [`Export::write`].
///
/// ```
/// use std::{collections::HashMap, fs};
/// use holdfast_content::{Cid, export};
/// // The blocks of this directory and of its file are within their CIDs.
/// let directory: Cid = "bafyaaeysbufamakvaabgq2isafqrqaqkaieac".parse()?;
/// let blocks: HashMap<Cid, Vec<u8>> = HashMap::new();
/// let place = tempfile::tempdir()?;
/// let target = place.path().join("out");
/// assert_eq!(export(&blocks, &directory, &target)?.files, 1);
/// assert_eq!(fs::read(target.join("a"))?, b"hi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExportError`].
pub fn export(source: &dyn BlockSource, cid: &Cid, target: &Path) -> Result<Exported, ExportError> {
    Export { max_bytes: u64::MAX, umask: 0o077 }.write(source, cid, target, &mut |_, _| {})
}

/// What an export of `cid` would write, as far as its directories and the roots of its files say: no file has more. What is not
/// [taken](crate::judge()) is refused first.
///
/// # Errors
/// [`ExportError`].
pub fn export_size(source: &dyn BlockSource, cid: &Cid) -> Result<Exported, ExportError> {
    judge(source, cid)?;
    let size = measure(source, cid, 0, &mut HashMap::new())?;
    if size.entries() > MAX_EXPORTED_ENTRIES { Err(ExportError::TooMany) } else { Ok(size) }
}

impl Export {
    /// Writes what `cid` names to `target`, which must not exist yet, if all of the DAG is there and
    /// [taken](crate::judge()). Everything below is made new: what a DAG's links and names say can lead nowhere else. `target` is
    /// there when all of it is; after an error nothing is left.
    ///
    /// Names that could deceive get others, of which `renamed` is told: the name, and the one on the disk. Permissions and
    /// times that the DAG says are restored, never wider than the umask, and never those that let a program run as somebody
    /// else.
    ///
    /// # Errors
    /// [`ExportError`]; before anything is written where it would be too much.
    pub fn write(
        &self,
        source: &dyn BlockSource,
        cid: &Cid,
        target: &Path,
        renamed: &mut dyn FnMut(&str, &str),
    ) -> Result<Exported, ExportError> {
        let size = export_size(source, cid)?;
        if size.bytes > self.max_bytes {
            return Err(ExportError::TooLarge { bytes: size.bytes, max_bytes: self.max_bytes });
        }
        let failed = |source| ExportError::Write { path: target.into(), source };
        let mut writing = Writing { source, umask: self.umask, done: Exported::default(), renamed };
        if let NodeKind::File { .. } = stat(source, cid)? {
            let file = NewFile::create(target).map_err(failed)?;
            writing.file(cid, target, file.file())?;
            file.keep().map_err(failed)?;
        } else {
            let draft = Draft::beside(target).map_err(failed)?;
            writing.node(cid, draft.path(), 0)?;
            draft.place().map_err(failed)?;
        }
        Ok(writing.done)
    }
}

/// Each CID is looked at once, however many places name it.
fn measure(
    source: &dyn BlockSource,
    cid: &Cid,
    depth: usize,
    known: &mut HashMap<Cid, Exported>,
) -> Result<Exported, ExportError> {
    if let Some(size) = known.get(cid) {
        return Ok(*size);
    }
    let mut size = Exported::default();
    match stat(source, cid)? {
        NodeKind::File { bytes } => (size.files, size.bytes) = (1, bytes),
        NodeKind::Symlink { .. } => size.symlinks = 1,
        NodeKind::Directory => {
            // As deep as `Writing::node` goes, which looks at every place.
            if depth > MAX_TREE_DEPTH {
                return Err(ExportError::TooDeep);
            }
            size.directories = 1;
            for entry in list_directory(source, cid)? {
                size.add(&measure(source, &entry.cid, depth + 1, known)?);
            }
        }
    }
    known.insert(*cid, size);
    Ok(size)
}

struct Writing<'a> {
    source: &'a dyn BlockSource,
    umask: u32,
    done: Exported,
    renamed: &'a mut dyn FnMut(&str, &str),
}

impl Writing<'_> {
    fn node(&mut self, cid: &Cid, path: &Path, depth: usize) -> Result<(), ExportError> {
        let failed = |source| ExportError::Write { path: path.into(), source };
        let said = attributes(self.source, cid)?;
        match stat(self.source, cid)? {
            NodeKind::File { .. } => {
                let file = File::create_new(path).map_err(failed)?;
                self.file(cid, path, &file)?;
            }
            NodeKind::Directory => {
                if depth > MAX_TREE_DEPTH {
                    return Err(ExportError::TooDeep);
                }
                // Fails where a link of the same name was made a moment ago.
                fs::create_dir(path).map_err(failed)?;
                self.done.directories += 1;
                for entry in list_directory(self.source, cid)? {
                    let name = file_name(&entry.name);
                    check_name(&name)?;
                    if name != entry.name {
                        self.done.renamed += 1;
                        (self.renamed)(&entry.name, &name);
                    }
                    self.node(&entry.cid, &path.join(&*name), depth + 1)?;
                }
                // When nothing more is made in it.
                #[cfg(unix)]
                File::open(path).and_then(|dir| self.restore(&dir, said, 0o777)).map_err(failed)?;
            }
            NodeKind::Symlink { target } => {
                make_symlink(&target, path, said.modified).map_err(failed)?;
                self.done.symlinks += 1;
                self.done.times += u64::from(said.modified.is_some());
            }
        }
        Ok(())
    }

    /// Writes the file that `cid` names; `path` is for what is said of an error.
    fn file(&mut self, cid: &Cid, path: &Path, mut file: &File) -> Result<(), ExportError> {
        let failed = |source| ExportError::Write { path: path.into(), source };
        for piece in FileReader::open(self.source, cid)? {
            let piece = piece?;
            file.write_all(&piece).map_err(failed)?;
            self.done.bytes += piece.len() as u64;
        }
        self.done.files += 1;
        self.restore(file, attributes(self.source, cid)?, 0o666).map_err(failed)
    }

    /// Gives a file or directory the time and permissions that the DAG says, and else those that new ones have.
    fn restore(&mut self, file: &File, said: Attributes, usual_mode: u32) -> io::Result<()> {
        if let Some(modified) = said.modified {
            file.set_modified(modified)?;
            self.done.times += 1;
        }
        #[cfg(unix)]
        {
            let mode = said.mode.unwrap_or(usual_mode);
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode & 0o777 & !self.umask))?;
            self.done.modes += u64::from(said.mode.is_some());
            self.done.special_modes_dropped += u64::from(mode & 0o7000 != 0);
        }
        #[cfg(not(unix))]
        let _ = (usual_mode, self.umask);
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), ExportError> {
    let bad = matches!(name, "" | "." | "..")
        || name.contains(['/', '\0'])
        || cfg!(windows) && leads_elsewhere_on_windows(name);
    if bad { Err(ExportError::BadName(name.into())) } else { Ok(()) }
}

/// Separators, streams, devices, and names that Windows would cut to another one.
fn leads_elsewhere_on_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_port = stem.strip_prefix("COM").or(stem.strip_prefix("LPT")).is_some_and(|number| {
        let mut number = number.chars();
        matches!(number.next(), Some('0'..='9' | '¹' | '²' | '³')) && number.next().is_none()
    });
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$");
    name.contains(['\\', ':']) || name.ends_with(['.', ' ']) || is_port || is_device
}

#[cfg(unix)]
fn make_symlink(target: &[u8], path: &Path, modified: Option<SystemTime>) -> io::Result<()> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};
    std::os::unix::fs::symlink(OsStr::from_bytes(target), path)?;
    let Some(modified) = modified else { return Ok(()) };
    let omitted = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let times = Timestamps { last_access: omitted, last_modification: timespec(modified)? };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(unix)]
fn timespec(time: SystemTime) -> io::Result<rustix::fs::Timespec> {
    // Before 1970 the whole second is the one below.
    let made = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => rustix::fs::Timespec::try_from(since).ok(),
        Err(before) => {
            let before = before.duration();
            let part = before.subsec_nanos();
            let seconds = i64::try_from(before.as_secs()).ok().and_then(|seconds| seconds.checked_neg());
            seconds.map(|seconds| match part {
                0 => rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 },
                part => {
                    rustix::fs::Timespec { tv_sec: seconds.saturating_sub(1), tv_nsec: (1_000_000_000 - part).into() }
                }
            })
        }
    };
    made.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(not(unix))]
fn make_symlink(_target: &[u8], _path: &Path, _modified: Option<SystemTime>) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "symlinks are not made on this system"))
}

#[cfg(test)]
mod tests {
    use super::leads_elsewhere_on_windows;

    #[test]
    fn names_that_windows_reads_as_something_else_are_known() {
        for name in ["a\\b", "C:", "file:stream", "a.", "a ", "nul", "NUL.txt", "con .x", "COM1", "lpt9.log", "com²"] {
            assert!(leads_elsewhere_on_windows(name), "{name:?}");
        }
        for name in ["a", "a.b", ".hidden", "console", "COM10", "nullable", "é ü", "com"] {
            assert!(!leads_elsewhere_on_windows(name), "{name:?}");
        }
    }
}
