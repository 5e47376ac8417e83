//! Holdfast's own CIDs of what lies on the disk, for comparisons.

use std::path::Path;

use anyhow::{Result, ensure};
use holdfast_content::Profile;
use holdfast_core::content::{Limits, identify, plan};
use holdfast_core::host::RealDisk;

/// The CID of a file or directory under each profile.
///
/// # Errors
///
/// When it cannot be read, or something in it would be left out.
pub fn cids(path: &Path, profiles: &[Profile]) -> Result<Vec<String>> {
    let plan = plan(&RealDisk, &path.canonicalize()?, Limits::NONE)?;
    ensure!(plan.skipped.is_empty(), "left out: {:?}", plan.skipped);
    Ok(identify(&RealDisk, &plan, profiles)?.iter().map(|one| one.link.cid.to_string()).collect())
}
