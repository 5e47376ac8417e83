//! A plan's files as the local side of a proof.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use holdfast_content::{LocalBytes, LocalEntry, LocalKind, LocalTree};

use super::Course;
use crate::{
    content::{Plan, PlanEntry, PlanKind, open_same, read_run},
    disk::{Fingerprint, OpenFile},
    error::Error,
};

/// What went wrong here, through an interface that knows only I/O errors.
pub(super) fn as_io(error: Error) -> io::Error {
    io::Error::other(error)
}

/// A planned directory.
pub(super) struct PlannedTree<'a> {
    plan: &'a Plan,
    course: &'a Course,
    directories: BTreeMap<String, BTreeMap<String, LocalKind>>,
    files: BTreeMap<String, PlanEntry<'a>>,
}

impl<'a> PlannedTree<'a> {
    pub(super) fn new(plan: &'a Plan, course: &'a Course) -> Self {
        let (mut directories, mut files) = (BTreeMap::from([(String::new(), BTreeMap::new())]), BTreeMap::new());
        for entry in plan.entries() {
            let mut kind = match entry.kind() {
                PlanKind::File(_) => LocalKind::File,
                PlanKind::EmptyDirectory => LocalKind::Directory,
                PlanKind::Symlink(target) => LocalKind::Symlink(target.to_vec()),
            };
            let path = entry.path();
            let mut below = path.as_str();
            let is_file = kind == LocalKind::File;
            // Up to the first directory that is known already.
            loop {
                let (parent, name) = below.rsplit_once('/').unwrap_or(("", below));
                let is_known = directories.contains_key(parent);
                directories.entry(parent.to_owned()).or_default().insert(name.to_owned(), kind);
                if is_known {
                    break;
                }
                (below, kind) = (parent, LocalKind::Directory);
            }
            if is_file {
                files.insert(path, entry);
            }
        }
        Self { plan, course, directories, files }
    }
}

impl LocalTree for PlannedTree<'_> {
    fn entries(&self, directory: &str) -> io::Result<Vec<LocalEntry>> {
        let entries = self.directories.get(directory).into_iter().flatten();
        Ok(entries.map(|(name, kind)| LocalEntry { name: name.clone(), kind: kind.clone() }).collect())
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn LocalBytes + '_>> {
        let entry = self.files.get(file).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(PlannedFile::open(self.plan, *entry, self.course).map_err(as_io)?))
    }
}

/// A planned file, open.
pub(super) struct PlannedFile<'a> {
    file: Box<dyn OpenFile>,
    path: PathBuf,
    expected: Fingerprint,
    course: &'a Course,
    /// How far it was read.
    counted: AtomicU64,
}

impl<'a> PlannedFile<'a> {
    /// Opens the file, which must be what the plan saw.
    pub(super) fn open(plan: &Plan, entry: PlanEntry<'_>, course: &'a Course) -> Result<Self, Error> {
        let PlanKind::File(expected) = entry.kind() else { return Err(Error::Internal) };
        let path = entry.source();
        let file = open_same(plan, &path, expected)?;
        Ok(Self { file, path, expected: *expected, course, counted: AtomicU64::new(0) })
    }
}

impl LocalBytes for PlannedFile<'_> {
    fn len(&self) -> u64 {
        self.expected.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.course.stop.is_cancelled() {
            return Err(as_io(Error::Cancelled));
        }
        read_run(&*self.file, &self.path, &self.expected, offset, buffer).map_err(as_io)?;
        let end = offset + buffer.len() as u64;
        self.course.done(end.saturating_sub(self.counted.fetch_max(end, Ordering::Relaxed)));
        Ok(())
    }
}
