//! Directories and files that were there before, made by others or open to them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use holdfast_private::{NotOwn, PrivacyError, PrivateDirectory};
use tempfile::TempDir;

const SIGN: &str = "sign";

/// A place of one's own, and a directory of that mode in it.
fn dir(mode: u32) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("dir");
    fs::create_dir(&dir).unwrap();
    set(&dir, mode);
    (place, dir)
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_new_directory_is_made_for_its_user_alone_and_nothing_is_said_of_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a/b");
    let dir = PrivateDirectory::open(&path, SIGN).unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap()), dir.notice()), (0o700, 0o700, None));
}

#[test]
fn an_empty_directory_and_one_of_before_are_closed_to_others_who_are_told_of() {
    for before in [0o755, 0o750, 0o777] {
        let (_place, path) = dir(before);
        let dir = PrivateDirectory::open(&path, SIGN).unwrap();
        assert_eq!(mode(&path), 0o700, "{before:o}");
        assert!(dir.notice().unwrap().contains(&format!("{before:o}")), "{dir:?}");
    }
    let (_place, path) = dir(0o755);
    fs::write(path.join(SIGN), "").unwrap();
    PrivateDirectory::open(&path, SIGN).unwrap();
    assert_eq!(mode(&path), 0o700);
}

#[test]
fn a_directory_of_other_things_keeps_its_mode_and_is_refused_while_others_may_read_it() {
    let (_place, path) = dir(0o755);
    fs::write(path.join("something"), "").unwrap();
    let error = PrivateDirectory::open(&path, SIGN).unwrap_err();
    assert!(matches!(error, PrivacyError::InUseByOthers { mode: 0o755, .. }), "{error}");
    assert_eq!(mode(&path), 0o755);
    set(&path, 0o700);
    PrivateDirectory::open(&path, SIGN).unwrap();
}

#[test]
fn what_others_may_have_put_there_is_not_taken() {
    let (_place, path) = dir(0o777);
    fs::write(path.join(SIGN), "").unwrap();
    let error = PrivateDirectory::open(&path, SIGN).unwrap_err();
    assert!(matches!(error, PrivacyError::OpenToWriters { mode: 0o777, .. }), "{error}");
    assert_eq!(mode(&path), 0o777);
}

#[test]
fn a_directory_that_others_could_exchange_is_refused_but_for_a_sticky_place() {
    let (place, path) = dir(0o700);
    set(place.path(), 0o777);
    let error = PrivateDirectory::open(&path, SIGN).unwrap_err();
    assert!(
        matches!(&error, PrivacyError::Exchangeable { above, .. } if above == &place.path().canonicalize().unwrap())
    );
    set(place.path(), 0o1777);
    PrivateDirectory::open(&path, SIGN).unwrap();
    set(place.path(), 0o700);
}

#[test]
fn a_file_that_leads_elsewhere_is_neither_opened_nor_changed() {
    let (place, path) = dir(0o700);
    let victim = place.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    set(&victim, 0o644);
    let dir = PrivateDirectory::open(&path, SIGN).unwrap();
    symlink(&victim, path.join("link")).unwrap();
    symlink(path.join("nothing"), path.join("dangling")).unwrap();
    fs::hard_link(&victim, path.join("hard")).unwrap();
    fs::create_dir(path.join("sub")).unwrap();
    for (name, expected) in
        [("link", NotOwn::Link), ("dangling", NotOwn::Link), ("hard", NotOwn::SeveralNames), ("sub", NotOwn::NoFile)]
    {
        for result in [dir.open_file(name).map(drop), dir.claim_file(name)] {
            assert!(
                matches!(result, Err(PrivacyError::NotOwnFile { why, .. }) if why == expected),
                "{name}: {result:?}"
            );
        }
    }
    assert_eq!((fs::read_to_string(&victim).unwrap().as_str(), mode(&victim)), ("precious", 0o644));
    assert!(!path.join("nothing").exists());
}

#[test]
fn a_file_that_others_could_read_is_closed_to_them_and_keeps_what_is_in_it() {
    let (_place, path) = dir(0o700);
    let dir = PrivateDirectory::open(&path, SIGN).unwrap();
    for name in ["opened", "claimed"] {
        fs::write(path.join(name), "kept").unwrap();
        set(&path.join(name), 0o664);
    }
    drop(dir.open_file("opened").unwrap());
    dir.claim_file("claimed").unwrap();
    dir.claim_file("new").unwrap();
    for name in ["opened", "claimed", "new"] {
        assert_eq!(mode(&path.join(name)), 0o600, "{name}");
    }
    assert_eq!(fs::read_to_string(path.join("claimed")).unwrap(), "kept");
}

/// Only an administrator can make what is another's.
#[test]
fn what_is_another_user_s_is_refused() {
    let (_place, path) = dir(0o700);
    let made = PrivateDirectory::open(&path, SIGN).unwrap();
    fs::write(path.join("theirs"), "").unwrap();
    if std::os::unix::fs::chown(path.join("theirs"), Some(4711), None).is_err() {
        return;
    }
    let result = made.open_file("theirs");
    assert!(matches!(result, Err(PrivacyError::NotOwnFile { why: NotOwn::OtherOwner, .. })), "{result:?}");
    std::os::unix::fs::chown(&path, Some(4711), None).unwrap();
    let error = PrivateDirectory::open(&path, SIGN).unwrap_err();
    assert!(matches!(error, PrivacyError::NotOurs { owner: 4711, .. }), "{error}");
}
