//! A plan: exactly which files make up one upload, in a fixed order, before a byte is read.

use std::{
    ffi::OsStr,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_content::{Entries, EntryRules, MAX_NAME_BYTES, MAX_TREE_DEPTH, name_as_text};

use crate::{
    disk::{Disk, EntryKind, Fingerprint, Opened, Place, Root},
    error::Error,
    provider::wire_path,
};

/// What the receiving side can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files without content.
    pub empty_files: bool,
    /// What of a directory is sent; the rest is left out with a reason.
    pub entries: EntryRules,
    /// Names travel in a form's header, which cannot carry line breaks.
    pub form_names: bool,
}

impl Limits {
    /// Everything, under its own name: for CIDs that are only computed.
    pub const NONE: Self = Self { empty_files: true, entries: EntryRules::EVERYTHING, form_names: false };

    /// What every service takes, as far as is known without asking.
    pub const LEAST: Self = Self { empty_files: true, entries: FILES_ONLY, form_names: true };
}

/// What a service holds that has no parts for anything but files.
pub(crate) const FILES_ONLY: EntryRules =
    EntryRules { symlinks: Entries::LeftOut, empty_directories: Entries::LeftOut, ..EntryRules::EVERYTHING };

/// Something that is not pinned, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is called.
    pub name: String,
    /// Why, as a sentence's end: "is a named pipe, socket or device".
    pub reason: String,
}

/// One upload. It is read where it was looked at: below one directory, whatever is put in that one's place meanwhile.
#[derive(Clone, Debug)]
pub struct Plan {
    place: Place,
    root: Arc<dyn Root>,
    limits: Limits,
    /// The name of the file or of the top directory.
    pub name: String,
    /// Whether the top is a directory.
    pub is_directory: bool,
    /// What is sent, sorted by path.
    pub entries: Vec<PlanEntry>,
    /// What is left out.
    pub skipped: Vec<Problem>,
}

/// One part of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanEntry {
    /// Its path inside the directory, with `/`; the file's name for a single file. Bytes that are no UTF-8 stand as
    /// `%XX`.
    pub path: String,
    /// Where it lies.
    pub source: PathBuf,
    /// What it is.
    pub kind: PlanKind,
}

/// What a part of an upload is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PlanKind {
    /// A file, as it was when the plan was made.
    File(Fingerprint),
    /// A directory with nothing in it.
    EmptyDirectory,
    /// A symlink and where it points.
    Symlink(Vec<u8>),
}

impl Plan {
    /// Looks again whether everything is as it was planned. Blocks.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is not, and those of [`plan`].
    pub fn check(&self) -> Result<(), Error> {
        if plan_below(Arc::clone(&self.root), &self.place, self.limits)?.entries == self.entries {
            Ok(())
        } else {
            Err(Error::Changed { path: self.place.path() })
        }
    }

    /// Whether somebody may still be writing to it, when it is a single file. Blocks.
    pub(crate) fn has_writer(&self) -> bool {
        !self.is_directory && self.root.has_writer(&self.place.below).unwrap_or(false)
    }

    /// Opens one of its files, which is named by where it lies.
    pub(super) fn open(&self, source: &Path) -> io::Result<Opened> {
        let place = Place::below(&self.place.root, source).ok_or(io::ErrorKind::NotFound)?;
        self.root.open(&place.below)
    }

    /// A number that another version of the same path has not, as far as the file system can tell.
    pub(crate) fn version(&self) -> i64 {
        let mut hasher = DefaultHasher::new();
        (self.is_directory, &self.entries).hash(&mut hasher);
        hasher.finish().cast_signed()
    }

    /// Bytes of content.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        // Sparse files claim any length.
        self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.content_bytes()))
    }

    /// Regular files.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.entries.iter().filter(|entry| matches!(entry.kind, PlanKind::File(_))).count() as u64
    }

    /// The file's fingerprint, when the plan is a single file.
    #[must_use]
    pub fn single_file(&self) -> Option<&Fingerprint> {
        match self.entries.as_slice() {
            [PlanEntry { kind: PlanKind::File(fingerprint), .. }] if !self.is_directory => Some(fingerprint),
            _ => None,
        }
    }
}

