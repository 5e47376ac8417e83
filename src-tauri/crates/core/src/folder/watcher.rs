//! One task a folder: events mark paths dirty, a path that has been quiet is looked at, and what the disk shows against
//! the receipts becomes transfers.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    Folder, FolderState,
    again::{self, Again},
    events::{Doubts, Events, Teller, events},
    ignore,
    look::{Found, Open, Seen},
};
use crate::{
    clock::UnixMillis,
    content::Limits,
    disk::{Identity, Place, Root, Stat, Watch, WatchEvent},
    engine::{Change, Shared, Which},
    error::Error,
    store::Observed,
    transfer::Transfer,
};

/// A folder is looked at whole this often, whatever its events said.
const RESCAN: Duration = Duration::from_secs(3600);

/// The same where the system reports no events.
const POLL: Duration = Duration::from_secs(30);

/// How often a folder that is not there is looked for, and whether its path is still the directory that is watched.
const LOOK_FOR_ROOT: Duration = Duration::from_secs(5);

/// How often a file is looked at that a program has open for writing, should nobody say that it was closed.
const LOOK_FOR_WRITER: Duration = Duration::from_secs(10);

/// How long a folder is left alone when the database fails.
const REST: Duration = Duration::from_secs(5);

/// Files given to the database at once.
const BATCH: usize = 500;

/// Watches one folder until it is dropped.
pub(crate) struct FolderTask {
    shared: Arc<Shared>,
    folder: Folder,
    /// That everything is to be looked at again.
    rescan: Arc<Notify>,
    teller: Teller,
    events: Events,
    doubts: Doubts,
    /// Paths to look at, by when they were last heard of.
    dirty: HashMap<PathBuf, Dirty>,
    again: Again,
    watch: Option<Watched>,
    /// The watch is no longer of what the path is, or tells nothing.
    is_to_be_watched_anew: bool,
    why_not_watched: Option<String>,
    rests_until: Duration,
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
    /// What `rescan` tells it is to look at everything again.
    pub(crate) fn new(shared: Arc<Shared>, folder: Folder, rescan: Arc<Notify>) -> Self {
        let ((teller, events), never) = (events(), Duration::ZERO);
        Self {
            shared,
            folder,
            rescan,
            teller,
            events,
            doubts: Doubts::default(),
            dirty: HashMap::new(),
            again: Again::default(),
            watch: None,
            is_to_be_watched_anew: false,
            why_not_watched: None,
            rests_until: never,
            next_scan: never,
            next_look_for_root: never,
            next_retry: never,
            next_look: never,
        }
    }

