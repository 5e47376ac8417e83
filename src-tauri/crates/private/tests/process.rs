//! What is of the whole process is tried in one of its own, in one go.
#![cfg(unix)]

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    process::Command,
};

use holdfast_private::{Umask, hide_memory, leave_no_core};
use rustix::process::{Resource, getrlimit};

#[test]
fn a_closed_process_keeps_its_files_and_memory_to_itself_and_others_keep_the_person_s_umask() {
    assert_eq!(Umask::of(0o027).allows(0o4777), 0o750);
    // As the person's shell would have it.
    Umask::of(0o022).lend(|| {
        let umask = Umask::close();
        assert_eq!(umask, Umask::of(0o022));
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("own"), "").unwrap();
        let file = File::open(place.path().join("own")).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        umask.open_up(&file).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o644);
    });
    let _ = Umask::close();
    let shell = || String::from_utf8(Command::new("sh").args(["-c", "umask"]).output().unwrap().stdout).unwrap();
    assert_eq!((Umask::of(0o027).lend(shell).trim(), shell().trim()), ("0027", "0077"));

    leave_no_core().unwrap();
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
    hide_memory().unwrap();
    #[cfg(target_os = "linux")]
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
}
