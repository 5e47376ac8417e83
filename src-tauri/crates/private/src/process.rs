//! A process whose files and memory are for nobody else.

use std::{
    fs::File,
    io,
    sync::{Mutex, PoisonError},
};

/// What the person who started a program lets others do with new files: the bits that no file gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Umask(u32);

/// Of a process that keeps its files to itself.
const CLOSED: u32 = 0o077;

/// There is one umask for all threads.
static LENT: Mutex<()> = Mutex::new(());

impl Umask {
    /// Makes whatever this process creates from now on its user's alone, and gives what was set before, for the files that the
    /// person asks for. First thing in `main`: no other thread may be there.
    #[must_use = "what a person asks for is not to be private"]
    pub fn close() -> Self {
        Self(set(CLOSED))
    }

    /// A umask as the shell's `umask` shows it, in octal.
    #[must_use]
    pub const fn of(bits: u32) -> Self {
        Self(bits & 0o777)
    }

    /// What is left of the permissions that a file would have.
    #[must_use]
    pub const fn allows(self, mode: u32) -> u32 {
        mode & 0o777 & !self.0
    }

    /// Gives a new file that the person asked for the permissions that it would have had.
    ///
    /// # Errors
    /// What the system said.
    #[cfg_attr(not(unix), expect(clippy::unused_self, reason = "files get theirs from their directory"))]
    pub fn open_up(self, file: &File) -> io::Result<()> {
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(self.allows(0o666)))?;
        #[cfg(not(unix))]
        let _ = file;
        Ok(())
    }

    /// Sets it while `start` starts another program, which inherits it: what a browser saves is no file of Holdfast's.
    pub fn lend<T>(self, start: impl FnOnce() -> T) -> T {
        let _alone = LENT.lock().unwrap_or_else(PoisonError::into_inner);
        let own = set(self.0);
        let started = start();
        set(own);
        started
    }
}

/// Has the system write no file with this process' memory when it dies.
///
/// # Errors
/// What the system said.
pub fn leave_no_core() -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    }
    Ok(())
}

/// Keeps other programs of the same user from reading this process' memory, and debuggers from attaching to it.
/// Desktop portals look at who asks them in `/proc` and refuse a process that hides.
///
/// # Errors
/// What the system said.
pub fn hide_memory() -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(unix)]
fn set(bits: u32) -> u32 {
    use rustix::{fs::Mode, process::umask};
    // As wide as the system's own type, which is not the same everywhere.
    let before = umask(Mode::from_raw_mode(bits as _));
    before.as_raw_mode() as _
}

#[cfg(not(unix))]
const fn set(_bits: u32) -> u32 {
    0
}
