//! A disk in memory whose files change, vanish and fail when the test says so.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use holdfast_core::disk::{
    Disk, Entries, EntryKind, Fingerprint, OpenFile, Opened, Stat, Watch, WatchEvent, WatchSink,
};

/// Files and directories by path. Clones share them.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    nodes: BTreeMap<PathBuf, Node>,
    watches: Vec<(u64, PathBuf, Arc<WatchSink>)>,
    made: u64,
}

struct Node {
    stat: Stat,
    bytes: Arc<[u8]>,
    readable: bool,
    at_byte: Option<(u64, AtByte)>,
}

type AtByte = Box<dyn FnOnce(&SimDisk) -> io::Result<()> + Send>;

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

impl SimDisk {
    /// Writes a file, in place where there is one, and makes the directories above it.
    pub fn write(&self, path: &Path, bytes: &[u8]) {
        self.write_silently(path, bytes);
        self.say(path);
    }

    /// The same, and no watch hears of it.
    pub fn write_silently(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        for above in path.ancestors().skip(1) {
            state.put(above, EntryKind::Directory, &[]);
        }
        state.put(path, EntryKind::File, bytes);
    }

    /// Removes a file or a directory with all that is in it.
    pub fn remove(&self, path: &Path) {
        self.state().nodes.retain(|one, _| !one.starts_with(path));
        self.say(path);
    }

    /// Lets a file or directory be read or not.
    pub fn set_readable(&self, path: &Path, readable: bool) {
        if let Some(node) = self.state().nodes.get_mut(path) {
            node.readable = readable;
        }
        self.say(path);
    }

    /// Before the read of a file that takes byte `at`, does this once; an error is the read's.
    pub fn at_byte(&self, path: &Path, at: u64, act: impl FnOnce(&Self) -> io::Result<()> + Send + 'static) {
        if let Some(node) = self.state().nodes.get_mut(path) {
            node.at_byte = Some((at, Box::new(act)));
        }
    }

    /// Tells the watches what a system would not have told by itself.
    pub fn lose_events(&self) {
        let sinks: Vec<_> = self.state().watches.iter().map(|(_, _, sink)| Arc::clone(sink)).collect();
        sinks.iter().for_each(|sink| sink(WatchEvent::Lost));
    }

    fn say(&self, path: &Path) {
        let state = self.state();
        let sinks: Vec<_> = state.watches.iter().filter(|(_, root, _)| path.starts_with(root)).collect();
        let sinks: Vec<_> = sinks.into_iter().map(|(_, _, sink)| Arc::clone(sink)).collect();
        drop(state);
        sinks.iter().for_each(|sink| sink(WatchEvent::Dirty(path.into())));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, path: &Path, kind: EntryKind, bytes: &[u8]) {
        self.made += 1;
        let version = i64::try_from(self.made).unwrap_or(i64::MAX);
        let inode = match self.nodes.get(path) {
            Some(node) if kind == EntryKind::Directory => return debug_assert_eq!(node.stat.kind, kind),
            Some(node) => node.stat.fingerprint.inode,
            None => self.made,
        };
        let fingerprint =
            Fingerprint { bytes: bytes.len() as u64, modified_ns: version, changed_ns: version, device: 1, inode };
        let node = Node { stat: Stat { kind, fingerprint }, bytes: bytes.into(), readable: true, at_byte: None };
        self.nodes.insert(path.into(), node);
    }

    fn node(&self, path: &Path) -> io::Result<&Node> {
        self.nodes.get(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn readable(&self, path: &Path) -> io::Result<&Node> {
        let node = self.node(path)?;
        if node.readable { Ok(node) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

impl Disk for SimDisk {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.state().node(path).map(|node| node.stat)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.stat(path).map(|_| path.into())
    }

    fn read_directory(&self, path: &Path) -> io::Result<Entries> {
        let state = self.state();
        state.readable(path)?;
        let inside = state.nodes.iter().filter(|(one, _)| one.parent() == Some(path));
        Ok(inside.filter_map(|(one, node)| Some((one.file_name()?.to_owned(), Ok(node.stat)))).collect())
    }

    fn read_link(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn open(&self, path: &Path) -> io::Result<Opened> {
        let (bytes, stat) = {
            let state = self.state();
            let node = state.readable(path)?;
            (Arc::clone(&node.bytes), node.stat)
        };
        Ok(Opened { file: Box::new(SimFile { disk: self.clone(), path: path.into(), opened: bytes }), stat })
    }

    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String> {
        let mut state = self.state();
        state.made += 1;
        let id = state.made;
        state.watches.push((id, root.into(), Arc::new(sink)));
        Ok(Box::new(SimWatch { disk: self.clone(), id }))
    }
}

struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    opened: Arc<[u8]>,
}

impl OpenFile for SimFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let act = {
            let mut state = self.disk.state();
            let node = state.nodes.get_mut(&self.path);
            let reached = offset + buffer.len() as u64;
            node.and_then(|node| node.at_byte.take_if(|(at, _)| reached > *at))
        };
        if let Some((_, act)) = act {
            act(&self.disk)?;
        }
        // A writer changes the bytes under an open file; a file that was removed stays what it was.
        let now = self.disk.state().node(&self.path).map(|node| Arc::clone(&node.bytes));
        let bytes = now.unwrap_or_else(|_| Arc::clone(&self.opened));
        let left = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let read = left.len().min(buffer.len());
        buffer[..read].copy_from_slice(&left[..read]);
        Ok(read)
    }

    fn stat(&self) -> io::Result<Stat> {
        self.disk.stat(&self.path)
    }
}

#[derive(Debug)]
struct SimWatch {
    disk: SimDisk,
    id: u64,
}

impl Watch for SimWatch {}

impl Drop for SimWatch {
    fn drop(&mut self) {
        self.disk.state().watches.retain(|(id, _, _)| *id != self.id);
    }
}
