//! What a walk tells, part by part, and a plan keeps.

use std::ffi::OsStr;

use super::Problem;
use crate::{disk::Fingerprint, error::Error};

/// What a part of an upload is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PlanKind {
    /// A file, as it was when the plan was made.
    File(Fingerprint),
    /// A directory with nothing in it.
    EmptyDirectory,
    /// A symlink and where it points.
    Symlink(Box<[u8]>),
}

/// The number of a directory in its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct DirectoryNumber(pub(super) u32);

/// What something is called on the disk, and what it is sent as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called<'a> {
    pub(super) on_disk: &'a OsStr,
    pub(super) sent_as: &'a str,
}

/// What is told what a walk finds, as it is found.
pub(super) trait Found {
    /// A directory, before the first thing that is part of the upload and in it. Gives the number that it has from here on.
    fn directory(&mut self, above: DirectoryNumber, called: Called<'_>) -> Result<DirectoryNumber, Error>;

    /// A part of the upload.
    fn entry(&mut self, directory: DirectoryNumber, called: Called<'_>, kind: PlanKind) -> Result<(), Error>;

    /// What is not part of it.
    fn left_out(&mut self, problem: Problem);
}

impl PlanKind {
    /// Bytes that are sent for it.
    pub(super) const fn content_bytes(&self) -> u64 {
        match self {
            Self::File(fingerprint) => fingerprint.bytes,
            Self::EmptyDirectory => 0,
            Self::Symlink(target) => target.len() as u64,
        }
    }
}
