//! A directory tree put together from entries that come in its order.

use std::{cmp::Ordering, io};

use crate::{
    block::{BlockSink, Link},
    directory::DirectoryLinks,
    profile::Profile,
    tree::{MAX_TREE_DEPTH, TreeError, check_name},
};

/// Makes the nodes of a directory tree while its entries come: of a directory nothing but its own link is kept once an entry
/// came that is not in it.
///
/// Entries come sorted by the names on their paths, each name bytewise: what is in a directory comes together.
///
/// ```
/// use holdfast_content::{Discard, FileImporter, OrderedTree, Profile, TreeBuilder};
/// let profile = Profile::UNIXFS_V1_2025;
/// let file = FileImporter::new(profile).finish(&mut Discard)?;
/// let (mut ordered, mut any) = (OrderedTree::new(profile), TreeBuilder::new(profile));
/// for path in ["a", "b/c", "b/d"] {
///     ordered.insert(path, &file, &mut Discard)?;
///     any.insert(path, file.clone())?;
/// }
/// assert_eq!(ordered.finish(&mut Discard)?, any.finish(&mut Discard)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OrderedTree {
    profile: Profile,
    root: Open,
    /// The directories on the way to the last entry.
    way: Vec<Open>,
}

/// A directory to which entries may still come.
#[derive(Debug, Default)]
struct Open {
    name: Box<str>,
    links: DirectoryLinks,
    /// The name of the last entry that was added.
    last: String,
}

/// Why something cannot be the next entry.
#[derive(Debug, thiserror::Error)]
pub enum OrderedTreeError {
    /// Not anywhere in a tree.
    #[error(transparent)]
    Path(#[from] TreeError),
    /// Not after what came before it.
    #[error("{0:?} is not in its order")]
    Disordered(String),
    /// The sink failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl OrderedTree {
    /// An empty directory.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self { profile, root: Open::default(), way: Vec::new() }
    }

    /// Adds a file or a symlink; directories on the way are made. `path` uses `/`.
    ///
    /// # Errors
    /// [`OrderedTreeError`]; the tree is of no use then.
    pub fn insert(&mut self, path: &str, link: &Link, sink: &mut dyn BlockSink) -> Result<(), OrderedTreeError> {
        let (parent, name) = path.rsplit_once('/').map_or((None, path), |(parent, name)| (Some(parent), name));
        check_name(name, path)?;
        self.enter(parent, path, sink)?;
        self.here().add(name, link, path)
    }

    /// Adds a directory, to which entries may come from here on.
    ///
    /// # Errors
    /// [`OrderedTreeError`]; the tree is of no use then.
    pub fn insert_directory(&mut self, path: &str, sink: &mut dyn BlockSink) -> Result<(), OrderedTreeError> {
        self.enter(Some(path), path, sink)
    }

    /// Makes the nodes of the directories that are still open, and gives the root.
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn finish(mut self, sink: &mut dyn BlockSink) -> io::Result<Link> {
        self.leave_to(0, sink)?;
        self.root.links.finish(&self.profile, sink)
    }

    /// Ends the directories that `path` does not lead through, and begins those that it leads to.
    fn enter(&mut self, path: Option<&str>, whole: &str, sink: &mut dyn BlockSink) -> Result<(), OrderedTreeError> {
        let mut names = path.into_iter().flat_map(|path| path.split('/')).peekable();
        let mut depth = 0;
        while let (Some(open), Some(name)) = (self.way.get(depth), names.peek())
            && *open.name == **name
        {
            depth += 1;
            names.next();
        }
        self.leave_to(depth, sink)?;
        for name in names {
            check_name(name, whole)?;
            if self.way.len() >= MAX_TREE_DEPTH {
                return Err(TreeError::TooLong(whole.into()).into());
            }
            self.here().is_next(name, whole)?;
            self.way.push(Open { name: name.into(), ..Open::default() });
        }
        Ok(())
    }

    fn leave_to(&mut self, depth: usize, sink: &mut dyn BlockSink) -> io::Result<()> {
        while self.way.len() > depth
            && let Some(Open { name, links, .. }) = self.way.pop()
        {
            let link = links.finish(&self.profile, sink)?;
            self.here().push(&name, &link);
        }
        Ok(())
    }

