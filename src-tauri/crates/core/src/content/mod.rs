//! Content: bytes on this computer, what of them can be pinned, and their CIDs.

mod archive;
mod blocks;
mod body;
mod identify;
mod likeness;
mod names;
mod plan;
mod pool;
mod read;
mod reader;
mod selection;
mod stream;
mod throttle;

pub use archive::ArchiveBody;
pub use body::{PartKind, Progress, Sent, UploadBody, UploadPart};
pub use identify::{Identification, Identified};
pub(crate) use likeness::Likeness;
pub use names::Names;
pub(crate) use names::in_form;
pub(crate) use plan::{FILES_ONLY, entry_name, plan_below};
pub use plan::{Limits, Plan, PlanEntry, PlanKind, Problem, plan, plan_at};
pub use pool::{HashingPool, Urgency};
pub(crate) use read::{open_same, read_run};
pub use selection::{Chosen, Selection, SelectionItem, select};
pub use throttle::Throttle;

/// Bytes of a file that are read and hashed at once: leaves of every named profile end there, and three of the largest are
/// hashed in step.
const RUN_BYTES: usize = 3 * 1024 * 1024;

/// What the connection is handed at once. That it took a piece is the sign of life of an upload: on a slow line it must not
/// be long in coming.
const PIECE_BYTES: usize = 64 * 1024;
