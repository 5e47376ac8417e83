//! A plan: exactly which files make up one upload, in a fixed order, before a byte is read.

use std::{
    ffi::OsStr,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use holdfast_content::{Entries, EntryRules, MAX_TREE_DEPTH, name_as_text};

use super::names::{Names, Odd, Renamed, alone};
use crate::{
    disk::{Disk, EntryKind, Fingerprint, IS_MADE_UP, Opened, Place, Root},
    error::Error,
};

/// What the receiving side can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files without content.
    pub empty_files: bool,
    /// What of a directory is sent; the rest is left out with a reason.
    pub entries: EntryRules,
    /// Links to what is not in the directory: their targets say where things lie on this computer.
    pub outward_links: Entries,
    /// Which names are sent as they are.
    pub names: Names,
}

impl Limits {
    /// Everything, under its own name: for CIDs that are only computed.
    pub const NONE: Self = Self {
        empty_files: true,
        entries: EntryRules::EVERYTHING,
        outward_links: Entries::Included,
        names: Names::Exact,
    };

    /// What every service takes, as far as is known without asking.
    pub const LEAST: Self =
        Self { empty_files: true, entries: FILES_ONLY, outward_links: Entries::LeftOut, names: Names::InForms };
}

/// What a service holds that has no parts for anything but files.
pub(crate) const FILES_ONLY: EntryRules =
    EntryRules { symlinks: Entries::LeftOut, empty_directories: Entries::LeftOut, ..EntryRules::EVERYTHING };

/// Why a link is left out of a directory that goes to a service that could hold it.
const OUTWARD: &str = "is a link that leads out of the folder; where it leads says where things lie on this computer";

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
    renamed: Renamed,
}

/// One part of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanEntry {
    /// Its path inside the directory, with `/`, as it is sent; the file's name for a single file. Bytes that are no UTF-8
    /// stand as `%XX`.
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

    /// The links in it, which stay links.
    pub fn links(&self) -> impl Iterator<Item = &PlanEntry> {
        self.entries.iter().filter(|entry| matches!(entry.kind, PlanKind::Symlink(_)))
    }

    /// What to tell a person of names that are not sent as they are.
    pub(super) fn about_names(&self) -> Option<String> {
        self.renamed.remark()
    }

    /// The same with other limits, for what is compared and not sent. Blocks.
    ///
    /// # Errors
    /// Those of [`plan`].
    pub(crate) fn within(&self, limits: Limits) -> Result<Self, Error> {
        plan_below(Arc::clone(&self.root), &self.place, limits)
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
        renamed: Renamed::default(),
    };
    match stat.kind {
        EntryKind::File => {
            let sent_as = path.file_name().map_or(name, |name| alone(name, limits.names));
            plan.add_file(sent_as, path, stat.fingerprint)?;
        }
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
        EntryKind::MadeUp => return Err(refused(&name, &format!("it {IS_MADE_UP}"))),
    }
    Ok(plan)
}

impl Plan {
    fn add_file(&mut self, path: String, source: PathBuf, stat: Fingerprint) -> Result<(), Error> {
        if stat.bytes == 0 && !self.limits.empty_files {
            return Err(refused(&path, "the file is empty, and this service does not take empty files"));
        }
        self.entries.push(PlanEntry { path, source, kind: PlanKind::File(stat) });
        Ok(())
    }

