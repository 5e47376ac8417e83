//! A disk in memory whose files change, vanish and fail when the test says so.

mod tree;

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use holdfast_core::disk::{
    Disk, Entries, EntryKind, Fingerprint, Identity, OpenFile, Opened, Root, Stat, Watch, WatchEvent, WatchSink,
};

use tree::{Kind, Number, Tree};

/// Files and directories by path. Clones share them.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    tree: Tree,
    watches: Vec<Watched>,
    made: u64,
}

struct Watched {
    id: u64,
    /// What is watched, wherever it is moved.
    directory: Number,
    /// What it was called when that began, and is called in every event.
    path: PathBuf,
    /// The directories in it, by whether the watch covers them: those that could be read when they came to be.
    covers: HashMap<Number, bool>,
    sink: Arc<WatchSink>,
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

/// What can be done to the disk. Paths are absolute, and a link on the way is followed.
impl SimDisk {
    /// Writes a file, in place where there is one, and makes the directories above it.
    pub fn write(&self, path: &Path, bytes: &[u8]) {
        self.write_silently(path, bytes);
        self.say(path);
    }

    /// The same, and no watch hears of it.
    pub fn write_silently(&self, path: &Path, bytes: &[u8]) {
        self.state().tree.write(path, bytes);
    }

    /// The same, and the file says that it is as it was: what writing through a mapping may look like.
    pub fn write_unnoticed(&self, path: &Path, bytes: &[u8]) {
        self.state().tree.write_unnoticed(path, bytes);
    }

    /// Makes a directory and those above it.
    pub fn make_directory(&self, path: &Path) {
        self.state().tree.make_directory(path);
        self.say(path);
    }

    /// Makes a link, and the directories above it.
    pub fn link(&self, path: &Path, target: &Path) {
        self.state().tree.link(path, target);
        self.say(path);
    }

    /// Moves a file, a link or a directory with all that is in it, over what there was.
    pub fn rename(&self, from: &Path, to: &Path) {
        self.state().tree.rename(from, to);
        self.say(from);
        self.say(to);
    }

    /// Removes a file or a directory with all that is in it.
    pub fn remove(&self, path: &Path) {
        let heard = self.hearing(path);
        let mut state = self.state();
        if let Some(number) = state.tree.remove(path) {
            // Losing a name is a change of what is still open.
            let changed = state.tree.count();
            if let Ok(node) = state.tree.node(number) {
                node.stat.fingerprint.changed_ns = i64::try_from(changed).unwrap_or(i64::MAX);
            }
        }
        drop(state);
        for (sink, event) in heard {
            sink(event);
        }
    }

    /// Lets a file or directory be read or not.
    pub fn set_readable(&self, path: &Path, readable: bool) {
        self.set_readable_silently(path, readable);
        self.say(path);
    }

    /// The same, and no watch hears of it.
    pub fn set_readable_silently(&self, path: &Path, readable: bool) {
        self.state().tree.set_readable(path, readable);
    }

    /// Lets a program have a file open for writing, or close it.
    pub fn set_held(&self, path: &Path, is_held: bool) {
        if let Some(node) = self.state().tree.at(path) {
            node.is_held = is_held;
        }
        if !is_held {
            self.say(path);
        }
    }

    /// Makes a directory that nobody may read, so that no watch covers it.
    pub fn make_unreadable_directory(&self, path: &Path) {
        {
            let mut state = self.state();
            state.tree.make_directory(path);
            state.tree.set_readable(path, false);
        }
        self.say(path);
    }

    /// Has a file's size be said to be another than that of its bytes.
    pub fn say_size(&self, path: &Path, bytes: u64) {
        if let Some(node) = self.state().tree.at(path) {
            node.stat.fingerprint.bytes = bytes;
        }
    }

    /// Before the read of a file that takes byte `at`, does this once; an error is the read's.
    pub fn at_byte(&self, path: &Path, at: u64, act: impl FnOnce(&Self) -> io::Result<()> + Send + 'static) {
        if let Some(node) = self.state().tree.at(path) {
            node.at_byte = Some((at, Box::new(act)));
        }
    }

    /// Tells the watches what a system would not have told by itself.
    pub fn lose_events(&self) {
        let sinks: Vec<_> = self.state().watches.iter().map(|watched| Arc::clone(&watched.sink)).collect();
        sinks.iter().for_each(|sink| sink(WatchEvent::Lost));
    }

    fn say(&self, path: &Path) {
        for (sink, event) in self.hearing(path) {
            sink(event);
        }
    }

