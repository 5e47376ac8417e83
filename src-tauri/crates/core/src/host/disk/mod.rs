//! The real disk, and notify's watcher.

#[cfg(target_os = "linux")]
mod lease;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::{
    ffi::OsString,
    fs, io,
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use notify::{Config, ErrorKind, Event, EventKindMask, RecommendedWatcher, RecursiveMode, Watcher};

use crate::disk::{Disk, Entries, Root, Stat, Watch, WatchEvent, WatchSink};

#[cfg(unix)]
use unix::open_root;
#[cfg(windows)]
use windows::open_root;

/// Fewer are looked at sooner than a thread starts.
const ENTRIES_PER_THREAD: usize = 1000;

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn root(&self, path: &Path) -> io::Result<Arc<dyn Root>> {
        Ok(Arc::new(open_root(path)?))
    }

    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String> {
        // Without reads: hashing a file must not look like a change to it. That a writer has closed one is the end of a change.
        let kinds = EventKindMask::CORE.union(EventKindMask::ACCESS_CLOSE);
        let config = Config::default().with_event_kinds(kinds).with_follow_symlinks(false);
        let handler = move |event: notify::Result<Event>| match event {
            Ok(event) if event.need_rescan() => sink(WatchEvent::Lost),
            Ok(event) => event.paths.into_iter().for_each(|path| sink(WatchEvent::Dirty(path))),
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => sink(WatchEvent::Ended),
            Err(error) if error.paths.is_empty() => sink(WatchEvent::Lost),
            Err(error) => error.paths.into_iter().for_each(|path| sink(WatchEvent::Unwatched(path))),
        };
        let mut watcher = RecommendedWatcher::new(handler, config).map_err(|error| error.to_string())?;
        watcher.watch(root, RecursiveMode::Recursive).map_err(|error| error.to_string())?;
        Ok(Box::new(RealWatch { _watcher: watcher }))
    }
}

#[derive(Debug)]
struct RealWatch {
    // Held: dropping it ends the watch.
    _watcher: RecommendedWatcher,
}

impl Watch for RealWatch {}

/// Looks at all entries, at many by several threads: a large directory is looked at before anything else can begin.
fn stat_all<E: Sync>(entries: &[E], stat: impl Fn(&E) -> (OsString, io::Result<Stat>) + Copy + Send) -> Entries {
    let threads = (entries.len() / ENTRIES_PER_THREAD).min(thread::available_parallelism().map_or(1, NonZero::get));
    if threads < 2 {
        return entries.iter().map(stat).collect();
    }
    thread::scope(|scope| {
        let part = entries.len().div_ceil(threads);
        let parts: Vec<_> = entries
            .chunks(part)
            .map(|part| (part, scope.spawn(move || part.iter().map(stat).collect::<Entries>())))
            .collect();
        // A thread that died has looked at nothing.
        parts
            .into_iter()
            .flat_map(|(part, looking)| looking.join().unwrap_or_else(|_| part.iter().map(stat).collect()))
            .collect()
    })
}

fn ignoring_interrupts<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn no_regular_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}
