//! From files in the page cache to CIDs: against `openssl dgst -sha256`, which hashes and does nothing else, and against
//! `tar`, which reads a directory and does nothing else.

use std::fs::{self, File};
use std::io::{Read, Write, stdout};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::limits::{self, Verdict};
use super::{MIB, Runs, ratio, run};
use crate::holdfast::Programs;
use crate::memory::{Bytes, Run};
use crate::samples::{self, Vector};

const ROUNDS: usize = 7;
const FILES: usize = 10_000;

/// One byte longer than the vector `kubo-links-v1` (IPIP-499, "1024 MiB + 1 B").
const ONE_BYTE_MORE: &str = "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe";

/// Measures and prints.
///
/// # Errors
///
/// When a CID is wrong or a program is missing.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let program = Programs::find()?.command;
    let holdfast = Holdfast { program: &program, home: directory.path() };
    let file = directory.path().join("file");

    samples::write_noise(&file, "v1-2025-seed", 1024 * MIB + 1)?;
    ensure!(holdfast.cid(&file)? == ONE_BYTE_MORE, "another CID of 1 GiB and one byte");
    File::options().write(true).open(&file)?.set_len(1024 * MIB)?;
    let expected = Vector::named("kubo-links-v1")?.cid("unixfs-v1-2025")?;
    ensure!(holdfast.cid(&file)? == expected, "another CID of 1 GiB");

    let one_file = large_file(&holdfast, &file, verdict)?;
    let peaks = [one_file, three_profiles(&holdfast, &file)?, small_files(&holdfast, directory.path())?];
    verdict.memory(limits::CID_MEMORY, "in all of this", peaks.into_iter().max().unwrap_or_default())
}

fn large_file(holdfast: &Holdfast<'_>, file: &Path, verdict: &mut Verdict) -> Result<Bytes> {
    let (mut openssl, mut one, mut all) = (Runs::default(), Runs::default(), Runs::default());
    for _ in 0..ROUNDS {
        openssl.add(&run(on_one_core("openssl").args(["dgst", "-sha256"]).arg(file))?);
        one.add(&run(holdfast.on_one_core().arg("cid").arg(file))?);
        all.add(&run(holdfast.command().arg("cid").arg(file))?);
    }
    let (openssl, cores) = (openssl.median()?, std::thread::available_parallelism()?);
    let mut out = stdout();
    writeln!(
        out,
        "1 GiB in the page cache to its CID, medians of {ROUNDS}, against `openssl dgst -sha256` on one core ({openssl:.3?})"
    )?;
    writeln!(out, "  on one core:        {:.3?}, ratio {:.2}", one.median()?, ratio(one.median()?, openssl))?;
    writeln!(out, "  on all {cores} cores:     {:.3?}, ratio {:.2}", all.median()?, ratio(all.median()?, openssl))?;
    verdict.ratio(limits::CID_TIME, ratio(one.median()?, openssl))?;
    Ok(one.peak.max(all.peak))
}

/// The three profiles share the reading and nothing else of a large file.
fn three_profiles(holdfast: &Holdfast<'_>, file: &Path) -> Result<Bytes> {
    const PROFILES: [&str; 3] = ["unixfs-v1-2025", "kubo-cidv1-256k-174", "unixfs-v0-2015"];
    let mut single: [Runs; 3] = Default::default();
    let (mut together, mut reading) = (Runs::default(), Vec::new());
    for _ in 0..ROUNDS {
        for (runs, profile) in single.iter_mut().zip(PROFILES) {
            runs.add(&run(holdfast.on_one_core().args(["cid", "--profile", profile]).arg(file))?);
        }
        together.add(&run(holdfast.on_one_core().args(["cid", "--all-profiles"]).arg(file))?);
        reading.push(read(file)?);
    }
    let reading = super::median(reading)?;
    let singles = single.iter().map(Runs::median).sum::<Result<Duration>>()?;
    let hashing = singles.saturating_sub(reading * 3);
    let together_median = together.median()?;
    writeln!(
        stdout(),
        "  three profiles:     {together_median:.3?} on one core, ratio {:.2} to the hashing that they cannot share ({hashing:.3?})",
        ratio(together_median, hashing)
    )?;
    Ok(together.peak)
}

fn small_files(holdfast: &Holdfast<'_>, directory: &Path) -> Result<Bytes> {
    let tree = directory.join("small");
    fs::create_dir(&tree)?;
    for number in 0..FILES {
        samples::write_noise(&tree.join(format!("{number:05}.bin")), &number.to_string(), 1024)?;
    }
    let (mut tar, mut ours) = (Runs::default(), Runs::default());
    for _ in 0..ROUNDS {
        let mut command = Command::new("sh");
        command.args(["-c", "tar cf - small | cat >/dev/null"]).current_dir(directory);
        tar.add(&run(&mut command)?);
        ours.add(&run(holdfast.command().arg("cid").arg(&tree))?);
    }
    let (ours_median, tar) = (ours.median()?, tar.median()?);
    writeln!(
        stdout(),
        "  {FILES} files of 1 KB: {ours_median:.3?} as a directory, ratio {:.2} to `tar cf - DIR | cat` ({tar:.3?})",
        ratio(ours_median, tar)
    )?;
    Ok(ours.peak)
}

struct Holdfast<'a> {
    program: &'a Path,
    home: &'a Path,
}

impl Holdfast<'_> {
    fn command(&self) -> Command {
        self.at_home(Command::new(self.program))
    }

    fn on_one_core(&self) -> Command {
        self.at_home(on_one_core(self.program))
    }

    fn at_home(&self, mut command: Command) -> Command {
        command.env("HOLDFAST_HOME", self.home.join("home"));
        command
    }

    fn cid(&self, file: &Path) -> Result<String> {
        let Run { output, .. } = run(self.command().args(["cid", "--json"]).arg(file))?;
        let row: Value = serde_json::from_str(&output)?;
        Ok(row["cid"].as_str().context("no CID")?.into())
    }
}

fn on_one_core(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(program);
    command
}

fn read(file: &Path) -> Result<Duration> {
    let started = Instant::now();
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer)? > 0 {}
    Ok(started.elapsed())
}
