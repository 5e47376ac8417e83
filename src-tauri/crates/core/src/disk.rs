//! The port for the user's files. It only reads: nothing in Holdfast writes into a user's folder.

use std::{
    ffi::OsString,
    fmt, io,
    path::{Component, Path, PathBuf},
    sync::Arc,
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
    /// What the system makes up when it is read, file or directory: it has no bytes of its own, and says any size.
    MadeUp,
}

/// Why what is [made up](EntryKind::MadeUp) cannot be pinned, as a sentence's end.
pub(crate) const IS_MADE_UP: &str = "is made up by the system when it is read, and has no bytes of its own";

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

/// What a watcher reports. Events are hints; the truth is what a [`Root`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// Something happened to this path or below it.
    Dirty(PathBuf),
    /// Events were lost; look at everything again.
    Lost,
    /// Nothing will be said of this directory and what is below it: it cannot be watched, perhaps as long as it cannot be read.
    Unwatched(PathBuf),
    /// The watch is at its end.
    Ended,
}

/// Called for every event, from a thread of the watcher; must not block.
pub type WatchSink = Box<dyn Fn(WatchEvent) + Send + Sync>;

/// Keeps a watch alive; dropping it ends it.
pub trait Watch: Send + Sync + fmt::Debug {}

/// A directory's entries, each with what became of looking at it.
pub type Entries = Vec<(OsString, io::Result<Stat>)>;

/// Where something lies: below a directory that nothing leads out of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The directory, without links in its path.
    pub root: PathBuf,
    /// The way from there; empty for the directory itself.
    pub below: PathBuf,
}

impl Place {
    /// What lies at a path without links, in the directory that it lies in.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        match (path.parent(), path.file_name()) {
            (Some(root), Some(name)) => Self { root: root.into(), below: name.into() },
            _ => Self { root: path.into(), below: PathBuf::new() },
        }
    }

    /// What lies at `path`, which is `root` or below it; `None` where it is not.
    #[must_use]
    pub fn below(root: &Path, path: &Path) -> Option<Self> {
        let below = path.strip_prefix(root).ok()?;
        Some(Self { root: root.into(), below: below.into() })
    }

    /// The whole path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        // Joining nothing would add a separator.
        if self.below.as_os_str().is_empty() { self.root.clone() } else { self.root.join(&self.below) }
    }
}

/// Which directory one is, whatever it is called, for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The file system.
    pub device: u64,
    /// The directory's number in it.
    pub inode: u64,
}

/// An open directory, wherever it is moved. What is below it is named by paths from there, which lead through directories
/// only: a link on the way, whenever it was put there, is an error of the kind [`NotADirectory`](io::ErrorKind::NotADirectory).
pub trait Root: Send + Sync + fmt::Debug {
    /// Which directory it is.
    ///
    /// # Errors
    /// The system's.
    fn identity(&self) -> io::Result<Identity>;

    /// Looks at something without following a link.
    ///
    /// # Errors
    /// The system's.
    fn stat(&self, below: &Path) -> io::Result<Stat>;

    /// A directory's entries in no order.
    ///
    /// # Errors
    /// The system's, for the directory itself.
    fn read_directory(&self, below: &Path) -> io::Result<Entries>;

    /// Where a link points, as written.
    ///
    /// # Errors
    /// The system's.
    fn read_link(&self, below: &Path) -> io::Result<PathBuf>;

    /// Opens a regular file; never waits for a pipe's other end.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, below: &Path) -> io::Result<Opened>;

    /// Whether somebody may still write to a file: has it open for that, or mapped. `false` also where the system does not
    /// tell.
    ///
    /// # Errors
    /// The system's.
    fn has_writer(&self, below: &Path) -> io::Result<bool> {
        let _ = below;
        Ok(false)
    }

    /// Opens a directory as another root.
    ///
    /// # Errors
    /// The system's.
    fn root(&self, below: &Path) -> io::Result<Arc<dyn Root>>;
}

/// Looks at and reads files. All calls block.
pub trait Disk: Send + Sync + 'static {
    /// The path without links in it.
    ///
    /// # Errors
    /// The system's.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;

    /// Opens a directory. A link on the way, whenever it was put there, is an error: [`canonicalize`](Self::canonicalize)
    /// comes first, and what it found is what is opened.
    ///
    /// # Errors
    /// The system's.
    fn root(&self, path: &Path) -> io::Result<Arc<dyn Root>>;

    /// Watches a directory and everything below it that no link leads to.
    ///
    /// # Errors
    /// A message, where the system cannot.
    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String>;
}

impl dyn Disk + '_ {
    /// Looks at what lies at a path without links, itself perhaps one.
    ///
    /// # Errors
    /// The system's.
    pub fn stat(&self, path: &Path) -> io::Result<Stat> {
        let place = Place::of(path);
        self.root(&place.root)?.stat(&place.below)
    }

    /// Opens the regular file at a path without links.
    ///
    /// # Errors
    /// The system's.
    pub fn open(&self, path: &Path) -> io::Result<Opened> {
        let place = Place::of(path);
        self.root(&place.root)?.open(&place.below)
    }
}

/// The names on the way; `None` when the path is not one from a root to below it.
#[must_use]
pub fn names_of(below: &Path) -> Option<Vec<&std::ffi::OsStr>> {
    let name = |component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    };
    below.components().map(name).collect()
}

/// What a path that leads through a link, or elsewhere than down, is answered with.
#[must_use]
pub fn leads_elsewhere() -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, "a link is on the way to it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_path_that_it_was_made_of() {
        for path in ["/a/b", "/a", "/", "a"] {
            assert_eq!(Place::of(Path::new(path)).path(), Path::new(path));
        }
        let root = Path::new("/a");
        assert_eq!(Place::below(root, Path::new("/a/b/c")).unwrap().below, Path::new("b/c"));
        assert_eq!(Place::below(root, root).unwrap().path(), root);
        assert_eq!(Place::below(root, Path::new("/ab")), None);
    }
}
