//! Content: bytes on this computer, what of them can be pinned, and their CIDs.

mod archive;
mod body;
mod identify;
mod plan;
mod selection;

pub use archive::ArchiveBody;
pub use body::{PartKind, Progress, Sent, UploadBody, UploadPart};
pub use identify::{Identified, identify, identify_into};
pub(crate) use plan::entry_name;
pub use plan::{Limits, Plan, PlanEntry, PlanKind, Problem, plan};
pub use selection::{Selection, SelectionItem, select};

/// Bytes read at once: large enough that system calls do not count, small enough that a few in flight are nothing.
const READ_BYTES: usize = 512 * 1024;
