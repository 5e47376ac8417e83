//! From the named parts of an upload to blocks and one root.
//!
//! The rules of what may be uploaded together are here; HTTP is not.

use std::io;

use holdfast_content::{
    BlockSink, FileImporter, Link, MAX_NAME_BYTES, MAX_TREE_DEPTH, Profile, TreeBuilder, TreeError, import_symlink,
};

use crate::store::memory::{Claim, NoMemory};

/// The profile of every CID that this service makes.
pub(crate) const PROFILE: Profile = Profile::UNIXFS_V1_2025;

/// The longest target of a symlink, in bytes; that of Linux.
const MAX_SYMLINK_BYTES: usize = 4096;

/// What an entry takes in memory until the upload's end, besides its name.
const ENTRY_BYTES: usize = 256;

/// What a part of an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartKind {
    File,
    Directory,
    Symlink,
}

/// Why an upload cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("Failed to get uploaded files")]
    NoParts,
    #[error("{0:?} is not a path of an uploaded file")]
    BadPath(String),
    #[error("{0:?} is too long or too deep")]
    TooLong(String),
    #[error("{0:?} is there twice")]
    Duplicate(String),
    #[error("several files must share one top directory, but {0:?} is not in {1:?}")]
    MixedRoots(String, String),
    #[error("the directory {0:?} came with bytes")]
    DirectoryWithBytes(String),
    #[error("the symlink {0:?} has no target or one over 4096 bytes")]
    BadSymlink(String),
    #[error(transparent)]
    Memory(#[from] NoMemory),
    #[error("writing blocks failed")]
    Io(#[from] io::Error),
}

impl From<TreeError> for ImportError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::BadPath(path) => Self::BadPath(path),
            TreeError::TooLong(path) => Self::TooLong(path),
            TreeError::Duplicate(path) => Self::Duplicate(path),
        }
    }
}

/// What an upload has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    /// The name of the one file or of the top directory.
    pub(crate) name: String,
    pub(crate) link: Link,
    pub(crate) kind: PartKind,
}

/// An upload under way. Parts come one after the other: [`begin`](Self::begin), then its bytes.
#[derive(Debug)]
pub(crate) struct Import<S> {
    sink: S,
    root: Option<Root>,
    open: Option<Open>,
    /// For the tree, which is kept until the end: a path of 600 bytes can make 250 directories.
    memory: Claim,
}

#[derive(Debug)]
struct Root {
    name: String,
    content: RootContent,
}

#[derive(Debug)]
enum RootContent {
    /// A part whose path is a single name.
    Single(PartKind, Option<Link>),
    Tree(TreeBuilder),
}

#[derive(Debug)]
struct Open {
    path: String,
    body: Body,
}

#[derive(Debug)]
enum Body {
    File(Box<FileImporter>),
    Directory,
    Symlink(Vec<u8>),
}

impl<S: BlockSink> Import<S> {
    pub(crate) const fn new(sink: S, memory: Claim) -> Self {
        Self { sink, root: None, open: None, memory }
    }

    /// Starts the next part; `path` is its filename.
    pub(crate) fn begin(&mut self, kind: PartKind, path: String) -> Result<(), ImportError> {
        self.end_part()?;
        check_path(&path)?;
        self.memory.add(ENTRY_BYTES + path.len())?;
        let (top, rest) = path.split_once('/').map_or((path.as_str(), None), |(top, rest)| (top, Some(rest)));
        let is_tree = rest.is_some() || kind == PartKind::Directory;
        match &self.root {
            None => {
                let content = if is_tree {
                    RootContent::Tree(TreeBuilder::new(PROFILE))
                } else {
                    RootContent::Single(kind, None)
                };
                self.root = Some(Root { name: top.into(), content });
            }
            Some(root) if root.name != top => return Err(ImportError::MixedRoots(path, root.name.clone())),
            Some(Root { content: RootContent::Tree(_), .. }) if is_tree => {}
            Some(_) => return Err(ImportError::Duplicate(top.into())),
        }
        let body = match kind {
            PartKind::File => Body::File(Box::new(FileImporter::new(PROFILE))),
            PartKind::Directory => Body::Directory,
            PartKind::Symlink => Body::Symlink(Vec::new()),
        };
        self.open = Some(Open { path, body });
        Ok(())
    }

