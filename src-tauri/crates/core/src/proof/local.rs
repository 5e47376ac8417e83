//! A plan's files as the local side of a proof.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Path,
    sync::{Mutex, PoisonError},
};

use holdfast_content::{LocalBytes, LocalEntry, LocalKind, LocalTree};

use super::Course;
use crate::{
    content::{Plan, PlanEntry, PlanKind},
    disk::{Disk, Fingerprint, OpenFile},
    error::Error,
};

/// Bytes read at once.
const READ_BYTES: usize = 512 * 1024;

/// What went wrong here, through an interface that knows only I/O errors.
pub(super) fn as_io(error: Error) -> io::Error {
    io::Error::other(error)
}

/// A planned directory.
pub(super) struct PlannedTree<'a> {
    disk: &'a dyn Disk,
    course: &'a Course,
    directories: BTreeMap<&'a str, BTreeMap<&'a str, LocalKind>>,
    files: BTreeMap<&'a str, &'a PlanEntry>,
}

impl<'a> PlannedTree<'a> {
    pub(super) fn new(disk: &'a dyn Disk, plan: &'a Plan, course: &'a Course) -> Self {
        let (mut directories, mut files) = (BTreeMap::from([("", BTreeMap::new())]), BTreeMap::new());
        for entry in &plan.entries {
            let kind = match &entry.kind {
                PlanKind::File(_) => LocalKind::File,
                PlanKind::EmptyDirectory => LocalKind::Directory,
                PlanKind::Symlink(target) => LocalKind::Symlink(target.clone()),
            };
            if kind == LocalKind::File {
                files.insert(entry.path.as_str(), entry);
            }
            let (mut path, mut kind) = (entry.path.as_str(), kind);
            // Up to the first directory that is known already.
            loop {
                let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
                let is_known = directories.contains_key(parent);
                directories.entry(parent).or_default().insert(name, kind);
                if is_known {
                    break;
                }
                (path, kind) = (parent, LocalKind::Directory);
            }
        }
        Self { disk, course, directories, files }
    }
}

impl LocalTree for PlannedTree<'_> {
    fn entries(&self, directory: &str) -> io::Result<Vec<LocalEntry>> {
        let entries = self.directories.get(directory).into_iter().flatten();
        Ok(entries.map(|(&name, kind)| LocalEntry { name: name.into(), kind: kind.clone() }).collect())
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn LocalBytes + '_>> {
        let entry = self.files.get(file).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(PlannedFile::open(self.disk, entry, self.course).map_err(as_io)?))
    }
}

/// A planned file, open. Proofs read it forwards, so that nothing is read twice.
pub(super) struct PlannedFile<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    bytes: u64,
    course: &'a Course,
    reading: Mutex<Reading>,
}

struct Reading {
    file: Box<dyn OpenFile>,
    /// What was read last: `window` starts at `start`, and the file goes on after it.
    start: u64,
    window: Vec<u8>,
    counted: u64,
}

impl<'a> PlannedFile<'a> {
    /// Opens the file, which must be what the plan saw.
    pub(super) fn open(disk: &'a dyn Disk, entry: &'a PlanEntry, course: &'a Course) -> Result<Self, Error> {
        let PlanKind::File(expected) = &entry.kind else { return Err(Error::Internal) };
        let path = entry.source.as_path();
        let file = open(disk, path, Some(expected))?;
        let reading = Mutex::new(Reading { file, start: 0, window: Vec::new(), counted: 0 });
        Ok(Self { disk, path, bytes: expected.bytes, course, reading })
    }

    fn unreadable(&self, source: io::Error) -> io::Error {
        as_io(Error::Unreadable { path: self.path.into(), source })
    }
}

fn open(disk: &dyn Disk, path: &Path, expected: Option<&Fingerprint>) -> Result<Box<dyn OpenFile>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.into(), source };
    let file = disk.open(path).map_err(unreadable)?;
    let found = file.stat().map_err(unreadable)?.fingerprint;
    if expected.is_some_and(|expected| *expected != found) {
        return Err(Error::Changed { path: path.into() });
    }
    Ok(file)
}

impl LocalBytes for PlannedFile<'_> {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.course.stop.is_cancelled() {
            return Err(as_io(Error::Cancelled));
        }
        let end = offset.checked_add(buffer.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if offset < reading.start {
            *reading = Reading {
                file: open(self.disk, self.path, None).map_err(as_io)?,
                start: 0,
                window: Vec::new(),
                counted: reading.counted,
            };
        }
        while reading.start + (reading.window.len() as u64) < end {
            // Nothing before `offset` is asked for again.
            let passed = usize::try_from(offset - reading.start).unwrap_or(usize::MAX).min(reading.window.len());
            reading.window.drain(..passed);
            reading.start += passed as u64;
            let kept = reading.window.len();
            let wanted = (self.bytes - reading.start - kept as u64).min(READ_BYTES as u64);
            // At most `READ_BYTES`.
            reading.window.resize(kept + wanted as usize, 0);
            let Reading { file, window, .. } = &mut *reading;
            let read = file.read(&mut window[kept..]).map_err(|error| self.unreadable(error))?;
            reading.window.truncate(kept + read);
            if read == 0 {
                return Err(as_io(Error::Changed { path: self.path.into() }));
            }
        }
        let from = usize::try_from(offset - reading.start).map_err(io::Error::other)?;
        buffer.copy_from_slice(&reading.window[from..from + buffer.len()]);
        self.course.done(end.saturating_sub(reading.counted));
        reading.counted = reading.counted.max(end);
        Ok(())
    }
}
