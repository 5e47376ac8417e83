//! Fetching a DAG that is not held, over HTTP: block by block, each checked before it is stored.
//!
//! Sources are the HTTP origins that were named with the request and the gateways that the service's owner configured.
//! Blocks that are held are not fetched again, and what was fetched stays as long as somebody wants the DAG, so that a
//! retrieval goes on where it was cut. Which origins may be asked: see [`address`].

mod address;
mod source;

use std::{
    collections::HashSet,
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use holdfast_content::{BlockName, BlockSink, CODEC_DAG_PB, CODEC_RAW, Cid, HASH_IDENTITY, HASH_SHA2_256, child_cids};
use reqwest::{Client, redirect};
use source::{Elsewhere, Source, SourceError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::task::TaskTracker;
use url::Url;

use crate::{
    config::Gateways,
    store::{StoreError, blocks::BlockStore, writer::BlockWriter},
};

/// Blocks that are under way at one time for one DAG.
const CONCURRENT_OF_ONE: usize = 8;

/// The same for all: each may be 2 MiB of memory.
const CONCURRENT_OF_ALL: usize = 16;

/// Links that are known and not followed yet: some 30 MB. A tree of sensible nodes has a thousand for each level.
const MAX_PENDING: usize = 1 << 18;

const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long to wait before a block that no source gave is asked for again.
const PAUSES: [Duration; 3] = [Duration::from_millis(300), Duration::from_secs(2), Duration::from_secs(10)];

/// What may be fetched.
#[derive(Clone, Debug)]
pub(crate) struct FetchConfig {
    /// Trustless gateways that are asked for what is not held, after the origins.
    pub(crate) gateways: Gateways,
    /// Whether origins may lead to addresses that are not of the public internet.
    pub(crate) private_origins: bool,
    /// The most blocks of one DAG.
    pub(crate) max_blocks: usize,
    /// How many links deep a DAG may be.
    pub(crate) max_depth: usize,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self { gateways: Vec::new().into(), private_origins: false, max_blocks: 4_000_000, max_depth: 1024 }
    }
}

/// Why a DAG could not be had. Shown to who asked for it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("this service does not hold that content and has no other source for it; upload it instead")]
    NoSource,
    #[error("this service does not hold that content, and none of the addresses that were named leads to HTTP")]
    NoHttpOrigin,
    #[error("this service does not hold that content, and asks no addresses outside of the public internet for it")]
    PrivateOrigin,
    #[error("the block {0} is not to be had: {1}")]
    Block(Cid, String),
    #[error("{0} is of a kind that this service does not understand: only files and directories can be pinned")]
    UnknownCodec(Cid),
    #[error("the block {0} has a hash that this service cannot check")]
    UnknownHash(Cid),
    #[error("the block {0} is not a valid node")]
    Malformed(Cid),
    #[error("the content has more than {0} blocks")]
    TooManyBlocks(usize),
    #[error("the content has more than {0} links that wait to be followed")]
    TooWide(usize),
    #[error("the content is more than {0} links deep")]
    TooDeep(usize),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        Self::Store(error.into())
    }
}

/// How far it has come.
#[derive(Debug, Default)]
pub(crate) struct FetchProgress {
    /// Different blocks that are there now.
    pub(crate) blocks: AtomicU64,
    /// Blocks that are known and still missing.
    pub(crate) missing: AtomicU64,
    /// Bytes that were fetched.
    pub(crate) bytes: AtomicU64,
}

impl fmt::Display for FetchProgress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [blocks, missing, bytes] =
            [&self.blocks, &self.missing, &self.bytes].map(|count| count.load(Ordering::Relaxed));
        write!(formatter, "{blocks} blocks are there, {missing} more are known, {bytes} bytes were fetched")
    }
}

/// Fetches DAGs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: FetchConfig,
    /// Takes the system's proxy.
    over_proxy: Client,
    direct: Client,
    /// Connects to public addresses only, unless the service's owner said otherwise.
    for_origins: Client,
    under_way: Semaphore,
    /// What must have ended before the store may be closed.
    work: TaskTracker,
}

