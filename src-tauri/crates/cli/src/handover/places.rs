//! Where an owner listens: a socket in the home, which nobody else can come to.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

const SOCKET: &str = "holdfast.sock";

/// A path of a socket is that long at the most, on all systems (`sun_path` of `unix(7)` and of others, with its end).
const LONGEST_BYTES: usize = 103;

/// Listens. Only who owns the home may: what an owner that died has left is taken away.
pub(super) fn listen(home: &Path) -> io::Result<(UnixListener, PathBuf)> {
    use std::os::unix::fs::PermissionsExt;
    let path = home.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (short, _held) = short(home)?;
    let listener = UnixListener::bind(&short)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// Comes to the owner of a home.
pub(super) async fn connect(home: &Path) -> io::Result<UnixStream> {
    let (short, _held) = short(home)?;
    UnixStream::connect(short).await
}

/// A path of the socket that is short enough, good for as long as what is held with it.
fn short(home: &Path) -> io::Result<(PathBuf, Option<std::fs::File>)> {
    let path = home.join(SOCKET);
    if path.as_os_str().len() <= LONGEST_BYTES {
        return Ok((path, None));
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        let directory = std::fs::File::open(home)?;
        let short = format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd());
        Ok((short.into(), Some(directory)))
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::new(io::ErrorKind::InvalidFilename, "the path of the home is too long for a socket in it"))
}

/// Whether the program at the other end is this user's.
pub(super) fn is_own(stream: &UnixStream) -> io::Result<bool> {
    Ok(stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_home_is_come_to_however_long_its_path_is_and_whatever_its_last_owner_left() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = (0..10).fold(dir.path().to_owned(), |home, _| home.join("a folder with a long name"));
        std::fs::create_dir_all(&home).unwrap();
        assert!(connect(&home).await.is_err());
        drop(listen(&home).unwrap());
        assert!(connect(&home).await.is_err(), "a socket that nobody listens at");
        let (listener, path) = listen(&home).unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        let (here, there) = tokio::join!(connect(&home), listener.accept());
        assert!(is_own(&here.unwrap()).unwrap() && is_own(&there.unwrap().0).unwrap());
    }
}
