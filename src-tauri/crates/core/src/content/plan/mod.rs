//! A plan: exactly which files make up one upload, in a fixed order, before a byte is read.

mod entries;
mod part;
#[cfg(test)]
mod tests;
mod walk;

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_content::{Entries, EntryRules, name_as_text};

use super::names::{Names, Renamed};
use crate::{
    disk::{Disk, EntryKind, Fingerprint, Opened, Place, Root},
    error::Error,
    lasting::LastingNumber,
};
pub use entries::PlanEntry;
use entries::{Collected, Compared, PlanEntries};
pub use part::PlanKind;
use walk::Walk;

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
    entries: PlanEntries,
    /// What is left out.
    pub skipped: Vec<Problem>,
    renamed: Renamed,
}

impl Plan {
    /// What is sent, sorted by the names on the paths: what is in a directory stands together.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = PlanEntry<'_>> {
        (0..self.entries.len()).map(|number| PlanEntry::of(self, number))
    }

    /// The entry of that number.
    pub(crate) fn entry(&self, number: usize) -> Option<PlanEntry<'_>> {
        (number < self.entries.len()).then(|| PlanEntry::of(self, number))
    }

    /// The one file that it is, when it is no directory.
    pub(crate) fn single(&self) -> Option<PlanEntry<'_>> {
        self.entry(0).filter(|_| !self.is_directory)
    }

    /// Whether the same is sent by another plan.
    pub(crate) fn has_the_entries_of(&self, other: &Self) -> bool {
        self.entries == other.entries
    }

    /// Looks again whether everything is as it was planned. Blocks.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is not, and those of [`plan`].
    pub fn check(&self) -> Result<(), Error> {
        let path = self.place.path();
        let stat = self.root.stat(&self.place.below).map_err(unreadable(&path))?;
        let is_directory = stat.kind == EntryKind::Directory;
        if is_directory != self.is_directory {
            return Err(Error::Changed { path });
        }
        let mut compared = Compared::with(&self.entries, &path);
        self.walk().look(&self.name, stat, &mut compared)?;
        compared.finish()
    }

    fn walk(&self) -> Walk<'_> {
        Walk::new(&*self.root, &self.place, self.limits)
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

    /// A number that another version of the same path has not, as far as the file system can tell. It is kept over restarts.
    pub(crate) fn version(&self) -> i64 {
        let top = LastingNumber::default().number(self.is_directory.into());
        self.entries.counted_in(top).finish().cast_signed()
    }

    /// Bytes of content.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        // Sparse files claim any length.
        self.entries.kinds().fold(0, |sum, kind| sum.saturating_add(kind.content_bytes()))
    }

    /// The links in it, which stay links.
    pub fn links(&self) -> impl Iterator<Item = PlanEntry<'_>> {
        self.entries().filter(|entry| matches!(entry.kind(), PlanKind::Symlink(_)))
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
        self.entries.kinds().filter(|kind| matches!(kind, PlanKind::File(_))).count() as u64
    }

    /// The file's fingerprint, when the plan is a single file.
    #[must_use]
    pub fn single_file(&self) -> Option<&Fingerprint> {
        match self.entries.kinds().next() {
            Some(PlanKind::File(fingerprint)) if !self.is_directory => Some(fingerprint),
            _ => None,
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
    let is_directory = stat.kind == EntryKind::Directory;
    let (root, place) = if is_directory && !place.below.as_os_str().is_empty() {
        // What is in it is looked for in this very directory from here on.
        let root = root.root(&place.below).map_err(unreadable(&path))?;
        (root, Place { root: path, below: PathBuf::new() })
    } else {
        (root, place.clone())
    };
    let mut collected = Collected::default();
    Walk::new(&*root, &place, limits).look(&name, stat, &mut collected)?;
    let Collected { entries, skipped, renamed } = collected;
    // A pin of one file has a name of its own.
    let renamed = if is_directory { renamed } else { Renamed::default() };
    Ok(Plan { place, root, limits, name, is_directory, entries, skipped, renamed })
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