impl Fetcher {
    /// What blocks on the disk is in `work`, also after a fetch was cut.
    pub(crate) fn new(config: FetchConfig, work: TaskTracker) -> Result<Self, reqwest::Error> {
        // An error means that one is installed already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = || {
            Client::builder()
                .user_agent(concat!("Holdfast/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIME)
                .referer(false)
        };
        // Where a redirect leads is looked at before it is followed: see `Source`.
        let client = || client().redirect(redirect::Policy::none());
        let (over_proxy, direct) = (client().build()?, client().no_proxy().build()?);
        let mut for_origins = client().no_proxy();
        if !config.private_origins {
            for_origins = for_origins.dns_resolver(address::PublicOnly::shared());
        }
        let for_origins = for_origins.build()?;
        let under_way = Semaphore::new(CONCURRENT_OF_ALL);
        Ok(Self { shared: Arc::new(Shared { config, over_proxy, direct, for_origins, under_way, work }) })
    }

    /// Gets all blocks below `root` that are not held and puts them into `writer`, which holds all blocks of the DAG
    /// when this ends well. It keeps what was fetched whatever comes: a collection removes it when nobody wants it.
    ///
    /// Dropping the future ends the retrieval.
    pub(crate) async fn fetch(
        &self,
        root: Cid,
        origins: &[String],
        blocks: &BlockStore,
        mut writer: BlockWriter,
        progress: &FetchProgress,
    ) -> Result<BlockWriter, FetchError> {
        writer.leave_what_comes();
        let (sources, left_out) = self.shared.sources(origins);
        let job = Job {
            shared: &self.shared,
            blocks: blocks.clone(),
            writer: Arc::new(Mutex::new(writer)),
            sources,
            left_out,
            preferred: AtomicUsize::new(0),
            progress,
            disk: TaskTracker::new(),
        };
        let walked = job.walk(root).await;
        // After a failure some blocks may still be on their way to the disk.
        job.disk.close();
        job.disk.wait().await;
        walked?;
        let Job { writer, .. } = job;
        // Every task has ended.
        let writer = Arc::into_inner(writer).ok_or_else(|| io::Error::other("a block is still being stored"))?;
        Ok(writer.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn elsewhere(&self) -> Elsewhere {
        Elsewhere { client: self.for_origins.clone(), may_be_private: self.config.private_origins }
    }

    /// Who can be asked, and how many of the origins cannot.
    fn sources(&self, origins: &[String]) -> (Result<Vec<Source>, FetchError>, usize) {
        let http: Vec<Url> = origins.iter().filter_map(|origin| address::http_origin(origin)).collect();
        let allowed = |url: &&Url| self.config.private_origins || !address::names_private_address(url);
        let origin = |url: &Url| Source::origin(url.clone(), self.for_origins.clone(), self.elsewhere());
        let mut sources: Vec<_> = http.iter().filter(allowed).map(origin).collect();
        let left_out = origins.len() - sources.len();
        sources.extend(self.config.gateways.now().into_iter().map(|url| {
            // A proxy reads what is not encrypted, and what is near is not reached over one.
            let is_far = url.scheme() == "https" && !address::names_private_address(&url);
            let client = if is_far { &self.over_proxy } else { &self.direct };
            Source::gateway(url, client.clone(), self.elsewhere(), self.config.gateways.clone())
        }));
        if !sources.is_empty() {
            return (Ok(sources), left_out);
        }
        let none = match (origins.is_empty(), http.is_empty()) {
            (true, _) => FetchError::NoSource,
            (false, true) => FetchError::NoHttpOrigin,
            (false, false) => FetchError::PrivateOrigin,
        };
        (Err(none), left_out)
    }
}

struct Job<'a> {
    shared: &'a Shared,
    blocks: BlockStore,
    writer: Arc<Mutex<BlockWriter>>,
    /// Or why there are none, which matters only if a block is missing.
    sources: Result<Vec<Source>, FetchError>,
    /// Origins that cannot be asked.
    left_out: usize,
    /// The source that gave a block last.
    preferred: AtomicUsize,
    progress: &'a FetchProgress,
    /// What blocks on the disk for this one.
    disk: TaskTracker,
}

impl Job<'_> {
    async fn walk(&self, root: Cid) -> Result<(), FetchError> {
        let config = &self.shared.config;
        // Without the root, which cannot come again below itself.
        let mut seen = HashSet::new();
        let mut pending = vec![(root, 0)];
        let mut running = FuturesUnordered::new();
        loop {
            // The last one first: so a file is fetched to its end before the next begins, and the list stays short.
            while running.len() < CONCURRENT_OF_ONE
                && let Some((cid, depth)) = pending.pop()
            {
                if depth > config.max_depth {
                    return Err(FetchError::TooDeep(config.max_depth));
                }
                running.push(async move { (depth, self.children_of(cid).await) });
            }
            let missing = pending.len() + running.len();
            self.progress.missing.store(missing as u64, Ordering::Relaxed);
            let Some((depth, children)) = running.next().await else { return Ok(()) };
            let first = pending.len();
            for child in children? {
                let is_new = match (child.hash().code(), child.codec()) {
                    (HASH_IDENTITY, codec) => codec != CODEC_RAW,
                    _ => seen.insert(BlockName::of(&child)),
                };
                if !is_new {
                    continue;
                }
                if seen.len() >= config.max_blocks {
                    return Err(FetchError::TooManyBlocks(config.max_blocks));
                }
                if pending.len() == MAX_PENDING {
                    return Err(FetchError::TooWide(MAX_PENDING));
                }
                pending.push((child, depth + 1));
            }
            pending[first..].reverse();
        }
    }

    /// Makes sure that a block is held and gives what it links to.
    async fn children_of(&self, cid: Cid) -> Result<Vec<Cid>, FetchError> {
        if !matches!(cid.codec(), CODEC_RAW | CODEC_DAG_PB) {
            return Err(FetchError::UnknownCodec(cid));
        }
        let children = match self.held(cid).await? {
            Some(children) => children,
            None => {
                let (bytes, permit) = self.get(&cid).await?;
                self.progress.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                let stored = self.store(cid, bytes).await?;
                drop(permit);
                stored
            }
        };
        self.progress.blocks.fetch_add(1, Ordering::Relaxed);
        Ok(children)
    }

    /// The links of a block that is held.
    async fn held(&self, cid: Cid) -> Result<Option<Vec<Cid>>, FetchError> {
        let (writer, blocks) = (Arc::clone(&self.writer), self.blocks.clone());
        self.on_disk(move || {
            let found = writer.lock().unwrap_or_else(PoisonError::into_inner).find(&cid)?;
            if found.is_none() {
                return Ok(None);
            }
            if cid.codec() == CODEC_RAW {
                return Ok(Some(Vec::new()));
            }
            let Some(bytes) = blocks.get_if_sound(&cid)? else {
                blocks.set_aside(&cid)?;
                return Ok(None);
            };
            children(&cid, &bytes).map(Some)
        })
        .await
    }

    async fn store(&self, cid: Cid, bytes: Vec<u8>) -> Result<Vec<Cid>, FetchError> {
        let writer = Arc::clone(&self.writer);
        self.on_disk(move || {
            // What is no node is not worth keeping.
            let children = children(&cid, &bytes)?;
            writer.lock().unwrap_or_else(PoisonError::into_inner).put(&cid, &[&bytes])?;
            Ok(children)
        })
        .await
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
    ) -> Result<T, FetchError> {
        let token = self.shared.work.token();
        let counted = move || {
            let done = work();
            drop(token);
            done
        };
        self.disk.spawn_blocking(counted).await.map_err(io::Error::other)?
    }

    /// Asks one source after the other, the one that gave the last block first. Gives the block and the permit for its
    /// memory.
    async fn get(&self, cid: &Cid) -> Result<(Vec<u8>, SemaphorePermit<'_>), FetchError> {
        let sources = match &self.sources {
            Ok(sources) => sources,
            Err(FetchError::NoHttpOrigin) => return Err(FetchError::NoHttpOrigin),
            Err(FetchError::PrivateOrigin) => return Err(FetchError::PrivateOrigin),
            Err(_) => return Err(FetchError::NoSource),
        };
        if !matches!(cid.hash().code(), HASH_IDENTITY | HASH_SHA2_256) {
            return Err(FetchError::UnknownHash(*cid));
        }
        let mut pauses = PAUSES.iter();
        loop {
            // Not over the pauses: others may have better sources.
            let permit = self.shared.under_way.acquire().await.map_err(io::Error::other)?;
            let (mut failures, mut may_pass) = (Vec::new(), false);
            let first = self.preferred.load(Ordering::Relaxed);
            for number in (first..sources.len()).chain(0..first) {
                let source = &sources[number];
                if let Err(why) = source.may_be_asked() {
                    failures.push(format!("{source} {why}"));
                    continue;
                }
                match source.block(cid).await {
                    Ok(bytes) => {
                        self.preferred.store(number, Ordering::Relaxed);
                        return Ok((bytes, permit));
                    }
                    Err(error) => {
                        may_pass |= SourceError::may_pass(&error);
                        failures.push(format!("{source} {error}"));
                    }
                }
            }
            drop(permit);
            match pauses.next() {
                Some(pause) if may_pass => tokio::time::sleep(*pause).await,
                _ => {
                    failures.extend(said_of_left_out(self.left_out));
                    return Err(FetchError::Block(*cid, failures.join("; ")));
                }
            }
        }
    }
}

/// Why some of the origins were not asked.
fn said_of_left_out(origins: usize) -> Option<String> {
    let were = if origins == 1 { "address that was named was" } else { "addresses that were named were" };
    (origins > 0).then(|| format!("{origins} {were} not asked: no public address that speaks HTTP"))
}

fn children(cid: &Cid, bytes: &[u8]) -> Result<Vec<Cid>, FetchError> {
    child_cids(cid, bytes).map_err(|_| FetchError::Malformed(*cid))
}

#[cfg(test)]
mod tests;