    /// Adds what is below a directory; says whether that is nothing.
    fn add_directory(&mut self, directory: &Path, prefix: &str, depth: usize) -> Result<bool, Error> {
        if depth >= MAX_TREE_DEPTH {
            return Err(refused(prefix, "directories lie too deep inside one another"));
        }
        let mut is_empty = true;
        let here = Place { root: self.place.root.clone(), below: directory.into() }.path();
        let read = self.root.read_directory(directory).map_err(unreadable(&here))?;
        let odd = Odd::among(read.iter().map(|(name, _)| name), self.limits.names);
        for (name, stat) in read {
            let text = match odd.sent_as(&name) {
                Ok(text) => text,
                Err(reason) => {
                    // Not as another one is called.
                    let name = Path::new(prefix).join(&name).to_string_lossy().into_owned();
                    self.skipped.push(Problem { name, reason: reason.into() });
                    continue;
                }
            };
            let (below, source) = (directory.join(&name), here.join(&name));
            let stat = stat.map_err(unreadable(&source))?;
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            let path = if prefix.is_empty() { text.to_string() } else { format!("{prefix}/{text}") };
            if is_hidden && self.limits.entries.hidden == Entries::LeftOut {
                self.leave_out(path, "is hidden");
                continue;
            }
            self.renamed.note(&name, &text);
            match stat.kind {
                EntryKind::File => self.add_file(path, source, stat.fingerprint)?,
                EntryKind::Directory => {
                    if self.add_directory(&below, &path, depth + 1)? {
                        self.add_part(path, source, PlanKind::EmptyDirectory);
                    }
                }
                EntryKind::Symlink => {
                    let target = self.root.read_link(&below).map_err(unreadable(&source))?;
                    if self.is_left_out(&target, depth) {
                        self.skipped.push(Problem { name: path, reason: OUTWARD.into() });
                        continue;
                    }
                    let target = target.into_os_string().into_encoded_bytes();
                    self.add_part(path, source, PlanKind::Symlink(target));
                }
                EntryKind::Special => {
                    self.skipped.push(Problem { name: path, reason: "is a named pipe, socket or device".into() });
                    continue;
                }
                EntryKind::MadeUp => {
                    self.skipped.push(Problem { name: path, reason: IS_MADE_UP.into() });
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
        self.entries.push(PlanEntry { path, source, kind });
    }

    /// Whether a link is left out for where it points; `depth` is that of the directory that it is in.
    fn is_left_out(&self, target: &Path, depth: usize) -> bool {
        let [links, outward] = [self.limits.entries.symlinks, self.limits.outward_links];
        links == Entries::Included && outward == Entries::LeftOut && leads_out(target, depth)
    }

    fn leave_out(&mut self, name: String, what: &str) {
        // What goes nowhere is left out because somebody said so.
        let why = if self.limits.names == Names::InForms {
            "which this service cannot hold"
        } else {
            "and left out as asked"
        };
        self.skipped.push(Problem { name, reason: format!("{what}, {why}") });
    }
}

/// Whether a link in a directory of that depth points to what is not below the top: what its text says, whatever other
/// links it leads through.
fn leads_out(target: &Path, depth: usize) -> bool {
    let mut depth = Some(depth);
    for step in target.components() {
        depth = match step {
            Component::Prefix(_) | Component::RootDir => None,
            Component::CurDir => depth,
            Component::ParentDir => depth.and_then(|depth| depth.checked_sub(1)),
            Component::Normal(_) => depth.map(|depth| depth + 1),
        };
        if depth.is_none() {
            return true;
        }
    }
    false
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
        let form = Limits { names: Names::InForms, entries: FILES_ONLY, ..Limits::NONE };
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
    fn links_that_lead_out_are_left_out_with_the_reason_and_others_stay() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("page"), "x").unwrap();
        let (inside, outside) = (["../page", "../a/./b", ".", "nothing"], ["/etc/passwd", "../..", "b/../../../x"]);
        for (number, target) in inside.iter().chain(&outside).enumerate() {
            symlink(target, dir.path().join(format!("a/{number}"))).unwrap();
        }
        let sent = plan(&RealDisk, dir.path(), Limits { outward_links: Entries::LeftOut, ..Limits::NONE }).unwrap();
        assert_eq!(paths(&sent), ["a/0", "a/1", "a/2", "a/3", "a/b", "page"]);
        assert_eq!(sent.links().count(), 4);
        assert_eq!((sent.skipped.len(), sent.skipped.iter().all(|problem| problem.reason == OUTWARD)), (3, true));
        let compared = sent.within(Limits::NONE).unwrap();
        assert_eq!((compared.links().count(), compared.skipped.len()), (7, 0));
    }

    #[cfg(unix)]
    #[test]
    fn an_odd_name_beside_what_stands_for_it_is_written_otherwise_or_left_out_alone() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        for name in [&b"mu\xf1oz"[..], b"mu%F1oz", b"good", b"line\n", b"line%0A"] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
        }
        let exact = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
        assert_eq!(paths(&exact), ["%6D%75%F1%6F%7A", "good", "line\n", "line%0A", "mu%F1oz"]);
        let sent = plan(&RealDisk, dir.path(), Limits { names: Names::InForms, ..Limits::NONE }).unwrap();
        assert_eq!(paths(&sent), ["%6C%69%6E%65%0A", "%6D%75%F1%6F%7A", "good", "line%0A", "mu%F1oz"]);
        assert!(sent.skipped.is_empty());
        assert!(sent.entries[4].source.as_os_str().as_bytes().ends_with(b"mu%F1oz"));
        for name in [&b"%6D%75%F1%6F%7A"[..], &[0xff; 100]] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
        }
        let mut sent = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
        sent.skipped.sort_by_key(|problem| problem.name.len());
        assert_eq!(paths(&sent), ["%6D%75%F1%6F%7A", "good", "line\n", "line%0A", "mu%F1oz"]);
        let left_out: Vec<_> = sent.skipped.iter().map(|problem| problem.name.chars().count()).collect();
        assert_eq!(left_out, [5, 100], "{:?}", sent.skipped);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_exchanged_for_a_link_after_the_plan_is_not_what_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let [site, out, away] = ["site", "out", "away"].map(|name| dir.path().join(name));
        for at in [site.join("sub"), out.clone()] {
            fs::create_dir_all(&at).unwrap();
            fs::write(at.join("file"), "x").unwrap();
        }
        let planned = plan(&RealDisk, &site, Limits::NONE).unwrap();
        fs::rename(site.join("sub"), &away).unwrap();
        std::os::unix::fs::symlink(&out, site.join("sub")).unwrap();
        planned.open(&planned.entries[0].source).unwrap_err();
        assert!(matches!(planned.check(), Err(Error::Changed { .. })));
        fs::remove_file(site.join("sub")).unwrap();
        fs::rename(&away, site.join("sub")).unwrap();
        fs::rename(&site, &away).unwrap();
        std::os::unix::fs::symlink(&out, &site).unwrap();
        planned.open(&planned.entries[0].source).unwrap();
        planned.check().unwrap();
        plan(&RealDisk, &site.join("sub"), Limits::NONE).unwrap_err();
    }

    #[cfg(unix)]
    #[test]
    fn a_path_longer_than_the_system_takes_is_part_of_its_directory() {
        use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
        let dir = tempfile::tempdir().unwrap();
        let name = "n".repeat(250);
        let directory = OFlags::DIRECTORY.union(OFlags::RDONLY);
        let mut at = openat(CWD, dir.path(), directory, Mode::empty()).unwrap();
        for _ in 0..20 {
            mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = openat(&at, &name, directory, Mode::empty()).unwrap();
        }
        openat(&at, "file", OFlags::CREATE.union(OFlags::WRONLY), Mode::RUSR).unwrap();
        let planned = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
        assert_eq!((planned.files(), planned.entries[0].path.len()), (1, 20 * 251 + 4));
        planned.open(&planned.entries[0].source).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_utf8_keep_all_their_bytes() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(entry_name(OsStr::from_bytes(b"100% \xff\xc3x")), "100%25 %FF%C3x");
        assert_eq!(entry_name(OsStr::new("100% é")), "100% é");
    }
}