    /// Takes the next bytes of the part that was begun last.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        let Some(open) = &mut self.open else {
            return Err(ImportError::NoParts);
        };
        match &mut open.body {
            Body::File(importer) => importer.push(bytes, &mut self.sink)?,
            Body::Directory if bytes.is_empty() => {}
            Body::Directory => return Err(ImportError::DirectoryWithBytes(open.path.clone())),
            Body::Symlink(target) if target.len() + bytes.len() <= MAX_SYMLINK_BYTES => target.extend_from_slice(bytes),
            Body::Symlink(_) => return Err(ImportError::BadSymlink(open.path.clone())),
        }
        Ok(())
    }

    /// Ends the upload: makes the directories and gives the root, and the sink back.
    pub(crate) fn finish(mut self) -> Result<(Imported, S), ImportError> {
        self.end_part()?;
        let Root { name, content } = self.root.ok_or(ImportError::NoParts)?;
        let (kind, link) = match content {
            RootContent::Single(kind, link) => (kind, link.ok_or(ImportError::NoParts)?),
            RootContent::Tree(tree) => (PartKind::Directory, tree.finish(&mut self.sink)?),
        };
        Ok((Imported { name, link, kind }, self.sink))
    }

    fn end_part(&mut self) -> Result<(), ImportError> {
        let (Some(Open { path, body }), Some(root)) = (self.open.take(), &mut self.root) else {
            return Ok(());
        };
        let link = match body {
            Body::File(importer) => Some(importer.finish(&mut self.sink)?),
            Body::Directory => None,
            Body::Symlink(target) if target.is_empty() || target.contains(&0) => {
                return Err(ImportError::BadSymlink(path));
            }
            Body::Symlink(target) => Some(import_symlink(PROFILE, &target, &mut self.sink)?),
        };
        let inside = path.split_once('/').map(|(_, inside)| inside);
        match (&mut root.content, inside, link) {
            (RootContent::Single(_, single), _, link) => *single = link,
            (RootContent::Tree(tree), Some(inside), link) => {
                let directories =
                    if link.is_some() { inside.rsplit_once('/').map(|(above, _)| above) } else { Some(inside) };
                self.memory.add(directories.map_or(0, |path| tree.bytes_to_add(path)))?;
                match link {
                    Some(link) => tree.insert(inside, link)?,
                    None => tree.insert_directory(inside)?,
                }
            }
            (RootContent::Tree(_), None, _) => {}
        }
        Ok(())
    }
}

