//! Open directories on Windows: as long as one is open without leave to delete it, neither it nor what is above it can be
//! renamed or put something in the place of. So each directory on the way is opened and looked at before the next one.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::windows::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use super::{ignoring_interrupts, no_regular_file, stat_all};
use crate::disk::{Entries, EntryKind, Fingerprint, Identity, OpenFile, Opened, Root, Stat, leads_elsewhere, names_of};

const FILE_SHARE_READ: u32 = 1;
const FILE_SHARE_WRITE: u32 = 2;
const FILE_SHARE_DELETE: u32 = 4;
const ERROR_SHARING_VIOLATION: i32 = 32;
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// An open directory.
#[derive(Debug)]
pub(super) struct WindowsRoot {
    path: PathBuf,
    directory: File,
}

pub(super) fn open_root(path: &Path) -> io::Result<WindowsRoot> {
    let path = std::path::absolute(path)?;
    let directory = hold(&path)?;
    // Nothing above it can be exchanged any more: a link on the way would be one as long as this is open.
    let plain = |path: &Path| path.to_string_lossy().trim_start_matches(r"\\?\").to_owned();
    if plain(&fs::canonicalize(&path)?) == plain(&path) {
        Ok(WindowsRoot { path, directory })
    } else {
        Err(leads_elsewhere())
    }
}

/// Opens a directory so that it stays where it is.
fn hold(path: &Path) -> io::Result<File> {
    let directory = OpenOptions::new()
        .read(true)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    let kind = directory.metadata()?.file_type();
    if kind.is_symlink() {
        return Err(leads_elsewhere());
    }
    if kind.is_dir() { Ok(directory) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

impl Root for WindowsRoot {
    fn identity(&self) -> io::Result<Identity> {
        let about = winapi_util::file::information(&self.directory)?;
        Ok(Identity { device: about.volume_serial_number(), inode: about.file_index() })
    }

    fn stat(&self, below: &Path) -> io::Result<Stat> {
        self.at(below, |path| Ok(stat_of(&fs::symlink_metadata(path)?)))
    }

    fn read_directory(&self, below: &Path) -> io::Result<Entries> {
        self.at(below, |path| {
            let _held = hold(path)?;
            let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
            Ok(stat_all(&entries, |entry| (entry.file_name(), entry.metadata().map(|about| stat_of(&about)))))
        })
    }

    fn read_link(&self, below: &Path) -> io::Result<PathBuf> {
        self.at(below, |path| fs::read_link(path))
    }

    fn open(&self, below: &Path) -> io::Result<Opened> {
        self.at(below, |path| {
            let file = OpenOptions::new().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)?;
            let stat = stat_of(&file.metadata()?);
            match stat.kind {
                EntryKind::File => Ok(Opened { file: Box::new(RealFile(file)), stat }),
                EntryKind::Symlink => Err(leads_elsewhere()),
                _ => Err(no_regular_file()),
            }
        })
    }

    fn has_writer(&self, below: &Path) -> io::Result<bool> {
        // Opened so that nobody writes meanwhile, which is refused while somebody can.
        let only_read =
            |path: &Path| OpenOptions::new().read(true).share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE).open(path);
        match self.at(below, only_read) {
            Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(true),
            opened => opened.map(|_| false),
        }
    }

    fn root(&self, below: &Path) -> io::Result<Arc<dyn Root>> {
        self.at(below, |path| Ok(Arc::new(Self { path: path.into(), directory: hold(path)? }) as Arc<dyn Root>))
    }
}

impl WindowsRoot {
    /// Does something with a path while every directory on the way to it is held.
    fn at<T>(&self, below: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
        let names = names_of(below).ok_or_else(leads_elsewhere)?;
        let (mut path, mut held) = (self.path.clone(), Vec::new());
        for (place, name) in names.iter().enumerate() {
            if place > 0 {
                held.push(hold(&path)?);
            }
            path.push(name);
        }
        act(&path)
    }
}

struct RealFile(File);

impl OpenFile for RealFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        ignoring_interrupts(|| self.0.seek_read(buffer, offset))
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(stat_of(&self.0.metadata()?))
    }
}

fn stat_of(about: &Metadata) -> Stat {
    let kind = match about.file_type() {
        kind if kind.is_file() => EntryKind::File,
        kind if kind.is_dir() => EntryKind::Directory,
        kind if kind.is_symlink() => EntryKind::Symlink,
        _ => EntryKind::Special,
    };
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let fingerprint = Fingerprint {
        bytes: about.len(),
        modified_ns: modified.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
        changed_ns: 0,
        device: 0,
        inode: 0,
    };
    Stat { kind, fingerprint }
}