impl PlanEntry {
    /// Bytes that are sent for it.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        match &self.kind {
            PlanKind::File(fingerprint) => fingerprint.bytes,
            PlanKind::EmptyDirectory => 0,
            PlanKind::Symlink(target) => target.len() as u64,
        }
    }
}

/// Looks at what lies at a path without links, and at everything below it. Blocks.
///
/// # Errors
/// [`Error::Unreadable`] for anything that cannot be looked at, [`Error::Refused`] for what cannot be pinned at all.
pub fn plan(disk: &dyn Disk, path: &Path, limits: Limits) -> Result<Plan, Error> {
    plan_at(disk, &Place::of(path), limits)
}

/// Looks at what lies at a place, and at everything below it. Blocks.
///
/// # Errors
/// Those of [`plan`].
pub fn plan_at(disk: &dyn Disk, place: &Place, limits: Limits) -> Result<Plan, Error> {
    let root = disk.root(&place.root).map_err(unreadable(&place.path()))?;
    plan_below(root, place, limits)
}

/// The same below a directory that is open, which is the place's root.
pub(crate) fn plan_below(root: Arc<dyn Root>, place: &Place, limits: Limits) -> Result<Plan, Error> {
    let path = place.path();
    let stat = root.stat(&place.below).map_err(unreadable(&path))?;
    let name = path.file_name().map_or_else(|| "root".into(), entry_name);
    let mut plan = Plan {
        place: place.clone(),
        root,
        limits,
        name: name.clone(),
        is_directory: stat.kind == EntryKind::Directory,
        entries: Vec::new(),
        skipped: Vec::new(),
    };
    match stat.kind {
        EntryKind::File => plan.add_file(name, path, stat.fingerprint)?,
        EntryKind::Directory => {
            if !place.below.as_os_str().is_empty() {
                // What is in it is looked for in this very directory from here on.
                plan.root = plan.root.root(&place.below).map_err(unreadable(&path))?;
                plan.place = Place { root: path, below: PathBuf::new() };
            }
            let is_empty = plan.add_directory(Path::new(""), "", 0)?;
            if is_empty && limits.entries.empty_directories == Entries::LeftOut {
                return Err(refused(&name, "the directory has nothing in it that this service can hold"));
            }
            plan.entries.sort_by(|a, b| a.path.cmp(&b.path));
        }
        EntryKind::Symlink => return Err(refused(&name, "it is a link; pin what it points to")),
        EntryKind::Special => return Err(refused(&name, "it is a named pipe, socket or device")),
    }
    Ok(plan)
}

impl Plan {
    fn add_file(&mut self, path: String, source: PathBuf, stat: Fingerprint) -> Result<(), Error> {
        if stat.bytes == 0 && !self.limits.empty_files {
            return Err(refused(&path, "the file is empty, and this service does not take empty files"));
        }
        self.entries.push(PlanEntry { path: self.sent_as(path), source, kind: PlanKind::File(stat) });
        Ok(())
    }

    /// Adds what is below a directory; says whether that is nothing.
    fn add_directory(&mut self, directory: &Path, prefix: &str, depth: usize) -> Result<bool, Error> {
        if depth >= MAX_TREE_DEPTH {
            return Err(refused(prefix, "directories lie too deep inside one another"));
        }
        let mut is_empty = true;
        let here = Place { root: self.place.root.clone(), below: directory.into() }.path();
        for (name, stat) in self.root.read_directory(directory).map_err(unreadable(&here))? {
            let (below, source) = (directory.join(&name), here.join(&name));
            let stat = stat.map_err(unreadable(&source))?;
            let name = entry_name(&name);
            if name.len() > MAX_NAME_BYTES {
                return Err(refused(&name, "the name is too long"));
            }
            let is_hidden = name.starts_with('.');
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if is_hidden && self.limits.entries.hidden == Entries::LeftOut {
                self.leave_out(path, "is hidden");
                continue;
            }
            match stat.kind {
                EntryKind::File => self.add_file(path, source, stat.fingerprint)?,
                EntryKind::Directory => {
                    if self.add_directory(&below, &path, depth + 1)? {
                        self.add_part(path, source, PlanKind::EmptyDirectory);
                    }
                }
                EntryKind::Symlink => {
                    let target = self.root.read_link(&below).map_err(unreadable(&source))?;
                    let target = target.into_os_string().into_encoded_bytes();
                    self.add_part(path, source, PlanKind::Symlink(target));
                }
                EntryKind::Special => {
                    self.skipped.push(Problem { name: path, reason: "is a named pipe, socket or device".into() });
                    continue;
                }
            }
            is_empty = false;
        }
        Ok(is_empty)
    }

