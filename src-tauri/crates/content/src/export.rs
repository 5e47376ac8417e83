//! Writing a DAG's file or directory back to the disk, never outside the place that was named.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use cid::Cid;

use crate::{
    block::BlockSource,
    judge::judge,
    read::{FileReader, NodeKind, ReadError, list_directory, stat},
    tree::MAX_TREE_DEPTH,
};

/// Files, directories and symlinks that an export writes at most. A DAG of a few kilobytes can name one directory in so many
/// places that no disk would hold it.
pub const MAX_EXPORTED_ENTRIES: u64 = 10_000_000;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// Bytes in files.
    pub bytes: u64,
}

impl Exported {
    const fn entries(&self) -> u64 {
        self.files + self.directories + self.symlinks
    }
}

/// Why an export ended.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The DAG.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A name that no file may have, such as `..` or one with a slash.
    #[error("an entry is called {0:?}, which is no name of a file")]
    BadName(String),
    /// Directories lie too deep inside one another.
    #[error("directories lie more than {MAX_TREE_DEPTH} deep inside one another")]
    TooDeep,
    /// More files, directories and symlinks than an export writes.
    #[error("there are more than {MAX_EXPORTED_ENTRIES} files and directories")]
    TooMany,
    /// The disk.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes what `cid` names to `target`, which must not exist yet, if all of the DAG is there and
/// [taken](crate::judge()). Everything below is made new: what a DAG's links and
/// names say can lead nowhere else. After an error what was written so far is left for its user to look at.
///
/// ```
/// use std::{collections::HashMap, fs};
/// use holdfast_content::{Cid, export};
/// // The blocks of this directory and of its file are within their CIDs.
/// let directory: Cid = "bafyaaeysbufamakvaabgq2isafqrqaqkaieac".parse()?;
/// let blocks: HashMap<Cid, Vec<u8>> = HashMap::new();
/// let place = tempfile::tempdir()?;
/// let target = place.path().join("out");
/// assert_eq!(export(&blocks, &directory, &target)?.files, 1);
/// assert_eq!(fs::read(target.join("a"))?, b"hi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExportError`].
pub fn export(source: &dyn BlockSource, cid: &Cid, target: &Path) -> Result<Exported, ExportError> {
    judge(source, cid)?;
    let mut exported = Exported::default();
    write_node(source, cid, target, 0, &mut exported)?;
    Ok(exported)
}

fn write_node(
    source: &dyn BlockSource,
    cid: &Cid,
    path: &Path,
    depth: usize,
    exported: &mut Exported,
) -> Result<(), ExportError> {
    if exported.entries() == MAX_EXPORTED_ENTRIES {
        return Err(ExportError::TooMany);
    }
    let failed = |source| ExportError::Write { path: path.into(), source };
    match stat(source, cid)? {
        NodeKind::File { .. } => {
            let mut file = File::create_new(path).map_err(failed)?;
            for piece in FileReader::open(source, cid)? {
                let piece = piece?;
                file.write_all(&piece).map_err(failed)?;
                exported.bytes += piece.len() as u64;
            }
            exported.files += 1;
        }
        NodeKind::Directory => {
            if depth > MAX_TREE_DEPTH {
                return Err(ExportError::TooDeep);
            }
            // Fails where a link of the same name was made a moment ago.
            fs::create_dir(path).map_err(failed)?;
            exported.directories += 1;
            for entry in list_directory(source, cid)? {
                check_name(&entry.name)?;
                write_node(source, &entry.cid, &path.join(&entry.name), depth + 1, exported)?;
            }
        }
        NodeKind::Symlink { target } => {
            make_symlink(&target, path).map_err(failed)?;
            exported.symlinks += 1;
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), ExportError> {
    let bad = matches!(name, "" | "." | "..")
        || name.contains(['/', '\0'])
        || cfg!(windows) && leads_elsewhere_on_windows(name);
    if bad { Err(ExportError::BadName(name.into())) } else { Ok(()) }
}

/// Separators, streams, devices, and names that Windows would cut to another one.
fn leads_elsewhere_on_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_port = stem.strip_prefix("COM").or(stem.strip_prefix("LPT")).is_some_and(|number| {
        let mut number = number.chars();
        matches!(number.next(), Some('0'..='9' | '¹' | '²' | '³')) && number.next().is_none()
    });
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$");
    name.contains(['\\', ':']) || name.ends_with(['.', ' ']) || is_port || is_device
}

#[cfg(unix)]
fn make_symlink(target: &[u8], path: &Path) -> io::Result<()> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    std::os::unix::fs::symlink(OsStr::from_bytes(target), path)
}

#[cfg(not(unix))]
fn make_symlink(_target: &[u8], _path: &Path) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "symlinks are not made on this system"))
}

#[cfg(test)]
mod tests {
    use super::leads_elsewhere_on_windows;

    #[test]
    fn names_that_windows_reads_as_something_else_are_known() {
        for name in ["a\\b", "C:", "file:stream", "a.", "a ", "nul", "NUL.txt", "con .x", "COM1", "lpt9.log", "com²"] {
            assert!(leads_elsewhere_on_windows(name), "{name:?}");
        }
        for name in ["a", "a.b", ".hidden", "console", "COM10", "nullable", "é ü", "com"] {
            assert!(!leads_elsewhere_on_windows(name), "{name:?}");
        }
    }
}