    fn here(&mut self) -> &mut Open {
        self.way.last_mut().unwrap_or(&mut self.root)
    }
}

impl Open {
    fn add(&mut self, name: &str, link: &Link, whole: &str) -> Result<(), OrderedTreeError> {
        self.is_next(name, whole)?;
        self.push(name, link);
        Ok(())
    }

    fn push(&mut self, name: &str, link: &Link) {
        self.links.push(name, link);
        self.last.clear();
        self.last.push_str(name);
    }

    fn is_next(&self, name: &str, whole: &str) -> Result<(), OrderedTreeError> {
        // No name is empty, so that any is after none.
        match name.cmp(&self.last) {
            Ordering::Greater => Ok(()),
            Ordering::Equal => Err(TreeError::Duplicate(whole.into()).into()),
            Ordering::Less => Err(OrderedTreeError::Disordered(whole.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Discard, FileImporter, TreeBuilder};

    fn file(profile: Profile) -> Link {
        FileImporter::new(profile).finish(&mut Discard).unwrap()
    }

    #[test]
    fn it_is_the_tree_that_is_made_in_any_order_also_of_large_directories() {
        for profile in Profile::ALL {
            let (mut ordered, mut any) = (OrderedTree::new(profile), TreeBuilder::new(profile));
            let deep: Vec<_> = (0..6000).map(|number| format!("d/{number:04} with a name to fill a block/x")).collect();
            let large: Vec<_> = (0..9000).map(|number| format!("e/{number:05} with a name to fill a block")).collect();
            let paths = ["a", "a.b", "b/c/d", "b/c.d"].iter().copied();
            let mut paths: Vec<_> =
                paths.chain(deep.iter().map(String::as_str)).chain(large.iter().map(String::as_str)).collect();
            paths.sort_by_key(|path| path.split('/').collect::<Vec<_>>());
            for path in &paths {
                ordered.insert(path, &file(profile), &mut Discard).unwrap();
            }
            ordered.insert_directory("f/g", &mut Discard).unwrap();
            for path in paths.iter().rev() {
                any.insert(path, file(profile)).unwrap();
            }
            any.insert_directory("f/g").unwrap();
            assert_eq!(ordered.finish(&mut Discard).unwrap(), any.finish(&mut Discard).unwrap());
        }
    }

    #[test]
    fn of_a_directory_that_has_ended_only_its_link_is_kept() {
        let profile = Profile::UNIXFS_V1_2025;
        let mut tree = OrderedTree::new(profile);
        for directory in 0..100 {
            for number in 0..100 {
                tree.insert(&format!("{directory:03}/{number:03}"), &file(profile), &mut Discard).unwrap();
            }
        }
        assert_eq!(tree.way.len(), 1);
        assert!(tree.root.links.encoded_len() < 100 * 64 && tree.way[0].links.encoded_len() < 100 * 64);
    }

    #[test]
    fn what_comes_twice_or_too_late_or_leads_elsewhere_is_refused() {
        let profile = Profile::UNIXFS_V1_2025;
        let tree = || {
            let mut tree = OrderedTree::new(profile);
            tree.insert("b/c", &file(profile), &mut Discard).unwrap();
            tree.insert("d", &file(profile), &mut Discard).unwrap();
            tree
        };
        let insert = |path: &str| tree().insert(path, &file(profile), &mut Discard);
        for path in ["a", "b/d", "c"] {
            assert!(matches!(insert(path), Err(OrderedTreeError::Disordered(_))), "{path}");
        }
        for path in ["d", "d/e"] {
            assert!(matches!(insert(path), Err(OrderedTreeError::Path(TreeError::Duplicate(_)))), "{path}");
        }
        for path in ["", "/", "/e", "e/", "e//f", "e/../f", ".", "e\0"] {
            assert!(matches!(insert(path), Err(OrderedTreeError::Path(TreeError::BadPath(_)))), "{path:?}");
        }
        let deep = "x/".repeat(300);
        assert!(matches!(insert(deep.trim_end_matches('/')), Err(OrderedTreeError::Path(TreeError::TooLong(_)))));
    }
}
