//! What other users of the computer can read of a home, and what a person asked for and may show to them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use anyhow::Result;
use holdfast_tests::holdfast::Programs;

/// Runs the command with what a shell's `umask` would set.
fn run(umask: &str, home: &Path, arguments: &[&Path]) -> Result<Output> {
    let mut command = Command::new("sh");
    command.args(["-c", "umask \"$1\"; shift; exec \"$@\"", "sh", umask]).arg(Programs::find()?.command);
    Ok(command.arg("--home").arg(home).args(arguments).output()?)
}

fn mode(path: &Path) -> Result<u32> {
    Ok(fs::symlink_metadata(path)?.mode() & 0o7777)
}

/// Everything below a directory that others could do something with.
fn open_to_others(dir: &Path) -> Result<Vec<String>> {
    let mut open = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let mode = mode(&path)?;
        if mode & 0o077 != 0 {
            open.push(format!("{} {mode:o}", path.display()));
        }
        if path.is_dir() {
            open.extend(open_to_others(&path)?);
        }
    }
    Ok(open)
}

#[test]
fn nothing_in_a_home_is_open_to_others_whatever_was_there_before() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (home, file) = (place.path().join("home"), place.path().join("secret-name.txt"));
    fs::create_dir(&home)?;
    fs::set_permissions(&home, Permissions::from_mode(0o755))?;
    fs::write(&file, "hello")?;
    let added = run("022", &home, &["add".as_ref(), &file])?;
    let said = String::from_utf8_lossy(&added.stderr);
    assert!(added.status.success() && said.contains("it is closed to them"), "{said}");
    assert_eq!((mode(&home)?, open_to_others(&home)?), (0o700, vec![]));

    // As earlier versions left it.
    fs::set_permissions(&home, Permissions::from_mode(0o755))?;
    for database in [home.join("holdfast.db"), home.join("service/service.db"), home.join("holdfast.lock")] {
        fs::set_permissions(&database, Permissions::from_mode(0o644))?;
    }
    assert!(run("022", &home, &["ls".as_ref()])?.status.success());
    assert_eq!((mode(&home)?, open_to_others(&home)?), (0o700, vec![]));
    Ok(())
}

#[test]
fn a_lock_that_leads_to_another_file_leaves_that_as_it_is() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (home, victim) = (place.path().join("home"), place.path().join("victim"));
    fs::create_dir(&home)?;
    fs::set_permissions(&home, Permissions::from_mode(0o700))?;
    fs::write(&victim, "precious")?;
    symlink(&victim, home.join("holdfast.lock"))?;
    let answer = run("022", &home, &["ls".as_ref()])?;
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(!answer.status.success() && said.contains("holdfast.lock is a link"), "{said}");
    assert_eq!(fs::read_to_string(&victim)?, "precious");
    Ok(())
}

#[test]
fn what_a_person_asks_for_has_the_permissions_that_the_person_s_umask_gives() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (file, home) = (place.path().join("a.txt"), place.path().join("home"));
    fs::write(&file, "hello")?;
    for (umask, expected) in [("022", 0o644), ("007", 0o660), ("077", 0o600)] {
        let car = place.path().join(format!("{umask}.car"));
        assert!(run(umask, &home, &["cid".as_ref(), "--car".as_ref(), &car, &file])?.status.success());
        assert_eq!(mode(&car)?, expected, "{umask}");
        let out = place.path().join(format!("{umask}.out"));
        assert!(run(umask, &home, &["car".as_ref(), "export".as_ref(), &car, &out])?.status.success());
        assert_eq!(mode(&out)?, expected, "{umask}");
    }
    Ok(())
}
