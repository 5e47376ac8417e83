//! Content: bytes on this computer, what of them can be pinned, and their CIDs.

mod archive;
mod body;
mod identify;
mod plan;
mod pool;
mod read;
mod selection;

pub use archive::ArchiveBody;
pub use body::{PartKind, Progress, Sent, UploadBody, UploadPart};
pub use identify::{Identification, Identified};
pub(crate) use plan::{FILES_ONLY, entry_name, plan_below};
pub use plan::{Limits, Plan, PlanEntry, PlanKind, Problem, plan, plan_at};
pub use pool::{HashingPool, Urgency};
pub(crate) use read::{open_same, read_run};
pub use selection::{Selection, SelectionItem, select};

/// Bytes of an upload read at once: large enough that system calls do not count, a whole number of leaves under every
/// named profile, and small enough that a few in flight are nothing.
const READ_BYTES: usize = 1024 * 1024;

/// What the connection is handed at once. That it took a piece is the sign of life of an upload: on a slow line it must not
/// be long in coming.
const PIECE_BYTES: usize = 64 * 1024;
