//! The pins that wait for their content. The queue itself is in the database; here are those that are being fetched.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use holdfast_content::ReadError;
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinError,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::Retriever;
use crate::{
    fetch::{FetchError, FetchProgress},
    store::{
        Store, StoreError,
        blocks::BlockWriter,
        holding::{Measured, measure},
        keys::Owner,
        wanted::Wanted,
    },
};

/// How long the queue rests after it could not be read: most likely the disk or the database has to recover.
const REST_AFTER_ERROR: Duration = Duration::from_secs(10);

/// How long and how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Pins that are fetched at one time.
    pub(crate) concurrent: usize,
    /// How long after the service took it up a pin may be unfinished.
    pub(crate) deadline: Duration,
}

/// Fetches what is wanted, until it is told to stop.
#[derive(Debug)]
pub(crate) struct Retrievals {
    store: Arc<Store>,
    retriever: Arc<dyn Retriever>,
    limits: Limits,
    news: Notify,
    running: Mutex<HashMap<Uuid, Running>>,
    work: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Running {
    progress: Arc<FetchProgress>,
    cancel: CancellationToken,
}

/// How a retrieval ended.
enum Outcome {
    Pinned,
    Failed(String),
    /// Nobody wants it any more, or the service ends.
    GivenUp,
}

impl Retrievals {
    /// Starts the queue; it ends when `stop` is cancelled, and all that it does is in `work`.
    pub(crate) fn start(
        store: Arc<Store>,
        retriever: Arc<dyn Retriever>,
        limits: Limits,
        work: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, StoreError> {
        store.pins.requeue_interrupted()?;
        let running = Mutex::default();
        let retrievals = Arc::new(Self { store, retriever, limits, news: Notify::new(), running, work, stop });
        retrievals.work.spawn(Arc::clone(&retrievals).dispatch());
        Ok(retrievals)
    }

    /// Says that a pin was put in the queue.
    pub(crate) fn notify(&self) {
        self.news.notify_one();
    }

    /// Ends the retrieval of a pin that nobody wants any more.
    pub(crate) fn give_up(&self, id: Uuid) {
        if let Some(running) = self.running().get(&id) {
            running.cancel.cancel();
        }
    }

    /// How far a retrieval has come, in words; `None` if it has not begun.
    pub(crate) fn progress(&self, id: Uuid) -> Option<String> {
        self.running().get(&id).map(|running| running.progress.to_string())
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Uuid, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn dispatch(self: Arc<Self>) {
        let permits = Arc::new(Semaphore::new(self.limits.concurrent));
        let mut last_served = None;
        loop {
            let next = async {
                // The semaphore is never closed.
                let permit = Arc::clone(&permits).acquire_owned().await;
                loop {
                    match self.take(last_served).await {
                        Ok(Some(wanted)) => return (permit, wanted),
                        Ok(None) => self.news.notified().await,
                        Err(error) => {
                            tracing::error!(
                                error = &error as &dyn std::error::Error,
                                "cannot read what is to be fetched"
                            );
                            sleep(REST_AFTER_ERROR).await;
                        }
                    }
                }
            };
            let (permit, wanted) = tokio::select! {
                () = self.stop.cancelled() => return,
                next = next => next,
            };
            last_served = Some(wanted.owner);
            let this = Arc::clone(&self);
            self.work.spawn(async move {
                this.serve(wanted).await;
                drop(permit);
            });
        }
    }

    async fn serve(&self, wanted: Wanted) {
        let (progress, cancel) = (Arc::new(FetchProgress::default()), self.stop.child_token());
        let running = Running { progress: Arc::clone(&progress), cancel: cancel.clone() };
        self.running().insert(wanted.id, running);
        let outcome = tokio::select! {
            outcome = self.retrieve(&wanted, &progress) => outcome,
            () = cancel.cancelled() => Ok(Outcome::GivenUp),
        };
        let failure = match outcome {
            Ok(Outcome::Pinned | Outcome::GivenUp) => None,
            Ok(Outcome::Failed(reason)) => Some(reason),
            Err(QueueError::Store(error @ StoreError::OverQuota(_))) => Some(error.to_string()),
            Err(QueueError::Store(StoreError::Io(error))) if error.kind() == io::ErrorKind::StorageFull => {
                Some("the disk of the service is nearly full".into())
            }
            Err(QueueError::Store(error)) if error.is_full_database() => Some("the disk of the service is full".into()),
            Err(QueueError::Store(StoreError::Io(error)))
                if matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::ResourceBusy) =>
            {
                Some(error.to_string())
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a retrieval failed");
                Some("the service failed; its log says why".into())
            }
        };
        if let Some(reason) = failure {
            self.record_failure(wanted.id, reason).await;
        }
        self.running().remove(&wanted.id);
    }

    async fn retrieve(&self, wanted: &Wanted, progress: &FetchProgress) -> Result<Outcome, QueueError> {
        // It may have been uploaded meanwhile.
        let writer = self.writer(wanted).await?;
        if let Ok(outcome) = self.settle(wanted, writer).await? {
            return Ok(outcome);
        }
        let writer = self.writer(wanted).await?;
        let retrieved = self.retriever.retrieve(wanted, &self.store.blocks, writer, progress);
        let retrieved = timeout(self.limits.deadline, retrieved).await;
        let writer = match retrieved {
            Ok(Ok(writer)) => writer,
            Ok(Err(FetchError::Store(error))) => return Err(error.into()),
            Ok(Err(error)) => return Ok(Outcome::Failed(error.to_string())),
            Err(_) => {
                let seconds = self.limits.deadline.as_secs();
                return Ok(Outcome::Failed(format!("not everything could be fetched within {seconds} s ({progress})")));
            }
        };
        let settled = self.settle(wanted, writer).await?;
        Ok(settled.unwrap_or_else(|error| Outcome::Failed(format!("what was fetched cannot be pinned: {error}"))))
    }

    /// Records the pin if all of it is held, or says why not.
    async fn settle(&self, wanted: &Wanted, mut writer: BlockWriter) -> Result<Result<Outcome, ReadError>, QueueError> {
        let (store, wanted) = (Arc::clone(&self.store), wanted.clone());
        let settle = move || {
            let Measured { content_bytes, is_dir, .. } = match measure(&store.blocks, &wanted.root, &mut writer) {
                Ok(measured) => measured,
                // A damaged block can be fetched again.
                Err(ReadError::Io(error)) if error.kind() != io::ErrorKind::InvalidData => return Err(error.into()),
                Err(error) => return Ok(Err(error)),
            };
            writer.make_durable()?;
            store.record_dag(&wanted.root, writer.dag_bytes(), &mut writer)?;
            // A commit that fails may have happened nevertheless, so the blocks stay.
            writer.keep();
            let is_wanted =
                store.pins.finish(&wanted, content_bytes, is_dir).inspect_err(|_| store.blocks.note_garbage())?;
            // What was being fetched may have been all that kept a collection from ending the doubt.
            if !is_wanted || !store.blocks.is_trusted() {
                store.blocks.note_garbage();
            }
            Ok::<_, StoreError>(Ok(if is_wanted { Outcome::Pinned } else { Outcome::GivenUp }))
        };
        Ok(self.work.spawn_blocking(settle).await??)
    }

    async fn writer(&self, wanted: &Wanted) -> Result<BlockWriter, QueueError> {
        let (store, owner) = (Arc::clone(&self.store), wanted.owner);
        Ok(self.work.spawn_blocking(move || store.writer_for(owner)).await??)
    }

    async fn take(&self, last_served: Option<Owner>) -> Result<Option<Wanted>, QueueError> {
        let store = Arc::clone(&self.store);
        Ok(self.work.spawn_blocking(move || store.pins.take_wanted(last_served)).await??)
    }

    /// Records why a pin failed, however long it takes: one that is neither fetched nor failed would wait for ever.
    async fn record_failure(&self, id: Uuid, reason: String) {
        while let Err(error) = self.fail(id, reason.clone()).await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot record how a retrieval ended");
            tokio::select! {
                // The next run fetches it again.
                () = self.stop.cancelled() => return,
                () = sleep(REST_AFTER_ERROR) => {}
            }
        }
    }

