use std::fs;

use super::*;
use crate::host::RealDisk;

fn paths(plan: &Plan) -> Vec<String> {
    plan.entries().map(|entry| entry.path()).collect()
}

fn source(plan: &Plan, number: usize) -> PathBuf {
    plan.entry(number).unwrap().source()
}

#[test]
fn a_directory_is_taken_whole_and_in_byte_order() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a b/empty")).unwrap();
    for name in ["z", "B", "a b/ü", ".hidden", "a b/\"q\"\n"] {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let whole = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
    assert_eq!(paths(&whole), [".hidden", "B", "a b/\"q\"\n", "a b/empty", "a b/ü", "z"]);
    let form = Limits { names: Names::InForms, entries: FILES_ONLY, ..Limits::NONE };
    let sent = plan(&RealDisk, dir.path(), form).unwrap();
    assert_eq!(paths(&sent), [".hidden", "B", "a b/\"q\"%0A", "a b/ü", "z"]);
    assert_eq!(sent.skipped[0].name, "a b/empty");
}

#[test]
fn hidden_names_are_left_out_when_asked_and_a_directory_of_nothing_else_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(".git")).unwrap();
    fs::create_dir_all(dir.path().join("a")).unwrap();
    for name in [".git/x", "a/.hidden", "b"] {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let entries = EntryRules { hidden: Entries::LeftOut, ..EntryRules::EVERYTHING };
    let shown = plan(&RealDisk, dir.path(), Limits { entries, ..Limits::NONE }).unwrap();
    assert_eq!(paths(&shown), ["a", "b"]);
    assert_eq!(shown.skipped.len(), 2);
}

#[cfg(unix)]
#[test]
fn pipes_are_refused_or_left_out_and_never_opened() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    let pipe = dir.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    assert!(matches!(plan(&RealDisk, &pipe, Limits::NONE), Err(Error::Refused { .. })));
    let rest = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
    assert_eq!((paths(&rest), rest.skipped.len()), (vec!["file".to_owned()], 1));
}

#[test]
fn empty_files_are_refused_where_the_service_does() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nothing");
    fs::write(&file, "").unwrap();
    let strict = Limits { empty_files: false, ..Limits::NONE };
    assert!(matches!(plan(&RealDisk, &file, strict), Err(Error::Refused { .. })));
    assert!(matches!(plan(&RealDisk, dir.path(), strict), Err(Error::Refused { .. })));
    plan(&RealDisk, &file, Limits::NONE).unwrap();
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_are_left_out_with_the_reason_and_others_stay() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::write(dir.path().join("page"), "x").unwrap();
    let (inside, outside) = (["../page", "../a/./b", ".", "nothing"], ["/etc/passwd", "../..", "b/../../../x"]);
    for (number, target) in inside.iter().chain(&outside).enumerate() {
        symlink(target, dir.path().join(format!("a/{number}"))).unwrap();
    }
    let sent = plan(&RealDisk, dir.path(), Limits { outward_links: Entries::LeftOut, ..Limits::NONE }).unwrap();
    assert_eq!(paths(&sent), ["a/0", "a/1", "a/2", "a/3", "a/b", "page"]);
    assert_eq!(sent.links().count(), 4);
    assert_eq!((sent.skipped.len(), sent.skipped.iter().all(|problem| problem.reason == walk::OUTWARD)), (3, true));
    let compared = sent.within(Limits::NONE).unwrap();
    assert_eq!((compared.links().count(), compared.skipped.len()), (7, 0));
}

