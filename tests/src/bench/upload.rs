//! Upload of a large file, `holdfast add` against `curl`: the same files to the same kind of service, in turns.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::{MIB, Run, Runs, ratio, run};
use crate::desktop::{Desktop, Session};
use crate::holdfast::{Cli, Programs, Server};
use crate::{process, samples};

const ROUNDS: usize = 3;
const SMALL_MIB: u64 = 64;
const PEAK_LIMIT_KIB: u64 = 64 * 1024;
const LABEL: &str = "Bench";

/// Measures and prints. `HOLDFAST_BENCH_MIB` makes the file smaller than 1024 MiB.
///
/// # Errors
///
/// When an upload fails or is not verified, or memory is over its limit.
pub fn measure() -> Result<()> {
    let mib = std::env::var("HOLDFAST_BENCH_MIB").map_or(Ok(1024), |text| text.parse::<u64>())?;
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let file = desktop.directory().join("bench.bin");
    let mut out = stdout();

    samples::write_noise(&file, "small", SMALL_MIB * MIB)?;
    let bench = Bench { desktop: &desktop, program: &programs.command };
    let small = bench.add(&file)?.peak_kib;
    writeln!(out, "upload of {mib} MiB into an empty `holdfast serve`, the same file by each in turn")?;
    let (mut ours, mut curls) = (Runs::default(), Vec::new());
    for round in 1..=ROUNDS {
        samples::write_noise(&file, &format!("round {round}"), mib * MIB)?;
        let added = bench.add(&file)?;
        let curl = bench.curl(&file)?;
        writeln!(out, "  round {round}: holdfast add {:.2?}, curl {curl:.2?}", added.time)?;
        ours.add(&added);
        curls.push(curl);
    }
    let (median, curl) = (ours.median()?, super::median(curls)?);
    writeln!(out, "  median:  holdfast add {median:.2?}, curl {curl:.2?}, ratio {:.2}", ratio(median, curl))?;
    let (small, large) = (small / 1024, ours.peak_kib / 1024);
    writeln!(out, "  peak memory of `holdfast add`: {small} MiB for {SMALL_MIB} MiB, {large} MiB for {mib} MiB")?;
    ensure!(ours.peak_kib < PEAK_LIMIT_KIB, "the limit is {} MiB", PEAK_LIMIT_KIB / 1024);
    Ok(())
}

/// Each upload goes into a service of its own: one that has the blocks already has nothing to write.
struct Bench<'a> {
    desktop: &'a Desktop,
    program: &'a Path,
}

impl Bench<'_> {
    fn add(&self, file: &Path) -> Result<Run> {
        let (server, directory) = self.serve()?;
        let home = directory.path().join("holdfast");
        let cli = Cli { desktop: self.desktop, program: self.program, home: &home };
        cli.add_account(LABEL, &server)?;
        let mut command = self.desktop.command(self.program);
        command.env("HOLDFAST_HOME", &home).args(["add", "--json", "--account", LABEL]).arg(file);
        let run = run(&mut command)?;
        let added: Value = serde_json::from_str(&run.output)?;
        ensure!(added["verified"] == true, "not verified: {added}");
        Ok(run)
    }

    fn curl(&self, file: &Path) -> Result<Duration> {
        let (server, _directory) = self.serve()?;
        let mut command = Command::new("curl");
        command.args(["-sSf", "-H", &format!("pinning_api_key: {}", server.key)]);
        command.args(["-H", &format!("pinning_secret_key: {}", server.secret)]);
        command.args(["-F", &format!("file=@{}", file.display()), &format!("{}/pinning/", server.endpoint)]);
        let started = Instant::now();
        let answer = process::output(&mut command)?;
        let time = started.elapsed();
        let answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer["data"]["cid"].is_string(), "not pinned: {answer}");
        Ok(time)
    }

    /// A new service with nothing in it, on a disk that has nothing left to write.
    fn serve(&self) -> Result<(Server, TempDir)> {
        let directory = tempfile::tempdir_in(self.desktop.directory())?;
        let home = directory.path().join("server");
        let server = Cli { desktop: self.desktop, program: self.program, home: &home }.serve()?;
        rustix::fs::sync();
        Ok((server, directory))
    }
}
