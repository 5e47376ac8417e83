//! The real disk, and notify's watcher.

use std::{
    fs::{self, DirEntry, File, Metadata},
    io,
    num::NonZero,
    path::{Path, PathBuf},
    thread,
};

use notify::{Config, Event, EventKindMask, RecommendedWatcher, RecursiveMode, Watcher};

use crate::disk::{Disk, Entries, EntryKind, Fingerprint, OpenFile, Opened, Stat, Watch, WatchEvent, WatchSink};

/// Fewer are looked at sooner than a thread starts.
const ENTRIES_PER_THREAD: usize = 1000;

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(stat_of(&fs::symlink_metadata(path)?))
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn read_directory(&self, path: &Path) -> io::Result<Entries> {
        let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
        Ok(stat_all(&entries))
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path)
    }

    fn open(&self, path: &Path) -> io::Result<Opened> {
        let mut options = File::options();
        options.read(true);
        // A pipe or link put in the file's place must neither block nor lead elsewhere.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW).bits().cast_signed(),
        );
        let file = options.open(path)?;
        let stat = stat_of(&file.metadata()?);
        if stat.kind != EntryKind::File {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Opened { file: Box::new(RealFile(file)), stat })
    }

    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String> {
        // Without reads and attribute changes: hashing a file must not look like a change to it.
        let config = Config::default().with_event_kinds(EventKindMask::CORE);
        let handler = move |event: notify::Result<Event>| match event {
            Ok(event) if event.need_rescan() => sink(WatchEvent::Lost),
            Ok(event) => event.paths.into_iter().for_each(|path| sink(WatchEvent::Dirty(path))),
            Err(_) => sink(WatchEvent::Lost),
        };
        let mut watcher = RecommendedWatcher::new(handler, config).map_err(|error| error.to_string())?;
        watcher.watch(root, RecursiveMode::Recursive).map_err(|error| error.to_string())?;
        Ok(Box::new(RealWatch { _watcher: watcher }))
    }
}

struct RealFile(File);

impl OpenFile for RealFile {
    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        ignoring_interrupts(|| std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset))
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        ignoring_interrupts(|| std::os::windows::fs::FileExt::seek_read(&self.0, buffer, offset))
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(stat_of(&self.0.metadata()?))
    }
}

fn ignoring_interrupts(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[derive(Debug)]
struct RealWatch {
    // Held: dropping it ends the watch.
    _watcher: RecommendedWatcher,
}

impl Watch for RealWatch {}

/// Looks at all entries, at many by several threads: a large directory is looked at before anything else can begin.
fn stat_all(entries: &[DirEntry]) -> Entries {
    let stat = |entry: &DirEntry| (entry.file_name(), entry.metadata().map(|metadata| stat_of(&metadata)));
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

fn stat_of(metadata: &Metadata) -> Stat {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => EntryKind::File,
        kind if kind.is_dir() => EntryKind::Directory,
        kind if kind.is_symlink() => EntryKind::Symlink,
        _ => EntryKind::Special,
    };
    Stat { kind, fingerprint: fingerprint_of(metadata) }
}

#[cfg(unix)]
fn fingerprint_of(metadata: &Metadata) -> Fingerprint {
    use std::os::unix::fs::MetadataExt;
    let ns = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    Fingerprint {
        bytes: metadata.len(),
        modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        device: metadata.dev(),
        inode: metadata.ino(),
    }
}

#[cfg(not(unix))]
fn fingerprint_of(metadata: &Metadata) -> Fingerprint {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    Fingerprint {
        bytes: metadata.len(),
        modified_ns: modified.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
        changed_ns: 0,
        device: 0,
        inode: 0,
    }
}