#[cfg(unix)]
#[test]
fn an_odd_name_beside_what_stands_for_it_is_written_otherwise_or_left_out_alone() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    for name in [&b"mu\xf1oz"[..], b"mu%F1oz", b"good", b"line\n", b"line%0A"] {
        fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let exact = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
    assert_eq!(paths(&exact), ["%6D%75%F1%6F%7A", "good", "line\n", "line%0A", "mu%F1oz"]);
    let sent = plan(&RealDisk, dir.path(), Limits { names: Names::InForms, ..Limits::NONE }).unwrap();
    assert_eq!(paths(&sent), ["%6C%69%6E%65%0A", "%6D%75%F1%6F%7A", "good", "line%0A", "mu%F1oz"]);
    assert!(sent.skipped.is_empty());
    assert!(source(&sent, 4).as_os_str().as_bytes().ends_with(b"mu%F1oz"));
    for name in [&b"%6D%75%F1%6F%7A"[..], &[0xff; 100]] {
        fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let mut sent = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
    sent.skipped.sort_by_key(|problem| problem.name.len());
    assert_eq!(paths(&sent), ["%6D%75%F1%6F%7A", "good", "line\n", "line%0A", "mu%F1oz"]);
    let left_out: Vec<_> = sent.skipped.iter().map(|problem| problem.name.chars().count()).collect();
    assert_eq!(left_out, [5, 100], "{:?}", sent.skipped);
}

#[cfg(unix)]
#[test]
fn what_is_exchanged_for_a_link_after_the_plan_is_not_what_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let [site, out, away] = ["site", "out", "away"].map(|name| dir.path().join(name));
    for at in [site.join("sub"), out.clone()] {
        fs::create_dir_all(&at).unwrap();
        fs::write(at.join("file"), "x").unwrap();
    }
    let planned = plan(&RealDisk, &site, Limits::NONE).unwrap();
    fs::rename(site.join("sub"), &away).unwrap();
    std::os::unix::fs::symlink(&out, site.join("sub")).unwrap();
    planned.open(&source(&planned, 0)).unwrap_err();
    assert!(matches!(planned.check(), Err(Error::Changed { .. })));
    fs::remove_file(site.join("sub")).unwrap();
    fs::rename(&away, site.join("sub")).unwrap();
    fs::rename(&site, &away).unwrap();
    std::os::unix::fs::symlink(&out, &site).unwrap();
    planned.open(&source(&planned, 0)).unwrap();
    planned.check().unwrap();
    plan(&RealDisk, &site.join("sub"), Limits::NONE).unwrap_err();
}

#[cfg(unix)]
#[test]
fn a_path_longer_than_the_system_takes_is_part_of_its_directory() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let dir = tempfile::tempdir().unwrap();
    let name = "n".repeat(250);
    let directory = OFlags::DIRECTORY.union(OFlags::RDONLY);
    let mut at = openat(CWD, dir.path(), directory, Mode::empty()).unwrap();
    for _ in 0..20 {
        mkdirat(&at, &name, Mode::RWXU).unwrap();
        at = openat(&at, &name, directory, Mode::empty()).unwrap();
    }
    openat(&at, "file", OFlags::CREATE.union(OFlags::WRONLY), Mode::RUSR).unwrap();
    let planned = plan(&RealDisk, dir.path(), Limits::NONE).unwrap();
    assert_eq!((planned.files(), planned.entry(0).unwrap().path().len()), (1, 20 * 251 + 4));
    planned.open(&source(&planned, 0)).unwrap();
}

#[cfg(unix)]
#[test]
fn names_that_are_no_utf8_keep_all_their_bytes() {
    use std::os::unix::ffi::OsStrExt;
    assert_eq!(entry_name(OsStr::from_bytes(b"100% \xff\xc3x")), "100%25 %FF%C3x");
    assert_eq!(entry_name(OsStr::new("100% é")), "100% é");
}

#[test]
fn a_second_look_sees_what_came_went_or_moved_and_passes_over_what_is_not_sent() {
    type Change = fn(&Path) -> io::Result<()>;
    let changes: [Change; 5] = [
        |dir| fs::write(dir.join("a/1"), "x"),
        |dir| fs::write(dir.join("z"), "x"),
        |dir| fs::remove_file(dir.join("b/c/2")),
        |dir| fs::rename(dir.join("b/c"), dir.join("b/d")),
        |dir| fs::rename(dir.join("b/c/2"), dir.join("b/2")),
    ];
    for change in changes {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("b/c")).unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        for name in ["a/2", "b/c/2"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let planned = plan(&RealDisk, dir.path(), Limits { entries: FILES_ONLY, ..Limits::NONE }).unwrap();
        fs::create_dir(dir.path().join("b/a")).unwrap();
        planned.check().unwrap();
        change(dir.path()).unwrap();
        assert!(matches!(planned.check(), Err(Error::Changed { .. })));
    }
}

#[test]
fn a_version_is_the_same_number_in_every_release_and_another_for_anything_else() {
    use part::{Called, DirectoryNumber, Found};

    let numbered = |called: &str, inode: u64, target: &[u8]| {
        let mut all = Collected::default();
        let called = Called { on_disk: called.as_ref(), sent_as: called };
        let below = all.directory(DirectoryNumber::default(), called).unwrap();
        let file = Fingerprint { bytes: 3, modified_ns: -1, changed_ns: 5, device: 6, inode };
        all.entry(below, called, PlanKind::File(file)).unwrap();
        all.entry(below, called, PlanKind::Symlink(target.into())).unwrap();
        all.entry(below, called, PlanKind::EmptyDirectory).unwrap();
        all.entries.counted_in(LastingNumber::default()).finish()
    };
    assert_eq!(numbered("a", 7, b"there"), 17_280_651_334_385_592_569);
    let others = [numbered("b", 7, b"there"), numbered("a", 8, b"there"), numbered("a", 7, b"here")];
    assert!(others.iter().all(|other| *other != numbered("a", 7, b"there")));
}
