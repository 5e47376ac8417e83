//! Whether a file is open for writing, or mapped for it: the kernel gives a read lease only on a file that nobody writes to.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    sync::{Arc, LazyLock, atomic::AtomicBool},
};

use signal_hook::{consts::SIGIO, flag};

/// Who opens a file for writing in the moment in which the lease is there waits for its end, and we get a signal that would
/// end the program.
static SIGNAL_IS_CAUGHT: LazyLock<bool> =
    LazyLock::new(|| flag::register(SIGIO, Arc::new(AtomicBool::new(false))).is_ok());

/// `false` also where nobody can tell: another user's file, a file system without leases.
pub(super) fn has_writer(file: &File) -> bool {
    if !*SIGNAL_IS_CAUGHT {
        return false;
    }
    match set(file, libc::F_RDLCK) {
        Ok(()) => {
            // Closing the file ends it too.
            drop(set(file, libc::F_UNLCK));
            false
        }
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

fn set(file: &File, lease: libc::c_int) -> io::Result<()> {
    #[expect(unsafe_code, reason = "the descriptor is open, and the call takes a number and no pointer")]
    let done = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, lease) };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_seen_as_long_as_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let writer = File::create(&path).unwrap();
        let reader = File::open(&path).unwrap();
        assert!(has_writer(&reader));
        drop(writer);
        assert!(!has_writer(&reader) && !has_writer(&reader));
    }
}
