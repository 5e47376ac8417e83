//! Open directories on Unix: what is below one is reached from its descriptor, and never through a link.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, Metadata},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            ffi::{OsStrExt, OsStringExt},
            fs::{FileExt, MetadataExt},
        },
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, readlinkat, statat};

use super::{ignoring_interrupts, no_regular_file, stat_all};
use crate::disk::{
    Entries, EntryKind, Fingerprint, IS_MADE_UP, Identity, OpenFile, Opened, Root, Stat, leads_elsewhere, names_of,
};

/// A directory that others are reached from; without a right to list it, where the system has that.
#[cfg(target_os = "linux")]
const ON_THE_WAY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const ON_THE_WAY: OFlags = LISTED;

/// A directory whose entries are read.
const LISTED: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A file; a pipe that was put in its place must not block.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOFOLLOW).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// The types of file systems whose files are made up when they are read (`linux/magic.h`): procfs, sysfs, debugfs, tracefs,
/// cgroups of both versions, securityfs, configfs, pstore, bpf, efivarfs, selinuxfs, and those of message queues, binary
/// formats, remote procedures and FUSE's control.
#[cfg(target_os = "linux")]
const MADE_UP: [u32; 16] = [
    0x9fa0,
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x0027_e0eb,
    0x6367_7270,
    0x7363_6673,
    0x6265_6570,
    0x6165_676c,
    0xcafe_4a11,
    0xde5e_81e4,
    0xf97c_ff8c,
    0x1980_0202,
    0x4249_4e4d,
    0x6759_6969,
    0x6573_5543,
];

/// An open directory.
#[derive(Debug)]
pub(super) struct UnixRoot(OwnedFd);

pub(super) fn open_root(path: &Path) -> io::Result<UnixRoot> {
    let (start, below) = match path.strip_prefix("/") {
        Ok(below) => (openat(CWD, "/", ON_THE_WAY, Mode::empty())?, below),
        Err(_) => (openat(CWD, ".", ON_THE_WAY, Mode::empty())?, path),
    };
    open_below(start.as_fd(), below, ON_THE_WAY).map(UnixRoot)
}

impl Root for UnixRoot {
    fn identity(&self) -> io::Result<Identity> {
        let Fingerprint { device, inode, .. } = stat_of(&rustix::fs::fstat(&self.0)?).fingerprint;
        Ok(Identity { device, inode })
    }

    fn stat(&self, below: &Path) -> io::Result<Stat> {
        self.at(below, |directory, name| match name {
            None => Ok(or_made_up(directory, stat_of(&rustix::fs::fstat(directory)?))),
            Some(name) => Ok(at_or_made_up(directory, name, stat_at(directory, name)?)),
        })
    }

    fn read_directory(&self, below: &Path) -> io::Result<Entries> {
        let directory = open_below(self.0.as_fd(), below, LISTED)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&directory)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        let directory = directory.as_fd();
        let device = stat_of(&rustix::fs::fstat(directory)?).fingerprint.device;
        let stat = |name: &OsString| match stat_at(directory, name) {
            // Another file system begins here.
            Ok(stat) if stat.fingerprint.device != device => Ok(at_or_made_up(directory, name, stat)),
            stat => stat,
        };
        Ok(stat_all(&names, |name| (name.clone(), stat(name))))
    }

    fn read_link(&self, below: &Path) -> io::Result<PathBuf> {
        self.at(below, |directory, name| {
            let target = readlinkat(directory, name.ok_or(io::ErrorKind::InvalidInput)?, Vec::new())?;
            Ok(OsStr::from_bytes(target.as_bytes()).into())
        })
    }

    fn open(&self, below: &Path) -> io::Result<Opened> {
        let file = File::from(open_below(self.0.as_fd(), below, READ)?);
        let stat = or_made_up(file.as_fd(), stat_of_open(&file.metadata()?));
        match stat.kind {
            EntryKind::File => {}
            EntryKind::MadeUp => return Err(io::Error::new(io::ErrorKind::Unsupported, format!("it {IS_MADE_UP}"))),
            _ => return Err(no_regular_file()),
        }
        Ok(Opened { file: Box::new(RealFile(file)), stat })
    }

    #[cfg(target_os = "linux")]
    fn has_writer(&self, below: &Path) -> io::Result<bool> {
        let file = File::from(open_below(self.0.as_fd(), below, READ)?);
        Ok(file.metadata()?.is_file() && super::lease::has_writer(&file))
    }

    fn root(&self, below: &Path) -> io::Result<Arc<dyn Root>> {
        Ok(Arc::new(Self(open_below(self.0.as_fd(), below, ON_THE_WAY)?)))
    }
}

