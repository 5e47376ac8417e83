//! An upload's body: the disk is read once, in large blocks on a thread of its own; the same bytes go to the request
//! and to the CID.
//!
//! Reading through the async runtime in small pieces is an order of magnitude slower, so it is not done anywhere.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use holdfast_content::{Discard, Profile};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    HashingPool, PIECE_BYTES, Plan, PlanKind, READ_BYTES,
    identify::{Identified, Identifier, Piece},
    read::{check_same, open_same, read_run},
};
use crate::{disk::Fingerprint, error::Error};

/// Blocks between the reader and the request, and between the reader and the hasher.
const BLOCKS_IN_FLIGHT: usize = 4;

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
    parts: Vec<UploadPart>,
    progress: Progress,
    sent: oneshot::Sender<Result<Vec<Identified>, Error>>,
    stop: CancellationToken,
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
        let part = |entry: &super::PlanEntry| UploadPart {
            path: if plan.is_directory { format!("{}/{}", plan.name, entry.path) } else { entry.path.clone() },
            kind: match entry.kind {
                PlanKind::File(_) => PartKind::File,
                PlanKind::EmptyDirectory => PartKind::Directory,
                PlanKind::Symlink(_) => PartKind::Symlink,
            },
        };
        let mut parts: Vec<_> = plan.entries.iter().map(part).collect();
        if parts.is_empty() {
            parts.push(UploadPart { path: plan.name.clone(), kind: PartKind::Directory });
        }
        (Self { pool, plan, profiles, parts, progress, sent, stop }, receiver)
    }

    /// The parts, in the order in which they are sent.
    #[must_use]
    pub fn parts(&self) -> &[UploadPart] {
        &self.parts
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

    /// The body: before each part its frame, after the last one `end`. Ends in an error, and never short, when a file
    /// cannot be read or is not what the plan saw.
    pub fn into_stream(self, frames: Vec<Bytes>, end: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (to_request, from_reader) = mpsc::channel(BLOCKS_IN_FLIGHT);
        let (to_hasher, blocks) = mpsc::channel(BLOCKS_IN_FLIGHT);
        let (plan, profiles, progress) = (Arc::clone(&self.plan), self.profiles, self.progress);
        let hasher = tokio::task::spawn_blocking({
            let (plan, pool) = (Arc::clone(&plan), self.pool);
            move || hash(&pool, plan, &profiles, blocks)
        });
        let reader = tokio::task::spawn_blocking({
            let (stop, runtime) = (self.stop, Handle::current());
            move || Reader { to_request, to_hasher, stop, runtime }.read(&plan, frames, end)
        });
        tokio::spawn(async move {
            let outcome = match (reader.await, hasher.await) {
                (Ok(Err(error)), _) => Err(error),
                (Ok(Ok(())), Ok(hashed)) => hashed,
                _ => Err(Error::Internal),
            };
            // Nobody listens any more when the transfer was cancelled.
            drop(self.sent.send(outcome));
        });
        stream::unfold((from_reader, None), move |(mut from_reader, rest)| {
            let progress = progress.clone();
            async move {
                let Block { bytes, is_content } = match rest {
                    Some(rest) => rest,
                    None => from_reader.recv().await?,
                };
                let mut bytes = match bytes {
                    Ok(bytes) => bytes,
                    Err(error) => return Some((Err(error), (from_reader, None))),
                };
                let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
                if is_content {
                    progress.0.fetch_add(piece.len() as u64, Ordering::Relaxed);
                }
                let rest = (!bytes.is_empty()).then_some(Block { bytes: Ok(bytes), is_content });
                Some((Ok(piece), (from_reader, rest)))
            }
        })
    }
}

struct Block {
    bytes: io::Result<Bytes>,
    is_content: bool,
}

/// What was read of an entry.
struct ToHash {
    entry: usize,
    bytes: Bytes,
    is_last: bool,
}

struct Reader {
    to_request: mpsc::Sender<Block>,
    to_hasher: mpsc::Sender<ToHash>,
    stop: CancellationToken,
    runtime: Handle,
}

impl Reader {
    fn read(self, plan: &Plan, frames: Vec<Bytes>, end: Bytes) -> Result<(), Error> {
        let result = self.read_all(plan, frames, end);
        if let Err(error) = &result {
            // Breaks the request, so that the provider never sees a well-formed but short body.
            let broken = Block { bytes: Err(io::Error::other(error.to_string())), is_content: false };
            drop(self.give(broken));
        }
        result
    }

    fn read_all(&self, plan: &Plan, frames: Vec<Bytes>, end: Bytes) -> Result<(), Error> {
        let mut frames = frames.into_iter();
        for (index, entry) in plan.entries.iter().enumerate() {
            self.send(frames.next().unwrap_or_default(), false)?;
            match &entry.kind {
                PlanKind::File(expected) => self.send_file(plan, index, &entry.source, expected)?,
                PlanKind::Symlink(target) => {
                    self.hash(ToHash { entry: index, bytes: Bytes::new(), is_last: true })?;
                    self.send(Bytes::copy_from_slice(target), true)?;
                }
                PlanKind::EmptyDirectory => self.hash(ToHash { entry: index, bytes: Bytes::new(), is_last: true })?,
            }
        }
        for frame in frames {
            self.send(frame, false)?;
        }
        // Files that were read one after another are a directory only if it was the same from first to last.
        if plan.is_directory {
            plan.check()?;
        }
        self.send(end, false)
    }

    fn send_file(&self, plan: &Plan, entry: usize, path: &Path, expected: &Fingerprint) -> Result<(), Error> {
        let file = open_same(plan, path, expected)?;
        let mut offset = 0;
        loop {
            let left = expected.bytes - offset;
            let mut block = vec![0; READ_BYTES.min(usize::try_from(left).unwrap_or(READ_BYTES))];
            read_run(&*file, path, offset, &mut block)?;
            let is_last = left == block.len() as u64;
            offset += block.len() as u64;
            let bytes = Bytes::from(block);
            self.hash(ToHash { entry, bytes: bytes.clone(), is_last })?;
            self.send(bytes, true)?;
            if is_last {
                return check_same(&*file, path, expected);
            }
        }
    }

    fn hash(&self, read: ToHash) -> Result<(), Error> {
        self.to_hasher.blocking_send(read).map_err(|_| Error::Internal)
    }

    fn send(&self, bytes: Bytes, is_content: bool) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.give(Block { bytes: Ok(bytes), is_content })
    }

    fn give(&self, block: Block) -> Result<(), Error> {
        self.runtime.block_on(async {
            tokio::select! {
                // The request is gone when it was cancelled or has failed.
                given = self.to_request.send(block) => given.map_err(|_| Error::Cancelled),
                () = self.stop.cancelled() => Err(Error::Cancelled),
            }
        })
    }
}

fn hash(
    pool: &HashingPool,
    plan: Arc<Plan>,
    profiles: &[Profile],
    mut blocks: mpsc::Receiver<ToHash>,
) -> Result<Vec<Identified>, Error> {
    let mut identifier = Identifier::new(pool, Arc::clone(&plan), profiles);
    while let Some(ToHash { entry, bytes, is_last }) = blocks.blocking_recv() {
        let profiles = identifier.profiles();
        let is_file = matches!(plan.entries.get(entry).ok_or(Error::Internal)?.kind, PlanKind::File(_));
        let piece = move || {
            let piece =
                if is_file { Piece::hashed(&profiles, entry, bytes, is_last) } else { Piece::without_bytes(entry) };
            Ok(vec![piece])
        };
        identifier.give(piece, &mut Discard)?;
    }
    identifier.finish(&mut Discard)
}
