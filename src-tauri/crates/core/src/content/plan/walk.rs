//! The look at what lies somewhere and at everything below it, in the order of a plan.

use std::{
    ffi::OsString,
    path::{Component, Path},
};

use holdfast_content::{Entries, MAX_TREE_DEPTH};

use super::{
    Limits, Problem,
    part::{Called, DirectoryNumber, Found, PlanKind},
    refused, unreadable,
};
use crate::{
    content::names::{Names, Odd, alone},
    disk::{EntryKind, Fingerprint, IS_MADE_UP, Place, Root, Stat},
    error::Error,
};

/// Why a link is left out of a directory that goes to a service that could hold it.
pub(super) const OUTWARD: &str =
    "is a link that leads out of the folder; where it leads says where things lie on this computer";

/// A walk below one directory.
pub(super) struct Walk<'a> {
    root: &'a dyn Root,
    place: &'a Place,
    limits: Limits,
    /// The directories between the top and the one that is looked at.
    way: Vec<Step>,
}

struct Step {
    on_disk: OsString,
    sent_as: String,
    /// Once something in it is part of the upload.
    number: Option<DirectoryNumber>,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(root: &'a dyn Root, place: &'a Place, limits: Limits) -> Self {
        Self { root, place, limits, way: Vec::new() }
    }

    /// Looks at the place, whose name and kind are known.
    pub(super) fn look(mut self, name: &str, stat: Stat, found: &mut dyn Found) -> Result<(), Error> {
        match stat.kind {
            EntryKind::File => {
                let path = self.place.path();
                let on_disk = path.file_name().unwrap_or(path.as_os_str());
                let sent_as = alone(on_disk, self.limits.names);
                self.file(Called { on_disk, sent_as: &sent_as }, &sent_as, stat.fingerprint, found)
            }
            EntryKind::Directory => {
                let is_empty = self.directory(Path::new(""), "", found)?;
                if is_empty && self.limits.entries.empty_directories == Entries::LeftOut {
                    return Err(refused(name, "the directory has nothing in it that this service can hold"));
                }
                Ok(())
            }
            EntryKind::Symlink => Err(refused(name, "it is a link; pin what it points to")),
            EntryKind::Special => Err(refused(name, "it is a named pipe, socket or device")),
            EntryKind::MadeUp => Err(refused(name, &format!("it {IS_MADE_UP}"))),
        }
    }

    /// Looks at what is in a directory; says whether that is nothing. `sent_as` is its path.
    fn directory(&mut self, below: &Path, sent_as: &str, found: &mut dyn Found) -> Result<bool, Error> {
        if self.way.len() >= MAX_TREE_DEPTH {
            return Err(refused(sent_as, "directories lie too deep inside one another"));
        }
        let mut is_empty = true;
        let here = Place { root: self.place.root.clone(), below: below.into() }.path();
        let mut read = self.root.read_directory(below).map_err(unreadable(&here))?;
        let odd = Odd::among(read.iter().map(|(name, _)| name), self.limits.names);
        read.sort_by(|(a, _), (b, _)| odd.sent_as(a).cmp(&odd.sent_as(b)));
        for (name, stat) in read {
            let text = match odd.sent_as(&name) {
                Ok(text) => text,
                Err(reason) => {
                    // Not as another one is called.
                    let name = Path::new(sent_as).join(&name).to_string_lossy().into_owned();
                    found.left_out(Problem { name, reason: reason.into() });
                    continue;
                }
            };
            let stat = stat.map_err(|source| unreadable(&here.join(&name))(source))?;
            let path = if sent_as.is_empty() { text.to_string() } else { format!("{sent_as}/{text}") };
            let called = Called { on_disk: &name, sent_as: &text };
            is_empty &= !self.one(below, called, path, stat, found)?;
        }
        Ok(is_empty)
    }

    /// Looks at one of a directory's entries; says whether the directory has something in it for its sake.
    fn one(
        &mut self,
        below: &Path,
        called: Called<'_>,
        path: String,
        stat: Stat,
        found: &mut dyn Found,
    ) -> Result<bool, Error> {
        let is_hidden = called.on_disk.as_encoded_bytes().starts_with(b".");
        if is_hidden && self.limits.entries.hidden == Entries::LeftOut {
            self.leave_out(path, "is hidden", found);
            return Ok(false);
        }
        match stat.kind {
            EntryKind::File => self.file(called, &path, stat.fingerprint, found)?,
            EntryKind::Directory => {
                self.way.push(Step { on_disk: called.on_disk.into(), sent_as: called.sent_as.into(), number: None });
                let is_empty = self.directory(&below.join(called.on_disk), &path, found)?;
                self.way.pop();
                if is_empty {
                    self.part(called, path, PlanKind::EmptyDirectory, found)?;
                }
            }
            EntryKind::Symlink => {
                let link = below.join(called.on_disk);
                let target = self.root.read_link(&link).map_err(|source| self.unreadable(&link, source))?;
                if self.is_left_out(&target) {
                    found.left_out(Problem { name: path, reason: OUTWARD.into() });
                    return Ok(false);
                }
                let target = target.into_os_string().into_encoded_bytes();
                self.part(called, path, PlanKind::Symlink(target.into()), found)?;
            }
            EntryKind::Special => {
                found.left_out(Problem { name: path, reason: "is a named pipe, socket or device".into() });
                return Ok(false);
            }
            EntryKind::MadeUp => {
                found.left_out(Problem { name: path, reason: IS_MADE_UP.into() });
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn file(&mut self, called: Called<'_>, path: &str, stat: Fingerprint, found: &mut dyn Found) -> Result<(), Error> {
        if stat.bytes == 0 && !self.limits.empty_files {
            return Err(refused(path, "the file is empty, and this service does not take empty files"));
        }
        self.add(called, PlanKind::File(stat), found)
    }

    /// Adds what is no file, where the rules include it.
    fn part(&mut self, called: Called<'_>, path: String, kind: PlanKind, found: &mut dyn Found) -> Result<(), Error> {
        let (rule, what) = match kind {
            PlanKind::Symlink(_) => (self.limits.entries.symlinks, "is a link"),
            _ => (self.limits.entries.empty_directories, "is an empty directory"),
        };
        if rule == Entries::LeftOut {
            self.leave_out(path, what, found);
            return Ok(());
        }
        self.add(called, kind, found)
    }

    fn add(&mut self, called: Called<'_>, kind: PlanKind, found: &mut dyn Found) -> Result<(), Error> {
        let mut here = DirectoryNumber::default();
        for step in &mut self.way {
            here = match step.number {
                Some(number) => number,
                None => {
                    let called = Called { on_disk: &step.on_disk, sent_as: &step.sent_as };
                    *step.number.insert(found.directory(here, called)?)
                }
            };
        }
        found.entry(here, called, kind)
    }

    /// Whether a link in the directory that is looked at is left out for where it points.
    fn is_left_out(&self, target: &Path) -> bool {
        let [links, outward] = [self.limits.entries.symlinks, self.limits.outward_links];
        links == Entries::Included && outward == Entries::LeftOut && leads_out(target, self.way.len())
    }

    fn leave_out(&self, name: String, what: &str, found: &mut dyn Found) {
        // What goes nowhere is left out because somebody said so.
        let why = if self.limits.names == Names::InForms {
            "which this service cannot hold"
        } else {
            "and left out as asked"
        };
        found.left_out(Problem { name, reason: format!("{what}, {why}") });
    }

    fn unreadable(&self, below: &Path, source: std::io::Error) -> Error {
        unreadable(&self.place.root.join(below))(source)
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
