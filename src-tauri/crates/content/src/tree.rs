//! A directory tree put together from the roots of its files, in any order.

use std::{collections::BTreeMap, io};

use crate::{
    block::{BlockSink, Link},
    directory::DirectoryLinks,
    packed_link::PackedLink,
    profile::Profile,
};

/// The longest name of a directory's entry, in bytes; that of every common file system.
pub const MAX_NAME_BYTES: usize = 255;

/// How many directories may stand inside one another.
pub const MAX_TREE_DEPTH: usize = 256;

/// What a directory with an entry takes in memory besides its name: a node of a `BTreeMap` has room for eleven entries.
const DIRECTORY_BYTES: usize = 11 * (size_of::<Box<str>>() + size_of::<Node>()) + 64;

/// Collects the entries of a directory by their paths and makes the nodes of all directories.
#[derive(Debug)]
pub struct TreeBuilder {
    profile: Profile,
    root: Directory,
}

type Directory = BTreeMap<Box<str>, Node>;

#[derive(Debug)]
enum Node {
    // Somewhere else, so that a directory with a single entry, which has room for eleven, stays small.
    Leaf(PackedLink),
    Directory(Directory),
}

/// Why a path cannot be an entry of the tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Empty, absolute, `.` or `..` in it, or a NUL byte.
    #[error("{0:?} is not a path inside a directory")]
    BadPath(String),
    /// A name over [`MAX_NAME_BYTES`] or a path over [`MAX_TREE_DEPTH`].
    #[error("{0:?} is too long or too deep")]
    TooLong(String),
    /// The tree has that entry already, or a file where a directory is needed.
    #[error("{0:?} is there twice")]
    Duplicate(String),
}

impl TreeBuilder {
    /// An empty directory.
    #[must_use]
    pub const fn new(profile: Profile) -> Self {
        Self { profile, root: BTreeMap::new() }
    }

    /// What the directories that would be made for `path`, all of its names, take in memory: a short path can make hundreds.
    ///
    /// ```
    /// use holdfast_content::{Profile, TreeBuilder};
    /// let mut tree = TreeBuilder::new(Profile::UNIXFS_V1_2025);
    /// assert!(tree.bytes_to_add("a/b/c") > 3 * 500);
    /// tree.insert_directory("a/b")?;
    /// assert!(tree.bytes_to_add("a/b/c") < 2 * 500);
    /// # Ok::<(), holdfast_content::TreeError>(())
    /// ```
    #[must_use]
    pub fn bytes_to_add(&self, path: &str) -> usize {
        let mut directory = Some(&self.root);
        let mut bytes = 0;
        for name in path.split('/') {
            directory = match directory.and_then(|directory| directory.get(name)) {
                Some(Node::Directory(entries)) => Some(entries),
                _ => {
                    bytes += DIRECTORY_BYTES + name.len();
                    None
                }
            };
        }
        bytes
    }

    /// Adds a file or a symlink; directories on the way are made. `path` uses `/`.
    ///
    /// ```
    /// use holdfast_content::{Discard, FileImporter, Profile, TreeBuilder};
    /// let profile = Profile::UNIXFS_V1_2025;
    /// let file = FileImporter::new(profile).finish(&mut Discard)?;
    /// let mut tree = TreeBuilder::new(profile);
    /// tree.insert("a/empty.txt", file.clone())?;
    /// tree.insert_directory("b")?;
    /// assert!(tree.insert("../escape", file).is_err());
    /// assert!(tree.finish(&mut Discard)?.cid.to_string().starts_with("bafybei"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TreeError`]; the tree is then as it was but for directories on the way.
    pub fn insert(&mut self, path: &str, link: Link) -> Result<(), TreeError> {
        let (parent, name) = path.rsplit_once('/').map_or((None, path), |(parent, name)| (Some(parent), name));
        check_name(name, path)?;
        let directory = self.directory(parent, path)?;
        if directory.contains_key(name) {
            return Err(TreeError::Duplicate(path.into()));
        }
        directory.insert(name.into(), Node::Leaf(PackedLink::of(&link)));
        Ok(())
    }

    /// Adds a directory; that it exists already is no error.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn insert_directory(&mut self, path: &str) -> Result<(), TreeError> {
        self.directory(Some(path), path).map(drop)
    }

    /// Makes the nodes of all directories, children first, and gives the root.
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn finish(self, sink: &mut dyn BlockSink) -> io::Result<Link> {
        finish_directory(&self.profile, self.root, sink)
    }

    fn directory(&mut self, path: Option<&str>, whole: &str) -> Result<&mut Directory, TreeError> {
        let mut directory = &mut self.root;
        for (depth, name) in path.into_iter().flat_map(|path| path.split('/')).enumerate() {
            check_name(name, whole)?;
            if depth >= MAX_TREE_DEPTH {
                return Err(TreeError::TooLong(whole.into()));
            }
            directory = match directory.entry(name.into()).or_insert_with(|| Node::Directory(Directory::new())) {
                Node::Directory(entries) => entries,
                Node::Leaf(_) => return Err(TreeError::Duplicate(whole.into())),
            };
        }
        Ok(directory)
    }
}

pub(crate) fn check_name(name: &str, path: &str) -> Result<(), TreeError> {
    match name {
        "" | "." | ".." => Err(TreeError::BadPath(path.into())),
        name if name.contains('\0') => Err(TreeError::BadPath(path.into())),
        name if name.len() > MAX_NAME_BYTES => Err(TreeError::TooLong(path.into())),
        _ => Ok(()),
    }
}

fn finish_directory(profile: &Profile, entries: Directory, sink: &mut dyn BlockSink) -> io::Result<Link> {
    let mut links = DirectoryLinks::default();
    for (name, node) in entries {
        let link = match node {
            Node::Leaf(link) => link.unpack()?,
            Node::Directory(entries) => finish_directory(profile, entries, sink)?,
        };
        links.push(&name, &link);
    }
    links.finish(profile, sink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Discard, FileImporter};

    fn file() -> Link {
        FileImporter::new(Profile::UNIXFS_V1_2025).finish(&mut Discard).unwrap()
    }

    #[test]
    fn paths_that_leave_the_directory_or_name_nothing_are_refused() {
        let mut tree = TreeBuilder::new(Profile::UNIXFS_V1_2025);
        for path in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a\0"] {
            assert_eq!(tree.insert(path, file()), Err(TreeError::BadPath(path.into())), "{path:?}");
        }
        assert!(matches!(tree.insert(&"x".repeat(256), file()), Err(TreeError::TooLong(_))));
        assert!(matches!(tree.insert("x/".repeat(300).trim_end_matches('/'), file()), Err(TreeError::TooLong(_))));
    }

    #[test]
    fn one_path_names_one_thing() {
        let mut tree = TreeBuilder::new(Profile::UNIXFS_V1_2025);
        tree.insert("a/b", file()).unwrap();
        assert!(matches!(tree.insert("a/b", file()), Err(TreeError::Duplicate(_))));
        assert!(matches!(tree.insert("a", file()), Err(TreeError::Duplicate(_))));
        assert!(matches!(tree.insert("a/b/c", file()), Err(TreeError::Duplicate(_))));
        tree.insert_directory("a").unwrap();
        tree.insert_directory("a/d/e").unwrap();
    }
}
