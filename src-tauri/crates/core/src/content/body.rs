//! An upload's body: the disk is read once, in large blocks on a thread of its own; the same bytes go to the request
//! and to the CID. However large the upload and whatever is slow, its memory is those blocks.
//!
//! Reading through the async runtime in small pieces is an order of magnitude slower, so it is not done anywhere.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use holdfast_content::Profile;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    HashingPool, PIECE_BYTES, Plan, PlanEntry, PlanKind, RUN_BYTES, Throttle,
    blocks::Blocks,
    identify::{Identified, Identifier},
    reader::{Filled, Reader, Run},
};
use crate::error::Error;

/// Bytes of content handed to the connection so far.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// The count.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts more.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Starts again, for a body that is sent anew.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What an upload's part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A file.
    File,
    /// An empty directory.
    Directory,
    /// A symlink; its content is its target.
    Symlink,
}

/// One part of an upload as the adapter frames it.
#[derive(Clone, Debug)]
pub struct UploadPart {
    /// `name` of a single file, `directory/path/name` of a file in a directory.
    pub path: String,
    /// What it is.
    pub kind: PartKind,
}

/// Where it is told what came of reading. Dropping it ends the reading, whatever a stuck connection holds on to.
#[derive(Debug)]
pub struct Sent {
    outcome: oneshot::Receiver<Result<Vec<Identified>, Error>>,
    reading: DropGuard,
}

impl Sent {
    /// Ends what is left of the reading once the request has ended, and gives the CIDs of exactly the bytes that were sent.
    ///
    /// # Errors
    /// Why they were not all sent; [`Error::Cancelled`] when nobody took them.
    pub async fn outcome(self) -> Result<Vec<Identified>, Error> {
        drop(self.reading);
        self.outcome.await.unwrap_or(Err(Error::Cancelled))
    }
}

/// The bytes of an upload, still on the disk.
pub struct UploadBody {
    pool: HashingPool,
    plan: Arc<Plan>,
    profiles: Vec<Profile>,
    progress: Progress,
    sent: oneshot::Sender<Result<Vec<Identified>, Error>>,
    stop: CancellationToken,
    throttle: Option<Throttle>,
}

impl std::fmt::Debug for UploadBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadBody").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl UploadBody {
    /// A body of everything that `plan` names, and where its CIDs under `profiles` will come.
    #[must_use]
    pub fn new(pool: HashingPool, plan: Arc<Plan>, profiles: Vec<Profile>, progress: Progress) -> (Self, Sent) {
        let (sent, outcome) = oneshot::channel();
        let stop = CancellationToken::new();
        let receiver = Sent { outcome, reading: stop.clone().drop_guard() };
        (Self { pool, plan, profiles, progress, sent, stop, throttle: None }, receiver)
    }

    /// The same at a rate that it shares with others.
    #[must_use]
    pub fn throttled(self, throttle: Throttle) -> Self {
        Self { throttle: Some(throttle), ..self }
    }

    /// The parts, in the order in which they are sent.
    pub fn parts(&self) -> impl Iterator<Item = UploadPart> + '_ {
        parts_of(&self.plan)
    }

    /// Where the bytes that were taken are counted.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Bytes of content, without framing.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.plan.content_bytes()
    }

    /// The body: before each part what `frame` makes of its place and itself, after the last one `end`. Ends in an error, and
    /// never short, when a file cannot be read or is not what the plan saw.
    pub fn into_stream(
        self,
        frame: impl Fn(usize, &UploadPart) -> Bytes + Send + 'static,
        end: Bytes,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (to_request, filled) = mpsc::unbounded_channel();
        let (sent, progress, throttle) = (self.sent, self.progress, self.throttle);
        let (pool, plan, profiles, stop) = (self.pool, self.plan, self.profiles, self.stop);
        let runtime = Handle::current();
        let reading = tokio::task::spawn_blocking(move || {
            let identifier = Identifier::new(&pool, Arc::clone(&plan), &profiles);
            let blocks = Blocks::of(RUN_BYTES);
            let reader = Reader { plan: &plan, identifier, to_request, stop, runtime, blocks, filling: None };
            reader.read(parts_of(&plan).enumerate().map(|(place, part)| frame(place, &part)), &end)
        });
        tokio::spawn(async move {
            // Nobody listens any more when the transfer was cancelled.
            drop(sent.send(reading.await.unwrap_or(Err(Error::Internal))));
        });
        stream::unfold((filled, Pieces::default()), move |(mut filled, mut pieces)| {
            let (progress, throttle) = (progress.clone(), throttle.clone());
            async move {
                if pieces.is_empty() {
                    match filled.recv().await? {
                        Ok(block) => pieces = Pieces::of(block),
                        Err(error) => return Some((Err(error), (filled, pieces))),
                    }
                }
                let most = throttle.as_ref().map_or(PIECE_BYTES, |throttle| throttle.at_once(PIECE_BYTES));
                let (piece, content_bytes) = pieces.next(most);
                if let Some(throttle) = throttle {
                    throttle.take(piece.len()).await;
                }
                progress.add(content_bytes);
                Some((Ok(piece), (filled, pieces)))
            }
        })
    }
}

/// The parts of an upload, in the order in which they are sent.
fn parts_of(plan: &Plan) -> impl Iterator<Item = UploadPart> {
    let part = |entry: PlanEntry<'_>| UploadPart {
        path: if plan.is_directory { format!("{}/{}", plan.name, entry.path()) } else { entry.path() },
        kind: match entry.kind() {
            PlanKind::File(_) => PartKind::File,
            PlanKind::EmptyDirectory => PartKind::Directory,
            PlanKind::Symlink(_) => PartKind::Symlink,
        },
    };
    let is_empty = plan.entries().len() == 0;
    let nothing_in_it = is_empty.then(|| UploadPart { path: plan.name.clone(), kind: PartKind::Directory });
    plan.entries().map(part).chain(nothing_in_it)
}

/// A block on its way to the connection, in pieces.
#[derive(Default)]
struct Pieces {
    bytes: Bytes,
    runs: VecDeque<Run>,
}

impl Pieces {
    fn of(block: Filled) -> Self {
        Self { bytes: block.bytes, runs: block.runs.into() }
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next piece, and how much of it is content.
    fn next(&mut self, most: usize) -> (Bytes, u64) {
        let piece = self.bytes.split_to(self.bytes.len().min(most));
        let (mut left, mut content) = (piece.len(), 0);
        while let Some(run) = self.runs.front_mut().filter(|_| left > 0) {
            let bytes = run.bytes.min(left);
            content += if run.is_content { bytes as u64 } else { 0 };
            left -= bytes;
            run.bytes -= bytes;
            if run.bytes == 0 {
                self.runs.pop_front();
            }
        }
        (piece, content)
    }
}