    /// Adds what is no file, where the rules include it.
    fn add_part(&mut self, path: String, source: PathBuf, kind: PlanKind) {
        let (rule, what) = match kind {
            PlanKind::Symlink(_) => (self.limits.entries.symlinks, "is a link"),
            _ => (self.limits.entries.empty_directories, "is an empty directory"),
        };
        if rule == Entries::LeftOut {
            return self.leave_out(path, what);
        }
        self.entries.push(PlanEntry { path: self.sent_as(path), source, kind });
    }

    fn sent_as(&self, path: String) -> String {
        if self.limits.form_names { wire_path(&path).into_owned() } else { path }
    }

    fn leave_out(&mut self, name: String, what: &str) {
        // What goes nowhere is left out because somebody said so.
        let why = if self.limits.form_names { "which this service cannot hold" } else { "and left out as asked" };
        self.skipped.push(Problem { name, reason: format!("{what}, {why}") });
    }
}

/// A name as UTF-8: bytes that are none stand as `%XX`, and then so does `%` itself.
pub(crate) fn entry_name(name: &OsStr) -> String {
    name_as_text(name.as_encoded_bytes()).into_owned()
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Unreadable { path, source }
}

fn refused(name: &str, reason: &str) -> Error {
    Error::Refused { name: name.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::RealDisk;

    fn paths(plan: &Plan) -> Vec<&str> {
        plan.entries.iter().map(|entry| entry.path.as_str()).collect()
    }

    #[test]
    fn a_directory_is_taken_whole_and_in_byte_order() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a b/empty")).unwrap();
        for name in ["z", "B", "a b/ü", ".hidden", "a b/\"q\"\n"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let whole = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
        assert_eq!(paths(&whole), [".hidden", "B", "a b/\"q\"\n", "a b/empty", "a b/ü", "z"]);
        let form = Limits { form_names: true, entries: FILES_ONLY, ..Limits::NONE };
        let sent = plan(&RealDisk, dir.path(), form).unwrap();
        assert_eq!(paths(&sent), [".hidden", "B", "a b/\"q\"%0A", "a b/ü", "z"]);
        assert_eq!(sent.skipped[0].name, "a b/empty");
    }

    #[test]
    fn hidden_names_are_left_out_when_asked_and_a_directory_of_nothing_else_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".git")).unwrap();
        fs::create_dir_all(dir.path().join("a")).unwrap();
        for name in [".git/x", "a/.hidden", "b"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let entries = EntryRules { hidden: Entries::LeftOut, ..EntryRules::EVERYTHING };
        let shown = plan(&RealDisk, dir.path(), Limits { entries, ..Limits::NONE }).unwrap();
        assert_eq!(paths(&shown), ["a", "b"]);
        assert_eq!(shown.skipped.len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn pipes_are_refused_or_left_out_and_never_opened() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert!(matches!(plan(&RealDisk, &pipe, Limits::NONE), Err(Error::Refused { .. })));
        let rest = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
        assert_eq!((paths(&rest), rest.skipped.len()), (vec!["file"], 1));
    }

    #[test]
    fn empty_files_are_refused_where_the_service_does() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nothing");
        fs::write(&file, "").unwrap();
        let strict = Limits { empty_files: false, ..Limits::NONE };
        assert!(matches!(plan(&RealDisk, &file, strict), Err(Error::Refused { .. })));
        assert!(matches!(plan(&RealDisk, dir.path(), strict), Err(Error::Refused { .. })));
        plan(&RealDisk, &file, Limits::NONE).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_utf8_keep_all_their_bytes() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(entry_name(OsStr::from_bytes(b"100% \xff\xc3x")), "100%25 %FF%C3x");
        assert_eq!(entry_name(OsStr::new("100% é")), "100% é");
    }
}
