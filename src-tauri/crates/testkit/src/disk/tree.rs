//! The simulated disk's nodes, which are what they are whatever they are called.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::{OsStr, OsString},
    io,
    path::{Component, Path, PathBuf},
};

use holdfast_core::disk::{leads_elsewhere, names_of};

use super::{EntryKind, Fingerprint, SimDisk, Stat};

/// A node's number.
pub(super) type Number = u64;

/// What is done before a file's byte is read.
pub(super) type AtByte = Box<dyn FnOnce(&SimDisk) -> io::Result<()> + Send>;

/// Links that are followed one after another.
const MAX_LINKS: usize = 40;

/// All nodes, those that have lost their last name included: they may be open.
pub(super) struct Tree {
    nodes: HashMap<Number, Node>,
    made: u64,
}

pub(super) struct Node {
    pub(super) stat: Stat,
    pub(super) kind: Kind,
    pub(super) readable: bool,
    pub(super) is_held: bool,
    pub(super) at_byte: Option<(u64, AtByte)>,
}

pub(super) enum Kind {
    File(Vec<u8>),
    Directory(BTreeMap<OsString, Number>),
    Link(PathBuf),
}

impl Node {
    /// A directory's entries.
    pub(super) fn inside(&self) -> io::Result<&BTreeMap<OsString, Number>> {
        match &self.kind {
            Kind::Directory(inside) => Ok(inside),
            Kind::Link(_) => Err(leads_elsewhere()),
            Kind::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}

impl Default for Tree {
    fn default() -> Self {
        let mut tree = Self { nodes: HashMap::new(), made: 0 };
        tree.new_node(Kind::Directory(BTreeMap::new()));
        tree
    }
}

/// Looking.
impl Tree {
    /// The topmost directory.
    pub(super) const TOP: Number = 1;

    pub(super) fn node(&mut self, number: Number) -> io::Result<&mut Node> {
        self.nodes.get_mut(&number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn readable(&mut self, number: Number) -> io::Result<&mut Node> {
        let node = self.node(number)?;
        if node.readable { Ok(node) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    /// What is below a directory, reached through directories only.
    pub(super) fn without_links(&self, from: Number, below: &Path) -> io::Result<Number> {
        let below = below.strip_prefix("/").unwrap_or(below);
        let names = names_of(below).ok_or_else(leads_elsewhere)?;
        names.into_iter().try_fold(from, |directory, name| self.entry(directory, name))
    }

    /// The same, and it is a directory.
    pub(super) fn directory_without_links(&self, from: Number, below: &Path) -> io::Result<Number> {
        let number = self.without_links(from, below)?;
        self.nodes.get(&number).ok_or(io::ErrorKind::NotFound)?.inside().map(|_| number)
    }

    /// What is at a path, with every link on the way followed and none at its end.
    pub(super) fn find(&self, path: &Path) -> io::Result<Number> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => {
                let parent = self.without_links(Self::TOP, &self.canonicalize(parent)?)?;
                self.entry(parent, name)
            }
            _ => Ok(Self::TOP),
        }
    }

    pub(super) fn is_directory(&self, number: Number) -> bool {
        self.nodes.get(&number).is_some_and(|node| matches!(node.kind, Kind::Directory(_)))
    }

    /// All directories from one on that can be read, and what those are called that cannot.
    pub(super) fn directories(&self, from: Number, path: &Path) -> (HashMap<Number, bool>, Vec<PathBuf>) {
        let (mut found, mut unreadable) = (HashMap::new(), Vec::new());
        let mut to_go = vec![(from, path.to_owned())];
        while let Some((number, path)) = to_go.pop() {
            let Some(Node { kind: Kind::Directory(inside), readable, .. }) = self.nodes.get(&number) else { continue };
            found.insert(number, *readable);
            if *readable {
                to_go.extend(inside.iter().map(|(name, number)| (*number, path.join(name))));
            } else {
                unreadable.push(path);
            }
        }
        (found, unreadable)
    }

    pub(super) fn at(&mut self, path: &Path) -> Option<&mut Node> {
        let number = self.find(path).ok()?;
        self.nodes.get_mut(&number)
    }

    /// The path without links in it.
    pub(super) fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let mut to_go: Vec<OsString> = names(path);
        let (mut real, mut links) = (PathBuf::from("/"), 0);
        while let Some(name) = to_go.pop() {
            if name == ".." {
                real.pop();
                continue;
            }
            let directory = self.without_links(Self::TOP, &real)?;
            let number = self.entry(directory, &name)?;
            let Some(Node { kind: Kind::Link(target), .. }) = self.nodes.get(&number) else {
                real.push(name);
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            if target.is_absolute() {
                real = "/".into();
            }
            to_go.extend(names(target));
        }
        Ok(real)
    }

    fn entry(&self, directory: Number, name: &OsStr) -> io::Result<Number> {
        let inside = self.nodes.get(&directory).ok_or(io::ErrorKind::NotFound)?.inside()?;
        inside.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The names on a path's way, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let name = |component| match component {
        Component::Normal(name) => Some(OsString::from(name)),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().rev().filter_map(name).collect()
}

/// Changing. Nothing can go wrong but what a test has wrong.
impl Tree {
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8]) {
        let version = self.count();
        match self.at(path) {
            Some(Node { stat, kind: Kind::File(there), .. }) => {
                let version = i64::try_from(version).unwrap_or(i64::MAX);
                *there = bytes.into();
                stat.fingerprint.bytes = bytes.len() as u64;
                stat.fingerprint.modified_ns = version;
                stat.fingerprint.changed_ns = version;
            }
            _ => self.put(path, Kind::File(bytes.into())),
        }
    }

    pub(super) fn write_unnoticed(&mut self, path: &Path, bytes: &[u8]) {
        if let Some(Node { kind: Kind::File(there), .. }) = self.at(path) {
            *there = bytes.into();
        }
    }

    pub(super) fn set_readable(&mut self, path: &Path, readable: bool) {
        let version = self.count();
        if let Some(node) = self.at(path) {
            node.readable = readable;
            node.stat.fingerprint.changed_ns = i64::try_from(version).unwrap_or(i64::MAX);
        }
    }

    pub(super) fn make_directory(&mut self, path: &Path) {
        if self.find(path).is_err() {
            self.put(path, Kind::Directory(BTreeMap::new()));
        }
    }

    pub(super) fn link(&mut self, path: &Path, target: &Path) {
        self.put(path, Kind::Link(target.into()));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        if let Some(number) = self.remove(from) {
            self.name(to, number);
        }
    }

    /// Takes a name away, and gives what was called so.
    pub(super) fn remove(&mut self, path: &Path) -> Option<Number> {
        let (parent, name) = (path.parent()?, path.file_name()?);
        match &mut self.at(&self.canonicalize(parent).ok()?)?.kind {
            Kind::Directory(inside) => inside.remove(name),
            _ => None,
        }
    }

    fn put(&mut self, path: &Path, kind: Kind) {
        let number = self.new_node(kind);
        self.name(path, number);
    }

    fn name(&mut self, path: &Path, number: Number) {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
        self.make_directory(parent);
        let Ok(parent) = self.canonicalize(parent) else { return };
        if let Some(Node { kind: Kind::Directory(inside), .. }) = self.at(&parent) {
            inside.insert(name.into(), number);
        }
    }

    fn new_node(&mut self, kind: Kind) -> Number {
        let number = self.count();
        let version = i64::try_from(number).unwrap_or(i64::MAX);
        let (entry, bytes) = match &kind {
            Kind::File(bytes) => (EntryKind::File, bytes.len() as u64),
            Kind::Directory(_) => (EntryKind::Directory, 0),
            Kind::Link(_) => (EntryKind::Symlink, 0),
        };
        let fingerprint = Fingerprint { bytes, modified_ns: version, changed_ns: version, device: 1, inode: number };
        let stat = Stat { kind: entry, fingerprint };
        self.nodes.insert(number, Node { stat, kind, readable: true, is_held: false, at_byte: None });
        number
    }

    pub(super) const fn count(&mut self) -> u64 {
        self.made += 1;
        self.made
    }
}
