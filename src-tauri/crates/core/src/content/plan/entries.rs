//! What a plan names, kept small: there may be hundreds of thousands of files in it, and all are known until its end.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{
    Plan, Problem,
    part::{Called, DirectoryNumber, Found, PlanKind},
};
use crate::{content::names::Renamed, error::Error, lasting::LastingNumber};

/// One part of an upload.
#[derive(Clone, Copy, Debug)]
pub struct PlanEntry<'a> {
    plan: &'a Plan,
    entry: &'a Entry,
}

/// The entries of a plan in their order. Each has only its own name: paths are put together when they are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PlanEntries {
    /// The directories that something is in. That of number zero, the top, is not among them.
    directories: Vec<Directory>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Directory {
    above: DirectoryNumber,
    name: Name,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    directory: DirectoryNumber,
    name: Name,
    kind: PlanKind,
}

/// What something is called, on the disk and where it is sent. Nearly always that is one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Same(Box<str>),
    Other(Box<(Box<OsStr>, Box<str>)>),
}

impl<'a> PlanEntry<'a> {
    /// The entry of a number that there is.
    pub(super) fn of(plan: &'a Plan, number: usize) -> Self {
        Self { plan, entry: &plan.entries.entries[number] }
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> &'a PlanKind {
        &self.entry.kind
    }

    /// Its path inside the directory, with `/`, as it is sent; the file's name for a single file. Bytes that are no UTF-8
    /// stand as `%XX`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for name in self.names() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(name.sent_as());
        }
        path
    }

    /// Where it lies.
    #[must_use]
    pub fn source(&self) -> PathBuf {
        let mut source = self.plan.place.path();
        if self.plan.is_directory {
            source.extend(self.names().map(Name::on_disk));
        }
        source
    }

    /// Bytes that are sent for it.
    #[must_use]
    pub const fn content_bytes(&self) -> u64 {
        self.entry.kind.content_bytes()
    }

    /// The names on its path, from the top down.
    fn names(&self) -> impl Iterator<Item = &'a Name> + use<'a> {
        let entries = &self.plan.entries;
        let mut names = vec![&self.entry.name];
        let mut above = self.entry.directory;
        while let Some(directory) = entries.directory_of(above) {
            names.push(&directory.name);
            above = directory.above;
        }
        names.into_iter().rev()
    }
}

impl PlanEntries {
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &PlanKind> {
        self.entries.iter().map(|entry| &entry.kind)
    }

    /// A number with all that is in them.
    pub(super) fn counted_in(&self, number: LastingNumber) -> LastingNumber {
        let number = number.number(self.directories.len() as u64);
        let number = self
            .directories
            .iter()
            .fold(number, |number, directory| directory.name.counted_in(number.number(directory.above.0.into())));
        self.entries.iter().fold(number, |number, entry| {
            entry.kind.counted_in(entry.name.counted_in(number.number(entry.directory.0.into())))
        })
    }

    fn directory_of(&self, number: DirectoryNumber) -> Option<&Directory> {
        self.directories.get(usize::try_from(number.0.checked_sub(1)?).ok()?)
    }
}

impl Name {
    fn of(called: Called<'_>) -> Self {
        match called.on_disk.to_str() {
            Some(name) if name == called.sent_as => Self::Same(name.into()),
            _ => Self::Other(Box::new((called.on_disk.into(), called.sent_as.into()))),
        }
    }

    fn on_disk(&self) -> &OsStr {
        match self {
            Self::Same(name) => name.as_ref().as_ref(),
            Self::Other(names) => &names.0,
        }
    }

    fn sent_as(&self) -> &str {
        match self {
            Self::Same(name) => name,
            Self::Other(names) => &names.1,
        }
    }

    fn counted_in(&self, number: LastingNumber) -> LastingNumber {
        number.name(self.on_disk()).bytes(self.sent_as().as_bytes())
    }

    fn is(&self, called: Called<'_>) -> bool {
        self.on_disk() == called.on_disk && self.sent_as() == called.sent_as
    }
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) entries: PlanEntries,
    pub(super) skipped: Vec<Problem>,
    pub(super) renamed: Renamed,
}

impl Found for Collected {
    fn directory(&mut self, above: DirectoryNumber, called: Called<'_>) -> Result<DirectoryNumber, Error> {
        self.renamed.note(called.on_disk, called.sent_as);
        let directories = &mut self.entries.directories;
        directories.push(Directory { above, name: Name::of(called) });
        u32::try_from(directories.len()).map(DirectoryNumber).map_err(|_| Error::Internal)
    }

    fn entry(&mut self, directory: DirectoryNumber, called: Called<'_>, kind: PlanKind) -> Result<(), Error> {
        self.renamed.note(called.on_disk, called.sent_as);
        self.entries.entries.push(Entry { directory, name: Name::of(called), kind });
        Ok(())
    }

    fn left_out(&mut self, problem: Problem) {
        self.skipped.push(problem);
    }
}

/// Whether a walk finds what another one found; nothing of it is kept.
#[derive(Debug)]
pub(super) struct Compared<'a> {
    with: &'a PlanEntries,
    path: &'a Path,
    directories: usize,
    entries: usize,
}

impl<'a> Compared<'a> {
    /// `path` is what has changed if it does not.
    pub(super) const fn with(with: &'a PlanEntries, path: &'a Path) -> Self {
        Self { with, path, directories: 0, entries: 0 }
    }

    /// Whether that was all.
    pub(super) fn finish(self) -> Result<(), Error> {
        if self.entries == self.with.entries.len() { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> Error {
        Error::Changed { path: self.path.into() }
    }
}

impl Found for Compared<'_> {
    fn directory(&mut self, above: DirectoryNumber, called: Called<'_>) -> Result<DirectoryNumber, Error> {
        let expected = self.with.directories.get(self.directories);
        if expected.is_none_or(|expected| expected.above != above || !expected.name.is(called)) {
            return Err(self.changed());
        }
        self.directories += 1;
        u32::try_from(self.directories).map(DirectoryNumber).map_err(|_| Error::Internal)
    }

    fn entry(&mut self, directory: DirectoryNumber, called: Called<'_>, kind: PlanKind) -> Result<(), Error> {
        let expected = self.with.entries.get(self.entries);
        let is_same = expected.is_some_and(|expected| {
            expected.directory == directory && expected.name.is(called) && expected.kind == kind
        });
        self.entries += 1;
        if is_same { Ok(()) } else { Err(self.changed()) }
    }

    fn left_out(&mut self, _: Problem) {}
}
