//! A file that is not there before it is whole.

use std::{fs::File, io, path::Path};

use crate::draft::Draft;

/// A file under way. Unless it is [kept](Self::keep), nothing is left of it; nothing half done ever has its name.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// It has no name yet.
    #[cfg(target_os = "linux")]
    Unnamed(std::path::PathBuf),
    /// It has another name beside its own, because the file system cannot do without.
    Draft(Draft),
}

impl NewFile {
    /// Begins a file that will be at `path`, where nothing may be.
    ///
    /// # Errors
    /// The system's; that something is there.
    pub fn create(path: &Path) -> io::Result<Self> {
        let draft = Draft::beside(path)?;
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed(path) {
            return Ok(Self { file, place: Place::Unnamed(path.into()) });
        }
        Ok(Self { file: File::create_new(draft.path())?, place: Place::Draft(draft) })
    }

    /// Where its bytes go.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Whether others see it, under another name, before it is whole.
    #[must_use]
    pub const fn is_seen(&self) -> bool {
        matches!(self.place, Place::Draft(_))
    }

    /// Leaves it at its path.
    ///
    /// # Errors
    /// The system's; that something is there by now.
    pub fn keep(self) -> io::Result<()> {
        match self.place {
            #[cfg(target_os = "linux")]
            Place::Unnamed(path) => name(&self.file, &path),
            Place::Draft(draft) => draft.place(),
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

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    /// A file whose file system has none without a name.
    fn seen(path: &Path) -> NewFile {
        let draft = Draft::beside(path).unwrap();
        NewFile { file: File::create_new(draft.path()).unwrap(), place: Place::Draft(draft) }
    }

    #[test]
    fn nothing_has_the_name_before_all_is_there_and_nothing_is_left_of_what_is_given_up() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("f");
        let entries = || fs::read_dir(place.path()).unwrap().count();
        for create in [|path: &Path| NewFile::create(path).unwrap(), seen] {
            let file = create(&path);
            file.file().write_all(b"half").unwrap();
            assert!(!path.exists());
            drop(file);
            assert_eq!(entries(), 0);
            let file = create(&path);
            file.file().write_all(b"whole").unwrap();
            file.keep().unwrap();
            assert_eq!((fs::read(&path).unwrap().as_slice(), entries()), (b"whole".as_slice(), 1));
            assert_eq!(NewFile::create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn what_took_the_name_meanwhile_is_not_replaced() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("f");
        for create in [|path: &Path| NewFile::create(path).unwrap(), seen] {
            let file = create(&path);
            fs::write(&path, b"theirs").unwrap();
            assert_eq!(file.keep().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).unwrap(), b"theirs");
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
            fs::remove_file(&path).unwrap();
        }
    }
}
