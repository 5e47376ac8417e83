//! What becomes of a DAG on the disk that says more than names and bytes, or says too much.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use cid::multihash::Multihash;
use holdfast_content::{Cid, Export, ExportError, export, export_size};
use sha2::{Digest, Sha256};

type Blocks = HashMap<Cid, Vec<u8>>;

const FILE: u8 = 2;
const DIRECTORY: u8 = 1;

/// A UnixFS 1.5 message with a mode and, where it is not 0, the time 1,700,000,000.5.
fn message(kind: u8, data: &[u8], mode: u16) -> Vec<u8> {
    let mut out = vec![0x08, kind];
    if kind == FILE {
        out.extend([&[0x12, data.len() as u8][..], data, &[0x18, data.len() as u8]].concat());
    }
    if mode != 0 {
        out.extend([0x38, (mode & 0x7f) as u8 | 0x80, (mode >> 7) as u8]);
        out.extend([0x42, 0x0b, 0x08, 0x80, 0xe2, 0xcf, 0xaa, 0x06, 0x15, 0x00, 0x65, 0xcd, 0x1d]);
    }
    out
}

/// Keeps a node; its links have names of fewer than 80 bytes.
fn node(blocks: &mut Blocks, links: &[(&str, Cid)], message: &[u8]) -> Cid {
    let mut out = Vec::new();
    for (name, cid) in links {
        let cid = cid.to_bytes();
        out.extend([0x12, (cid.len() + name.len() + 4) as u8, 0x0a, cid.len() as u8]);
        out.extend([&cid[..], &[0x12, name.len() as u8], name.as_bytes()].concat());
    }
    out.extend([0x0a, message.len() as u8]);
    out.extend(message);
    let cid = Cid::new_v1(0x70, Multihash::wrap(0x12, &Sha256::digest(&out)).unwrap());
    blocks.insert(cid, out);
    cid
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn modes_and_times_are_restored_within_the_umask_and_without_what_makes_a_program_another_user_s() {
    let mut blocks = Blocks::new();
    let run = node(&mut blocks, &[], &message(FILE, b"#!/bin/sh", 0o4755));
    let key = node(&mut blocks, &[], &message(FILE, b"k", 0o600));
    let plain = node(&mut blocks, &[], &message(FILE, b"p", 0));
    let closed = node(&mut blocks, &[("key", key)], &message(DIRECTORY, b"", 0o500));
    let links = [("closed", closed), ("key", key), ("plain", plain), ("run", run)];
    let root = node(&mut blocks, &links, &message(DIRECTORY, b"", 0));
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let export = Export { max_bytes: 1000, umask: 0o027 };
    let done = export.write(&blocks, &root, &out, &mut |_, _| {}).unwrap();
    for (name, expected) in [("", 0o750), ("run", 0o750), ("key", 0o600), ("plain", 0o640), ("closed", 0o500)] {
        assert_eq!(mode(&out.join(name)), expected, "{name}");
    }
    assert_eq!((done.modes, done.times, done.special_modes_dropped), (4, 4, 1));
    for name in ["run", "closed", "closed/key"] {
        let modified = fs::metadata(out.join(name)).unwrap().modified().unwrap();
        assert_eq!(modified, UNIX_EPOCH + Duration::from_millis(1_700_000_000_500), "{name}");
    }
}

#[test]
fn what_fails_half_way_leaves_nothing() {
    let mut blocks = Blocks::new();
    let first = node(&mut blocks, &[], &message(FILE, b"first", 0));
    let closed = node(&mut blocks, &[("in", first)], &message(DIRECTORY, b"", 0o500));
    let bad = node(&mut blocks, &[], &message(FILE, b"bad", 0));
    let root = node(&mut blocks, &[("a", first), ("b", closed), ("c/..", bad)], &message(DIRECTORY, b"", 0));
    let place = tempfile::tempdir().unwrap();
    let result = export(&blocks, &root, &place.path().join("out"));
    assert!(result.is_err(), "{result:?}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn what_is_there_is_not_replaced() {
    let mut blocks = Blocks::new();
    let root = node(&mut blocks, &[], &message(DIRECTORY, b"", 0));
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    fs::create_dir(&out).unwrap();
    assert!(matches!(export(&blocks, &root, &out), Err(ExportError::Write { .. })));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_small_dag_that_names_one_file_in_many_places_is_measured_before_anything_is_written() {
    let mut blocks = Blocks::new();
    let mut at = node(&mut blocks, &[], &message(FILE, &[0; 100], 0));
    for _ in 0..20 {
        at = node(&mut blocks, &[("a", at), ("b", at)], &message(DIRECTORY, b"", 0));
    }
    assert_eq!(export_size(&blocks, &at).unwrap().bytes, 100 << 20);
    let place = tempfile::tempdir().unwrap();
    let export = Export { max_bytes: (100 << 20) - 1, umask: 0 };
    let result = export.write(&blocks, &at, &place.path().join("out"), &mut |_, _| {});
    assert!(matches!(result, Err(ExportError::TooLarge { bytes, .. }) if bytes == 100 << 20), "{result:?}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    for _ in 0..60 {
        at = node(&mut blocks, &[("a", at), ("b", at)], &message(DIRECTORY, b"", 0));
    }
    assert!(matches!(export_size(&blocks, &at), Err(ExportError::TooMany)));
}

#[test]
fn names_that_could_deceive_are_written_otherwise_and_told_of() {
    let mut blocks = Blocks::new();
    let file = node(&mut blocks, &[], &message(FILE, b"x", 0));
    let links = [("a\u{1b}[31m\n", file), ("a%1B[31m%0A", file), ("fine 50%", file)];
    let root = node(&mut blocks, &links, &message(DIRECTORY, b"", 0));
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let mut told = Vec::new();
    let export = Export { max_bytes: 1000, umask: 0 };
    let done =
        export.write(&blocks, &root, &out, &mut |name, on_disk| told.push([name.to_owned(), on_disk.to_owned()]));
    assert_eq!(done.unwrap().renamed, 2);
    told.sort();
    assert_eq!(told, [["a\u{1b}[31m\n", "a%1B[31m%0A"], ["a%1B[31m%0A", "a%251B[31m%250A"]]);
    for name in ["a%1B[31m%0A", "a%251B[31m%250A", "fine 50%"] {
        assert!(out.join(name).is_file(), "{name}");
    }
}
