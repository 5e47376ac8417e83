//! What a walk tells, part by part, and a plan keeps.

use std::ffi::OsStr;

use super::Problem;
use crate::{disk::Fingerprint, error::Error, lasting::LastingNumber};

/// What a part of an upload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanKind {
    /// A file, as it was when the plan was made.
    File(Fingerprint),
    /// A directory with nothing in it.
    EmptyDirectory,
    /// A symlink and where it points.
    Symlink(Box<[u8]>),
}

/// The number of a directory in its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// A number with what it is.
    pub(super) fn counted_in(&self, number: LastingNumber) -> LastingNumber {
        match self {
            Self::File(Fingerprint { bytes, modified_ns, changed_ns, device, inode }) => {
                let parts = [0, *bytes, modified_ns.cast_unsigned(), changed_ns.cast_unsigned(), *device, *inode];
                parts.into_iter().fold(number, LastingNumber::number)
            }
            Self::EmptyDirectory => number.number(1),
            Self::Symlink(target) => number.number(2).bytes(target),
        }
    }
}
