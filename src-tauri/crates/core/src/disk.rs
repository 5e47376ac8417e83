//! The port for the user's files. It only reads: nothing in Holdfast writes into a user's folder.

use std::{
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
};

/// What a directory entry is; links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, socket or device.
    Special,
}

/// What the file system says of an entry without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stat {
    /// What it is.
    pub kind: EntryKind,
    /// When it was last the same: equal fingerprints mean that nobody wrote to it, as far as the file system can tell.
    pub fingerprint: Fingerprint,
}

/// The numbers that tell one version of a file from the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Length in bytes.
    pub bytes: u64,
    /// Last change of the content, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
    /// Last change of content or attributes (Unix), else 0; catches tools that set `modified` back.
    pub changed_ns: i64,
    /// The file system, where it has a number.
    pub device: u64,
    /// The file's number in it.
    pub inode: u64,
}

/// A file that was opened, and what it was then.
pub struct Opened {
    /// The file.
    pub file: Box<dyn OpenFile>,
    /// What it was when it was opened.
    pub stat: Stat,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("stat", &self.stat).finish_non_exhaustive()
    }
}

/// A file that is open for reading.
pub trait OpenFile: Send + Sync {
    /// Reads from `offset` on into `buffer`; says how many bytes, none only at the end.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// What the open file is now, whatever its path names by now.
    ///
    /// # Errors
    /// The system's.
    fn stat(&self) -> io::Result<Stat>;
}

/// What a watcher reports. Events are hints; the truth is what [`Disk::stat`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// Something happened to this path or below it.
    Dirty(PathBuf),
    /// Events were lost; look at everything again.
    Lost,
}

/// Called for every event, from a thread of the watcher; must not block.
pub type WatchSink = Box<dyn Fn(WatchEvent) + Send + Sync>;

/// Keeps a watch alive; dropping it ends it.
pub trait Watch: Send + Sync + fmt::Debug {}

/// A directory's entries, each with what became of looking at it.
pub type Entries = Vec<(OsString, io::Result<Stat>)>;

/// Looks at and reads files. All calls block.
pub trait Disk: Send + Sync + 'static {
    /// Looks at a path without following a link at its end.
    ///
    /// # Errors
    /// The system's.
    fn stat(&self, path: &Path) -> io::Result<Stat>;

    /// The path without links in it.
    ///
    /// # Errors
    /// The system's.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;

    /// A directory's entries in no order.
    ///
    /// # Errors
    /// The system's, for the directory itself.
    fn read_directory(&self, path: &Path) -> io::Result<Entries>;

    /// Where a link points, as written.
    ///
    /// # Errors
    /// The system's.
    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;

    /// Opens a regular file; never waits for a pipe's other end.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &Path) -> io::Result<Opened>;

    /// Watches a directory and everything below it.
    ///
    /// # Errors
    /// A message, where the system cannot.
    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String>;
}
