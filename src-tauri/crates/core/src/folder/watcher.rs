//! One task a folder: events mark paths dirty, a path that has been quiet is looked at, and what the disk shows against
//! the receipts becomes transfers.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use super::{
    Folder, FolderState,
    again::{self, Again},
    look::{Found, Open, Seen},
};
use crate::{
    clock::UnixMillis,
    content::Limits,
    disk::{Identity, Place, Root, Stat, Watch, WatchEvent},
    engine::{Change, Shared},
    error::Error,
    store::Observed,
};

/// Events kept until they are taken; when there are more, everything is looked at again.
const EVENTS_KEPT: usize = 4_096;

/// A folder is looked at whole this often, whatever its events said.
const RESCAN: Duration = Duration::from_secs(3600);

/// The same where the system reports no events.
const POLL: Duration = Duration::from_secs(30);

/// How often a folder that is not there is looked for, and whether its path is still the directory that is watched.
const LOOK_FOR_ROOT: Duration = Duration::from_secs(5);

/// How often a file is looked at that a program has open for writing, should nobody say that it was closed.
const LOOK_FOR_WRITER: Duration = Duration::from_secs(10);

/// Files given to the database at once.
const BATCH: usize = 500;

/// What a folder's task can be told.
#[derive(Debug)]
pub(crate) enum Control {
    /// Look at everything again.
    Rescan,
}

/// Watches one folder until its control channel is closed.
pub(crate) struct FolderTask {
    shared: Arc<Shared>,
    folder: Folder,
    control: mpsc::Receiver<Control>,
    /// Paths to look at, by when they were last heard of.
    dirty: HashMap<PathBuf, Dirty>,
    again: Again,
    watch: Option<Watched>,
    why_not_watched: Option<String>,
    /// Set when events came faster than they were taken.
    overflow: Arc<AtomicBool>,
    next_scan: Duration,
    next_look_for_root: Duration,
    next_retry: Duration,
    next_look: Duration,
}

/// A watch, and the directory that it is on: the path may come to be another one.
struct Watched {
    identity: Identity,
    // Held: dropping it ends the watch.
    _watch: Box<dyn Watch>,
}

#[derive(Clone, Copy)]
struct Dirty {
    quiet_since: Duration,
    stat: Option<Stat>,
    /// A program has it open for writing.
    is_held: bool,
}

impl Dirty {
    const fn since(quiet_since: Duration) -> Self {
        Self { quiet_since, stat: None, is_held: false }
    }

    fn due(&self, settle: Duration) -> Duration {
        self.quiet_since + if self.is_held { settle.max(LOOK_FOR_WRITER) } else { settle }
    }
}

impl FolderTask {
    pub(crate) fn new(shared: Arc<Shared>, folder: Folder, control: mpsc::Receiver<Control>) -> Self {
        let never = Duration::ZERO;
        Self {
            shared,
            folder,
            control,
            dirty: HashMap::new(),
            again: Again::default(),
            watch: None,
            why_not_watched: None,
            overflow: Arc::default(),
            next_scan: never,
            next_look_for_root: never,
            next_retry: never,
            next_look: never,
        }
    }

    /// Runs until the engine stops or the folder is watched no more.
    pub(crate) async fn run(mut self) {
        let (to_us, mut events) = mpsc::channel(EVENTS_KEPT);
        loop {
            let stop = self.shared.stop.clone();
            let Some(turn) = stop.run_until_cancelled(self.turn(&to_us)).await else { return };
            if let Err(error) = turn {
                tracing::warn!(folder = %self.folder.id, %error, "a folder cannot be looked at");
                self.report(FolderState::Missing, Some(error.to_string()));
                (self.watch, self.why_not_watched) = (None, None);
                self.next_scan = self.now() + LOOK_FOR_ROOT;
                // When it is there again, everything is looked at.
                self.dirty.clear();
            }
            let (shared, pause) = (Arc::clone(&self.shared), self.pause());
            tokio::select! {
                () = shared.stop.cancelled() => return,
                control = self.control.recv() => match control {
                    Some(Control::Rescan) => self.next_scan = Duration::ZERO,
                    None => return,
                },
                Some(event) = events.recv() => {
                    self.heard(event);
                    while let Ok(event) = events.try_recv() {
                        self.heard(event);
                    }
                    if self.overflow.swap(false, Ordering::Relaxed) {
                        self.heard(WatchEvent::Lost);
                    }
                }
                () = shared.ports.clock.sleep(pause) => {}
            }
        }
    }