    async fn fail(&self, id: Uuid, reason: String) -> Result<(), QueueError> {
        let store = Arc::clone(&self.store);
        let fail = move || {
            let failed = store.pins.fail(id, &reason);
            // What was fetched so far was kept until here.
            store.blocks.note_garbage();
            failed
        };
        Ok(self.work.spawn_blocking(fail).await??)
    }
}

#[derive(Debug, thiserror::Error)]
enum QueueError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a task failed")]
    Task(#[from] JoinError),
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_util::future::BoxFuture;
    use holdfast_content::{BlockSink, Cid};

    use super::*;
    use crate::{
        fetch::{FetchConfig, Fetcher},
        store::{
            blocks::BlockStore,
            pin::{Metadata, NewPin, NewPinState, Origin, PinStatus},
            quota::Quota,
        },
    };

    const HELLO: &str = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";

    /// A queue with a pin whose only block is held.
    struct Queued {
        dir: tempfile::TempDir,
        store: Arc<Store>,
        owner: Owner,
        id: Uuid,
    }

    impl Queued {
        fn new(cid_text: &str, block: &[u8], quota: Quota) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = Arc::new(Store::open(dir.path()).unwrap());
            let root: Cid = cid_text.parse().unwrap();
            let mut writer = store.blocks.writer();
            writer.put(&root, &[block]).unwrap();
            writer.keep();
            let owner = store.keys.owner("somebody").unwrap();
            store.quotas.set(owner, quota).unwrap();
            let (origin, state) = (Origin::ByHash, NewPinState::Queued);
            let new = NewPin { root, cid_text: cid_text.into(), origin, state, metadata: Metadata::default() };
            let id = store.pins.insert(owner, &new).unwrap().id;
            Self { dir, store, owner, id }
        }

        /// Why the pin fails.
        async fn failure(&self) -> String {
            let work = TaskTracker::new();
            let fetcher = Fetcher::new(FetchConfig::default(), work.clone()).unwrap();
            self.failure_with(Arc::new(fetcher), work).await
        }

        async fn failure_with(&self, retriever: Arc<dyn Retriever>, work: TaskTracker) -> String {
            let stop = CancellationToken::new();
            let limits = Limits { concurrent: 1, deadline: Duration::from_secs(60) };
            let store = Arc::clone(&self.store);
            let _retrievals = Retrievals::start(store, retriever, limits, work.clone(), stop.clone()).unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            let pin = loop {
                match self.store.pins.get(self.owner, self.id) {
                    Ok(Some(pin)) if pin.status == PinStatus::Failed => break pin,
                    pin => assert!(Instant::now() < deadline, "{pin:?}"),
                }
                sleep(Duration::from_millis(5)).await;
            };
            stop.cancel();
            work.close();
            work.wait().await;
            pin.failure.unwrap()
        }
    }

