//! The threads that hash. They are few, hash nothing else, and stand behind the window's: however much there is to hash, a
//! person's click comes first.

use std::{
    fmt, io,
    num::NonZero,
    sync::{Arc, mpsc},
    thread,
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::Error;

/// More threads than this read faster than disks give, and each holds some megabytes.
const MAX_THREADS: usize = 8;

/// Who waits for the hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A person at the command line, for nothing else.
    Foreground,
    /// Nobody: others on this computer come first.
    Background,
}

/// As many threads as there are processors, up to eight. Clones share them; what is asked first is hashed first.
#[derive(Clone)]
pub struct HashingPool(Arc<ThreadPool>);

impl fmt::Debug for HashingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashingPool").field("threads", &self.threads()).finish()
    }
}

impl HashingPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system refuses them.
    pub fn start(urgency: Urgency) -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("hashing-{number}"))
            .start_handler(move |_| {
                if urgency == Urgency::Background {
                    stand_behind();
                }
            })
            // Whoever waits for a job that died is told so.
            .panic_handler(|_| tracing::error!("a hashing job died"));
        Ok(Self(Arc::new(pool.build().map_err(io::Error::other)?)))
    }

    pub(super) fn threads(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Does `work` on one of the threads, after what was given before.
    pub(super) fn give<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Pending<T> {
        let (done, pending) = mpsc::sync_channel(1);
        // Nobody waits any more for what was cancelled.
        self.0.spawn_fifo(move || drop(done.send(work())));
        Pending(pending)
    }
}

/// What a job will have made.
pub(super) struct Pending<T>(mpsc::Receiver<T>);

impl<T> Pending<T> {
    /// Waits for it. Blocks.
    pub(super) fn wait(self) -> Result<T, Error> {
        self.0.recv().map_err(|_| Error::Internal)
    }
}

#[cfg(target_os = "linux")]
fn stand_behind() {
    const NICE: i32 = 5;
    // Linux means the calling thread; should it refuse, hashing is no worse than any other work.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "hashing keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
const fn stand_behind() {}