    /// Does what is due.
    async fn turn(&mut self, to_us: &mpsc::Sender<WatchEvent>) -> Result<(), Error> {
        let now = self.now();
        if self.watch.is_some() && now >= self.next_look_for_root {
            self.open().await?;
        }
        if now >= self.next_scan {
            self.start_watch(to_us).await?;
            self.scan().await?;
        }
        // A folder that is not there is only looked for.
        if self.next_scan > now && (self.watch.is_some() || self.why_not_watched.is_some()) {
            self.look_again().await?;
            self.settle().await?;
        }
        Ok(())
    }

    /// Opens the folder. Where it is no longer the directory that is watched, that one is forgotten: the person means the path.
    async fn open(&mut self) -> Result<Arc<dyn Root>, Error> {
        let (disk, path) = (Arc::clone(&self.shared.ports.disk), self.folder.path.clone());
        let opened = blocking(move || {
            let unreadable = |source| Error::Unreadable { path: path.clone(), source };
            let root = disk.root(&path).map_err(unreadable)?;
            let identity = root.identity().map_err(unreadable)?;
            Ok((root, identity))
        });
        let (root, identity) = opened.await?;
        self.next_look_for_root = self.now() + LOOK_FOR_ROOT;
        if self.watch.as_ref().is_some_and(|watched| watched.identity != identity) {
            self.watch_anew();
        }
        Ok(root)
    }

    fn watch_anew(&mut self) {
        self.watch = None;
        self.next_scan = Duration::ZERO;
    }

    /// Watches before the first look, so that nothing falls between the two.
    async fn start_watch(&mut self, to_us: &mpsc::Sender<WatchEvent>) -> Result<(), Error> {
        if self.watch.is_some() {
            return Ok(());
        }
        self.report(FolderState::Scanning, None);
        self.again.watch_begins();
        let root = self.open().await?;
        let (disk, path, to_us) = (Arc::clone(&self.shared.ports.disk), self.folder.path.clone(), to_us.clone());
        let overflow = Arc::clone(&self.overflow);
        let started = blocking(move || {
            let identity = root.identity().map_err(|source| Error::Unreadable { path: path.clone(), source })?;
            let sink = move |event| {
                if to_us.try_send(event).is_err() {
                    overflow.store(true, Ordering::Relaxed);
                }
            };
            Ok(disk.watch(&path, Box::new(sink)).map(|watch| Watched { identity, _watch: watch }))
        });
        (self.watch, self.why_not_watched) = match started.await? {
            Ok(watched) => (Some(watched), None),
            Err(message) => (None, Some(message)),
        };
        Ok(())
    }

    async fn scan(&mut self) -> Result<(), Error> {
        let limits = self.limits().await?;
        let seen = self.look_within(limits, |open| open.look()).await??;
        let present: HashSet<PathBuf> = seen.files.iter().map(|(one, _)| one.path.clone()).collect();
        let unreadable = seen.unreadable.clone();
        self.consider(seen).await?;
        self.shared.store.retain_observed(&self.folder.id, present, unreadable).await?;
        self.shared.store.set_last_scan(&self.folder.id, self.shared.ports.clock.now()).await?;
        let (state, pause) = match self.watch {
            Some(_) => (FolderState::Watching, RESCAN),
            None => (FolderState::Polling, POLL),
        };
        self.next_scan = self.now() + pause;
        let message = self.why_not_watched.clone().filter(|_| state == FolderState::Polling);
        self.report(state, message);
        Ok(())
    }

    /// Does something with the open folder on a thread that may block.
    async fn look<T: Send + 'static>(
        &mut self,
        look: impl FnOnce(&Open<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.look_within(Limits::LEAST, look).await
    }

    /// The same, and what the account's service cannot take is left out.
    async fn look_within<T: Send + 'static>(
        &mut self,
        limits: Limits,
        look: impl FnOnce(&Open<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (root, path) = (self.open().await?, self.folder.path.clone());
        blocking(move || Ok(look(&Open { root: &*root, path: &path, limits }))).await
    }

