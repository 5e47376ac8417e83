//! The CIDs of a plan's bytes: what an upload of it would be called.

use holdfast_content::{BlockSink, Discard, FileImporter, Link, Profile, TreeBuilder, TreeError, import_symlink};

use super::{Plan, PlanKind, READ_BYTES};
use crate::{
    disk::{Disk, Fingerprint, OpenFile},
    error::Error,
};

/// What a plan's bytes are called under one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The profile.
    pub profile: Profile,
    /// The root.
    pub link: Link,
}

/// Reads everything that a plan names, once, and gives its CID under every profile. Blocks.
///
/// # Errors
/// [`Error::Unreadable`], and [`Error::Changed`] when a file is not what the plan says.
pub fn identify(disk: &dyn Disk, plan: &Plan, profiles: &[Profile]) -> Result<Vec<Identified>, Error> {
    identify_into(disk, plan, profiles, &mut Discard)
}

/// The same, and gives `sink` the blocks of every profile.
///
/// # Errors
/// Those of [`identify`], and [`Error::Blocks`] when the sink fails.
pub fn identify_into(
    disk: &dyn Disk,
    plan: &Plan,
    profiles: &[Profile],
    sink: &mut dyn BlockSink,
) -> Result<Vec<Identified>, Error> {
    let mut identifier = Identifier::new(plan.is_directory, profiles);
    let mut buffer = vec![0; READ_BYTES];
    for entry in &plan.entries {
        let PlanKind::File(expected) = &entry.kind else {
            identifier.add_other(&entry.path, &entry.kind, sink)?;
            continue;
        };
        let mut taken = Ok(());
        let read = read_file(disk, &entry.source, expected, &mut buffer, |piece| {
            taken = identifier.push(piece, sink);
            taken.is_ok()
        });
        taken.and(read)?;
        identifier.end_file(&entry.path, sink)?;
    }
    if plan.is_directory {
        plan.check(disk)?;
    }
    identifier.finish(sink)
}

/// Reads one file whole and gives its pieces to `take`, until that says `false`. The file must be, before and after,
/// what the plan saw.
pub(super) fn read_file(
    disk: &dyn Disk,
    path: &std::path::Path,
    expected: &Fingerprint,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), Error> {
    let unreadable = |source| Error::Unreadable { path: path.into(), source };
    let changed = || Error::Changed { path: path.into() };
    let mut file: Box<dyn OpenFile> = disk.open(path).map_err(unreadable)?;
    if file.stat().map_err(unreadable)?.fingerprint != *expected {
        return Err(changed());
    }
    let mut left = expected.bytes;
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = file.read(&mut buffer[..wanted]).map_err(unreadable)?;
        if read == 0 {
            return Err(changed());
        }
        left -= read as u64;
        if !take(&buffer[..read]) {
            return Err(Error::Cancelled);
        }
    }
    if file.stat().map_err(unreadable)?.fingerprint != *expected {
        return Err(changed());
    }
    Ok(())
}

/// Builds the DAGs of one upload under several profiles at once.
pub(super) struct Identifier {
    per_profile: Vec<PerProfile>,
    is_directory: bool,
}

struct PerProfile {
    profile: Profile,
    file: FileImporter,
    tree: TreeBuilder,
    single: Option<Link>,
}

impl Identifier {
    pub(super) fn new(is_directory: bool, profiles: &[Profile]) -> Self {
        let per_profile = profiles
            .iter()
            .map(|&profile| PerProfile {
                profile,
                file: FileImporter::new(profile),
                tree: TreeBuilder::new(profile),
                single: None,
            })
            .collect();
        Self { per_profile, is_directory }
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut dyn BlockSink) -> Result<(), Error> {
        self.per_profile.iter_mut().try_for_each(|one| one.file.push(bytes, sink)).map_err(Error::Blocks)
    }

    pub(super) fn end_file(&mut self, path: &str, sink: &mut dyn BlockSink) -> Result<(), Error> {
        for one in &mut self.per_profile {
            let file = std::mem::replace(&mut one.file, FileImporter::new(one.profile));
            let link = file.finish(sink).map_err(Error::Blocks)?;
            if self.is_directory {
                one.tree.insert(path, link).map_err(|error| refused(path, &error))?;
            } else {
                one.single = Some(link);
            }
        }
        Ok(())
    }

    pub(super) fn add_other(&mut self, path: &str, kind: &PlanKind, sink: &mut dyn BlockSink) -> Result<(), Error> {
        for one in &mut self.per_profile {
            let added = match kind {
                PlanKind::Symlink(target) => {
                    let link = import_symlink(one.profile, target, sink).map_err(Error::Blocks)?;
                    one.tree.insert(path, link)
                }
                PlanKind::EmptyDirectory => one.tree.insert_directory(path),
                PlanKind::File(_) => Ok(()),
            };
            added.map_err(|error| refused(path, &error))?;
        }
        Ok(())
    }

    pub(super) fn finish(self, sink: &mut dyn BlockSink) -> Result<Vec<Identified>, Error> {
        let is_directory = self.is_directory;
        let finish = |one: PerProfile| {
            let link = match one.single {
                Some(link) if !is_directory => link,
                _ => one.tree.finish(sink).map_err(Error::Blocks)?,
            };
            Ok(Identified { profile: one.profile, link })
        };
        self.per_profile.into_iter().map(finish).collect()
    }
}

fn refused(path: &str, error: &TreeError) -> Error {
    Error::Refused { name: path.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        content::{Limits, plan},
        host::RealDisk,
    };

    #[test]
    fn a_file_that_is_not_what_was_planned_has_no_cid() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "hello world").unwrap();
        let disk = RealDisk;
        let plan = plan(&disk, &path, Limits::NONE).unwrap();
        let found = identify(&disk, &plan, &[Profile::UNIXFS_V1_2025, Profile::UNIXFS_V0_2015]).unwrap();
        assert_eq!(found[0].link.cid.to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
        assert_eq!(found[1].link.cid.to_string(), "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
        fs::write(&path, "hello").unwrap();
        assert!(matches!(identify(&disk, &plan, &Profile::ALL), Err(Error::Changed { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(identify(&disk, &plan, &Profile::ALL), Err(Error::Unreadable { .. })));
    }
}
