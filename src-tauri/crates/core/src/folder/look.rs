//! What lies in a watched folder: below its open directory, and never where a link leads.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::ignore;
use crate::{
    content::Limits,
    disk::{EntryKind, Fingerprint, Root, Stat},
    error::Error,
    store::Observed,
};

/// A watched folder, open.
pub(super) struct Open<'a> {
    pub(super) root: &'a dyn Root,
    /// What it is called.
    pub(super) path: &'a Path,
    pub(super) limits: Limits,
}

/// What one look below a directory found.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) files: Vec<(Observed, Stat)>,
    /// What could not be looked at; where there is any, what is missing may only be unreadable.
    pub(super) unreadable: Vec<PathBuf>,
}

pub(super) enum Found {
    Gone,
    Unreadable(Observed),
    File(Observed, Stat),
    Directory(Seen),
}

impl Open<'_> {
    /// Looks at everything.
    pub(super) fn look(&self) -> Result<Seen, Error> {
        let seen = self.look_below(self.path);
        match seen.unreadable.first() {
            Some(path) if path == self.path => {
                let read = self.root.read_directory(Path::new(""));
                let source = read.err().unwrap_or_else(|| io::ErrorKind::Interrupted.into());
                Err(Error::Unreadable { path: path.clone(), source })
            }
            _ => Ok(seen),
        }
    }

    /// Looks at one path.
    pub(super) fn look_at(&self, path: &Path) -> Found {
        let Some(below) = self.below(path) else { return Found::Gone };
        match self.root.stat(below) {
            Ok(stat) if stat.kind == EntryKind::Directory && ignore::path_reason(self.path, path).is_none() => {
                Found::Directory(self.look_below(path))
            }
            Ok(stat) if stat.kind == EntryKind::Directory => Found::Directory(Seen::default()),
            Ok(stat) => Found::File(self.observed(path, &stat), stat),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Found::Gone,
            Err(_) => Found::Unreadable(unreadable(path, EntryKind::File).0),
        }
    }

    /// Whether a directory or file that could not be read can be, or is no more.
    pub(super) fn has_become_readable(&self, path: &Path) -> bool {
        let Some(below) = self.below(path) else { return true };
        let read = match self.root.stat(below) {
            Ok(stat) if stat.kind == EntryKind::Directory => self.root.read_directory(below).map(drop),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        read.map_or_else(
            |error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
            |()| true,
        )
    }

    /// Whether somebody may still be writing to a file.
    pub(super) fn has_writer(&self, path: &Path) -> bool {
        self.below(path).is_some_and(|below| self.root.has_writer(below).unwrap_or(false))
    }

    /// What a file is that can be read, and that nobody may still be writing to.
    pub(super) fn can_be_taken(&self, path: &Path) -> Option<Stat> {
        let opened = self.root.open(self.below(path)?).ok()?;
        (!self.has_writer(path)).then_some(opened.stat)
    }

    /// The file's state now, where it is one.
    pub(super) fn stat(&self, path: &Path) -> Option<Stat> {
        self.root.stat(self.below(path)?).ok()
    }

    fn below<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.strip_prefix(self.path).ok()
    }

    fn look_below(&self, start: &Path) -> Seen {
        let mut seen = Seen::default();
        let mut directories = vec![start.to_owned()];
        while let Some(directory) = directories.pop() {
            let read = self.below(&directory).map(|below| self.root.read_directory(below));
            let Some(Ok(entries)) = read else {
                // Gone since the one above it was read, or not to be read.
                let is_gone = matches!(&read, Some(Err(error)) if error.kind() == io::ErrorKind::NotFound);
                if !is_gone || directory == self.path {
                    seen.add_unreadable(&directory, EntryKind::Directory);
                }
                continue;
            };
            for (name, stat) in entries {
                let path = directory.join(&name);
                match stat {
                    Ok(stat) if stat.kind != EntryKind::Directory => {
                        seen.files.push((self.observed(&path, &stat), stat));
                    }
                    Ok(_) if ignore::name_reason(&name.to_string_lossy()).is_some() => {}
                    Ok(_) => directories.push(path),
                    // Gone since the directory was read.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(_) => seen.add_unreadable(&path, EntryKind::File),
                }
            }
        }
        seen
    }

    fn observed(&self, path: &Path, stat: &Stat) -> Observed {
        let skipped = ignore::path_reason(self.path, path).or_else(|| ignore::kind_reason(stat, self.limits));
        Observed { path: path.into(), fingerprint: stat.fingerprint, skipped }
    }
}

impl Seen {
    /// Listed, and looked at again until it can be.
    fn add_unreadable(&mut self, path: &Path, kind: EntryKind) {
        self.files.push(unreadable(path, kind));
        self.unreadable.push(path.into());
    }
}

fn unreadable(path: &Path, kind: EntryKind) -> (Observed, Stat) {
    let fingerprint = Fingerprint::default();
    (Observed { path: path.into(), fingerprint, skipped: Some("it cannot be read") }, Stat { kind, fingerprint })
}