fn check_path(path: &str) -> Result<(), ImportError> {
    let mut depth = 0;
    for name in path.split('/') {
        depth += 1;
        if matches!(name, "" | "." | "..") || name.contains('\0') {
            return Err(ImportError::BadPath(path.into()));
        }
        if name.len() > MAX_NAME_BYTES || depth > MAX_TREE_DEPTH {
            return Err(ImportError::TooLong(path.chars().take(MAX_NAME_BYTES).collect()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use holdfast_content::Discard;

    use super::*;
    use crate::store::memory::{Memory, Who};

    fn import(parts: &[(PartKind, &str, &[u8])]) -> Result<Imported, ImportError> {
        let mut import = Import::new(Discard, Memory::new(1 << 30).claim(Who::Owner(1)));
        for (kind, path, bytes) in parts {
            import.begin(*kind, (*path).into())?;
            import.push(bytes)?;
        }
        import.finish().map(|(imported, _)| imported)
    }

    fn files(paths: &[&str]) -> Result<Imported, ImportError> {
        import(&paths.iter().map(|path| (PartKind::File, *path, b"x".as_slice())).collect::<Vec<_>>())
    }

    #[test]
    fn a_file_alone_is_its_own_root() {
        let imported = import(&[(PartKind::File, "a.txt", b"hello world")]).unwrap();
        assert_eq!(imported.link.cid.to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
        assert_eq!((imported.name.as_str(), imported.kind), ("a.txt", PartKind::File));
    }

    #[test]
    fn the_top_directory_names_the_tree_but_is_not_in_it() {
        let imported = files(&["site/a", "site/b/c"]).unwrap();
        let mut tree = TreeBuilder::new(PROFILE);
        let file = |bytes: &[u8]| {
            let mut importer = FileImporter::new(PROFILE);
            importer.push(bytes, &mut Discard).unwrap();
            importer.finish(&mut Discard).unwrap()
        };
        tree.insert("a", file(b"x")).unwrap();
        tree.insert("b/c", file(b"x")).unwrap();
        assert_eq!(imported.link, tree.finish(&mut Discard).unwrap());
        assert_eq!((imported.name.as_str(), imported.kind), ("site", PartKind::Directory));
    }

    #[test]
    fn an_empty_directory_is_a_directory() {
        let imported = import(&[(PartKind::Directory, "empty", b"")]).unwrap();
        assert_eq!(imported.link.cid.to_string(), "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
    }

    #[test]
    fn a_directory_may_be_named_before_and_after_what_is_in_it() {
        let named = import(&[
            (PartKind::Directory, "d", b""),
            (PartKind::File, "d/e/f", b"x"),
            (PartKind::Directory, "d/e", b""),
        ]);
        assert_eq!(named.unwrap(), files(&["d/e/f"]).unwrap());
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\0b", "a/\0"] {
            assert!(matches!(files(&[path]), Err(ImportError::BadPath(_))), "{path:?}");
        }
    }

    #[test]
    fn a_backslash_is_an_ordinary_character() {
        assert_eq!(files(&["a\\..\\b"]).unwrap().name, "a\\..\\b");
    }

    #[test]
    fn names_and_paths_have_a_length() {
        assert!(files(&[&"é".repeat(127)]).is_ok());
        assert!(matches!(files(&[&"é".repeat(128)]), Err(ImportError::TooLong(_))));
        let deep = |depth: usize| vec!["d"; depth].join("/");
        assert!(files(&[&deep(MAX_TREE_DEPTH)]).is_ok());
        assert!(matches!(files(&[&deep(MAX_TREE_DEPTH + 1)]), Err(ImportError::TooLong(_))));
    }

    #[test]
    fn the_trees_of_all_uploads_share_one_budget() {
        let memory = Memory::new(64 * 1024 * 1024);
        let deep = |number: usize| format!("t/{number}/{}", vec!["d"; 250].join("/"));
        let fill = || {
            let mut import = Import::new(Discard, memory.claim(Who::Owner(1)));
            let failed = (0..2000).find_map(|number| import.begin(PartKind::Directory, deep(number)).err());
            (import, failed.unwrap())
        };
        let (first, failed) = fill();
        assert!(matches!(failed, ImportError::Memory(NoMemory::TooMuch)), "{failed}");
        let (_second, failed) = fill();
        assert!(matches!(failed, ImportError::Memory(NoMemory::Busy)), "{failed}");
        assert!(memory.used() <= 32 * 1024 * 1024);
        drop((first, _second));
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn several_parts_share_one_top_directory() {
        assert!(matches!(files(&["a", "b"]), Err(ImportError::MixedRoots(..))));
        assert!(matches!(files(&["a/b", "c/d"]), Err(ImportError::MixedRoots(..))));
        assert!(matches!(files(&["a/b", "c"]), Err(ImportError::MixedRoots(..))));
        assert!(matches!(files(&["a", "a/b"]), Err(ImportError::Duplicate(_))));
        assert!(matches!(files(&["a/b", "a"]), Err(ImportError::Duplicate(_))));
        assert!(matches!(files(&["a", "a"]), Err(ImportError::Duplicate(_))));
        assert!(matches!(files(&["a/b", "a/b"]), Err(ImportError::Duplicate(_))));
        assert!(matches!(files(&["a/b", "a/b/c"]), Err(ImportError::Duplicate(_))));
        assert!(matches!(files(&[]), Err(ImportError::NoParts)));
    }

    #[test]
    fn symlinks_and_directories_are_checked() {
        assert_eq!(import(&[(PartKind::Symlink, "l", b"../x")]).unwrap().kind, PartKind::Symlink);
        for target in [b"".as_slice(), b"a\0b", &[b'x'; MAX_SYMLINK_BYTES + 1]] {
            assert!(matches!(import(&[(PartKind::Symlink, "d/l", target)]), Err(ImportError::BadSymlink(_))));
        }
        assert!(matches!(import(&[(PartKind::Directory, "d", b"x")]), Err(ImportError::DirectoryWithBytes(_))));
    }
}