impl UnixRoot {
    /// Does something with the directory that holds an entry and the entry's name; without a name with the root itself.
    fn at<T>(&self, below: &Path, act: impl FnOnce(BorrowedFd<'_>, Option<&OsStr>) -> io::Result<T>) -> io::Result<T> {
        let Some(name) = below.file_name() else {
            return if below.as_os_str().is_empty() { act(self.0.as_fd(), None) } else { Err(leads_elsewhere()) };
        };
        match below.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                act(open_below(self.0.as_fd(), parent, ON_THE_WAY)?.as_fd(), Some(name))
            }
            _ => act(self.0.as_fd(), Some(name)),
        }
    }
}

/// Opens what is below a directory, with directories and nothing else on the way.
fn open_below(start: BorrowedFd<'_>, below: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let names = names_of(below).ok_or_else(leads_elsewhere)?;
    let opened = match names.as_slice() {
        [] => openat(start, ".", flags, Mode::empty()),
        [name] => openat(start, *name, flags, Mode::empty()),
        names => at_once(start, below, flags).unwrap_or_else(|| step_by_step(start, names, flags)),
    };
    opened.map_err(as_link)
}

/// In one call; `None` where the system has none for it, or not for so long a path.
#[cfg(target_os = "linux")]
fn at_once(start: BorrowedFd<'_>, below: &Path, flags: OFlags) -> Option<rustix::io::Result<OwnedFd>> {
    use rustix::{
        fs::{ResolveFlags, openat2},
        io::Errno,
    };
    let resolve = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);
    match openat2(start, below, flags, Mode::empty(), resolve) {
        // Unknown, forbidden by a sandbox that does not know it, something was renamed meanwhile, or too long.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::NAMETOOLONG) => None,
        opened => Some(opened),
    }
}

#[cfg(not(target_os = "linux"))]
fn at_once(_: BorrowedFd<'_>, _: &Path, _: OFlags) -> Option<rustix::io::Result<OwnedFd>> {
    None
}

fn step_by_step(start: BorrowedFd<'_>, names: &[&OsStr], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let Some((last, way)) = names.split_last() else { return openat(start, ".", flags, Mode::empty()) };
    let mut directory: Option<OwnedFd> = None;
    for name in way {
        let from = directory.as_ref().map_or(start, AsFd::as_fd);
        directory = Some(openat(from, *name, ON_THE_WAY, Mode::empty())?);
    }
    openat(directory.as_ref().map_or(start, AsFd::as_fd), *last, flags, Mode::empty())
}

/// What the system says of a link where there should be none is not that there are too many.
fn as_link(error: rustix::io::Errno) -> io::Error {
    if error == rustix::io::Errno::LOOP { leads_elsewhere() } else { error.into() }
}

struct RealFile(File);

impl OpenFile for RealFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        ignoring_interrupts(|| FileExt::read_at(&self.0, buffer, offset))
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(stat_of_open(&self.0.metadata()?))
    }
}

