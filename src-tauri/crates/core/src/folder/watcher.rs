//! One task a folder: events mark paths dirty, a path that has been quiet is looked at, and what the disk shows against
//! the receipts becomes transfers.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use super::{Folder, FolderState, ignore};
use crate::{
    clock::UnixMillis,
    content::Limits,
    disk::{EntryKind, Fingerprint, Place, Root, Stat, Watch, WatchEvent},
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

/// How often a folder that is not there is looked for.
const LOOK_FOR_MISSING: Duration = Duration::from_secs(5);

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
    watch: Option<Box<dyn Watch>>,
    why_not_watched: Option<String>,
    /// Set when events came faster than they were taken.
    overflow: Arc<AtomicBool>,
    next_scan: Duration,
}

#[derive(Clone, Copy)]
struct Dirty {
    quiet_since: Duration,
    stat: Option<Stat>,
}

impl FolderTask {
    pub(crate) fn new(shared: Arc<Shared>, folder: Folder, control: mpsc::Receiver<Control>) -> Self {
        let (dirty, overflow) = (HashMap::new(), Arc::default());
        Self { shared, folder, control, dirty, watch: None, why_not_watched: None, overflow, next_scan: Duration::ZERO }
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
                self.watch = None;
                self.next_scan = self.now() + LOOK_FOR_MISSING;
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
        if self.now() >= self.next_scan {
            self.start_watch(to_us).await?;
            self.scan().await?;
        }
        self.settle().await
    }