    /// Runs as long as the folder is in the database.
    pub(crate) async fn run(mut self) {
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(Error::NoSuch { .. }) => return,
                Err(error) => self.failed(&error),
            }
            let (shared, pause) = (Arc::clone(&self.shared), self.pause());
            tokio::select! {
                () = self.rescan.notified() => self.next_scan = Duration::ZERO,
                events = self.events.next() => events.into_iter().for_each(|event| self.heard(event)),
                () = shared.ports.clock.sleep(pause) => {}
            }
        }
    }

    /// Only what the disk says of a folder can mean that it is not there.
    fn failed(&mut self, error: &Error) {
        tracing::warn!(folder = %self.folder.id, %error, "a folder cannot be looked at");
        if matches!(error, Error::Unreadable { .. }) {
            self.report(FolderState::Missing, Some(error.to_string()));
            (self.watch, self.why_not_watched) = (None, None);
            self.next_scan = self.now() + LOOK_FOR_ROOT;
            // When it is there again, everything is looked at.
            self.dirty.clear();
        } else {
            self.shared.folder_is_held_up(&self.folder.id, error.to_string());
            self.rests_until = self.now() + REST;
            // What was looked at meanwhile may not be written.
            self.next_scan = self.rests_until;
        }
    }

    /// Does what is due.
    async fn turn(&mut self) -> Result<(), Error> {
        let now = self.now();
        if now < self.rests_until {
            return Ok(());
        }
        if self.watch.is_some() && now >= self.next_look_for_root {
            self.open().await?;
        }
        if now >= self.next_scan {
            self.start_watch().await?;
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
        self.is_to_be_watched_anew = true;
        self.doubt();
    }

    /// What events said may not be all.
    fn doubt(&mut self) {
        self.next_scan = self.next_scan.min(self.doubts.look_at(self.now()));
    }

    /// Watches before the first look, so that nothing falls between the two.
    async fn start_watch(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.is_to_be_watched_anew) {
            self.watch = None;
        }
        if self.watch.is_some() {
            return Ok(());
        }
        self.report(FolderState::Scanning, None);
        self.again.watch_begins();
        let root = self.open().await?;
        let (disk, path, teller) = (Arc::clone(&self.shared.ports.disk), self.folder.path.clone(), self.teller.clone());
        let started = blocking(move || {
            let identity = root.identity().map_err(|source| Error::Unreadable { path: path.clone(), source })?;
            Ok(disk
                .watch(&path, Box::new(move |event| teller.tell(event)))
                .map(|watch| Watched { identity, _watch: watch }))
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
        self.next_scan = self.now() + if self.watch.is_some() { RESCAN } else { POLL };
        self.report_watch();
        Ok(())
    }

    /// Says how it is watched, and what of it is not.
    fn report_watch(&self) {
        let (state, message) = match &self.watch {
            Some(_) => match self.again.about_unwatched() {
                None => (FolderState::Watching, None),
                message => (FolderState::Polling, message),
            },
            None => (FolderState::Polling, self.why_not_watched.clone()),
        };
        self.report(state, message);
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
            self.shared.announce(Change::Transfers(Which::one(upload)));
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
                    unsettled.extend(Some(observed.path).filter(|_| observed.skipped.is_none()));
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
                unsettled.push(observed.path);
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

    async fn note_unsettled(&self, paths: Vec<PathBuf>) -> Result<(), Error> {
        if !paths.is_empty() {
            self.shared.store.note_unsettled(&self.folder.id, paths).await?;
            self.shared.announce(Change::Folders);
        }
        Ok(())
    }

    async fn accept(&mut self, seen: Vec<(Observed, Option<Stat>)>) -> Result<(), Error> {
        for batch in seen.chunks(BATCH) {
            let stats: HashMap<_, _> =
                batch.iter().filter_map(|(one, stat)| Some((one.path.clone(), (*stat)?))).collect();
            let mut batch: Vec<_> = batch.iter().map(|(one, _)| one.clone()).collect();
            let to_send = self.shared.store.to_send(&self.folder.id, batch.clone()).await?;
            let (held, free) = self.by_writers(to_send).await?;
            batch.retain(|one| !held.contains(&one.path));
            let sizes: HashMap<_, _> = batch.iter().map(|one| (one.path.clone(), one.fingerprint.bytes)).collect();
            let transfer = |path: PathBuf| {
                let place = Place::below(&self.folder.path, &path)?;
                let upload = self.shared.upload_of(&self.folder.account, place, Some(&self.folder.id));
                Some((path.clone(), Transfer { bytes: sizes.get(&path).copied().unwrap_or(0), ..upload }))
            };
            let transfers = free.into_iter().filter_map(transfer).collect();
            let taken = self.shared.store.take(&self.folder.id, batch, self.folder.as_batch(), transfers).await?;
            let taken = taken.ok_or_else(|| Error::NoSuch { what: "folder", id: self.folder.id.0.clone() })?;
            let now = self.now();
            for path in taken.another_look {
                self.dirty.entry(path).or_insert(Dirty::since(now));
            }
            if !taken.accepted.is_empty() {
                self.shared.has_accepted(Which::Many);
            }
            self.again
                .taken(taken.accepted.into_iter().filter_map(|path| stats.get(&path).map(|stat| (path, *stat))), now);
            self.shared.announce(Change::Folders);
        }
        Ok(())
    }

    /// Those that somebody has open for writing, which wait until they were closed, and the others.
    async fn by_writers(&mut self, files: Vec<PathBuf>) -> Result<(HashSet<PathBuf>, Vec<PathBuf>), Error> {
        if files.is_empty() {
            return Ok(Default::default());
        }
        let split = |open: &Open<'_>| files.into_iter().partition(|path| open.has_writer(path));
        let (held, free): (Vec<PathBuf>, Vec<PathBuf>) = self.look(split).await?;
        if !held.is_empty() {
            let held_since = self.now();
            for path in &held {
                self.dirty.insert(path.clone(), Dirty { is_held: true, ..Dirty::since(held_since) });
            }
            self.shared.store.note_held(&self.folder.id, held.clone()).await?;
        }
        Ok((held.into_iter().collect(), free))
    }

    fn heard(&mut self, event: WatchEvent) {
        self.shared.folder_heard(&self.folder.id);
        match event {
            WatchEvent::Lost => self.doubt(),
            WatchEvent::Ended => {
                self.report(FolderState::Polling, Some("the system has stopped telling what happens in it".into()));
                self.watch_anew();
            }
            WatchEvent::Unwatched(path) if self.is_self(&path) => self.watch_anew(),
            WatchEvent::Unwatched(path) if ignore::path_reason(&self.folder.path, &path).is_some() => {}
            WatchEvent::Unwatched(path) => {
                self.again.cannot_watch(path.clone());
                self.mark(path);
                if self.again.about_unwatched().is_some() && self.next_scan > self.now() {
                    self.report_watch();
                }
            }
            // It may have been replaced, and the old watch sees nothing of the new one.
            WatchEvent::Dirty(path) if self.is_self(&path) => self.watch_anew(),
            WatchEvent::Dirty(path) if ignore::is_hidden_by_directory(&self.folder.path, &path) => {}
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
        if now < self.rests_until {
            return self.rests_until - now;
        }
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