    /// Looks at what nobody may say anything of.
    async fn look_again(&mut self) -> Result<(), Error> {
        let now = self.now();
        if now >= self.next_retry {
            self.next_retry = now + again::RETRY;
            self.retry().await?;
        }
        if now >= self.next_look {
            self.next_look = now + again::LOOK;
            let lately = self.again.lately(now);
            if !lately.is_empty() {
                let changed = |open: &Open<'_>| -> Vec<PathBuf> {
                    let is_other = |(path, then): &(PathBuf, Stat)| open.stat(path) != Some(*then);
                    lately.into_iter().filter(is_other).map(|(path, _)| path).collect()
                };
                for path in self.look(changed).await? {
                    self.dirty.entry(path).or_insert(Dirty::since(now));
                }
            }
            let unwatched: Vec<_> = self.again.unwatched().cloned().collect();
            for path in unwatched {
                self.dirty.entry(path).or_insert(Dirty::since(now));
            }
        }
        Ok(())
    }

    /// Tries what could not be read.
    async fn retry(&mut self) -> Result<(), Error> {
        let unreadable = self.again.unreadable();
        let given_up = self.shared.store.unreadable_uploads(&self.folder.id).await?;
        if unreadable.is_empty() && given_up.is_empty() {
            return Ok(());
        }
        let tried = move |open: &Open<'_>| -> (Vec<PathBuf>, Vec<_>) {
            let readable = unreadable.into_iter().filter(|path| open.has_become_readable(path)).collect();
            let can_be_taken = |(upload, path): (_, PathBuf)| Some((upload, open.can_be_taken(&path)?));
            (readable, given_up.into_iter().filter_map(can_be_taken).collect())
        };
        let (readable, uploads) = self.look(tried).await?;
        for path in readable {
            self.again.can_read(&path);
            self.watch_anew();
        }
        let quiet = uploads.into_iter().filter(|(_, stat)| self.is_quiet(stat)).map(|(upload, _)| upload);
        for upload in quiet.collect::<Vec<_>>() {
            self.shared.store.requeue(&upload, self.shared.ports.clock.now()).await?;
            self.shared.wake.notify_one();
            self.shared.announce(Change::Transfers);
        }
        Ok(())
    }

    /// Looks at every dirty path that has been quiet for the settle time.
    async fn settle(&mut self) -> Result<(), Error> {
        let now = self.now();
        let is_due = |dirty: &Dirty| now >= dirty.due(self.folder.settle);
        let due: Vec<_> =
            self.dirty.iter().filter(|(_, dirty)| is_due(dirty)).map(|(path, at)| (path.clone(), *at)).collect();
        if due.is_empty() {
            return Ok(());
        }
        let look = |open: &Open<'_>| -> Vec<_> {
            due.into_iter().map(|(path, dirty)| (dirty, open.look_at(&path), path)).collect()
        };
        let limits = self.limits().await?;
        let looked = self.look_within(limits, look).await?;
        let (mut ready, mut unsettled) = (Vec::new(), Vec::new());
        for (dirty, found, path) in looked {
            match found {
                Found::Gone => {
                    self.dirty.remove(&path);
                    self.shared.store.forget_observed(&self.folder.id, &path).await?;
                    self.shared.announce(Change::Folders);
                }
                Found::Directory(seen) => {
                    self.dirty.remove(&path);
                    self.shared.store.forget_one(&self.folder.id, &path).await?;
                    self.consider(seen).await?;
                }
                Found::Unreadable(observed) => {
                    self.dirty.remove(&path);
                    self.again.cannot_read(path);
                    ready.push((observed, None));
                }
                // Quiet: its own times say so, or two looks, a settle time apart, saw the same.
                Found::File(observed, stat) if dirty.stat != Some(stat) && !self.is_quiet(&stat) => {
                    self.dirty.insert(path, Dirty { stat: Some(stat), ..Dirty::since(now) });
                    unsettled.push(observed);
                }
                Found::File(observed, stat) => {
                    self.dirty.remove(&path);
                    ready.push((observed, Some(stat)));
                }
            }
        }
        self.note_unsettled(unsettled).await?;
        self.accept(ready).await
    }

    /// Files that were seen: those that were written long ago are taken at once, the others have to be quiet first.
    async fn consider(&mut self, seen: Seen) -> Result<(), Error> {
        let (mut ready, mut unsettled, now) = (Vec::new(), Vec::new(), self.now());
        for path in seen.unreadable {
            self.again.cannot_read(path);
        }
        for (observed, stat) in seen.files {
            if self.is_quiet(&stat) || observed.skipped.is_some() {
                ready.push((observed, Some(stat)));
            } else {
                self.dirty.entry(observed.path.clone()).or_insert(Dirty { stat: Some(stat), ..Dirty::since(now) });
                unsettled.push(observed);
            }
        }
        self.note_unsettled(unsettled).await?;
        self.accept(ready).await
    }

    /// Whether nobody touched it for the settle time.
    fn is_quiet(&self, stat: &Stat) -> bool {
        let last_touch = stat.fingerprint.modified_ns.max(stat.fingerprint.changed_ns);
        let last_touch = UnixMillis(last_touch / 1_000_000);
        self.shared.ports.clock.now().since(last_touch) >= self.folder.settle
    }

    async fn note_unsettled(&self, seen: Vec<Observed>) -> Result<(), Error> {
        let seen: Vec<_> = seen.into_iter().filter(|one| one.skipped.is_none()).collect();
        if !seen.is_empty() {
            self.shared.store.note_unsettled(&self.folder.id, seen).await?;
            self.shared.announce(Change::Folders);
        }
        Ok(())
    }

    async fn accept(&mut self, seen: Vec<(Observed, Option<Stat>)>) -> Result<(), Error> {
        for batch in seen.chunks(BATCH) {
            let stats: HashMap<_, _> =
                batch.iter().filter_map(|(one, stat)| Some((one.path.clone(), (*stat)?))).collect();
            let batch = batch.iter().map(|(one, _)| one.clone()).collect();
            let needs = self.shared.store.observe(&self.folder.id, batch).await?;
            let now = self.now();
            for path in needs.another_look {
                self.dirty.entry(path).or_insert(Dirty::since(now));
            }
            let work = self.without_writers(needs.work).await?;
            let taken = work.iter().filter_map(|path| Some((path.clone(), *stats.get(path)?)));
            self.again.taken(taken, now);
            let places = work.iter().filter_map(|path| Place::below(&self.folder.path, path));
            let transfers: Vec<_> =
                places.map(|place| self.shared.upload_of(&self.folder.account, place, Some(&self.folder.id))).collect();
            if !transfers.is_empty() {
                self.shared.accept(transfers).await?;
            }
            self.shared.announce(Change::Folders);
        }
        Ok(())
    }

    /// Those that nobody has open for writing; the others wait until they were closed.
    async fn without_writers(&mut self, files: Vec<PathBuf>) -> Result<Vec<PathBuf>, Error> {
        if files.is_empty() {
            return Ok(files);
        }
        let split = |open: &Open<'_>| files.into_iter().partition(|path| open.has_writer(path));
        let (held, free): (Vec<PathBuf>, Vec<PathBuf>) = self.look(split).await?;
        if !held.is_empty() {
            let held_since = self.now();
            for path in &held {
                self.dirty.insert(path.clone(), Dirty { is_held: true, ..Dirty::since(held_since) });
            }
            self.shared.store.note_held(&self.folder.id, held).await?;
        }
        Ok(free)
    }

    fn heard(&mut self, event: WatchEvent) {
        self.shared.folder_heard(&self.folder.id);
        match event {
            WatchEvent::Lost => self.next_scan = Duration::ZERO,
            WatchEvent::Ended => self.watch_anew(),
            WatchEvent::Unwatched(path) if self.is_self(&path) => self.watch_anew(),
            WatchEvent::Unwatched(path) => {
                self.again.cannot_watch(path.clone());
                self.mark(path);
            }
            // It may have been replaced, and the old watch sees nothing of the new one.
            WatchEvent::Dirty(path) if self.is_self(&path) => self.watch_anew(),
            WatchEvent::Dirty(path) => self.mark(path),
        }
    }

    fn mark(&mut self, path: PathBuf) {
        let now = self.now();
        let dirty = self.dirty.entry(path).or_insert(Dirty::since(now));
        dirty.quiet_since = now;
        dirty.is_held = false;
    }

    fn is_self(&self, path: &Path) -> bool {
        path == self.folder.path
    }

    /// Until something may be due.
    fn pause(&self) -> Duration {
        let now = self.now();
        let quiet = self.dirty.values().map(|dirty| dirty.due(self.folder.settle)).min();
        let by_itself = [self.next_look_for_root, self.next_retry, self.next_look].into_iter();
        // A folder that is not there is only looked for.
        let by_itself = by_itself.filter(|_| self.watch.is_some()).min();
        let next = quiet.into_iter().chain(by_itself).fold(self.next_scan, Duration::min);
        next.saturating_sub(now).max(Duration::from_millis(20))
    }

    async fn limits(&self) -> Result<Limits, Error> {
        let id = &self.folder.account;
        let account = self.shared.store.account(id).await?;
        let account = account.ok_or_else(|| Error::NoSuch { what: "account", id: id.0.clone() })?;
        // What is left out is looked at again when it is sent.
        Ok(self.shared.access.limits(&account).await.unwrap_or(Limits::LEAST))
    }

    fn report(&self, state: FolderState, message: Option<String>) {
        self.shared.folder_is(&self.folder.id, state, message);
    }

    fn now(&self) -> Duration {
        self.shared.ports.clock.monotonic()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Internal)?
}