    #[tokio::test]
    async fn a_node_that_is_no_file_is_named_as_the_reason() {
        // The empty node of dag-pb.
        let empty = "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
        let reason = Queued::new(empty, b"", Quota::Unlimited).failure().await;
        assert!(reason.contains("cannot be pinned") && reason.contains("not a valid node"), "{reason}");
    }

    #[tokio::test]
    async fn what_is_held_already_must_fit_the_quota_too() {
        let reason = Queued::new(HELLO, b"hello", Quota::Bytes(4)).failure().await;
        assert!(reason.contains("quota"), "{reason}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_could_not_be_read_is_read_again() {
        let queued = Queued::new(HELLO, b"hello", Quota::Bytes(4));
        let database = rusqlite::Connection::open(queued.dir.path().join("service.db")).unwrap();
        database.execute_batch("ALTER TABLE owners RENAME TO elsewhere").unwrap();
        let recovering = async {
            sleep(Duration::from_secs(1)).await;
            database.execute_batch("ALTER TABLE elsewhere RENAME TO owners").unwrap();
        };
        let (reason, ()) = tokio::join!(queued.failure(), recovering);
        assert!(reason.contains("quota"), "{reason}");
    }

    /// Finds nothing, and the database does not work any more then.
    #[derive(Debug)]
    struct LastBlow(std::path::PathBuf);

    impl Retriever for LastBlow {
        fn retrieve<'a>(
            &'a self,
            _: &'a Wanted,
            _: &'a BlockStore,
            _: BlockWriter,
            _: &'a FetchProgress,
        ) -> BoxFuture<'a, Result<BlockWriter, FetchError>> {
            let database = rusqlite::Connection::open(&self.0).unwrap();
            database.execute_batch("ALTER TABLE pins RENAME TO elsewhere").unwrap();
            Box::pin(async { Err(FetchError::NoSource) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_cannot_be_recorded_is_recorded_later() {
        let queued = Queued::new(HELLO, b"hello", Quota::Unlimited);
        queued.store.blocks.set_aside(&HELLO.parse().unwrap()).unwrap();
        let path = queued.dir.path().join("service.db");
        let database = rusqlite::Connection::open(&path).unwrap();
        let recovering = async {
            let recover = || database.execute_batch("ALTER TABLE elsewhere RENAME TO pins");
            while recover().is_err() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let (reason, ()) = tokio::join!(queued.failure_with(Arc::new(LastBlow(path)), TaskTracker::new()), recovering);
        assert!(reason.contains("upload it instead"), "{reason}");
    }
}
