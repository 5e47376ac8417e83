//! What is written under another name beside its own, so that nothing half done ever has that.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// A file, directory or symlink under way. Unless it is [placed](Draft::place), nothing is left of it.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    target: PathBuf,
    is_placed: bool,
}

static DRAFTS: AtomicU64 = AtomicU64::new(0);

impl Draft {
    /// A free name beside `target`, where nothing may be.
    pub(crate) fn beside(target: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something is there already"));
        }
        // Nothing else has a name of its own that can be exchanged for this one.
        if target.file_name().is_none() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        loop {
            let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
            let path = target.with_file_name(format!(".holdfast-{}-{number}.part", process::id()));
            if fs::symlink_metadata(&path).is_err() {
                return Ok(Self { path, target: target.into(), is_placed: false });
            }
        }
    }

    /// Where it is made.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name; what has that by now is not replaced.
    pub(crate) fn place(mut self) -> io::Result<()> {
        rename(&self.path, &self.target)?;
        self.is_placed = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_placed {
            // Whoever hears of the failure hears of the reason; there may be nothing to remove.
            drop(remove(&self.path));
        }
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system can.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename_if_free(from, to),
        done => Ok(done?),
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    rename_if_free(from, to)
}

fn rename_if_free(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

fn remove(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    fs::remove_dir_all(path).or_else(|_| {
        // Directories that may not be written to keep what is in them.
        open_up(path)?;
        fs::remove_dir_all(path)
    })
}

fn open_up(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
