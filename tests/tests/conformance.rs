//! The IPFS gateway conformance suite (Go, `github.com/ipfs/gateway-conformance`) against a running service.
//!
//! `go install github.com/ipfs/gateway-conformance/cmd/gateway-conformance@latest` puts the program where this looks for
//! it; `GATEWAY_CONFORMANCE` names another one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use holdfast_content::{Cid, multihash_hex};
use holdfast_tests::process;
use holdfast_tests::serving::Serving;
use serde_json::Value;

/// What is served here; not IPNS, DNSLink, TAR, and DAG-JSON or DAG-CBOR as text.
const SPECIFICATIONS: &str = "trustless-block-gateway,trustless-car-gateway,path-unixfs-gateway,path-raw-gateway,\
                              path-range-gateway,subdomain-ipfs-gateway,redirects-file";

/// What is answered in another way on purpose: part of the test's name, and why.
const OTHERWISE: [(&str, &str); 7] = [
    ("TestCors/GET", "files of this computer are not for pages of other origins to read"),
    ("Kubo-specifics", "the HTML of lists is our own"),
    ("valid_parent_directory_path_in_directory_listing", "the HTML of lists is our own"),
    ("multiple_range_request", "several ranges at once are answered with the whole file"),
    ("fake.domain.com", "foreign hosts are refused: DNS rebinding"),
    ("X-Forwarded", "headers that anybody can send are not trusted"),
    ("DAG-CBOR", "paths lead through UnixFS only"),
];

/// The suite's program; `None`, said aloud, where it is not installed.
fn suite() -> Option<PathBuf> {
    let named = std::env::var_os("GATEWAY_CONFORMANCE").map(PathBuf::from);
    let in_path = || {
        let mut places: Vec<_> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
        places.extend(std::env::home_dir().map(|home| home.join("go/bin")));
        places.into_iter().map(|place| place.join("gateway-conformance")).find(|program| program.exists())
    };
    let found = named.or_else(in_path);
    if found.is_none() {
        eprintln!("SKIPPED: gateway-conformance is not installed; see the head of tests/conformance.rs");
    }
    found
}

/// The frames of a CAR archive, unchecked: some blocks have hashes that are not known here.
struct Frames<'a>(&'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut length = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (frame, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(frame)
    }
}

/// Puts the suite's blocks where the service looks for them: some are of DAGs that cannot be pinned whole.
fn plant(fixtures: &Path, blocks: &Path) -> Result<usize> {
    let mut planted = 0;
    for entry in fs::read_dir(fixtures)? {
        let path = entry?.path();
        if path.is_dir() {
            planted += plant(&path, blocks)?;
        } else if path.extension().is_some_and(|extension| extension == "car") {
            let archive = fs::read(&path)?;
            let mut frames = Frames(&archive);
            frames.next().context("no header")?;
            for frame in frames {
                let mut block = frame;
                let name = multihash_hex(&Cid::read_bytes(&mut block)?);
                fs::write(blocks.join(&name[name.len() - 2..]).join(&name), block)?;
                planted += 1;
            }
        }
    }
    Ok(planted)
}

#[test]
fn the_conformance_suite_finds_nothing_but_what_is_otherwise_on_purpose() -> Result<()> {
    let Some(suite) = suite() else { return Ok(()) };
    let directory = tempfile::tempdir()?;
    let home = directory.path().join("home");
    let served = Serving::start(&home, &[])?;
    let fixtures = directory.path().join("fixtures");
    process::output(Command::new(&suite).args(["extract-fixtures", "--dir"]).arg(&fixtures))?;
    ensure!(plant(&fixtures, &home.join("service/blocks"))? > 300, "the suite has no fixtures");
    let gateway = served.text("gateway")?;
    let report = directory.path().join("report.json");
    let mut command = Command::new(&suite);
    command.args(["test", "--gateway-url", gateway, "--specs", SPECIFICATIONS, "--json"]).arg(&report);
    command.arg("--subdomain-url").arg(gateway.replace("127.0.0.1", "localhost"));
    // It ends with an error if any test fails, and some do.
    let _ = command.output()?;
    let report = fs::read_to_string(&report)?;
    let events: Vec<Value> = report.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let named = |action: &str| -> Vec<&str> {
        let events = events.iter().filter(|event| event["Action"] == action);
        events.filter_map(|event| event["Test"].as_str()).collect()
    };
    let (passed, failed) = (named("pass"), named("fail"));
    let is_leaf = |name: &&&str| !failed.iter().any(|other| other.starts_with(&format!("{name}/")));
    let surprising: Vec<_> =
        failed.iter().filter(is_leaf).filter(|name| !OTHERWISE.iter().any(|(part, _)| name.contains(part))).collect();
    assert!(surprising.is_empty(), "{surprising:#?}");
    assert!(passed.len() > 600, "only {} passed", passed.len());
    Ok(())
}
