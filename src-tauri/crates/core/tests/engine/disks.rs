//! What every disk does with links and with directories that are exchanged: the real one, and the one that tests simulate.

#[cfg(unix)]
use std::fs;
use std::{
    io,
    path::{Path, PathBuf},
};

use holdfast_core::disk::{Disk, EntryKind, OpenFile};
#[cfg(unix)]
use holdfast_core::host::RealDisk;
use holdfast_testkit::SimDisk;

/// A disk and how to change it.
trait Changing {
    fn disk(&self) -> &dyn Disk;
    fn top(&self) -> PathBuf;
    fn write(&self, path: &str, bytes: &[u8]);
    fn link(&self, path: &str, target: &Path);
    fn rename(&self, from: &str, to: &str);
}

struct Simulated(SimDisk);

impl Changing for Simulated {
    fn disk(&self) -> &dyn Disk {
        &self.0
    }

    fn top(&self) -> PathBuf {
        "/top".into()
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        self.0.write(&self.top().join(path), bytes);
    }

    fn link(&self, path: &str, target: &Path) {
        self.0.link(&self.top().join(path), target);
    }

    fn rename(&self, from: &str, to: &str) {
        self.0.rename(&self.top().join(from), &self.top().join(to));
    }
}

#[cfg(unix)]
struct Real(tempfile::TempDir);

#[cfg(unix)]
impl Changing for Real {
    fn disk(&self) -> &dyn Disk {
        &RealDisk
    }

    fn top(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.top().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn link(&self, path: &str, target: &Path) {
        std::os::unix::fs::symlink(target, self.top().join(path)).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.top().join(from), self.top().join(to)).unwrap();
    }
}

fn disks() -> Vec<Box<dyn Changing>> {
    let simulated: Box<dyn Changing> = Box::new(Simulated(SimDisk::default()));
    // Elsewhere, what is open cannot be renamed.
    #[cfg(unix)]
    return vec![simulated, Box::new(Real(tempfile::tempdir().unwrap()))];
    #[cfg(not(unix))]
    vec![simulated]
}

fn read(file: &dyn OpenFile) -> Vec<u8> {
    let mut bytes = [0; 100];
    let count = file.read_at(0, &mut bytes).unwrap();
    bytes[..count].to_vec()
}

#[test]
fn no_link_on_the_way_is_followed_wherever_it_points() {
    for on in disks() {
        on.write("in/dir/file", b"inside");
        on.write("out/dir/file", b"outside");
        on.link("in/to-outside", &on.top().join("out"));
        on.link("in/to-inside", Path::new("dir"));
        let root = on.disk().root(&on.top().join("in")).unwrap();
        for link in ["to-outside", "to-inside"] {
            assert_eq!(root.stat(Path::new(link)).unwrap().kind, EntryKind::Symlink);
            let below = Path::new(link).join(if link == "to-inside" { "file" } else { "dir/file" });
            let is_refused = |error: io::Error| {
                assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{}: {error}", below.display());
            };
            is_refused(root.stat(&below).unwrap_err());
            is_refused(root.open(&below).unwrap_err());
            is_refused(root.root(Path::new(link)).unwrap_err());
            is_refused(root.read_directory(Path::new(link)).unwrap_err());
            is_refused(root.read_link(&below).unwrap_err());
            is_refused(on.disk().root(&on.top().join("in").join(link)).unwrap_err());
        }
        assert_eq!(root.read_link(Path::new("to-inside")).unwrap(), Path::new("dir"));
        root.open(Path::new("to-inside")).unwrap_err();
        root.stat(Path::new("../out/dir/file")).unwrap_err();
        assert_eq!(on.disk().canonicalize(&on.top().join("in/to-inside")).unwrap(), on.top().join("in/dir"));
    }
}

#[test]
fn a_directory_exchanged_for_a_link_gives_nothing_from_where_it_leads() {
    for on in disks() {
        on.write("in/sub/file", b"inside");
        on.write("out/file", b"outside");
        let root = on.disk().root(&on.top().join("in")).unwrap();
        let sub = root.root(Path::new("sub")).unwrap();
        on.rename("in/sub", "away");
        on.link("in/sub", &on.top().join("out"));
        assert_eq!(root.open(Path::new("sub/file")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(read(&*sub.open(Path::new("file")).unwrap().file), b"inside", "what is open is what it was");
        assert_ne!(sub.identity().unwrap(), root.identity().unwrap());
        let away = on.disk().root(&on.top().join("away")).unwrap();
        assert_eq!(away.identity().unwrap(), sub.identity().unwrap());
    }
}

#[test]
fn a_root_is_the_directory_that_was_opened_whatever_is_put_in_its_place() {
    for on in disks() {
        on.write("in/file", b"first");
        let root = on.disk().root(&on.top().join("in")).unwrap();
        on.rename("in", "away");
        on.write("in/file", b"another");
        assert_eq!(read(&*root.open(Path::new("file")).unwrap().file), b"first");
        assert_eq!(read(&*on.disk().open(&on.top().join("in/file")).unwrap().file), b"another");
        assert_ne!(on.disk().root(&on.top().join("in")).unwrap().identity().unwrap(), root.identity().unwrap());
    }
}