    /// Watches before the first look, so that nothing falls between the two.
    async fn start_watch(&mut self, to_us: &mpsc::Sender<WatchEvent>) -> Result<(), Error> {
        if self.watch.is_some() {
            return Ok(());
        }
        self.report(FolderState::Scanning, None);
        let (disk, path, to_us) = (Arc::clone(&self.shared.ports.disk), self.folder.path.clone(), to_us.clone());
        let overflow = Arc::clone(&self.overflow);
        let started = blocking(move || {
            let root = disk.stat(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
            if root.kind != EntryKind::Directory {
                return Err(Error::InvalidInput(format!("{} is no folder any more", path.display())));
            }
            let sink = move |event| {
                if to_us.try_send(event).is_err() {
                    overflow.store(true, Ordering::Relaxed);
                }
            };
            Ok(disk.watch(&path, Box::new(sink)))
        })
        .await?;
        match started {
            Ok(watch) => self.watch = Some(watch),
            Err(message) => self.why_not_watched = Some(message),
        }
        Ok(())
    }

    async fn scan(&mut self) -> Result<(), Error> {
        let limits = self.limits().await?;
        let (disk, root) = (Arc::clone(&self.shared.ports.disk), self.folder.path.clone());
        let seen = blocking(move || {
            let mut seen = Seen::default();
            let open = disk.root(&root).map_err(|source| Error::Unreadable { path: root.clone(), source })?;
            look(&*open, &root, &root, limits, &mut seen);
            seen.unreadable.take().map_or(Ok(seen), Err)
        })
        .await?;
        let present: HashSet<PathBuf> = seen.files.iter().map(|(one, _)| one.path.clone()).collect();
        let is_whole = seen.whole;
        self.consider(seen).await?;
        if is_whole {
            self.shared.store.retain_observed(&self.folder.id, present).await?;
        }
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

    /// Looks at every dirty path that has been quiet for the settle time.
    async fn settle(&mut self) -> Result<(), Error> {
        let now = self.now();
        let due: Vec<_> = self
            .dirty
            .iter()
            .filter(|(_, dirty)| now.saturating_sub(dirty.quiet_since) >= self.folder.settle)
            .map(|(path, dirty)| (path.clone(), *dirty))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let limits = self.limits().await?;
        let (disk, root) = (Arc::clone(&self.shared.ports.disk), self.folder.path.clone());
        let looked = blocking(move || {
            let open = disk.root(&root).map_err(|source| Error::Unreadable { path: root.clone(), source })?;
            Ok(due
                .into_iter()
                .map(|(path, dirty)| (dirty, look_at(&*open, &root, &path, limits), path))
                .collect::<Vec<_>>())
        })
        .await?;
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
                    self.consider(*seen).await?;
                }
                // Quiet: its own times say so, or two looks, a settle time apart, saw the same.
                Found::File(observed, stat) if dirty.stat != Some(stat) && !self.is_quiet(&stat) => {
                    self.dirty.insert(path, Dirty { quiet_since: now, stat: Some(stat) });
                    unsettled.push(observed);
                }
                Found::File(observed, _) => {
                    self.dirty.remove(&path);
                    ready.push(observed);
                }
            }
        }
        self.note_unsettled(unsettled).await?;
        self.accept(ready).await
    }

    /// Files that were seen: those that were written long ago are taken at once, the others have to be quiet first.
    async fn consider(&mut self, seen: Seen) -> Result<(), Error> {
        let (mut ready, mut unsettled, now) = (Vec::new(), Vec::new(), self.now());
        for (observed, stat) in seen.files {
            if self.is_quiet(&stat) || observed.skipped.is_some() {
                ready.push(observed);
            } else {
                self.dirty.entry(observed.path.clone()).or_insert(Dirty { quiet_since: now, stat: Some(stat) });
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

    async fn accept(&mut self, seen: Vec<Observed>) -> Result<(), Error> {
        for batch in seen.chunks(BATCH) {
            let needs = self.shared.store.observe(&self.folder.id, batch.to_vec()).await?;
            let quiet_since = self.now();
            for path in needs.another_look {
                self.dirty.entry(path).or_insert(Dirty { quiet_since, stat: None });
            }
            let transfers = needs
                .work
                .into_iter()
                .filter_map(|path| Place::below(&self.folder.path, &path))
                .map(|place| self.shared.upload_of(&self.folder.account, place, Some(&self.folder.id)));
            let transfers: Vec<_> = transfers.collect();
            if !transfers.is_empty() {
                self.shared.accept(transfers).await?;
            }
            self.shared.announce(Change::Folders);
        }
        Ok(())
    }

    fn heard(&mut self, event: WatchEvent) {
        self.shared.folder_heard(&self.folder.id);
        match event {
            WatchEvent::Lost => self.next_scan = Duration::ZERO,
            WatchEvent::Dirty(path) if path == self.folder.path => {
                // It may have been replaced, and the old watch sees nothing of the new one.
                self.watch = None;
                self.next_scan = Duration::ZERO;
            }
            WatchEvent::Dirty(path) => {
                let quiet_since = self.now();
                let dirty = self.dirty.entry(path).or_insert(Dirty { quiet_since, stat: None });
                dirty.quiet_since = quiet_since;
            }
        }
    }

    /// Until something may be due.
    fn pause(&self) -> Duration {
        let now = self.now();
        let quiet = self.dirty.values().map(|dirty| dirty.quiet_since + self.folder.settle).min();
        let next = quiet.map_or(self.next_scan, |at| at.min(self.next_scan));
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

/// What one look below a directory found.
#[derive(Default)]
struct Seen {
    files: Vec<(Observed, Stat)>,
    /// Whether every directory could be read; where not, what is missing may only be unreadable.
    whole: bool,
    /// The folder itself could not be read.
    unreadable: Option<Error>,
}

enum Found {
    Gone,
    File(Observed, Stat),
    Directory(Box<Seen>),
}

fn look_at(open: &dyn Root, root: &Path, path: &Path, limits: Limits) -> Found {
    let Ok(below) = path.strip_prefix(root) else { return Found::Gone };
    match open.stat(below) {
        Ok(stat) if stat.kind == EntryKind::Directory => {
            let mut seen = Seen::default();
            if ignore::path_reason(root, path).is_none() {
                look(open, root, path, limits, &mut seen);
            }
            Found::Directory(Box::new(seen))
        }
        Ok(stat) => Found::File(observed(root, path, &stat, limits), stat),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Found::Gone,
        Err(_) => {
            let stat = Stat { kind: EntryKind::File, fingerprint: Fingerprint::default() };
            Found::File(unreadable(path, stat), stat)
        }
    }
}

fn look(open: &dyn Root, root: &Path, start: &Path, limits: Limits, seen: &mut Seen) {
    seen.whole = true;
    let mut directories = vec![start.to_owned()];
    while let Some(directory) = directories.pop() {
        let below = directory.strip_prefix(root).unwrap_or(&directory);
        let entries = match open.read_directory(below) {
            Ok(entries) => entries,
            Err(source) => {
                seen.whole = false;
                if directory == root {
                    seen.unreadable = Some(Error::Unreadable { path: directory, source });
                    return;
                }
                let stat = Stat { kind: EntryKind::Directory, fingerprint: Fingerprint::default() };
                seen.files.push((unreadable(&directory, stat), stat));
                continue;
            }
        };
        for (name, stat) in entries {
            let path = directory.join(&name);
            let stat = match stat {
                Ok(stat) => stat,
                // Gone since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => {
                    seen.whole = false;
                    let stat = Stat { kind: EntryKind::File, fingerprint: Fingerprint::default() };
                    seen.files.push((unreadable(&path, stat), stat));
                    continue;
                }
            };
            if stat.kind != EntryKind::Directory {
                seen.files.push((observed(root, &path, &stat, limits), stat));
            } else if ignore::name_reason(&name.to_string_lossy()).is_none() {
                directories.push(path);
            }
        }
    }
}

/// Something that is there and cannot be looked at: listed, and looked at again with everything else.
fn unreadable(path: &Path, stat: Stat) -> Observed {
    Observed { path: path.into(), fingerprint: stat.fingerprint, skipped: Some("it cannot be read") }
}

fn observed(root: &Path, path: &Path, stat: &Stat, limits: Limits) -> Observed {
    let skipped = ignore::path_reason(root, path).or_else(|| ignore::kind_reason(stat, limits));
    Observed { path: path.into(), fingerprint: stat.fingerprint, skipped }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Internal)?
}
