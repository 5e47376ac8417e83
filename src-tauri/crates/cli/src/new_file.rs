//! A file that is not there before it is whole.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A file under way. Unless it is [kept](Self::keep), nothing is left of it.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    place: Place,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// It has no name yet.
    #[cfg(target_os = "linux")]
    Unnamed,
    /// It has its name already, because the file system cannot do without.
    Named,
    Kept,
}

impl NewFile {
    /// Begins a file that will be at `path`, where nothing may be.
    ///
    /// # Errors
    /// The system's; that something is there.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something is there already"));
        }
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed(path) {
            return Ok(Self { file, path: path.into(), place: Place::Unnamed });
        }
        Ok(Self { file: File::create_new(path)?, path: path.into(), place: Place::Named })
    }

    /// Where its bytes go.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// Whether others see it before it is whole.
    pub(crate) fn is_seen(&self) -> bool {
        self.place == Place::Named
    }

    /// Leaves it at its path.
    ///
    /// # Errors
    /// The system's; that something is there by now.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if self.place == Place::Unnamed {
            name(&self.file, &self.path)?;
        }
        self.place = Place::Kept;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.is_seen()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::error!(%error, path = ?self.path, "what is not complete cannot be removed");
        }
    }
}

/// A file without a name in the same file system, where that is known to it.
#[cfg(target_os = "linux")]
fn unnamed(path: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    open(directory, flags, Mode::from_raw_mode(0o666)).ok().map(File::from)
}

/// Gives a file without a name the one that it shall have; nobody else's file is replaced.
#[cfg(target_os = "linux")]
fn name(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}