    /// The watches that hear of a path, and what each of them does.
    fn hearing(&self, path: &Path) -> Vec<(Arc<WatchSink>, WatchEvent)> {
        let mut state = self.state();
        let State { tree, watches, .. } = &mut *state;
        watches.iter_mut().flat_map(|watched| watched.hears(tree, path)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// What is said when something happens to a path: that it did, where the watch covers the directory that it is in, and
    /// which new directory on the way cannot be watched.
    fn hears(&mut self, tree: &mut Tree, path: &Path) -> Vec<(Arc<WatchSink>, WatchEvent)> {
        let said = |event| (Arc::clone(&self.sink), event);
        let Some(above) = path.ancestors().find(|above| tree.find(above).ok() == Some(self.directory)) else {
            return Vec::new();
        };
        let below = path.strip_prefix(above).unwrap_or(Path::new(""));
        if below.as_os_str().is_empty() {
            return vec![said(WatchEvent::Dirty(self.path.clone()))];
        }
        let (mut named, mut real) = (self.path.clone(), above.to_owned());
        let mut events = vec![said(WatchEvent::Dirty(self.path.join(below)))];
        for name in below {
            named.push(name);
            real.push(name);
            let Ok(number) = tree.find(&real) else { break };
            if !tree.is_directory(number) {
                break;
            }
            let is_readable = tree.readable(number).is_ok();
            let is_new = !self.covers.contains_key(&number);
            if is_new && !is_readable {
                events.push(said(WatchEvent::Unwatched(named.clone())));
            }
            if !*self.covers.entry(number).or_insert(is_readable) {
                // Nothing is heard from in there, and of the directory itself from the one above.
                let is_inside = real != path;
                return if is_inside && !is_new { Vec::new() } else { events };
            }
        }
        events
    }
}

impl Disk for SimDisk {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.state().tree.canonicalize(path)
    }

    fn root(&self, path: &Path) -> io::Result<Arc<dyn Root>> {
        let directory = self.state().tree.directory_without_links(Tree::TOP, path)?;
        Ok(Arc::new(SimRoot { disk: self.clone(), directory }))
    }

    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String> {
        let mut state = self.state();
        let directory = state.tree.find(root).map_err(|error| error.to_string())?;
        state.made += 1;
        let id = state.made;
        let sink = Arc::new(sink);
        let (covers, unwatched) = state.tree.directories(directory, root);
        for path in unwatched {
            sink(WatchEvent::Unwatched(path));
        }
        state.watches.push(Watched { id, directory, path: root.into(), covers, sink });
        Ok(Box::new(SimWatch { disk: self.clone(), id }))
    }
}

#[derive(Debug)]
struct SimRoot {
    disk: SimDisk,
    directory: Number,
}

impl Root for SimRoot {
    fn identity(&self) -> io::Result<Identity> {
        Ok(Identity { device: 1, inode: self.directory })
    }

    fn stat(&self, below: &Path) -> io::Result<Stat> {
        let mut state = self.disk.state();
        let number = state.tree.without_links(self.directory, below)?;
        Ok(state.tree.node(number)?.stat)
    }

    fn read_directory(&self, below: &Path) -> io::Result<Entries> {
        let mut state = self.disk.state();
        let number = state.tree.directory_without_links(self.directory, below)?;
        let inside = state.tree.readable(number)?.inside()?.clone();
        let entries = inside.into_iter().map(|(name, number)| (name, state.tree.node(number).map(|node| node.stat)));
        Ok(entries.collect())
    }

    fn read_link(&self, below: &Path) -> io::Result<PathBuf> {
        let mut state = self.disk.state();
        let number = state.tree.without_links(self.directory, below)?;
        match &state.tree.node(number)?.kind {
            Kind::Link(target) => Ok(target.clone()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn open(&self, below: &Path) -> io::Result<Opened> {
        let mut state = self.disk.state();
        let file = state.tree.without_links(self.directory, below)?;
        let node = state.tree.readable(file)?;
        match node.kind {
            Kind::File(_) => {
                let stat = node.stat;
                Ok(Opened { file: Box::new(SimFile { disk: self.disk.clone(), file }), stat })
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        }
    }

    fn has_writer(&self, below: &Path) -> io::Result<bool> {
        let mut state = self.disk.state();
        let file = state.tree.without_links(self.directory, below)?;
        Ok(state.tree.node(file)?.is_held)
    }

    fn root(&self, below: &Path) -> io::Result<Arc<dyn Root>> {
        let directory = self.disk.state().tree.directory_without_links(self.directory, below)?;
        Ok(Arc::new(Self { disk: self.disk.clone(), directory }))
    }
}

/// An open file, which stays there whatever becomes of its names.
struct SimFile {
    disk: SimDisk,
    file: Number,
}

impl OpenFile for SimFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let act = {
            let mut state = self.disk.state();
            let reached = offset + buffer.len() as u64;
            state.tree.node(self.file)?.at_byte.take_if(|(at, _)| offset <= *at && reached > *at)
        };
        if let Some((_, act)) = act {
            act(&self.disk)?;
        }
        // A writer changes the bytes under an open file.
        let mut state = self.disk.state();
        let Kind::File(bytes) = &state.tree.node(self.file)?.kind else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let left = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let read = left.len().min(buffer.len());
        buffer[..read].copy_from_slice(&left[..read]);
        Ok(read)
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(self.disk.state().tree.node(self.file)?.stat)
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
        self.disk.state().watches.retain(|watched| watched.id != self.id);
    }
}
