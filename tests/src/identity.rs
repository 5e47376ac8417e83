//! Holdfast's own CIDs of what lies on the disk, for comparisons.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use holdfast_content::{BlockSink, Discard, Profile};
use holdfast_core::Error;
use holdfast_core::content::{HashingPool, Identification, Identified, Limits, Urgency, plan};
use holdfast_core::host::RealDisk;

/// The CID of a file or directory under each profile.
///
/// # Errors
///
/// When it cannot be read, or something in it would be left out.
pub fn cids(path: &Path, profiles: &[Profile]) -> Result<Vec<String>> {
    let identified = identified(path, profiles, &mut Discard)?;
    Ok(identified.iter().map(|one| one.link.cid.to_string()).collect())
}

/// The same, and gives `sink` the blocks of every profile.
///
/// # Errors
///
/// As [`cids`], and those of the sink.
pub fn identified(path: &Path, profiles: &[Profile], sink: &mut dyn BlockSink) -> Result<Vec<Identified>> {
    let plan = Arc::new(plan(&RealDisk, &path.canonicalize()?, Limits::NONE)?);
    ensure!(plan.skipped.is_empty(), "left out: {:?}", plan.skipped);
    let pool = HashingPool::start(Urgency::Foreground).map_err(Error::Threads)?;
    Ok(Identification::new(pool).identify_into(&plan, profiles, sink)?)
}