fn stat_at(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Stat> {
    Ok(stat_of(&statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// The same of an entry of a directory.
fn at_or_made_up(directory: BorrowedFd<'_>, name: &OsStr, stat: Stat) -> Stat {
    if !may_be_made_up(&stat) {
        return stat;
    }
    match openat(directory, name, ON_THE_WAY.difference(OFlags::DIRECTORY), Mode::empty()) {
        Ok(entry) => or_made_up(entry.as_fd(), stat),
        // Whoever wants to read it is told why that cannot be.
        Err(_) => stat,
    }
}

/// What was said of something that is open, or that the system makes it up.
#[cfg(target_os = "linux")]
fn or_made_up(entry: BorrowedFd<'_>, stat: Stat) -> Stat {
    let is_made_up = may_be_made_up(&stat)
        && rustix::fs::fstatfs(entry).is_ok_and(|system| MADE_UP.contains(&(system.f_type as u32)));
    if is_made_up { Stat { kind: EntryKind::MadeUp, ..stat } } else { stat }
}

/// File systems of the kernel's own are on no device.
#[cfg(target_os = "linux")]
fn may_be_made_up(stat: &Stat) -> bool {
    matches!(stat.kind, EntryKind::File | EntryKind::Directory) && rustix::fs::major(stat.fingerprint.device) == 0
}

#[cfg(not(target_os = "linux"))]
fn or_made_up(_: BorrowedFd<'_>, stat: Stat) -> Stat {
    stat
}

#[cfg(not(target_os = "linux"))]
const fn may_be_made_up(_: &Stat) -> bool {
    false
}

fn stat_of_open(metadata: &Metadata) -> Stat {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => EntryKind::File,
        kind if kind.is_dir() => EntryKind::Directory,
        kind if kind.is_symlink() => EntryKind::Symlink,
        _ => EntryKind::Special,
    };
    let fingerprint = Fingerprint {
        bytes: metadata.len(),
        modified_ns: in_ns(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: in_ns(metadata.ctime(), metadata.ctime_nsec()),
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    Stat { kind, fingerprint }
}

#[expect(clippy::unnecessary_cast, reason = "the fields' types are another system's others")]
fn stat_of(stat: &rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(stat.st_mode as _) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        _ => EntryKind::Special,
    };
    let fingerprint = Fingerprint {
        bytes: stat.st_size as u64,
        modified_ns: in_ns(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed_ns: in_ns(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
    };
    Stat { kind, fingerprint }
}

fn in_ns(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::mkdirat;

    use super::*;

    #[test]
    fn a_path_of_any_length_is_reached_from_an_open_directory() {
        let dir = tempfile::tempdir().unwrap();
        let top = open_root(&dir.path().canonicalize().unwrap()).unwrap();
        let name = "n".repeat(200);
        let (mut below, mut at) = (PathBuf::new(), top.0.try_clone().unwrap());
        for _ in 0..30 {
            mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = openat(&at, &name, ON_THE_WAY, Mode::empty()).unwrap();
            below.push(&name);
        }
        let file = openat(&at, "file", OFlags::CREATE.union(OFlags::WRONLY), Mode::RUSR).unwrap();
        rustix::io::write(&file, b"deep").unwrap();
        below.push("file");
        assert!(below.as_os_str().len() > 5_000);
        assert_eq!(top.stat(&below).unwrap().fingerprint.bytes, 4);
        let mut bytes = [0; 4];
        assert_eq!(top.open(&below).unwrap().file.read_at(0, &mut bytes).unwrap(), 4);
        assert_eq!(&bytes, b"deep");
        assert_eq!(top.read_directory(below.parent().unwrap()).unwrap()[0].0, "file");
        let inner = top.root(below.parent().unwrap()).unwrap();
        assert_eq!(inner.stat(Path::new("file")).unwrap(), top.stat(&below).unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_kernel_makes_up_is_told_from_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let real = dir.path().canonicalize().unwrap();
        for (root, below, kind) in [
            ("/proc", "version", EntryKind::MadeUp),
            ("/proc", "", EntryKind::MadeUp),
            ("/", "proc", EntryKind::MadeUp),
            ("/sys", "kernel", EntryKind::MadeUp),
            ("/", "", EntryKind::Directory),
            (real.to_str().unwrap(), "file", EntryKind::File),
        ] {
            let root = open_root(Path::new(root)).unwrap();
            assert_eq!(root.stat(Path::new(below)).unwrap().kind, kind, "{root:?} {below}");
        }
        let listed = open_root(Path::new("/")).unwrap().read_directory(Path::new("")).unwrap();
        let proc = listed.into_iter().find(|(name, _)| name == "proc").unwrap();
        assert_eq!(proc.1.unwrap().kind, EntryKind::MadeUp);
        let opened = open_root(Path::new("/proc")).unwrap().open(Path::new("version"));
        assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::Unsupported);
    }

    #[test]
    fn step_by_step_is_the_same_as_at_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink("b", dir.path().join("a/link")).unwrap();
        let top = open_root(&dir.path().canonicalize().unwrap()).unwrap();
        for (below, is_there) in [("a/b/file", true), ("a/link/file", false), ("a/nothing/file", false)] {
            let names = names_of(Path::new(below)).unwrap();
            let stepped = step_by_step(top.0.as_fd(), &names, READ).map_err(as_link);
            let at_once = open_below(top.0.as_fd(), Path::new(below), READ);
            assert_eq!((stepped.is_ok(), at_once.is_ok()), (is_there, is_there), "{below}");
            assert_eq!(stepped.err().map(|error| error.kind()), at_once.err().map(|error| error.kind()), "{below}");
        }
    }
}
